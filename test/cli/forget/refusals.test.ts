import { refusals } from '../../../cli/forget/refusals';
import type { Environment } from '../../../environments/environment';
import { keyId } from '../../../lambda/shared/forget-keys';
import type { Pipeline } from '../../../pipelines/definition';
import { markStatements, pipelineTables } from '../../../sql';
import { testEnvironment } from '../../lib/fixtures';
import { anExport, aPipeline, aSource } from '../../sql/fixtures';
import { TestWarehouse } from '../../sql/warehouse';
import { warehousePort } from '../../sql/warehouse-port';
import { FakeCloud, fakeContext } from '../cloud';

const base = aPipeline({
  columns: [
    { name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'at', path: ['timestamp'], type: 'timestamp' },
  ],
  subject: ['id'],
});
const dev = testEnvironment({ name: 'dev' });
let warehouse: TestWarehouse;

beforeAll(async () => {
  warehouse = await TestWarehouse.create(base);
});
afterAll(() => warehouse.dispose());

function refused(
  change: Partial<Pipeline> = {},
  { others = [], environment = dev, many = false, values = [] as string[] }: Options = {},
): Promise<string[]> {
  const cloud = new FakeCloud();
  Object.assign(
    cloud.warehouse,
    warehousePort(() => warehouse),
  );
  const pipeline = { ...base, ...change };
  const subjects = values.length > 0 ? [{ column: base.columns[0]!, values }] : [];
  return refusals(fakeContext(cloud), pipeline, [pipeline, ...others], environment, { subjects, many });
}

interface Options {
  readonly others?: readonly Pipeline[];
  readonly environment?: Environment;
  readonly many?: boolean;
  readonly values?: string[];
}

const text = { format: 'text' } as const;
const columnar = { format: 'csv', columns: [] } as unknown as Partial<ReturnType<typeof aSource>>;

test.each<[string, Partial<Pipeline>, Options, string]>([
  [
    'history in a bucket that Millrace did not make',
    { history: [aSource()] },
    { environment: { ...dev, history: { bucket: { existing: 'theirs' } } } as Environment },
    'the history is in the bucket theirs, which Millrace did not make and never changes',
  ],
  [
    'history that is not NDJSON',
    { history: [aSource(columnar)] },
    {},
    'pipelines.shop.history.logs is csv with gzip; only ndjson, plain or with gzip, can be rewritten',
  ],
  [
    'history with zstd',
    { history: [aSource({ compression: 'zstd' })] },
    {},
    'pipelines.shop.history.logs is ndjson with zstd; only ndjson, plain or with gzip, can be rewritten',
  ],
  [
    'lines with several events',
    { history: [aSource({ records: { unwrap: ['batch', '*'] } } as Partial<ReturnType<typeof aSource>>)] },
    {},
    'pipelines.shop.history.logs.records: a line may hold several events, so it cannot be replaced',
  ],
  [
    'objects that another pipeline reads',
    { history: [aSource()] },
    { others: [aPipeline({ name: 'other', history: [aSource({ globs: ['shop/**'] })] } as Partial<Pipeline>)] },
    'the pipeline other reads the same objects as pipelines.shop.history.logs',
  ],
  [
    'records of the stream that are texts',
    { stream: { ...base.stream, records: text } },
    {},
    'pipelines.shop.stream.records: a record may be a text or hold several events, so its line in the archive cannot be replaced',
  ],
  [
    'an export of Materialize',
    { exports: [{ ...anExport('live', 'select id, at from shop.events'), engine: 'materialize' } as never] },
    {},
    'pipelines.shop.exports.live is written by Materialize, which keeps a copy of the events',
  ],
  [
    'an export whose keys have the subject',
    {
      exports: [
        anExport('all', 'select id, at from shop.events', { format: { kind: 'parquet', partitionBy: ['id'] } }),
      ],
    },
    {},
    'pipelines.shop.exports.all has the subject in the keys of its files, which its success files repeat',
  ],
])('it refuses %s', async (_, change, options, reason) => {
  expect(await refused(change, options)).toEqual([reason]);
});

test('it refuses for all reasons at once', async () => {
  const history = [aSource({ compression: 'zstd' })];
  expect(await refused({ history, stream: { ...base.stream, records: text } })).toHaveLength(2);
});

test('it refuses nothing of a plain pipeline, and to erase many events only without --yes-many', async () => {
  expect(
    await refused({ history: [aSource(), aSource({ name: 'plain', globs: ['p/*'], compression: 'none' })] }),
  ).toEqual([]);
  warehouse.send({ messageId: 'a' }, { messageId: 'b' }, { messageId: 'c' });
  await warehouse.refresh();
  expect(await refused({}, { values: ['nobody'] })).toEqual([]);
  expect(await refused({}, { values: ['a', 'nobody'] })).toEqual([
    '1 of 3 events are of these subjects, which is 33.3 % and more than 1 %; if that is right, add --yes-many',
  ]);
  expect(await refused({}, { values: ['a'], many: true })).toEqual([]);
});

test('it refuses while a rebuild under another identity is running', async () => {
  const { checkpoints } = pipelineTables(base);
  await warehouse.execute([
    `insert into ${checkpoints} (landing, identity_version, merged_at) select 'beginning', 'other', getdate()`,
  ]);
  expect(await refused()).toEqual([
    'a rebuild under another identity is running; erase when it has ended, and `npx millrace plan` no longer shows it',
  ]);
  await warehouse.execute([`delete from ${checkpoints} where identity_version = 'other'`]);
});

test('it refuses marks of another secret', async () => {
  const mark = (run: string, key: string) =>
    warehouse.execute(markStatements(base), { marks: `["${run.padEnd(64, '0')}"]`, key_id: key, run_id: run });
  await mark('ours', keyId(warehouse.keys));
  expect(await refused()).toEqual([]);
  await mark('theirs', 'another');
  expect(await refused()).toEqual([
    'the marks of theirs were made with another secret, and match nobody any more; restore that version of the secret',
  ]);
});
