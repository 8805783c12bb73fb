import { type ExportItem, type WindowLength, windowEnd, windowStart } from '../../../lambda/export/contract';
import { dueWindows, surveyNeeded } from '../../../lambda/export/due';
import { type Batch, parseUnloadName, runPrefix, unloadName } from '../../../lambda/export/layout';
import { stretchesOf } from '../../../lambda/export/ledger';
import { parseManifest, withoutHeaders } from '../../../lambda/export/redshift';

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

test('of any moment exactly one window has it', () => {
  for (const length of [{ minutes: 15 }, 'hour', 'day', 'week', 'month'] as const)
    for (let time = at('2027-12-20T00:00:00Z'); time < at('2028-03-05T00:00:00Z'); time += 7 * 3_599_000) {
      const start = windowStart(length, time);
      expect(start <= time && time < windowEnd(length, start)).toBe(true);
      expect(windowStart(length, windowEnd(length, start))).toBe(windowEnd(length, start));
      expect(windowStart(length, start - 1)).toBeLessThan(start);
    }
});

const item = (content: Partial<ExportItem['content']> = {}) =>
  ({
    name: 'sold',
    content: { kind: 'incremental', window: 'hour', latenessMinutes: 15, corrections: false, ...content },
  }) as ExportItem;
const tick = at('2026-11-21T08:30:00Z');
const state = {
  sequence: 3,
  lastEnd: at('2026-11-21T06:00:00Z'),
  firstPublishedAt: at('2026-11-21T05:10:00Z'),
  completeUntil: tick,
};
const startsOf = (...given: Parameters<typeof dueWindows>) =>
  dueWindows(...given).windows.map(({ start, revision }) => `${iso(start)}.${revision}`);

describe('what is due', () => {
  test('every window since the last, empty or not, that is over and late enough', () => {
    expect(startsOf(item(), state, [], tick, 48)).toEqual(['2026-11-21T06:00.0', '2026-11-21T07:00.0']);
    expect(startsOf(item(), state, [], at('2026-11-21T08:14:00Z'), 48)).toEqual(['2026-11-21T06:00.0']);
  });

  test('nothing that the views do not have yet, whatever the clock says', () => {
    expect(startsOf(item(), { ...state, completeUntil: at('2026-11-21T07:14:59Z') }, [], tick, 48)).toEqual([]);
    expect(startsOf(item(), { ...state, completeUntil: undefined }, [], tick, 48)).toEqual([]);
  });

  test('no more than asked for', () => {
    expect(startsOf(item(), state, [], tick, 1)).toEqual(['2026-11-21T06:00.0']);
  });

  test('of the past the windows with rows, before the first run; a time in 1970 makes no flood', () => {
    const survey = [
      { start: at('1970-01-01T00:00:00Z'), rows: 1 },
      { start: at('2026-11-20T03:00:00Z'), rows: 5 },
      { start: at('2099-01-01T00:00:00Z'), rows: 1 },
    ];
    expect(startsOf(item(), { sequence: 0, completeUntil: tick }, survey, tick, 48)).toEqual([
      '1970-01-01T00:00.0',
      '2026-11-20T03:00.0',
    ]);
  });

  test('with a beginning every window from there', () => {
    const since = item({ since: at('2026-11-21T02:00:00Z') } as never);
    expect(startsOf(since, { sequence: 0, completeUntil: tick }, [], tick, 3)).toEqual([
      '2026-11-21T02:00.0',
      '2026-11-21T03:00.0',
      '2026-11-21T04:00.0',
    ]);
  });

  test('late rows are a correction, or counted; rows without a time are counted', () => {
    const survey = [{ rows: 2 }, { start: at('2026-11-21T04:00:00Z'), rows: 5, published: { rows: 3, revision: 1 } }];
    const now = { ...state, lastEnd: at('2026-11-21T08:00:00Z') };
    expect(dueWindows(item({ corrections: true } as never), now, survey, tick, 48)).toMatchObject({
      windows: [{ start: at('2026-11-21T04:00:00Z'), revision: 2 }],
      lateRows: 2,
    });
    expect(dueWindows(item(), now, survey, tick, 48)).toMatchObject({
      windows: [],
      lateRows: 4,
      lateWindows: [at('2026-11-21T04:00:00Z')],
    });
  });

  test('a snapshot of the last interval, once, and none of those that were missed', () => {
    const snapshot = item({ kind: 'snapshot' } as never);
    expect(startsOf(snapshot, { ...state, lastEnd: at('2026-11-20T00:00:00Z') }, [], tick, 48)).toEqual([
      '2026-11-21T07:00.0',
    ]);
    expect(startsOf(snapshot, { ...state, lastEnd: at('2026-11-21T08:00:00Z') }, [], tick, 48)).toEqual([]);
  });
});

