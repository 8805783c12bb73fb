import type { ExportItem } from '../../../lambda/export/contract';
import { stretchesOf } from '../../../lambda/export/ledger';

const item = { content: { kind: 'incremental', window: 'hour' } } as ExportItem;

test('windows that may have changed are surveyed in a few stretches, however many they are', () => {
  const hours = (from: number, count: number) => Array.from({ length: count }, (_, n) => (from + n) * 3_600_000);
  expect(stretchesOf(item, [...hours(0, 5), ...hours(10, 1)])).toEqual([
    { start: 0, end: 5 * 3_600_000 },
    { start: 10 * 3_600_000, end: 11 * 3_600_000 },
  ]);
  const many = Array.from({ length: 40 }, (_, n) => n * n * 2 * 3_600_000);
  const stretches = stretchesOf(item, many);
  expect(stretches).toHaveLength(12);
  for (const start of many)
    expect(stretches.some((stretch) => stretch.start <= start && start < stretch.end)).toBe(true);
  expect(stretchesOf(item, [])).toEqual([]);
});
