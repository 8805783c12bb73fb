import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { RunEvent } from 'aws-local-kit';
import { type FaultScript, scriptedFaults } from '../../local/faults';
import { type Runtime, startRuntime } from '../../local/runtime';
import { secondTierTest } from '../support/tier';
import { deployDev, devAssembly } from './image';

/** The dev environment on this machine, whose functions die, whose queues and buses lose and repeat, and whose stream is busy. */
const folder = mkdtempSync(join(tmpdir(), 'millrace-faults-'));
const start = Date.UTC(2026, 10, 21, 9);
const minuteMs = 60_000;
const stepMs = 5 * minuteMs;
const maxSteps = 60;
const kill = (call: number, after = false) => ({ call, after });

const script: FaultScript = {
  // The first object is told of twice, the second never, the third an hour late.
  notifications: [[0, 0], [], [60 * minuteMs]],
  // The first batch is handed to its function twice, the second not at all: it comes back.
  messages: [[0, 0], []],
  // Of what the warehouse says of its statements.
  events: [undefined, [], [0, 0], [5 * minuteMs]],
  kinesisCalls: ['throttle', undefined, 'answer-lost'],
  kills: {
    EstoreLoad: [kill(3), kill(6, true)],
    EstoreRefresh: [kill(2), kill(4, true)],
    EstoreReconcile: [kill(5)],
  },
};

const lineOf = (number: number) =>
  JSON.stringify({
    customer_id: `customer_${number}`,
    product: { product_id: 'product_1' },
    action: 'view',
    timestamp: `2026-11-21T08:00:${String(number).padStart(2, '0')}`,
  });

let runtime: Runtime;
const heard: RunEvent[] = [];

beforeAll(async () => {
  await deployDev(join(folder, 'data'));
  const scripted = scriptedFaults(script);
  let deployed = false;
  runtime = await startRuntime({
    assemblyDir: await devAssembly(),
    stageName: 'dev',
    dataDir: join(folder, 'data'),
    clock: { start, rate: 0 },
    onRun: (event) => void heard.push(event),
    faults: {
      ...scripted,
      delivery: (point) => (deployed ? scripted.delivery(point) : undefined),
      kill: (name) => (deployed ? scripted.kill?.(name) : undefined),
    },
  });
  deployed = true;
}, 300_000);

afterAll(async () => {
  await runtime?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const counts = async () =>
  (
    await runtime.warehouse.query(
      `select (select count(*) from estore.events), (select count(distinct event_id) from estore.events),
  (select count(*) from estore.duplicates), (select count(*) from estore.ledger), (select coalesce(sum(views), 0) from estore.hourly_views)`,
    )
  ).rows[0]!.map(Number);

secondTierTest(
  'functions that die between two calls, lost and doubled deliveries and a busy stream cost time and nothing else',
  async () => {
    const { endpoint, region, administrator } = runtime;
    const client = { endpoint, region, credentials: administrator.credentials };
    const kinesis = new KinesisClient(client);
    const s3 = new S3Client({ ...client, forcePathStyle: true });
    const Bucket = String(runtime.deployment.outputs['millrace-dev-data']!['HistoryBucketName']);
    const put = (number: number) =>
      kinesis.send(
        new PutRecordCommand({
          StreamName: 'millrace-dev-estore',
          PartitionKey: `${number}`,
          Data: Buffer.from(lineOf(number)),
        }),
      );
    try {
      // Records 0 to 3; the client repeats the one that was refused, and the one whose answer was lost, which is on the stream twice.
      for (let number = 0; number < 4; number++) await put(number);
      // Each object overlaps the stream, and the next object, by an event.
      for (let object = 0; object < 3; object++)
        await s3.send(
          new PutObjectCommand({
            Bucket,
            Key: `estore/shop/2026-11-21/${object} of 3.gz`,
            Body: gzipSync([3 + object, 4 + object].map((number) => `${lineOf(number)}\n`).join('')),
          }),
        );
      // Eleven lines of seven events.
      const wanted = [7, 7, 4, 3, 7];
      for (let steps = 0; steps < maxSteps && (await counts()).join() !== wanted.join(); steps++) {
        await runtime.settle();
        runtime.clock.advanceTo(runtime.clock.now() + stepMs);
        await runtime.settle();
      }
      expect(await counts()).toEqual(wanted);
    } finally {
      kinesis.destroy();
      s3.destroy();
    }
    const died = heard.flatMap((event) =>
      event.kind === 'function' && event.error?.errorMessage.includes('SIGKILL') ? [event.name] : [],
    );
    for (const [part, kills] of Object.entries(script.kills!))
      expect([part, died.filter((name) => name.includes(part)).length]).toEqual([part, kills.filter(Boolean).length]);
  },
  240_000,
);
