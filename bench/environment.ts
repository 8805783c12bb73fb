import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import {
  BatchExecuteStatementCommand,
  DescribeStatementCommand,
  ExecuteStatementCommand,
  RedshiftDataClient,
} from '@aws-sdk/client-redshift-data';
import { DuckDBInstance } from '@duckdb/node-api';
import { feedStream } from '../bin/commands/feed';
import { synthesize } from '../bin/commands/local/synth';
import { grouped } from '../bin/terminal';
import { type Runtime, startRuntime } from '../local/runtime';
import { pipelines } from '../pipelines';
import { generator } from '../pipelines/estore/generator';

export const streamName = 'millrace-dev-estore';
export const pipeline = pipelines.find(({ name }) => name === 'estore')!;

/** The dev environment, started as `npm start` does, its clock standing still. */
export interface Environment {
  readonly runtime: Runtime;
  readonly dataDir: string;
  /** An output of the data stack. */
  output(name: string): string;
  /** How the SDK clients reach the runtime, as its administrator. */
  readonly client: { endpoint: string; region: string; credentials: Runtime['administrator']['credentials'] };
  /** Runs one statement, or several as one transaction, as the owner by the Data API. Returns the seconds until its end is known. */
  run(sqls: readonly string[]): Promise<number>;
  /** The first value of a query's first row. */
  number(sql: string): Promise<number>;
  /** Puts generated events onto the estore stream; returns how many records that were. */
  feed(events: number, seed: string): Promise<number>;
}

export async function withEnvironment(
  use: (environment: Environment, restart: () => Promise<Environment>) => Promise<void>,
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  let runtime: Runtime | undefined;
  try {
    const assemblyDir = await synthesize(join(dataDir, 'cdk.out'), new AbortController().signal);
    const start = async () => {
      await runtime?.dispose();
      runtime = await startRuntime({ assemblyDir, stageName: 'dev', dataDir, clock: { rate: 0 } });
      return environmentOf(runtime, dataDir);
    };
    await use(await start(), start);
  } finally {
    await runtime?.dispose();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function environmentOf(runtime: Runtime, dataDir: string): Environment {
  const client = {
    endpoint: runtime.endpoint,
    region: runtime.region,
    credentials: runtime.administrator.credentials,
  };
  const output = (name: string) => String(runtime.deployment.outputs['millrace-dev-data']![name]);
  return {
    runtime,
    dataDir,
    output,
    client,
    run: (sqls) => runStatements(new RedshiftDataClient(client), output, sqls),
    number: async (sql) => Number((await runtime.warehouse.query(sql)).rows[0]![0]),
    async feed(events, seed) {
      const kinesis = new KinesisClient(client);
      try {
        const generation = generator.generate({
          seed,
          start: runtime.clock.now(),
          events,
          historyShare: 0,
          overlap: 0,
        });
        return (await feedStream(kinesis, streamName, generation.stream())).accepted;
      } finally {
        kinesis.destroy();
      }
    },
  };
}

async function runStatements(
  client: RedshiftDataClient,
  output: (name: string) => string,
  sqls: readonly string[],
): Promise<number> {
  const target = {
    ClusterIdentifier: output('WarehouseName'),
    Database: output('DatabaseName'),
    SecretArn: output('OwnerSecretArn'),
  };
  try {
    const began = performance.now();
    const { Id } =
      sqls.length === 1
        ? await client.send(new ExecuteStatementCommand({ ...target, Sql: sqls[0] }))
        : await client.send(new BatchExecuteStatementCommand({ ...target, Sqls: [...sqls] }));
    for (;;) {
      const { Status, Error: message } = await client.send(new DescribeStatementCommand({ Id, WaitTimeSeconds: 20 }));
      if (Status === 'FAILED' || Status === 'ABORTED') throw new Error(message ?? Status);
      if (Status === 'FINISHED') return secondsSince(began);
    }
  } finally {
    client.destroy();
  }
}

/** Seconds that DuckDB needs by itself for `create table raw as <query>` in a file of its own. */
export const duckdbAlone = (query: string) => duckdbTimed([], `create table raw as ${query}`);

/** Seconds that DuckDB needs by itself for a statement, in a file of its own in which others ran before. */
export async function duckdbTimed(before: readonly string[], statement: string, repeats = 1): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-raw-'));
  const instance = await DuckDBInstance.create(join(folder, 'raw.duckdb'));
  const connection = await instance.connect();
  try {
    for (const sql of before) await connection.run(sql);
    const seconds: number[] = [];
    for (let i = 0; i < repeats; i += 1) {
      const began = performance.now();
      await connection.runAndReadAll(statement);
      seconds.push(secondsSince(began));
    }
    return median(seconds);
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(folder, { recursive: true, force: true });
  }
}

export const secondsSince = (began: number) => (performance.now() - began) / 1000;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const machine = () => `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;

/** A line of a report: what, how long, how many a second. */
export function line(what: string, seconds: number, count?: number, unit = 'records'): void {
  const rate = count === undefined ? '' : `${grouped(Math.round(count / seconds)).padStart(12)} ${unit}/s`;
  console.log(`${what.padEnd(52)} ${seconds.toFixed(2).padStart(8)} s ${rate}`);
}
