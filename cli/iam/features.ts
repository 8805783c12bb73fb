import { join } from 'node:path';
import { Writable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { clientSettings } from '../../lambda/shared/client-settings';
import type { FaultSource } from '../../local/faults';
import type { Runtime } from '../../local/runtime';
import { generators } from '../commands/generators';
import type { DemoRuntime } from '../commands/local/demo-runtime';
import { openRuntime } from '../commands/local/open-runtime';
import { sendBatch } from '../commands/local/send-batch';
import { synthesize } from '../commands/local/synth';
import { writeRuntimeFile } from '../commands/runtime-file';
import { main } from '../main';
import { type Permission, Usage } from './usage';

type Tell = (what: string) => void;

/**
 * Deploys the dev environment, uses all of its features, and returns which grants were used. Each minute of the clock
 * costs time, so few pass.
 */
export async function playEverything(folder: string, tell: Tell): Promise<Permission[]> {
  const { signal } = new AbortController();
  tell('synthesize');
  const assemblyDir = await synthesize(join(folder, 'cdk.out'), signal);
  let started: Runtime | undefined;
  const early: (() => void)[] = [];
  const usage = new Usage((arn) => started!.iam.statementsOf(arn));
  tell('deploy');
  const dataDir = join(folder, 'data');
  const post = new Post();
  const runtime = await openRuntime(
    { assemblyDir, dataDir, onProgress: () => {} },
    {
      faults: post,
      // Requests of the deployment are counted later, when the roles can be looked up.
      onAllowed: (...allowed) =>
        started ? usage.listener(...allowed) : void early.push(() => usage.listener(...allowed)),
      onStarted: (deployed) => {
        started = deployed;
        for (const judge of early) judge();
      },
    },
  );
  try {
    await play(runtime, started!, post, dataDir, tell);
    return usage.permissions(started!.ofType('AWS::IAM::Role'));
  } finally {
    await runtime.dispose();
  }
}

/** Loses notifications while `lost` is set. */
class Post implements FaultSource {
  losing = false;

  delivery(point: Parameters<FaultSource['delivery']>[0]): ReturnType<FaultSource['delivery']> {
    return this.losing && point === 'notification' ? [] : undefined;
  }

  statement(): undefined {}

  call(): undefined {}
}

const event = {
  product: { product_id: 'product_1' },
  action: 'view',
  timestamp: '2026-01-01T10:00:00',
};

async function play(runtime: DemoRuntime, deployed: Runtime, post: Post, dataDir: string, tell: Tell): Promise<void> {
  const { endpoint, region, credentials, warehouse, outputs, pipelineOutputs } = runtime;
  const clients = {
    kinesis: new KinesisClient({ ...clientSettings(), endpoint, region, credentials }),
    s3: new S3Client({ ...clientSettings(), endpoint, region, credentials, forcePathStyle: true }),
  };
  try {
    tell('events and history');
    const { signal } = new AbortController();
    const batch = { seed: '1', events: 600, withHistory: true };
    await sendBatch(runtime, clients, generators(), { batches: 0, complete: true, pipelines: {} }, batch, { signal });
    const put = (Key: string, Body: Buffer) =>
      clients.s3.send(new PutObjectCommand({ Bucket: runtime.historyBucket, Key, Body }));
    await put('estore/poison/object/1.gz', Buffer.from('this is not gzip'));
    await put(
      'estore/poison/object/2.gz',
      gzipSync('{"customer_id":1\nnot JSON\n{"action":"a record without the rest"}\n'),
    );
    const line = (customer_id: string) => gzipSync(`${JSON.stringify({ ...event, customer_id })}\n`);
    for (const customer of ['customer_2', 'customer_3']) await put('estore/2026/01/overwritten.gz', line(customer));
    post.losing = true;
    await put('estore/2026/01/without-notification.gz', line('customer_1'));
    post.losing = false;
    tell('refreshes, loads, exports, reconciling');
    await pass(runtime, 80);
    tell('the archive');
    await deployed.flushArchive();
    await pass(runtime, 5);
    writeRuntimeFile(dataDir, { pid: process.pid, endpoint, region, credentials, warehouse, outputs, pipelineOutputs });
    for (const command of commands) {
      tell(`millrace ${command.join(' ')}`);
      await driven(runtime, () => said([...command, '--data', dataDir]));
    }
    tell('millrace pause and resume');
    const until = new Date(runtime.now() + 8 * 86_400_000).toISOString();
    await driven(runtime, () => said(['pause', '--until', until, '--extend-retention', '--data', dataDir]));
    await driven(runtime, () => said(['resume', '--data', dataDir]));
    tell('a paused cluster');
    deployed.faults!.pause();
    // Behind the keys that reconciling knows, so that it lists the object and asks the warehouse.
    await put('estore/2026/01/written-while-paused.gz', line('customer_4'));
    // Long enough for a tick of every schedule: the reconcile function has one in 15 minutes.
    await pass(runtime, 31);
    deployed.faults!.resume();
    await pass(runtime, 20);
  } finally {
    clients.kinesis.destroy();
    clients.s3.destroy();
  }
}

/** Commands on the running environment. Its functions do the work. */
const commands = [
  ['backfill', '--pipeline', 'estore', '--from', 'archive', '--apply'],
  ['backfill', '--pipeline', 'pageviews', '--from', 'archive', '--apply'],
  ['redrive', '--apply'],
  ['partners', 'verify'],
  ['api', 'call', 'estore.revenue'],
  ['api', 'call', 'pageviews.traffic', 'since=2026-01-01T00:00:00Z'],
];

/** Moves the clock by the given minutes. */
async function pass(runtime: DemoRuntime, minutes: number): Promise<void> {
  const end = runtime.now() + minutes * 60_000;
  await runtime.settle();
  while (runtime.now() < end) await runtime.step();
}

/** Runs the work with a running clock, because the work waits for the functions. */
async function driven(runtime: DemoRuntime, work: () => Promise<void>): Promise<void> {
  runtime.setRate(60);
  try {
    await work();
  } finally {
    runtime.setRate(0);
    await runtime.settle();
  }
}

async function said(args: readonly string[]): Promise<void> {
  let text = '';
  const sink = new Writable({
    write(chunk, _, done) {
      text += chunk;
      done();
    },
  });
  const code = await main(args, { stdout: sink, stderr: sink, env: {} });
  if (code !== 0) throw new Error(`millrace ${args.join(' ')} ended with ${code}:\n${text}`);
}
