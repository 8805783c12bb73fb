import { type WindowLength, windowEnd, windowStart } from '../../../lambda/export/contract';

const at = (time: string) => Date.parse(time);
const iso = (time: number) => new Date(time).toISOString().slice(0, 16);

test.each<[WindowLength, string, string, string]>([
  [{ minutes: 5 }, '2026-11-21T05:07:59Z', '2026-11-21T05:05', '2026-11-21T05:10'],
  [{ minutes: 480 }, '2026-11-21T23:59:59Z', '2026-11-21T16:00', '2026-11-22T00:00'],
  ['hour', '2026-11-21T05:00:00Z', '2026-11-21T05:00', '2026-11-21T06:00'],
  ['day', '2026-02-28T23:59:59Z', '2026-02-28T00:00', '2026-03-01T00:00'],
  ['week', '2026-11-22T23:59:59Z', '2026-11-16T00:00', '2026-11-23T00:00'],
  ['week', '1969-12-31T00:00:00Z', '1969-12-29T00:00', '1970-01-05T00:00'],
  ['month', '2028-02-29T12:00:00Z', '2028-02-01T00:00', '2028-03-01T00:00'],
  ['month', '2026-12-31T23:59:59Z', '2026-12-01T00:00', '2027-01-01T00:00'],
])('a window of %j around %s', (length, time, start, end) => {
  expect(iso(windowStart(length, at(time)))).toBe(start);
  expect(iso(windowEnd(length, windowStart(length, at(time))))).toBe(end);
});

test('every moment is in exactly one window', () => {
  for (const length of [{ minutes: 15 }, 'hour', 'day', 'week', 'month'] as const)
    for (let time = at('2027-12-20T00:00:00Z'); time < at('2028-03-05T00:00:00Z'); time += 7 * 3_599_000) {
      const start = windowStart(length, time);
      expect(start <= time && time < windowEnd(length, start)).toBe(true);
      expect(windowStart(length, windowEnd(length, start))).toBe(windowEnd(length, start));
      expect(windowStart(length, start - 1)).toBeLessThan(start);
    }
});
