import type { ExportItem } from '../../../lambda/export/contract';
import { changedWindows, dueWindows, inTurn, mayLeaveWindows, surveyNeeded } from '../../../lambda/export/due';

const at = (time: string) => Date.parse(time);
const iso = (time: number) => new Date(time).toISOString().slice(0, 16);

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

test('windows whose rows all went have changed, and are not late', () => {
  const [start, empty] = [at('2026-11-21T03:00:00Z'), at('2026-11-21T04:00:00Z')];
  const published = new Map([
    [start, { rows: 2, fingerprint: '7', revision: 1 }],
    [empty, { rows: 0, fingerprint: '0', revision: 0 }],
  ]);
  const changed = changedWindows(item(), [], published);
  expect(changed).toEqual([{ start, rows: 0, published: { rows: 2, revision: 1 } }]);
  const now = { ...state, lastEnd: tick };
  expect(startsOf(item({ corrections: true } as never), now, changed, tick, 48)).toEqual(['2026-11-21T03:00.2']);
  expect(dueWindows(item(), now, changed, tick, 48)).toEqual({ windows: [], late: [] });
});

describe('due', () => {
  test('are all windows since the last that have ended and waited for late rows, with rows or without', () => {
    expect(startsOf(item(), state, [], tick, 48)).toEqual(['2026-11-21T06:00.0', '2026-11-21T07:00.0']);
    expect(startsOf(item(), state, [], at('2026-11-21T08:14:00Z'), 48)).toEqual(['2026-11-21T06:00.0']);
  });

  test('is no window whose events are not in the views yet, whatever the clock says', () => {
    expect(startsOf(item(), { ...state, completeUntil: at('2026-11-21T07:14:59Z') }, [], tick, 48)).toEqual([]);
    expect(startsOf(item(), { ...state, completeUntil: undefined }, [], tick, 48)).toEqual([]);
  });

  test('are no more windows than the caller takes', () => {
    expect(startsOf(item(), state, [], tick, 1)).toEqual(['2026-11-21T06:00.0']);
  });

  test('are, of the time before the first run, only windows with rows: a time in 1970 makes no flood', () => {
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

  test('are windows with rows that a beginning declared earlier leaves before the last publication', () => {
    const since = item({ since: at('2026-11-21T02:00:00Z') } as never);
    const survey = [{ start: at('2026-11-21T03:00:00Z'), rows: 4 }];
    expect(startsOf(since, { ...state, lastEnd: at('2026-11-21T08:00:00Z') }, survey, tick, 48)).toEqual([
      '2026-11-21T03:00.0',
    ]);
  });

  test('are all windows from the declared beginning', () => {
    const since = item({ since: at('2026-11-21T02:00:00Z') } as never);
    expect(startsOf(since, { sequence: 0, completeUntil: tick }, [], tick, 3)).toEqual([
      '2026-11-21T02:00.0',
      '2026-11-21T03:00.0',
      '2026-11-21T04:00.0',
    ]);
  });

  test('is a correction for late rows; without corrections they are counted, as are rows without a time', () => {
    const survey = [{ rows: 2 }, { start: at('2026-11-21T04:00:00Z'), rows: 5, published: { rows: 3, revision: 1 } }];
    const now = { ...state, lastEnd: at('2026-11-21T08:00:00Z') };
    expect(dueWindows(item({ corrections: true } as never), now, survey, tick, 48)).toMatchObject({
      windows: [{ start: at('2026-11-21T04:00:00Z'), revision: 2 }],
      late: [{ rows: 2, reason: 'no time' }],
    });
    expect(dueWindows(item(), now, survey, tick, 48)).toMatchObject({
      windows: [],
      late: [
        { rows: 2, reason: 'no time' },
        { rows: 2, reason: 'published', window: at('2026-11-21T04:00:00Z') },
      ],
    });
  });

  test('is nothing before the declared beginning: rows of that time are counted, with corrections or without', () => {
    const survey = [{ start: at('0001-01-01T00:00:00Z'), rows: 7 }];
    for (const corrections of [true, false])
      expect(
        dueWindows(item({ since: at('2026-11-21T02:00:00Z'), corrections } as never), state, survey, tick, 48).late,
      ).toEqual([{ rows: 7, reason: 'before since' }]);
  });

  test('is one snapshot of the last interval, and none for missed intervals', () => {
    const snapshot = item({ kind: 'snapshot' } as never);
    expect(startsOf(snapshot, { ...state, lastEnd: at('2026-11-20T00:00:00Z') }, [], tick, 48)).toEqual([
      '2026-11-21T07:00.0',
    ]);
    expect(startsOf(snapshot, { ...state, lastEnd: at('2026-11-21T08:00:00Z') }, [], tick, 48)).toEqual([]);
  });
});

test('changes are surveyed once an hour, and everything while the export catches up with the past', () => {
  const quarter = 15 * 60_000;
  expect(surveyNeeded(item(), state, at('2026-11-21T08:00:00Z'), quarter)).toBe('changes');
  expect(surveyNeeded(item(), state, at('2026-11-21T08:15:00Z'), quarter)).toBeUndefined();
  expect(surveyNeeded(item(), { sequence: 0 }, at('2026-11-21T08:15:00Z'), quarter)).toBe('everything');
  expect(surveyNeeded(item({ kind: 'snapshot' } as never), state, at('2026-11-21T08:00:00Z'), quarter)).toBeUndefined();
});

test('a batch that was full of windows of the past or corrections may leave more of them', () => {
  const batch = (...windows: { start: number; revision: number }[]) => ({
    export: 'sold',
    tick,
    ordinal: 1,
    attempt: 1,
    windows,
  });
  const past = { start: at('2026-11-21T03:00:00Z'), revision: 0 };
  const next = { start: at('2026-11-21T05:00:00Z'), revision: 0 };
  expect(mayLeaveWindows(item(), state, batch(past), 1)).toBe(true);
  expect(mayLeaveWindows(item(), state, batch({ ...next, revision: 1 }), 1)).toBe(true);
  expect(mayLeaveWindows(item(), state, batch(past), 2)).toBe(false);
  expect(mayLeaveWindows(item(), state, batch(next), 1)).toBe(false);
});

describe('exports in turn', () => {
  const items = Array.from({ length: 1000 }, (_, i) => i);

  test('are all exports, in their order, from another one on in each tick', () => {
    const turns = Array.from({ length: 5 }, (_, turn) => inTurn([0, 1, 2, 3, 4, 5, 6, 7], turn));
    expect(turns.map((turn) => turn.join(''))).toEqual(['01234567', '45670123', '12345670', '67012345', '34567012']);
  });

  test.each([1, 7, 440, 999])('are all reached by ticks that have time for %s of a thousand', (most) => {
    for (const first of [0, 1_963_287, 29_449_311]) {
      const reached = new Set<number>();
      const ticks = Math.ceil((2 * items.length) / most) + 1;
      for (let turn = first; turn < first + ticks; turn += 1)
        for (const item of inTurn(items, turn).slice(0, most)) reached.add(item);
      expect(reached.size).toBe(items.length);
    }
  });
});
