import { firstMoment } from '../../cli/commands/local/run';

const iso = (text: string) => new Date(firstMoment(Date.parse(text))).toISOString();

test.each([
  // 25 minutes after 09:54 and later in the hour
  ['2026-11-29T10:19:00Z', '2026-11-29T09:54:00.000Z'],
  ['2026-11-29T10:59:59Z', '2026-11-29T09:54:00.000Z'],
  // too early for the first run of this hour to be over
  ['2026-11-29T10:18:59Z', '2026-11-29T08:54:00.000Z'],
  ['2026-11-29T00:00:00Z', '2026-11-28T22:54:00.000Z'],
])('a first run at %s starts its clock at %s', (now, start) => {
  expect(iso(now)).toBe(start);
});
