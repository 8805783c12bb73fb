import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type Runtime, startRuntime } from '../../local/runtime';
import { event, gzipped } from '../e2e/dev';
import { deployedAt, devAssembly } from '../e2e/image';
import { passTime } from '../e2e/pass-time';
import { keptReleases, unpackRelease } from './release';

jest.setTimeout(400_000);

const folder = mkdtempSync(join(tmpdir(), 'millrace-upgrade-'));
const data = join(folder, 'data');
const old = join(folder, 'old');
const [oldest] = keptReleases() as [string];
const MINUTE_MS = 60_000;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = (assemblyDir: string, at: number) =>
  startRuntime({ assemblyDir, stageName: 'dev', dataDir: data, clock: { start: at, rate: 0 } });

async function send(
  { endpoint, region, administrator }: Runtime,
  records: readonly (object | string)[],
): Promise<void> {
  const kinesis = new KinesisClient({ endpoint, region, credentials: administrator.credentials });
  for (const [n, record] of records.entries())
    await kinesis.send(
      new PutRecordCommand({
        StreamName: 'millrace-dev-estore',
        PartitionKey: `k${n}`,
        Data: Buffer.from(typeof record === 'string' ? record : JSON.stringify(record)),
      }),
    );
  kinesis.destroy();
}

async function put({ endpoint, region, administrator, deployment }: Runtime, Key: string, Body: Buffer): Promise<void> {
  const s3 = new S3Client({ endpoint, region, credentials: administrator.credentials, forcePathStyle: true });
  await s3.send(
    new PutObjectCommand({ Bucket: String(deployment.outputs['millrace-dev-data']!['HistoryBucketName']), Key, Body }),
  );
  s3.destroy();
}

const sold = (customer: string) =>
  event(customer, {
    action: 'purchase',
    product: { product_id: 'p-1', price: 12.5 },
    timestamp: '2026-11-21T09:10:00',
  });

/** What people read. A release may add columns to them, but takes none away. */
const relations = [
  ...['events', 'duplicates', 'rejects', 'ledger', 'runs', 'exports', 'skipped', 'parked'],
  ...['hourly_revenue', 'hourly_views', 'revenue_by_product'],
];

type Columns = Readonly<Record<string, readonly string[]>>;

async function columnsOf(runtime: Runtime): Promise<Columns> {
  const found: Record<string, string[]> = {};
  for (const relation of relations)
    found[relation] = (await runtime.warehouse.query(`select * from estore.${relation} limit 0`)).columns;
  return found;
}

/** The rows of each relation in the given columns, sorted. */
async function rowsOf(runtime: Runtime, columns: Columns): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const relation of relations) {
    const list = columns[relation]!.map((name) => `"${name}"`).join(', ');
    const { rows } = await runtime.warehouse.query(`select ${list} from estore.${relation}`);
    found[relation] = rows.map((row) => JSON.stringify(row.map(String))).sort();
  }
  return found;
}

const counts = async (runtime: Runtime) =>
  (
    await runtime.warehouse.query(
      'select (select count(*) from estore.events), (select count(*) from estore.duplicates), (select count(*) from estore.rejects)',
    )
  ).rows[0]!.map(Number);

test('the environment of the oldest kept release keeps every row when this tree is deployed over it, and goes on', async () => {
  unpackRelease(oldest, old);
  const first = await start(old, deployedAt);
  await send(first, [sold('a'), sold('b'), sold('b'), event('c'), { customer_id: 'lacks the rest' }, 'not JSON']);
  await put(first, 'estore/2026/11/h.gz', gzipped([event('h-1'), event('c'), { customer_id: 'no' }]));
  await passTime(first, 80 * MINUTE_MS);
  const columns = await columnsOf(first);
  const before = await rowsOf(first, columns);
  expect(await counts(first)).toEqual([4, 2, 3]);
  expect(before['exports']!.length).toBeGreaterThan(0);
  expect(before['hourly_revenue']).toHaveLength(1);
  // The old functions have merged none of these.
  await send(first, [sold('a'), event('d')]);
  const at = first.clock.now();
  await first.dispose();

  const second = await start(await devAssembly(), at);
  try {
    const after = await rowsOf(second, columns);
    for (const relation of relations)
      expect([relation, after[relation]]).toEqual([relation, expect.arrayContaining(before[relation]!)]);
    await passTime(second, 10 * MINUTE_MS);
    expect(await counts(second)).toEqual([5, 3, 3]);
    await send(second, [sold('e'), event('c')]);
    await put(second, 'estore/2026/11/i.gz', gzipped([event('i-1'), event('h-1')]));
    await passTime(second, 80 * MINUTE_MS);
    expect(await counts(second)).toEqual([7, 5, 3]);
    const last = await rowsOf(second, columns);
    for (const relation of ['events', 'duplicates', 'rejects', 'ledger', 'exports', 'skipped'])
      expect([relation, last[relation]]).toEqual([relation, expect.arrayContaining(before[relation]!)]);
    const { rows } = await second.warehouse.query(
      "select count(*), count(distinct window_start::varchar || ' ' || revision::varchar) from estore.exports where export = 'purchases'",
    );
    expect(rows[0]![0]).toEqual(rows[0]![1]);
  } finally {
    await second.dispose();
  }
});
