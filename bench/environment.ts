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
import { feedStream } from '../cli/commands/feed';
import { synthesize } from '../cli/commands/local/synth';
import { grouped } from '../cli/terminal';
import { asksForKeys, parametersOf } from '../lambda/shared/forget-keys';
import { type Runtime, type RuntimeOptions, startRuntime } from '../local/runtime';
import { pipelines } from '../pipelines';
import { generator } from '../pipelines/estore/generator';
import { print } from './print';

export const streamName = 'millrace-dev-estore';
export const pipeline = pipelines.find(({ name }) => name === 'estore')!;

/** The dev environment, started as `npm start` does, with a stopped clock. */
export interface Environment {
  readonly runtime: Runtime;
  readonly dataDir: string;
  /** Returns an output of the data stack. */
  output(name: string): string;
  /** Settings with which the SDK clients reach the runtime, as its administrator. */
  readonly client: { endpoint: string; region: string; credentials: Runtime['administrator']['credentials'] };
  /**
   * Runs one statement, or several as one transaction, through the Data API. Returns the seconds until its end is known.
   * @param secretArn of the database user. @default - the owner
   */
  run(sqls: readonly string[], secretArn?: string): Promise<number>;
  /** Secret of the database user of a function of `estore`. Roles that COPY and UNLOAD use trust these users only. */
  secretOf(purpose: 'Load' | 'Exports' | 'Reconcile'): string;
  /** Lets that user do everything with a table. */
  share(table: string, purpose: 'Load' | 'Exports'): Promise<void>;
  /** Returns the first value of a query's first row. */
  number(sql: string): Promise<number>;
  /** Puts generated events onto the estore stream. Returns the number of records. */
  feed(events: number, seed: string): Promise<number>;
}

export async function withEnvironment(
  use: (environment: Environment, restart: () => Promise<Environment>) => Promise<void>,
  options: Pick<RuntimeOptions, 'warehouseThreads' | 'onAllowed'> = {},
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  let runtime: Runtime | undefined;
  try {
    const assemblyDir = await synthesize(join(dataDir, 'cdk.out'), new AbortController().signal);
    const start = async () => {
      await runtime?.dispose();
      runtime = await startRuntime({ assemblyDir, stageName: 'dev', dataDir, clock: { rate: 0 }, ...options });
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
  const run = (sqls: readonly string[], secretArn = output('OwnerSecretArn')) =>
    runStatements(new RedshiftDataClient(client), output, sqls, secretArn);
  const secretOf = (purpose: string) => {
    const path = `Estore/${purpose}/`;
    const found = runtime.ofType('AWS::Lambda::Function').find((each) => each.path?.includes(path))?.properties;
    return (found as { Environment: { Variables: { SECRET_ARN: string } } }).Environment.Variables.SECRET_ARN;
  };
  return {
    runtime,
    dataDir,
    output,
    client,
    run,
    secretOf,
    async share(table, purpose) {
      const secret = await runtime.secrets.getSecretString(runtime.administrator.principal, secretOf(purpose));
      await run([`grant all on ${table} to ${JSON.parse(secret).username}`]);
    },
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
  SecretArn: string,
): Promise<number> {
  const target = {
    ClusterIdentifier: output('WarehouseName'),
    Database: output('DatabaseName'),
    SecretArn,
  };
  // Nobody is forgotten here, so any keys do.
  const keys = Object.keys(parametersOf({ inner: '', outer: '' })).map((name) => ({ name, value: 'none' }));
  const Parameters = asksForKeys(sqls) ? keys : undefined;
  try {
    const began = performance.now();
    const { Id } =
      sqls.length === 1
        ? await client.send(new ExecuteStatementCommand({ ...target, Sql: sqls[0], Parameters }))
        : await client.send(new BatchExecuteStatementCommand({ ...target, Sqls: [...sqls], Parameters }));
    for (;;) {
      const { Status, Error: message } = await client.send(new DescribeStatementCommand({ Id, WaitTimeSeconds: 20 }));
      if (Status === 'FAILED' || Status === 'ABORTED') throw new Error(message ?? Status);
      if (Status === 'FINISHED') return secondsSince(began);
    }
  } finally {
    client.destroy();
  }
}

/** Returns the seconds that DuckDB alone needs for `create table raw as <query>` in a file of its own. */
export const duckdbAlone = (query: string) => duckdbTimed([], `create table raw as ${query}`);

/**
 * Returns the median of the seconds that DuckDB alone needs for a statement, in a file of its own after the statements
 * of `before`.
 */
export const duckdbTimed = (before: readonly string[], statement: string, repeats = 1) =>
  withDuckdb(before, async (run) => {
    const seconds: number[] = [];
    for (let i = 0; i < repeats; i += 1) seconds.push(await run(statement));
    return median(seconds);
  });

/** Opens a DuckDB file of its own and runs the statements of `before`. `run` returns the seconds of one more. */
export async function withDuckdb<T>(
  before: readonly string[],
  use: (run: (statement: string) => Promise<number>) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-raw-'));
  const instance = await DuckDBInstance.create(join(folder, 'raw.duckdb'));
  const connection = await instance.connect();
  try {
    for (const sql of before) await connection.run(sql);
    return await use(async (statement) => {
      const began = performance.now();
      await connection.runAndReadAll(statement);
      return secondsSince(began);
    });
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Time of some work, by the clock and of all processors. Processor time says more on a machine with other work. */
export interface Taken {
  readonly seconds: number;
  readonly processorSeconds: number;
}

export async function taken(work: () => Promise<number>): Promise<Taken> {
  const before = process.cpuUsage();
  const seconds = await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds, processorSeconds: (user + system) / 1e6 };
}

/**
 * Returns the least time of each of several works. They take turns, so that other load on the machine affects all of
 * them.
 * @param between undoes what must not exist in the next turn
 */
export async function leastOf<Name extends string>(
  repeats: number,
  works: Readonly<Record<Name, (repeat: number) => Promise<number>>>,
  between?: () => Promise<unknown>,
): Promise<Record<Name, Taken>> {
  const least = {} as Record<Name, Taken>;
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    if (repeat > 0) await between?.();
    for (const name of Object.keys(works) as Name[]) {
      const { seconds, processorSeconds } = await taken(() => works[name](repeat));
      least[name] = {
        seconds: Math.min(seconds, least[name]?.seconds ?? seconds),
        processorSeconds: Math.min(processorSeconds, least[name]?.processorSeconds ?? processorSeconds),
      };
    }
  }
  return least;
}

/** Prints how fast something is beside something else, and the goal. */
export function ratio(ours: Taken, alone: Taken, wanted: string): void {
  const byClock = (alone.seconds / ours.seconds).toFixed(2);
  const byProcessor = (alone.processorSeconds / ours.processorSeconds).toFixed(2);
  print(`ratio ${byClock} by the clock, ${byProcessor} by processor time; wanted: ${wanted}`);
}

export const secondsSince = (began: number) => (performance.now() - began) / 1000;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const machine = () => `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;

/** Prints a line of a report: what, how long, how many a second. */
export function line(what: string, seconds: number, count?: number, unit = 'records'): void {
  const rate = count === undefined ? '' : `${grouped(Math.round(count / seconds)).padStart(12)} ${unit}/s`;
  print(`${what.padEnd(52)} ${seconds.toFixed(2).padStart(8)} s ${rate}`);
}
