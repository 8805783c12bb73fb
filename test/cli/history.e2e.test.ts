import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { feedStream } from '../../cli/commands/feed';
import { writeRuntimeFile } from '../../cli/commands/runtime-file';
import { eventIdOf } from '../../cli/commands/why/question';
import { type Runtime, startRuntime } from '../../local/runtime';
import { generator } from '../../pipelines/estore/generator';
import { pipeline } from '../../pipelines/estore/pipeline';
import { pipelineTables } from '../../sql';
import { deployDev, devAssembly } from '../e2e/image';
import { whileTimePasses } from '../e2e/pass-time';
import { millrace } from './io';

/** The dev environment on this machine, whose bucket loses its notifications while `losing` is set. */
const folder = mkdtempSync(join(tmpdir(), 'millrace-history-'));
const data = join(folder, 'data');
const start = Date.UTC(2026, 10, 21, 9);
let losing = true;
let runtime: Runtime;
let s3: S3Client;
const keys: string[] = [];

const historyBucket = () => String(runtime.deployment.outputs['millrace-dev-data']!['HistoryBucketName']);
const put = (Key: string, Body: Buffer | string) =>
  s3.send(new PutObjectCommand({ Bucket: historyBucket(), Key, Body }));
const cli = (...args: string[]) => millrace(...args, '--data', data);
const json = async (...args: string[]) => {
  const { stdout, stderr } = await cli(...args, '--json');
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
};
/** Runs a command that waits for what functions do in time. */
const later = (...args: string[]) => whileTimePasses(runtime, () => json(...args));
const steps = async (amount: number) => {
  for (let n = 0; n < amount; n++) await runtime.step();
};

beforeAll(async () => {
  await deployDev(data);
  runtime = await startRuntime({
    assemblyDir: await devAssembly(),
    stageName: 'dev',
    dataDir: data,
    clock: { start, rate: 0 },
    faults: {
      delivery: (point) => (point === 'notification' && losing ? [] : undefined),
      statement: () => undefined,
      call: () => undefined,
    },
  });
  const { endpoint, region } = runtime;
  const { credentials } = runtime.administrator;
  s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  const kinesis = new KinesisClient({ endpoint, region, credentials });
  const outputs = runtime.deployment.outputs['millrace-dev-data']!;
  writeRuntimeFile(data, {
    pid: process.pid,
    endpoint,
    region,
    credentials,
    warehouse: {
      ClusterIdentifier: String(outputs['WarehouseName']),
      Database: String(outputs['DatabaseName']),
      SecretArn: String(outputs['OwnerSecretArn']),
    },
    outputs,
    pipelineOutputs: {},
  });
  const generation = generator.generate({ seed: 'history', start, events: 600, malformed: 0.03 });
  for (const { key, body } of generation.history()) {
    await put(key, body);
    keys.push(key);
  }
  await feedStream(kinesis, 'millrace-dev-estore', generation.stream());
  kinesis.destroy();
  await steps(6);
}, 300_000);

