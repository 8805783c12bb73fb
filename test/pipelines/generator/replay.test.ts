import fc from 'fast-check';
import { spansOf } from '../../../pipelines/generator/replay-spans';
import { readTime } from '../../../pipelines/generator/replay-times';

test('spans are those of the values, whatever surrounds them', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.boolean(), (record, isSpaced) => {
      const json = isSpaced ? JSON.stringify(record, null, 1).replaceAll('\n', ' ') : JSON.stringify(record);
      const names = Object.keys(JSON.parse(json) as object);
      const spans = spansOf(json, [...names.map((name) => [name]), ['no', 'such', 'path']]);
      expect(spans.map((span) => span && JSON.parse(json.slice(...span)))).toEqual([
        ...names.map((name) => (JSON.parse(json) as Record<string, unknown>)[name]),
        undefined,
      ]);
    }),
    { numRuns: 500, seed: 23 },
  );
});

test('a path leads into objects and not into arrays', () => {
  const json = '{"a":{"b":[{"c":1}],"c":"x\\"}"},"c":12345678901234567890123}';
  expect(spansOf(json, [['a', 'c'], ['c'], ['a', 'b', 'c']]).map((span) => span && json.slice(...span))).toEqual([
    '"x\\"}"',
    '12345678901234567890123',
    undefined,
  ]);
});

const later = Date.UTC(2027, 1, 3, 4, 5, 6, 789);
test.each([
  ['2026-01-02T03:04:05Z', 'iso', '2027-02-03T04:05:06Z'],
  ['2026-01-02 03:04:05.123456', 'iso', '2027-02-03 04:05:06.789000'],
  ['2026-01-02T03:04:05,5+05:30', 'iso', '2027-02-03T09:35:06,7+05:30'],
  ['2026-01-02T03:04-0200', 'iso', '2027-02-03T02:05-0200'],
  ['2026-01-02 03:04:05 UTC', 'iso', '2027-02-03 04:05:06 UTC'],
  ['2026-01-02', 'iso', '2027-02-03'],
  [1767323045, 'epochseconds', 1801627506],
  ['1767323045000', 'epochmillis', '1801627506789'],
] as const)('%s is written again in its form', (value, form, next) => {
  const time = readTime(value, form)!;
  expect(time.write(later)).toBe(next);
  // Digits beyond milliseconds are cut.
  expect(readTime(time.write(time.at), form)!.at).toBe(time.at);
});

test.each([
  ['n/a', 'iso'],
  [null, 'iso'],
  ['2026-13-45T00:00:00', 'iso'],
  ['', 'epochmillis'],
  [true, 'epochseconds'],
] as const)('%s is no time', (value, form) => expect(readTime(value, form)).toBeUndefined());
