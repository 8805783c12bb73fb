import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { S3Client } from '@aws-sdk/client-s3';
import { generators } from '../../cli/commands/generators';
import { type BatchesFile, readBatches } from '../../cli/commands/local/batches';
import type { DemoRuntime } from '../../cli/commands/local/demo-runtime';
import { openRuntime, type RuntimeHooks } from '../../cli/commands/local/open-runtime';
import { BatchRequests } from '../../cli/commands/local/requests';
import { type Batch, sendBatch } from '../../cli/commands/local/send-batch';
import { removeRuntimeFile, writeRuntimeFile } from '../../cli/commands/runtime-file';
import { FaultsOnDemand } from '../../cli/page/faults-on-demand';
import { openPage } from '../../cli/page/open-page';
import type { Runtime } from '../../local/runtime';
import type { Page } from '../../ui/server';
import { deployDev, deployedAt, devAssembly } from '../e2e/image';
import { passTime } from '../e2e/pass-time';

/** The browser's path on Debian and other systems. Without a browser the page's tests are skipped with a message. */
export const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

/** The dev environment with its page. Its clock does not move by itself. */
export interface PageWorld {
  readonly runtime: Runtime;
  readonly demo: DemoRuntime;
  readonly page: Page;
  readonly data: string;
  send(batch: Partial<Batch>): Promise<void>;
  /** Runs due timers until nothing is pending, and then for some minutes more. */
  merge(minutes?: number): Promise<void>;
  query(sql: string): Promise<string[][]>;
  /** Queries one value. */
  value(sql: string): Promise<string>;
  /** Stops everything and keeps the folder. */
  stop(): Promise<string>;
  dispose(): Promise<void>;
}

const MINUTE_MS = 60_000;

/** @param stopped the folder of a stopped world, which continues. @default - a newly deployed dev environment */
export async function startPage(stopped?: string, hooks: Pick<RuntimeHooks, 'onAllowed'> = {}): Promise<PageWorld> {
  const data = stopped ?? join(mkdtempSync(join(tmpdir(), 'millrace-page-')), 'data');
  if (stopped === undefined) await deployDev(data);
  const faults = new FaultsOnDemand();
  const requests = new BatchRequests();
  let runtime!: Runtime;
  // The clock starts shortly before a full hour, after which exports publish closed windows.
  const startAt = deployedAt + 50 * MINUTE_MS;
  const demo = await openRuntime(
    { assemblyDir: await devAssembly(), dataDir: data, startAt, onProgress: () => {} },
    { ...hooks, faults: faults.source, onStarted: (started) => (runtime = started) },
  );
  const { endpoint, region, credentials, warehouse, outputs, pipelineOutputs } = demo;
  writeRuntimeFile(data, { pid: process.pid, endpoint, region, credentials, warehouse, outputs, pipelineOutputs });
  const kinesis = new KinesisClient({ endpoint, region, credentials });
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  let file: BatchesFile = readBatches(data);
  const send = async (batch: Partial<Batch>) => {
    const { signal } = new AbortController();
    const whole = { seed: 'page', events: 0, withHistory: true, ...batch };
    const sent = await sendBatch(demo, { kinesis, s3 }, generators(), file, whole, { signal });
    file = { ...sent.file, clock: demo.now() };
    return sent.records + sent.rows;
  };
  const page = await openPage({ runtime, demo, dataDir: data }, faults, requests);
  requests.accept();
  const serving = setInterval(() => void requests.serve((request) => send({ ...request, withHistory: false })), 50);
  const query = async (sql: string) => (await demo.query(sql)).rows.map((row) => row.map(String));
  const stop = async () => {
    clearInterval(serving);
    await page.dispose();
    removeRuntimeFile(data);
    kinesis.destroy();
    s3.destroy();
    await demo.dispose();
    return data;
  };
  return {
    runtime,
    demo,
    page,
    data,
    query,
    value: async (sql) => (await query(sql))[0]![0]!,
    send: async (batch) => void (await send(batch)),
    merge: (minutes = 6) => passTime(runtime, minutes * MINUTE_MS),
    stop,
    async dispose() {
      rmSync(join(await stop(), '..'), { recursive: true, force: true });
    },
  };
}
