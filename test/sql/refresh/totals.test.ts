import { pipelineTables, refreshPlan } from '../../../sql';
import { aPipeline } from '../fixtures';
import { TestWarehouse } from '../warehouse';

const pipeline = aPipeline();
const { runs } = pipelineTables(pipeline);
const totals = refreshPlan(pipeline).totals!;
let warehouse: TestWarehouse;

beforeEach(async () => {
  warehouse = await TestWarehouse.create(pipeline);
});
afterEach(() => warehouse.dispose());

const lastRun = async () => {
  const [row] = await warehouse.query(`select run_id from ${runs} order by merged_at desc, run_id desc limit 1`);
  return String(row![0]);
};
const totalsOf = (runId: string) => warehouse.query(totals.replaceAll('{{run_id}}', `'${runId}'`));

test('counts what a run merged, and its rejects by reason', async () => {
  for (const messageId of ['m1', 'm2', 'm2']) warehouse.send({ messageId, kind: 'a' });
  for (let n = 0; n < 3; n += 1) warehouse.send({ kind: 'a' });
  await warehouse.refresh();
  const [first, ...more] = await totalsOf(await lastRun());
  expect(first!.slice(0, 4)).toEqual(['2', '1', '3', '0']);
  expect(first![4]).toMatch(/^\d{4}-\d\d-\d\d /);
  expect(first!.slice(5)).toEqual(['id: missing', 3]);
  expect(more).toEqual([]);
});

test('has a row for a run that merged nothing, and none of another run', async () => {
  warehouse.send({ messageId: 'm1', kind: 'a' });
  await warehouse.refresh();
  const isNull = true;
  expect(await totalsOf('20261121T0500Z')).toEqual([['0', '0', '0', '0', isNull, isNull, isNull]]);
});
