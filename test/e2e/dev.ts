import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { writeRuntimeFile } from '../../cli/commands/runtime-file';
import type { FaultSource } from '../../local/faults';
import { type Runtime, startRuntime } from '../../local/runtime';
import { millrace } from '../cli/io';
import { deployDev, devAssembly } from './image';
import { passTime } from './pass-time';

export const HOUR_MS = 3_600_000;

/** What goes wrong, as long as a test says so. */
export type Trouble = { -readonly [Name in keyof FaultSource]: FaultSource[Name] };

/** The dev environment on this machine, and its command line. Its clock stands still but for `pass` and `live`. */
export interface Dev {
  readonly runtime: Runtime;
  readonly data: string;
  readonly trouble: Trouble;
  /** By logical id, of the data stack. */
  output(pattern: RegExp): string;
  put(key: string, body: Buffer | string): Promise<string>;
  send(records: readonly object[]): Promise<void>;
  query(sql: string): Promise<string[][]>;
  /** Moves the clock by so much, stopping wherever something is due. */
  pass(ms: number): Promise<void>;
  /** Runs something while ten minutes pass in one. */
  live<T>(act: () => Promise<T>): Promise<T>;
  cli(...args: string[]): ReturnType<typeof millrace>;
  // biome-ignore lint/suspicious/noExplicitAny: each test says what it expects
  json(...args: string[]): Promise<any>;
  /** The command line as a process of its own, as somebody with AWS credentials would run it on this environment. */
  aws(...args: string[]): Process;
  /** Everything goes off. Answers the folder, for a start at a later time. */
  stop(): Promise<string>;
  dispose(): Promise<void>;
}

export interface Process {
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  kill(signal: NodeJS.Signals): void;
}

const fine: FaultSource = { delivery: () => undefined, statement: () => undefined, call: () => undefined };

/**
 * @param start of its clock, from `deployedAt` on
 * @param stopped the folder of a runtime that was stopped, which goes on. @default - the dev environment as just deployed
 */
export async function startDev(start: number, stopped?: string): Promise<Dev> {
  const folder = stopped ?? mkdtempSync(join(tmpdir(), 'millrace-dev-'));
  const data = join(folder, 'data');
  if (stopped === undefined) await deployDev(data);
  const trouble: Trouble = { ...fine };
  const runtime = await startRuntime({
    assemblyDir: await devAssembly(),
    stageName: 'dev',
    dataDir: data,
    clock: { start, rate: 0 },
    faults: {
      delivery: (point) => trouble.delivery(point),
      statement: (name) => trouble.statement(name),
      call: (operation) => trouble.call(operation),
    },
  });
  const { endpoint, region } = runtime;
  const { credentials } = runtime.administrator;
  const outputs = runtime.deployment.outputs['millrace-dev-data']!;
  const pipelineOutputs = runtime.deployment.outputs['millrace-dev-pipelines']!;
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  const kinesis = new KinesisClient({ endpoint, region, credentials });
  const [ClusterIdentifier, Database, SecretArn] = ['WarehouseName', 'DatabaseName', 'OwnerSecretArn'].map((name) =>
    String(outputs[name]),
  ) as [string, string, string];
  const warehouse = { ClusterIdentifier, Database, SecretArn };
  writeRuntimeFile(data, { pid: process.pid, endpoint, region, credentials, warehouse, outputs, pipelineOutputs });
  const outputsFile = join(folder, 'outputs.json');
  writeFileSync(outputsFile, JSON.stringify(runtime.deployment.outputs));
  const stop = async () => {
    s3.destroy();
    kinesis.destroy();
    await runtime.dispose();
    return folder;
  };
  const cli = (...args: string[]) => millrace(...args, '--data', data);
  return {
    runtime,
    data,
    trouble,
    cli,
    output: (pattern) => String(Object.entries(outputs).find(([id]) => pattern.test(id))![1]),
    async put(Key, Body) {
      const { ETag } = await s3.send(new PutObjectCommand({ Bucket: String(outputs['HistoryBucketName']), Key, Body }));
      return ETag!.replaceAll('"', '');
    },
    async send(records) {
      const Records = records.map((record, n) => ({
        Data: Buffer.from(JSON.stringify(record)),
        PartitionKey: `k${n}`,
      }));
      await kinesis.send(new PutRecordsCommand({ StreamName: 'millrace-dev-estore', Records }));
    },
    query: async (sql) => (await runtime.warehouse.query(sql)).rows.map((row) => row.map(String)),
    pass: (ms) => passTime(runtime, ms),
    async live(act) {
      runtime.clock.setRate(10);
      try {
        return await act();
      } finally {
        runtime.clock.setRate(0);
      }
    },
    async json(...args) {
      const { stdout, stderr } = await cli(...args, '--json');
      if (stdout === '') throw new Error(stderr);
      return JSON.parse(stdout);
    },
    aws: (...args) =>
      run([...args, '--environment', 'dev', '--outputs', outputsFile], {
        ...runtime.environment,
        PATH: process.env['PATH'],
      }),
    stop,
    async dispose() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): Process {
  const child = spawn(process.execPath, [join(__dirname, '../../bin/millrace.js'), ...args], { env });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { ended, kill: (signal) => void child.kill(signal) };
}

/** An event as the shop sends it. */
export const event = (customer_id: string, more: Record<string, unknown> = {}) => ({
  customer_id,
  product: { product_id: 'p-1' },
  action: 'cart',
  timestamp: '2026-11-20T10:00:00',
  ...more,
});

export const gzipped = (records: readonly unknown[]) =>
  gzipSync(`${records.map((record) => JSON.stringify(record)).join('\n')}\n`);
