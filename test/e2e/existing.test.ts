import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis';
import {
  DescribeStatementCommand,
  ExecuteStatementCommand,
  GetStatementResultCommand,
  RedshiftDataClient,
} from '@aws-sdk/client-redshift-data';
import {
  CreateBucketCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  ListObjectVersionsCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { App, Stack, Stage } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { makeOutside } from '../../cli/commands/local/outside';
import { dev } from '../../environments/dev';
import type { Environment, ExistingWarehouse } from '../../environments/environment';
import { createApp, synthesize } from '../../lib/app';
import { EsbuildBundles } from '../../lib/shared/bundles';
import { type Outside, type Runtime, startRuntime } from '../../local/runtime';
import { widePipeline } from '../support/wide';

jest.setTimeout(300_000);

const [account, other, region] = ['555566667777', '888899990000', 'eu-west-1'];
const ours = `arn:aws:kinesis:${region}:${account}:stream/Clicks.of-the-shop`;
const theirs = `arn:aws:kinesis:${region}:${other}:stream/orders`;
const pipelines = ['clicks', 'orders'].map((name) =>
  widePipeline(name, 3, { exports: [], refreshEveryMinutes: 5, ...(name === 'orders' ? { history: undefined } : {}) }),
);
const environment: Environment = {
  ...dev,
  account,
  region,
  partners: [],
  reconcileEveryMinutes: 60,
  database: 'facts',
  warehouse: {
    kind: 'existing',
    cluster: 'analytics',
    adminSecret: `arn:aws:secretsmanager:${region}:${account}:secret:theirs/admin-Ab12Cd`,
  },
  history: { bucket: { existing: 'years-of-files' } },
  pipelines: {
    clicks: { stream: { existing: ours } },
    orders: { stream: { existing: theirs, role: `arn:aws:iam::${other}:role/lends/orders` } },
  },
};

const folder = mkdtempSync(join(tmpdir(), 'millrace-existing-'));
let runtime: Runtime;
let kinesis: KinesisClient;
let s3: S3Client;
let data: RedshiftDataClient;
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

const bucket = { Bucket: 'years-of-files' };
const line = (id: string) => `${JSON.stringify({ messageId: id, timestamp: '2020-01-01T08:00:00Z' })}\n`;
const put = (Key: string, id: string) => s3.send(new PutObjectCommand({ ...bucket, Key, Body: gzipSync(line(id)) }));

/** How the things of others are configured, without what a request is answered with. */
const configuration = async () => {
  const summaries = [ours, theirs].map((StreamARN) => kinesis.send(new DescribeStreamSummaryCommand({ StreamARN })));
  const answers: object[] = await Promise.all([
    ...summaries,
    s3.send(new GetBucketNotificationConfigurationCommand(bucket)),
    s3.send(new GetBucketPolicyCommand(bucket)),
    s3.send(new GetBucketVersioningCommand(bucket)),
  ]);
  return answers.map((answer) => ({ ...answer, $metadata: undefined }));
};

const objects = async () => {
  const { Versions = [] } = await s3.send(new ListObjectVersionsCommand(bucket));
  return Versions.map(({ Key, ETag }) => `${Key} ${ETag}`);
};

/** Runs a statement as the superuser of the existing warehouse. */
async function asTheirAdmin(Sql: string) {
  const { adminSecret: SecretArn } = environment.warehouse as ExistingWarehouse;
  const target = { ClusterIdentifier: 'analytics', Database: 'facts', SecretArn };
  const { Id } = await data.send(new ExecuteStatementCommand({ ...target, Sql }));
  for (;;) {
    const { Status, Error: error, HasResultSet } = await data.send(new DescribeStatementCommand({ Id }));
    if (error !== undefined) throw new Error(error);
    if (Status === 'FINISHED')
      return HasResultSet ? (await data.send(new GetStatementResultCommand({ Id }))).Records : undefined;
    await wait(20);
  }
}

/** What others made, and put there, before Millrace comes. */
async function prepare(outside: Outside): Promise<void> {
  const { endpoint, administrator } = outside;
  kinesis = new KinesisClient({ endpoint, region, credentials: administrator.credentials });
  await kinesis.send(new CreateStreamCommand({ StreamName: 'Clicks.of-the-shop', ShardCount: 2 }));
  s3 = new S3Client({ endpoint, region, credentials: administrator.credentials, forcePathStyle: true });
  await s3.send(new CreateBucketCommand(bucket));
  await s3.send(new PutBucketVersioningCommand({ ...bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Deny', Principal: '*', Action: 's3:DeleteObject', Resource: 'arn:aws:s3:::years-of-files/*' },
      { Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: 'arn:aws:s3:::years-of-files/closed/*' },
    ],
  });
  await s3.send(new PutBucketPolicyCommand({ ...bucket, Policy }));
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      ...bucket,
      NotificationConfiguration: { EventBridgeConfiguration: {} },
    }),
  );
  for (const year of [2019, 2020]) await put(`clicks-logs/year ${year}+.gz`, `file${year}`);
  await put('other/2020.gz', 'nobody');
  // The rest: the stream of the other account, and its role.
  await makeOutside(environment, pipelines, outside);
  data = new RedshiftDataClient({ endpoint, region, credentials: administrator.credentials });
  await asTheirAdmin('alter database facts isolation level serializable');
  await asTheirAdmin('create table public.theirs (n int)');
  await asTheirAdmin('insert into public.theirs values (42)');
  await send(ours, 'old', 7);
  await send(theirs, 'old', 5);
  before = await configuration();
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
  s3?.destroy();
  data?.destroy();
  await runtime?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

test('records of before and after the deployment are events, also those of a stream in another account', async () => {
  await send(ours, 'new', 3);
  await send(theirs, 'new', 2);
  const counts =
    "select (select count(*) from clicks.events where message_id not like 'file%'), (select count(*) from orders.events)";
  await settled(counts, '10,7');
  expect(runtime.ofType('AWS::Kinesis::Stream')).toEqual([]);
  expect(runtime.ofType('AWS::KinesisFirehose::DeliveryStream')).toHaveLength(1);
  expect(await configuration()).toEqual(before);
  expect(runtime.ofType('AWS::Redshift::Cluster')).toEqual([]);
  expect(runtime.ofType('AWS::EC2::VPC')).toEqual([]);
});

test('what others have in the warehouse stays as it is', async () => {
  const text = async (sql: string) => (await runtime.warehouse.query(sql)).rows.map(String);
  expect(await text('select n from public.theirs')).toEqual(['42']);
  expect(await text("select trim(isolation_level) from stv_db_isolation_level where trim(db_name) = 'facts'")).toEqual([
    'Serializable',
  ]);
  // The case of a payload's attributes is kept for Millrace's users alone.
  expect(await asTheirAdmin('show enable_case_sensitive_identifier')).toEqual([[{ stringValue: 'off' }]]);
  expect(await text('select count(*) from clicks.events where message_id is not null')).toEqual(['10']);
});

test('objects of before are found by the reconcile, new ones by their event', async () => {
  await settled('select count(*) from clicks.events', '12');
  // The reconcile has just listed the bucket, and its next run is in an hour.
  await put('clicks-logs/a b+c%2B.gz', 'late');
  const soon = runtime.clock.now() + 5 * 60_000;
  await runtime.jumpTo(soon);
  expect(String((await runtime.warehouse.query('select count(*) from clicks.events')).rows[0])).toBe('13');
  expect(runtime.ofType('AWS::Events::Rule').filter(({ path }) => path?.includes('BucketEvents'))).toHaveLength(1);
});

test('a deletion of the environment leaves streams and bucket, what is in them and how they are configured', async () => {
  const stored = await objects();
  expect(stored).toHaveLength(4);
  // Faster, a deadline of the provider framework would pass before a busy machine has answered.
  runtime.clock.setRate(100);
  await runtime.deploy(withoutEnvironment());
  expect(runtime.ofType('AWS::Lambda::Function')).toEqual([]);
  expect(await configuration()).toEqual(before);
  expect(await objects()).toEqual(stored);
  expect([ours, theirs].map((stream) => runtime.kinesis.acceptedRecords(stream))).toEqual([10, 7]);
  const { rows } = await runtime.warehouse.query(
    "select 'table ' || tablename from pg_tables where schemaname = 'public' union all select 'user ' || usename from pg_user union all select 'schema ' || nspname from pg_namespace where nspname in ('millrace', 'clicks', 'orders')",
  );
  expect(rows.map(String).sort()).toEqual(['table theirs', 'user admin']);
});
