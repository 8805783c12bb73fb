import { gzipSync } from 'node:zlib';
import { forgetPipeline } from '../../../cli/forget/forget-pipeline';
import { verifyPipeline } from '../../../cli/forget/verify-pipeline';
import { pipelineTables } from '../../../sql';
import { aPipeline, aSource } from '../../sql/fixtures';
import { TestWarehouse } from '../../sql/warehouse';
import { warehousePort } from '../../sql/warehouse-port';
import { FakeCloud, fakeContext } from '../cloud';

const pipeline = aPipeline({
  history: [aSource()],
  columns: [{ name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true }],
  subject: ['id'],
});
let warehouse: TestWarehouse;
let cloud: FakeCloud;
const context = () => fakeContext(cloud);

beforeEach(async () => {
  warehouse = await TestWarehouse.create(pipeline);
  cloud = new FakeCloud();
  Object.assign(
    cloud.warehouse,
    warehousePort(() => warehouse),
  );
});
afterEach(() => warehouse.dispose());

const key = 'shop/2026/1.gz';
const lines = ['ann', 'bob', 'ann'].map((messageId) => JSON.stringify({ messageId }));
const put = (more = {}) => cloud.put('history', key, { body: gzipSync(lines.join('\n')), ...more });
/** The object is in the ledger, or among those that the load function gave up on. */
const record = (table: 'ledger' | 'parked') =>
  warehouse.execute([
    table === 'ledger'
      ? `insert into ${pipelineTables(pipeline).ledger} (bucket, object_key, etag, source, size, run_id, loaded_at) select '${bucket()}', '${key}', 'etag of ${key}', 'logs', 1, 'run-1', getdate()`
      : `insert into ${pipelineTables(pipeline).parked} (bucket, object_key, etag, reason, parked_at) select '${bucket()}', '${key}', 'etag of ${key}', 'boom', getdate()`,
  ]);
const bucket = () => cloud.names.historyBucket;

test('an object that was parked is looked through, and both commands say what to do about it', async () => {
  put();
  await record('parked');
  await warehouse.mark('id', 'ann');
  const { left, history } = await forgetPipeline(context(), pipeline, {});
  expect(history.objectsRewritten).toBe(0);
  expect(left).toEqual([
    {
      kind: 'problem',
      what: `s3://${bucket()}/${key} has 2 records of the forgotten and is parked: \`npx millrace redrive --apply\` loads it, or delete it`,
    },
  ]);
  expect((await verifyPipeline(context(), pipeline)).finds).toEqual([
    {
      place: 'history',
      where: `s3://${bucket()}/${key}`,
      records: 2,
      note: 'parked: `npx millrace redrive --apply` loads it, or delete it',
    },
  ]);
});

test('a parked object that cannot be read is named once, with what to do about it', async () => {
  put({ body: Buffer.from('no gzip') });
  await record('parked');
  await warehouse.mark('id', 'ann');
  expect((await forgetPipeline(context(), pipeline, {})).left).toEqual([
    {
      kind: 'problem',
      what: expect.stringMatching(
        /^s3:\/\/[^ ]+\/1\.gz cannot be read \(.+\) and is parked: `npx millrace redrive --apply` loads it, or delete it$/,
      ),
    },
  ]);
  const [find] = (await verifyPipeline(context(), pipeline)).finds;
  expect(find!.note).toMatch(/^not read: .+; parked: `npx millrace redrive --apply` loads it, or delete it$/);
});

test('a parked object without records of the forgotten holds nothing up', async () => {
  put();
  await record('parked');
  await warehouse.mark('id', 'eve');
  expect((await forgetPipeline(context(), pipeline, {})).left).toEqual([]);
});

test('an object that is larger than S3 writes at once is named', async () => {
  put({ size: 5 * 1024 ** 3 + 1 });
  await record('ledger');
  await warehouse.execute([
    `insert into ${pipelineTables(pipeline).skipped} (source, name, filter, run_id, merged_at) select 'history', 'forgotten event', 'forgotten', 'run-1', getdate()`,
  ]);
  await warehouse.mark('id', 'ann');
  expect((await forgetPipeline(context(), pipeline, {})).left).toEqual([
    {
      kind: 'problem',
      what: `s3://${bucket()}/${key} was left as it is: it has more than 5 GiB, which S3 does not write at once: replace its 2 records of the forgotten yourself, or delete it`,
    },
  ]);
});
