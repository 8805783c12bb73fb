import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { oracleOf, readBatches, withBatch, writeBatches } from '../../cli/commands/local/batches';
import { count, emptyOracle } from '../../pipelines/generator/generator';

const dir = mkdtempSync(join(tmpdir(), 'millrace-batches-'));
afterAll(() => rmSync(dir, { recursive: true }));

test('a new folder knows of no batch', () => {
  expect(readBatches(dir)).toEqual({ batches: 0, complete: true, pipelines: {} });
});

test('what batches add up to survives a restart', () => {
  const oracle = { ...emptyOracle(), produced: 3, events: 2, duplicates: 1, groups: {} };
  count(oracle, 'revenueByHour', '2026-11-21 09:00:00', 1250);
  const file = {
    ...readBatches(dir),
    batches: 1,
    pipelines: withBatch(readBatches(dir), { estore: { until: 5, oracle } }),
  };
  writeBatches(dir, file);
  const again = readBatches(dir);
  expect(again).toEqual(file);
  const twice = withBatch(again, { estore: { until: 9, oracle } })['estore']!;
  expect(twice.until).toBe(9);
  expect(twice.oracle).toMatchObject({
    produced: 6,
    events: 4,
    groups: { revenueByHour: { '2026-11-21 09:00:00': 2500 } },
  });
  expect(oracleOf(again, 'pageviews').produced).toBe(0);
});
