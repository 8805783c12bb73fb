import { firstMoment, nextMoment } from '../../cli/commands/local/moments';

const iso = (text: string) => new Date(firstMoment(Date.parse(text))).toISOString();

test.each([
  // 30 minutes after 09:49 and later in the hour
  ['2026-11-29T10:19:00Z', '2026-11-29T09:49:00.000Z'],
  ['2026-11-29T10:59:59Z', '2026-11-29T09:49:00.000Z'],
  // too early for the first run of this hour to be over
  ['2026-11-29T10:18:59Z', '2026-11-29T08:49:00.000Z'],
  ['2026-11-29T00:00:00Z', '2026-11-28T22:49:00.000Z'],
])('a first run at %s starts its clock at %s', (now, start) => {
  expect(iso(now)).toBe(start);
});

const next = (now: string, clock: string) => new Date(nextMoment(Date.parse(now), Date.parse(clock))).toISOString();

test.each([
  // a run right after the first one, whose clock is behind the real time
  ['2026-11-29T10:30:00Z', '2026-11-29T10:00:05Z', '2026-11-29T10:49:00.000Z'],
  // a run days later starts like a first run
  ['2026-12-02T10:30:00Z', '2026-11-29T10:00:05Z', '2026-12-02T09:49:00.000Z'],
  // an earlier live run was far ahead of real time
  ['2026-11-29T10:30:00Z', '2026-12-03T23:49:01Z', '2026-12-04T00:49:00.000Z'],
  ['2026-11-29T10:30:00Z', '2026-12-03T23:49:00Z', '2026-12-03T23:49:00.000Z'],
])('a run at %s over a folder whose clock stopped at %s goes on at %s', (now, clock, start) => {
  expect(next(now, clock)).toBe(start);
});
