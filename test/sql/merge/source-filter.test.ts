import type { Pipeline } from '../../../pipelines/definition';
import { retryPreview, retryStatements } from '../../../sql';
import { aPipeline, aSource } from '../fixtures';
import { TestWarehouse } from '../warehouse';

const all = aPipeline({
  history: [aSource()],
  columns: [
    { name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'page', path: ['page'], type: 'varchar', maxBytes: 16, required: true },
  ],
});
const pages: Pipeline = { ...all, where: [{ path: ['type'], oneOf: ['page', 'screen'] }] };

/** Makes two pages, one of them invalid, five records of other kinds, and one record that is not JSON. */
const sent = (prefix: string) => [
  { type: 'page', messageId: `${prefix}1`, page: '/' },
  { type: 'track', messageId: `${prefix}2` },
  { type: 'identify', messageId: `${prefix}3` },
  { messageId: `${prefix}4`, page: '/' },
  { type: 'page', messageId: `${prefix}5` },
  'nonsense',
  { type: ['page'], messageId: `${prefix}6` },
  { type: 7, messageId: `${prefix}7` },
];
const lines = (prefix: string) =>
  sent(prefix).map((record) => (typeof record === 'string' ? record : JSON.stringify(record)));
const names = [
  ['type is absent', 1],
  ['type is array', 1],
  ['type=7', 1],
  ['type=identify', 1],
  ['type=track', 1],
];

let warehouse: TestWarehouse;
afterEach(() => warehouse.dispose());

const skipped = () => warehouse.query('select name, count(*) from shop.skipped group by name order by name');
const skippedRows = async () => Number((await warehouse.query('select count(*) from shop.skipped'))[0]![0]);

/** Counts the records in each place, and checks that the runs count the same. */
async function account(): Promise<{ events: number; rejects: number; skipped: number }> {
  const { events, duplicates, rejects } = await warehouse.counts();
  const [counted] = await warehouse.query(
    'select sum(events), sum(duplicates), sum(rejects), sum(coalesce(skipped, 0)) from shop.runs',
  );
  const found = { events, rejects, skipped: await skippedRows() };
  expect(counted!.map(Number)).toEqual([events, duplicates, rejects, found.skipped]);
  return found;
}

test('records of other kinds are skipped by name, from the stream and from history alike', async () => {
  warehouse = await TestWarehouse.create(pages);
  warehouse.send(...sent('a'));
  await warehouse.refresh();
  expect(await account()).toEqual({ events: 1, rejects: 2, skipped: 5 });
  expect(await skipped()).toEqual(names);
  await warehouse.load(lines('h'));
  expect(await account()).toEqual({ events: 2, rejects: 4, skipped: 10 });
  const [row] = await warehouse.query(
    "select source, object_key, shard_id from shop.skipped where source = 'history' limit 1",
  );
  expect(row).toEqual(['history', 's3://history/shop/1.gz', true]);
});

test('a skipped record is counted once, however often it is read', async () => {
  warehouse = await TestWarehouse.create(pages);
  warehouse.send(...sent('a'));
  await warehouse.refresh();
  const before = await account();
  await warehouse.loadArchive(...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => warehouse.archived(n)));
  expect(await account()).toEqual(before);
  await warehouse.rebuildLanding({ lastMerge: false });
  await warehouse.refresh();
  expect(await account()).toEqual(before);
});

test('rejects of before become skipped with a retry, and a preview says so', async () => {
  warehouse = await TestWarehouse.create(all);
  warehouse.send(...sent('a'));
  await warehouse.refresh();
  expect(await account()).toEqual({ events: 2, rejects: 6, skipped: 0 });
  warehouse.pipeline = pages;
  const { statements, answer } = retryPreview(pages);
  expect(statements[answer]).toContain('as skipped');
  await warehouse.execute(statements);
  expect(await account()).toEqual({ events: 2, rejects: 6, skipped: 0 });
  await warehouse.execute(retryStatements(pages), { run_id: 'retry' });
  expect(await account()).toEqual({ events: 2, rejects: 2, skipped: 4 });
});

test('under another `where`, or none, skipped records of the stream are judged again when the archive brings them', async () => {
  warehouse = await TestWarehouse.create(pages);
  warehouse.send(...sent('a'));
  await warehouse.refresh();
  const archive = () => warehouse.loadArchive(...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => warehouse.archived(n)));
  const ids = [all.columns[0]!];
  warehouse.pipeline = { ...all, columns: ids, where: [{ path: ['type'], oneOf: ['track', 7] }] };
  await archive();
  expect(await account()).toEqual({ events: 3, rejects: 2, skipped: 3 });
  warehouse.pipeline = { ...all, columns: ids };
  await archive();
  expect(await account()).toEqual({ events: 6, rejects: 2, skipped: 0 });
});
