import { type Batch, parseUnloadName, runPrefix, unloadName } from '../../../lambda/export/layout';

const at = (time: string) => Date.parse(time);

test('a batch can be read from the name of its statement, which is not too long for Redshift', () => {
  const windows = Array.from({ length: 12 }, (_, n) => ({
    start: at('2026-11-21T05:00:00Z') + n * 3_600_000,
    revision: 999,
  }));
  const tick = at('2026-11-21T08:30:00Z');
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
