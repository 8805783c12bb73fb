/** Records that streaming ingestion skipped come to the merge from the stream, by their position. */
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { S3Client } from '@aws-sdk/client-s3';
import type { Service } from 'aws-local-kit';
import { aggregate } from 'kinesis-reader/testing';
import { kinesisStreams, s3Buckets } from '../../cli/cloud/sdk';
import { backfillSkipped } from '../../cli/commands/backfill';
import type { Pipeline } from '../../pipelines/definition';
import { buckets, environment, outsider } from '../support/cloud';
import { inProcess } from '../support/sdk';
import { SeamWorld } from '../support/seam';
import { secondTierTest } from '../support/tier';
import { FakeCloud, fakeContext } from './cloud';

const shop: Pipeline = {
  name: 'shop',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['id'] },
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 8, required: true },
    { name: 'price', path: ['price'], type: 'integer' },
  ],
  history: [{ name: 'lines', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip' }],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
};

let world: SeamWorld;
/** True: the next loads of the backfill are lost before they reach the queue. */
let lost: boolean;
afterEach(() => world.dispose());

const everySkipped = { every: 1, from: 0 };

async function skipping(...records: readonly unknown[]): Promise<void> {
  lost = false;
  world = await SeamWorld.open(shop, { faults: { scans: [everySkipped] } });
  world.send(...records);
  await world.tick('refresh');
  await world.pass(2);
}

/** Runs the command over the world's twins; the warehouse's answers are read before it and after each queued load. */
async function run(options: { apply?: boolean; since?: number; until?: number } = {}) {
  const client = (service: Service) => inProcess(service, outsider, (_, __, call) => call());
  const cloud = new FakeCloud();
  const answer = async () => {
    const ledger = await rowsOf('select object_key, etag, loaded_at from shop.ledger');
    cloud.answers = [
      ['from shop.rejects', await skipped()],
      ['from shop.ledger', ledger],
      ['shop.parked', []],
      ['getdate', await rowsOf('select getdate() as now')],
    ];
  };
  await answer();
  Object.assign(cloud.names, {
    archiveBucket: buckets.archive,
    stream: (pipeline: string) => `millrace-${environment}-${pipeline}`,
  });
  Object.assign(cloud.buckets, s3Buckets(new S3Client(client(world.cloud.s3.service))));
  Object.assign(
    cloud.streams,
    kinesisStreams(new KinesisClient(client(world.cloud.kinesis.service)), async () => undefined),
  );
  cloud.queues.send = async (_, bodies) => {
    if (lost) return;
    world.queue(...bodies);
    await world.pass(5);
    await answer();
  };
  const context = fakeContext(cloud, { json: true });
  const good = await backfillSkipped(context, shop, options);
  return { good, ...(context.result() as object), asked: cloud.asked('from shop.rejects')[0] };
}

const skipped = () =>
  rowsOf("select shard_id, sequence_number, arrived_at from shop.rejects where reason like 'skipped by Redshift (%'");

async function rowsOf(sql: string): Promise<Record<string, string>[]> {
  const { columns, rows } = await world.cloud.warehouse.port.query(sql);
  return rows.map((row) => Object.fromEntries(columns.map((name, n) => [name, String(row[n])])));
}

/** The ids of events and the reasons of rejects, whose sum the runs must count. */
async function outcome() {
  const events = (await world.query('select id from shop.events order by id')).map(([id]) => id);
  const rejects = (await world.query('select reason from shop.rejects order by reason')).map(([reason]) => reason);
  const [[duplicates] = []] = await world.query('select count(*) from shop.duplicates');
  const [counted = []] = await world.query('select sum(events), sum(duplicates), sum(rejects) from shop.runs');
  expect(counted.map(Number)).toEqual([events.length, Number(duplicates), rejects.length]);
  return { events, rejects };
}

const mixed = [
  { id: 'a', price: 1 },
  'not json',
  { id: 'much too long' },
  aggregate([
    { key: 'k', data: '{"id":"b"}' },
    { key: 'l', data: '{"id":"c"}' },
  ]),
];

test('each becomes what its bytes make of it, and its reject goes', async () => {
  await skipping(...mixed);
  expect((await outcome()).events).toEqual([]);
  expect(await run({ apply: true })).toMatchObject({ good: true, records: 4, objects: 4, gone: 0, loaded: 4 });
  expect(world.deadLetters()).toEqual([]);
  expect(await outcome()).toEqual({
    events: ['a', 'b', 'c'],
    rejects: [expect.stringMatching(/^id: /), 'payload: not JSON'],
  });
  expect(await run({ apply: true })).toMatchObject({ good: true, records: 0, objects: 0 });
});

secondTierTest(
  'a dry run changes nothing, and a load that was lost is found by the next run, from the archive',
  async () => {
    await skipping({ id: 'a' }, { id: 'b' });
    const dry = await run({ since: Date.UTC(2026, 10, 20), until: Date.UTC(2026, 10, 22) });
    expect(dry).toMatchObject({ good: true, records: 2, objects: 2, applied: false });
    expect(dry.asked).toMatch(/arrived_at >= '2026-11-20 00:00:00.*'::timestamp and arrived_at < '2026-11-22/);
    expect(await rowsOf('select object_key from shop.ledger')).toEqual([]);
    lost = true;
    expect(await run({ apply: true })).toMatchObject({ good: false, objects: 2, loaded: 0, waiting: 2 });
    lost = false;
    // The stream holds them no longer; the objects are written.
    await world.pass(25 * 60);
    expect(await run({ apply: true })).toMatchObject({ good: true, objects: 2, gone: 0, loaded: 2 });
    expect(await outcome()).toEqual({ events: ['a', 'b'], rejects: [] });
  },
);

test('what the stream does not hold any more stays a reject, and the exit code says so', async () => {
  await skipping({ id: 'a' });
  await world.pass(25 * 60);
  expect(await run({ apply: true })).toMatchObject({ good: false, records: 1, gone: 1, objects: 0 });
  expect((await outcome()).rejects).toEqual([expect.stringMatching(/^skipped by Redshift/)]);
});

secondTierTest('a record that the stream brings again meanwhile is merged once', async () => {
  await skipping({ id: 'a' });
  lost = true;
  await run({ apply: true });
  world.send({ id: 'a' });
  await world.tick('refresh');
  await world.pass(2);
  lost = false;
  await run({ apply: true });
  expect(await outcome()).toEqual({ events: ['a'], rejects: [] });
});