afterAll(async () => {
  s3?.destroy();
  await runtime?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

test('objects whose notifications were lost are pending, and a backfill loads them', async () => {
  const before = await json('files');
  expect(before.counts.estore).toMatchObject({ loaded: { objects: 0 }, pending: { objects: keys.length } });
  expect(before.files.map(({ key }: { key: string }) => key).sort()).toEqual([...keys].sort());

  const dry = await cli('backfill', '--from', 'history');
  expect(dry.stdout).toContain('Nothing was done. Add --apply');
  expect(dry.stdout).toContain('pageviews from history\n  to load        0 objects');
  expect((await json('files')).counts.estore.loaded.objects).toBe(0);

  const applied = await later('backfill', '--pipeline', 'estore', '--from', 'history', '--apply', '--timeout', '40');
  expect(applied).toMatchObject({ objects: keys.length, loaded: keys.length, parked: [], waiting: 0 });
  const after = await cli('files');
  expect(after.code).toBe(0);
  expect((await json('files')).counts.estore).toMatchObject({
    loaded: { objects: keys.length },
    pending: { objects: 0 },
  });
  expect(await json('backfill', '--pipeline', 'estore', '--from', 'history')).toMatchObject({
    objects: 0,
    loadedBefore: keys.length,
  });
});

test('the ids computed here are those of the warehouse, whatever brought the event', async () => {
  const { rows } = await runtime.warehouse.query('select event_id, json_serialize(payload), source from estore.events');
  expect(new Set(rows.map(([, , source]) => source))).toEqual(new Set(['stream', 'history']));
  for (const [id, payload] of rows) expect(eventIdOf(pipeline, JSON.parse(String(payload)))).toBe(id);
});

type Sightings = { place: string; found: string; what: string; facts: Record<string, unknown> }[];
const placesWith = (sightings: Sightings) => [
  ...new Set(sightings.filter(({ found }) => found === 'yes').map(({ place }) => place)),
];
const ask = async (...args: string[]) =>
  (await json('why', ...args)) as { eventId: string; verdict: string; inEvents: boolean; sightings: Sightings };
const oneOf = async (sql: string) => (await runtime.warehouse.query(sql)).rows[0]!.map(String);

describe('why', () => {
  beforeAll(async () => {
    await runtime.flushArchive();
    await steps(20);
  }, 120_000);

  test('follows an event of the stream to the views and to the file of the export that hold it', async () => {
    const [id, hour] = await oneOf(
      "select e.event_id, date_trunc('hour', e.occurred_at) from estore.events e where e.action = 'purchase' and e.source = 'stream' order by e.occurred_at limit 1",
    );
    const { sightings, inEvents, verdict } = await ask(id!);
    expect({ inEvents, verdict }).toEqual({ inEvents: true, verdict: 'It is in events.' });
    expect(placesWith(sightings)).toEqual(['stream', 'landing', 'archive', 'events', 'view', 'export']);
    const views = sightings
      .filter(({ place, found }) => place === 'view' && found === 'yes')
      .map(({ facts }) => facts['view']);
    expect(views).toEqual(['purchases', 'hourly_revenue', 'revenue_by_product']);
    const file = sightings.find(({ facts }) => facts['export'] === 'purchases')!.facts;
    expect(file).toMatchObject({ window: hour!.slice(0, 19), file: expect.stringMatching(/\.parquet$/) });
    const exports = sightings.filter(({ place, found }) => place === 'export' && found === 'yes');
    expect(exports.map(({ facts }) => facts['export'])).toEqual(['hourly_revenue', 'purchases']);
    expect(exports[0]!.facts).toMatchObject({
      window: hour!.slice(0, 19),
      contributes: expect.stringContaining('hour='),
    });
  });

  test('finds the object and the line of an event of the history, by its columns', async () => {
    const [id, payload] = await oneOf(
      "select event_id, json_serialize(payload) from estore.events where source = 'history' limit 1",
    );
    const event = JSON.parse(payload!);
    const found = await ask(
      `customer_id=${event.customer_id}`,
      `product_id=${event.product.product_id}`,
      `action=${event.action}`,
      `occurred_at=${event.timestamp}Z`,
    );
    expect(found).toMatchObject({ eventId: id, inEvents: true });
    const [history] = found.sightings.filter(({ place, found }) => place === 'history' && found === 'yes');
    expect(keys).toContain(history!.facts['key']);
    expect(history!.facts['state']).toBe('loaded');
  });

  test('tells of an event that is on the stream and in the history, which of them counts', async () => {
    const [id] = await oneOf(
      'select d.event_id from estore.duplicates d join estore.events e on e.event_id = d.event_id where d.source <> e.source limit 1',
    );
    const { sightings } = await ask(id!);
    expect(placesWith(sightings)).toEqual(
      expect.arrayContaining(['stream', 'landing', 'archive', 'history', 'duplicates', 'events']),
    );
  });

  test('says why a rejected record is not there', async () => {
    const [payload, reason] = await oneOf(
      "select json_serialize(payload), reason from estore.rejects where source = 'stream' and reason like 'action: not one of%' order by sequence_number limit 1",
    );
    const found = await ask(
      `customer_id=${JSON.parse(payload!).customer_id}`,
      `product_id=${JSON.parse(payload!).product?.product_id}`,
    );
    expect(found.sightings.filter(({ place }) => place === 'rejects')).toContainEqual(
      expect.objectContaining({ found: 'yes', facts: expect.objectContaining({ reason }) }),
    );
  });

  test('says of an event in an object that is not loaded, that it waits, and of one that is nowhere, where it looked', async () => {
    losing = true;
    const event = {
      customer_id: 'c-late',
      product: { product_id: 'p-1' },
      action: 'cart',
      timestamp: '2026-11-20T10:00:00',
    };
    await put('estore/late/2026-11-20/late one.gz', gzipSync(`{}\n${JSON.stringify(event)}\n`));
    const found = await ask('customer_id=c-late');
    expect(found.inEvents).toBe(false);
    expect(found.verdict).toMatch(/late one\.gz is not loaded and nothing is queued/);
    expect(found.sightings).toContainEqual(
      expect.objectContaining({ place: 'history', facts: expect.objectContaining({ line: 2, state: 'pending' }) }),
    );
    const nowhere = await cli('why', '0'.repeat(64));
    expect(nowhere.code).toBe(1);
    expect(nowhere.stdout).toContain('It is not in events: no searched place has it.');
    expect(nowhere.stdout).toMatch(/records of millrace-dev-estore read/);
  });
});

test('what is parked is failed with its reason, and is loaded once it is redriven', async () => {
  losing = true;
  const key = 'estore/parked/2026-11-20/one.gz';
  const event = {
    customer_id: 'c-parked',
    product: { product_id: 'p' },
    action: 'view',
    timestamp: '2026-11-20T10:00:00',
  };
  const { ETag } = await put(key, gzipSync(`${JSON.stringify(event)}\n`));
  await cli(
    'sql',
    `insert into estore.parked (bucket, object_key, etag, reason, parked_at) select '${historyBucket()}', '${key}', '${ETag!.replaceAll('"', '')}', 'not gzip', getdate()`,
  );
  const listed = await cli('files', '--status', 'failed');
  expect(listed.code).toBe(1);
  expect(listed.stdout).toMatch(new RegExp(`${key} .*not gzip`));
  expect((await ask('customer_id=c-parked')).verdict).toBe(
    `It is not in events: its object ${key} is parked: not gzip.`,
  );
  expect(
    (await json('backfill', '--pipeline', 'estore', '--from', 'history', '--glob', 'estore/parked/**')).parkedBefore,
  ).toBe(1);
  expect((await json('redrive', '--pipeline', 'estore')).withoutMessage).toMatchObject([{ key, reason: 'not gzip' }]);

  await later('redrive', '--pipeline', 'estore', '--apply');
  expect(await later('reprocess', key, '--timeout', '30')).toMatchObject({ outcome: expect.stringMatching(/^loaded/) });
  expect((await cli('files', '--status', 'failed')).code).toBe(0);
  expect((await ask('customer_id=c-parked')).inEvents).toBe(true);
});

test('the archive loads what the stream brought already, and nothing changes', async () => {
  // the reconcile may load history meanwhile
  const count = (table: string) => `(select count(*) from estore.${table} where source <> 'history')`;
  const counts = `select ${count('events')}, ${count('duplicates')}, ${count('rejects')}`;
  const before = await oneOf(counts);
  const applied = await later('backfill', '--pipeline', 'estore', '--from', 'archive', '--apply', '--timeout', '30');
  expect(applied.objects).toBeGreaterThan(0);
  expect(applied).toMatchObject({ loaded: applied.objects, waiting: 0, parked: [] });
  expect(await oneOf(counts)).toEqual(before);
});

test('rejects are listed by reason with samples', async () => {
  const { reasons } = await json('rejects', '--pipeline', 'estore', '--limit', '1');
  const [held] = await oneOf('select count(*) from estore.rejects');
  expect(reasons.reduce((sum: number, { records }: { records: number }) => sum + records, 0)).toBe(Number(held));
  for (const { samples } of reasons) expect(samples).toHaveLength(1);
  expect((await cli('rejects', '--reason', 'no such reason')).stdout).toBe('There are no rejects.\n');
});

test('rejects that are sound under the present columns become events', async () => {
  const sound = {
    customer_id: 'c-sound',
    product: { product_id: 'p' },
    action: 'cart',
    timestamp: '2026-11-20T10:00:00',
  };
  await cli(
    'sql',
    `insert into ${pipelineTables(pipeline).rejects} (source, reason, payload, run_id, merged_at) select 'stream', 'of before', json_parse('${JSON.stringify(sound)}'), 'r', getdate()`,
  );
  const before = (await cli('rejects', '--retry', '--pipeline', 'estore')).stdout;
  expect(before).toContain('of before');
  expect(before).toContain('Nothing was done. Add --apply');
  const { retried, reasons } = await json('rejects', '--retry', '--apply', '--pipeline', 'estore');
  expect(retried).toMatchObject([{ pipeline: 'estore', events: 1, duplicates: 0 }]);
  expect(reasons.map(({ reason }: { reason: string }) => reason)).not.toContain('of before');
  expect((await ask('customer_id=c-sound')).inEvents).toBe(true);
});