test('changes are looked for once an hour, and everything while the past is caught up', () => {
  const quarter = 15 * 60_000;
  expect(surveyNeeded(item(), state, at('2026-11-21T08:00:00Z'), quarter)).toBe('changes');
  expect(surveyNeeded(item(), state, at('2026-11-21T08:15:00Z'), quarter)).toBeUndefined();
  expect(surveyNeeded(item(), { sequence: 0 }, at('2026-11-21T08:15:00Z'), quarter)).toBe('everything');
  expect(surveyNeeded(item({ kind: 'snapshot' } as never), state, at('2026-11-21T08:00:00Z'), quarter)).toBeUndefined();
});

test('windows that were touched are looked at in a few stretches, however many they are', () => {
  const hours = (from: number, count: number) => Array.from({ length: count }, (_, n) => (from + n) * 3_600_000);
  expect(stretchesOf(item(), [...hours(0, 5), ...hours(10, 1)])).toEqual([
    { start: 0, end: 5 * 3_600_000 },
    { start: 10 * 3_600_000, end: 11 * 3_600_000 },
  ]);
  const many = Array.from({ length: 40 }, (_, n) => n * n * 2 * 3_600_000);
  const stretches = stretchesOf(item(), many);
  expect(stretches).toHaveLength(12);
  for (const start of many)
    expect(stretches.some((stretch) => stretch.start <= start && start < stretch.end)).toBe(true);
  expect(stretchesOf(item(), [])).toEqual([]);
});

test('a batch can be read from the name of its statement, which Redshift takes', () => {
  const windows = Array.from({ length: 12 }, (_, n) => ({
    start: at('2026-11-21T05:00:00Z') + n * 3_600_000,
    revision: 999,
  }));
  const batch: Batch = { export: 'e'.repeat(64), tick, ordinal: 10, attempt: 3, windows };
  const name = unloadName('e'.repeat(16), 'p'.repeat(32), batch);
  expect(name.length).toBeLessThanOrEqual(500);
  expect(parseUnloadName('e'.repeat(16), 'p'.repeat(32), name)).toEqual(batch);
  expect(parseUnloadName('other', 'p'.repeat(32), name)).toBeUndefined();
  const runs = [batch, { ...batch, attempt: 2 }, { ...batch, windows: windows.slice(1) }].map((each) =>
    runPrefix('e', 'p', each, windows[1]!),
  );
  expect(new Set(runs).size).toBe(3);
});

describe('a manifest', () => {
  const manifest = (url: string) =>
    JSON.stringify({ entries: [{ url, meta: { content_length: 10, record_count: 4 } }] });

  test('names files below the run alone', () => {
    expect(parseManifest(manifest('s3://b/run/data/0'), 'b', 'run/data/')).toEqual([
      { key: 'run/data/0', bytes: 10, rows: 4 },
    ]);
    expect(() => parseManifest(manifest('s3://b/other/0'), 'b', 'run/data/')).toThrow(
      'manifest.entries[0].url must be below s3://b/run/data/',
    );
    expect(() => parseManifest('{"entries": 1}', 'b', '')).toThrow('manifest.entries must be a list, got 1');
  });

  test('counts rows, with the header lines or without', () => {
    const files = [
      { key: 'a', bytes: 1, rows: 3 },
      { key: 'b', bytes: 1, rows: 2 },
    ];
    expect(withoutHeaders(files, 3).map(({ rows }) => rows)).toEqual([2, 1]);
    expect(withoutHeaders(files, 5)).toBe(files);
    expect(withoutHeaders(files, 4)).toBe(files);
  });
});
