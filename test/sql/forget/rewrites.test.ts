import { render } from '../../../lambda/shared/statement';
import {
  claimStatements,
  claimsQuery,
  forgottenHoursQuery,
  forgottenObjectsQuery,
  forgottenPositionsQuery,
  pipelineTables,
  swapStatements,
  withdrawStatements,
} from '../../../sql';
import { aPipeline, aSource } from '../fixtures';
import { TestWarehouse } from '../warehouse';

const pipeline = aPipeline({ history: [aSource()], subject: ['id'] });
const [line, other] = ['{"messageId":"1"}', '{"messageId":"2"}'];

let warehouse: TestWarehouse;
type Loaded = Awaited<ReturnType<TestWarehouse['load']>>[number];
let object: Loaded;
beforeEach(async () => {
  warehouse = await TestWarehouse.create(pipeline);
  [object] = (await warehouse.load([line, other])) as [Loaded];
});
afterEach(() => warehouse.dispose());

const claims = async () => (await warehouse.query(claimsQuery(pipeline))).map((row) => row.slice(0, 4).join(' '));
const ledger = async () =>
  (
    await warehouse.query('select object_key, etag, version_id, source, run_id from shop.ledger order by source, etag')
  ).map((row) => row.join(' '));
const claim = (rewriteId: string) =>
  warehouse.execute(claimStatements(pipeline), { objects: JSON.stringify([{ ...object, rewriteId }]) });
const swap = () =>
  warehouse.execute(swapStatements(pipeline), {
    objects: JSON.stringify([{ ...object, newEtag: 'new', newVersionId: 'v2', newSize: 9 }]),
  });
const { key } = { key: 'shop/1.gz' };

test('a claim may be made twice, and withdrawn without the others', async () => {
  await claim('a');
  await claim('a');
  await claim('b');
  expect(await claims()).toEqual([`history ${key} ${object.etag} a`, `history ${key} ${object.etag} b`]);
  await warehouse.execute(withdrawStatements(pipeline), { objects: JSON.stringify([{ ...object, rewriteId: 'b' }]) });
  expect(await claims()).toEqual([`history ${key} ${object.etag} a`]);
});

test('a swap gives the ledger the new object, remembers the one before, and may be repeated', async () => {
  await claim('a');
  const swapped = [`${key} new v2 logs run-1`, `${key} ${object.etag}  replaced run-1-replaced`];
  for (const _ of ['once', 'twice']) {
    await swap();
    expect(await ledger()).toEqual(swapped);
    expect(await claims()).toEqual([]);
  }
  expect(await warehouse.ask('loaded', [object, { ...object, etag: 'new' }])).toHaveLength(2);
  expect(await warehouse.ask('overwritten', [{ ...object, etag: 'new' }])).toEqual([]);
  expect(await warehouse.ask('overwritten', [{ ...object, etag: 'uploaded' }])).toEqual([[key]]);
});

test('the reconcile function finds neither the new object nor the one before missing', async () => {
  await swap();
  const listed = { object_key: key, size: 9, last_modified: '2026-11-21 00:00:00' };
  await warehouse.list([
    { ...listed, etag: object.etag },
    { ...listed, etag: 'new' },
    { ...listed, etag: 'uploaded' },
  ]);
  expect((await warehouse.missing('2026-12-01 00:00:00')).map(([, etag]) => etag)).toEqual(['uploaded']);
});

test('an object that is notified again after its swap is not loaded', async () => {
  await swap();
  await warehouse.loadBatch([object]);
  expect(await warehouse.counts()).toMatchObject({ events: 2, duplicates: 0 });
});

test('an object that the ledger does not have stays one to be loaded', async () => {
  await warehouse.forget(key);
  await claim('a');
  await swap();
  expect(await ledger()).toEqual([]);
  expect(await claims()).toEqual([]);
});

test('the claim stays while another identity needs the swap', async () => {
  const { checkpoints } = pipelineTables(pipeline);
  await warehouse.execute([
    `insert into ${checkpoints} (landing, identity_version, merged_at) select 'beginning', 'other', getdate()`,
  ]);
  await claim('a');
  await swap();
  expect(await claims()).toHaveLength(1);
  await warehouse.execute([`delete from ${checkpoints} where identity_version = 'other'`]);
  await swap();
  expect(await claims()).toEqual([]);
});

test('the places of forgotten records are the hours and positions of the archive, and the objects of history', async () => {
  await warehouse.mark('id', '2', '3');
  warehouse.send({ messageId: '3' }, { messageId: '4' });
  await warehouse.refresh();
  await warehouse.loadBatch([await warehouse.put('shop/2.gz', [line, other])]);
  expect(await warehouse.query(forgottenHoursQuery(pipeline))).toEqual([['2026-11-21 12:00:00']]);
  const positions = (from: string, until: string) =>
    warehouse.query(render(forgottenPositionsQuery(pipeline), { from, until }));
  const { shardId, sequenceNumber } = warehouse.positionOf(1);
  expect(await positions('2026-11-21 12:00:00', '2026-11-21 13:00:00')).toEqual([[shardId, sequenceNumber]]);
  expect(await positions('2026-11-21 13:00:00', '2026-11-21 14:00:00')).toEqual([]);
  expect((await warehouse.query(forgottenObjectsQuery(pipeline))).map((row) => row.slice(0, 4).join(' '))).toEqual([
    'run-3 1 history shop/2.gz',
  ]);
});
