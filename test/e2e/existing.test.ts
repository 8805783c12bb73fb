import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis';
import { App, Stack, Stage } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Outside } from 'aws-local';
import { makeOutside } from '../../cli/commands/local/outside';
import { dev } from '../../environments/dev';
import type { Environment } from '../../environments/environment';
import { createApp, synthesize } from '../../lib/app';
import { EsbuildBundles } from '../../lib/shared/bundles';
import { type Runtime, startRuntime } from '../../local/runtime';
import { widePipeline } from '../support/wide';

jest.setTimeout(300_000);

const [account, other, region] = ['555566667777', '888899990000', 'eu-west-1'];
const ours = `arn:aws:kinesis:${region}:${account}:stream/Clicks.of-the-shop`;
const theirs = `arn:aws:kinesis:${region}:${other}:stream/orders`;
const pipelines = ['clicks', 'orders'].map((name) => widePipeline(name, 3, { exports: [], history: undefined }));
const environment: Environment = {
  ...dev,
  account,
  region,
  partners: [],
  pipelines: {
    clicks: { stream: { existing: ours } },
    orders: { stream: { existing: theirs, role: `arn:aws:iam::${other}:role/lends/orders` } },
  },
};

const folder = mkdtempSync(join(tmpdir(), 'millrace-existing-'));
let runtime: Runtime;
let kinesis: KinesisClient;
let before: unknown;

const send = (StreamARN: string, from: string, count: number) =>
  kinesis.send(
    new PutRecordsCommand({
      StreamARN,
      Records: Array.from({ length: count }, (_, i) => ({
        PartitionKey: `${i}`,
        Data: Buffer.from(JSON.stringify({ messageId: `${from}${i}`, timestamp: '2026-11-21T08:00:00Z' })),
      })),
    }),
  );

const streams = async () => {
  const summaries = [ours, theirs].map((StreamARN) => kinesis.send(new DescribeStreamSummaryCommand({ StreamARN })));
  return (await Promise.all(summaries)).map(({ StreamDescriptionSummary }) => StreamDescriptionSummary);
};

/** What others made, and put there, before Millrace comes. */
async function prepare(outside: Outside): Promise<void> {
  const { endpoint, administrator } = outside;
  kinesis = new KinesisClient({ endpoint, region, credentials: administrator.credentials });
  await kinesis.send(new CreateStreamCommand({ StreamName: 'Clicks.of-the-shop', ShardCount: 2 }));
  makeOutside(environment, pipelines, outside);
  await send(ours, 'old', 7);
  await send(theirs, 'old', 5);
  before = await streams();
}

function assembly(): string {
  const bundles = new EsbuildBundles(join(__dirname, '../../lambda'), join(folder, 'lambda'));
  const outdir = join(folder, 'assembly');
  synthesize(
    createApp({ environments: [environment], pipelines, bundles, app: { outdir } }),
    pipelines,
    () => undefined,
  );
  return outdir;
}

/** An assembly without the environment's stacks: they are deleted. */
function withoutEnvironment(): string {
  const outdir = join(folder, 'without');
  const app = new App({ outdir, analyticsReporting: false });
  new Queue(new Stack(new Stage(app, 'dev', { env: { account, region } }), 'Other'), 'Queue');
  app.synth();
  return outdir;
}

async function settled(sql: string, wanted: string): Promise<void> {
  const look = async () => String((await runtime.warehouse.query(sql)).rows[0]);
  for (let steps = 0; steps < 300 && (await look()) !== wanted; steps += 1) await runtime.step();
  expect(await look()).toBe(wanted);
}

beforeAll(async () => {
  runtime = await startRuntime({
    assemblyDir: assembly(),
    stageName: 'dev',
    dataDir: join(folder, 'data'),
    clock: { start: Date.UTC(2026, 10, 21, 9), rate: 0 },
    beforeDeployment: prepare,
  });
}, 300_000);
afterAll(async () => {
  kinesis?.destroy();
  await runtime?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

test('records of before and after the deployment are events, also those of a stream in another account', async () => {
  await send(ours, 'new', 3);
  await send(theirs, 'new', 2);
  const counts = 'select (select count(*) from clicks.events), (select count(*) from orders.events)';
  await settled(counts, '10,7');
  expect(runtime.ofType('AWS::Kinesis::Stream')).toEqual([]);
  expect(runtime.ofType('AWS::KinesisFirehose::DeliveryStream')).toHaveLength(1);
  expect(await streams()).toEqual(before);
});

test('a deletion of the environment leaves the streams and their records', async () => {
  runtime.clock.setRate(1000);
  await runtime.deploy(withoutEnvironment());
  expect(runtime.ofType('AWS::Lambda::Function')).toEqual([]);
  expect(await streams()).toEqual(before);
  expect([ours, theirs].map((stream) => runtime.kinesis.acceptedRecords(stream))).toEqual([10, 7]);
});
