/**
 * How fast records go from the stream through the landing view into `events`, beside the rate at which DuckDB alone loads the same bytes.
 *
 * The dev environment is synthesized and started as `npm start` does. Records are put onto the estore stream with the AWS SDK; that is not timed.
 * Timed are the statements of the refresh function that bring them into `events`, the refresh of the landing view and the merge, submitted through
 * the Data API as the function submits them. The limit is DuckDB reading the same segment files of the stream into a table of the same columns, in the
 * same process, directly afterwards: no reject reasons, no deduplication, no ids, no payload.
 */
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
import { Command } from 'commander';
import { feedStream } from '../bin/commands/feed';
import { synthesize } from '../bin/commands/local/synth';
import { wholeNumber } from '../bin/commands/options';
import { explain } from '../bin/failure';
import { grouped } from '../bin/terminal';
import { renderAll } from '../lambda/shared/statement';
import { type Runtime, startRuntime } from '../local/runtime';
import { pipelines } from '../pipelines';
import { generator } from '../pipelines/estore/generator';
import { refreshPlan } from '../sql';

const streamName = 'millrace-dev-estore';
const pipeline = pipelines.find(({ name }) => name === 'estore')!;

async function main(events: number): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  let runtime: Runtime | undefined;
  try {
    const assemblyDir = await synthesize(join(dataDir, 'cdk.out'), new AbortController().signal);
    runtime = await startRuntime({ assemblyDir, stageName: 'dev', dataDir, clock: { rate: 0 } });
    const produced = await fill(runtime, events);
    const through = await merge(runtime);
    const merged = Number((await runtime.warehouse.query('select count(*) from estore.events')).rows[0]![0]);
    if (merged !== events) throw new Error(`${merged} events were merged, ${events} expected`);
    const raw = await load(dataDir, await segments(runtime));
    report(produced, through, raw);
  } finally {
    await runtime?.dispose();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Puts the events onto the stream; answers how many records that were. */
async function fill(runtime: Runtime, events: number): Promise<number> {
  const client = new KinesisClient({
    endpoint: runtime.endpoint,
    region: runtime.region,
    credentials: runtime.administrator.credentials,
  });
  try {
    const generation = generator.generate({
      seed: 'bench',
      start: runtime.clock.now(),
      events,
      historyShare: 0,
      overlap: 0,
    });
    const began = performance.now();
    const { accepted } = await feedStream(client, streamName, generation.stream());
    console.log(`put ${grouped(accepted)} records in ${secondsSince(began).toFixed(1)} s (not part of the result)`);
    return accepted;
  } finally {
    client.destroy();
  }
}

/** Seconds per step. */
async function merge(runtime: Runtime): Promise<Record<string, number>> {
  const client = new RedshiftDataClient({
    endpoint: runtime.endpoint,
    region: runtime.region,
    credentials: runtime.administrator.credentials,
  });
  const outputs = runtime.deployment.outputs['millrace-dev-data']!;
  const target = {
    ClusterIdentifier: String(outputs['WarehouseName']),
    Database: String(outputs['DatabaseName']),
    SecretArn: String(outputs['OwnerSecretArn']),
  };
  const seconds: Record<string, number> = {};
  try {
    // what follows refreshes the views
    for (const step of refreshPlan(pipeline).steps.slice(0, 2)) {
      const uses = step.statements.some((statement) => statement.includes('{{run_id}}'));
      const statements = renderAll(step.statements, uses ? { run_id: 'bench' } : {});
      const began = performance.now();
      const { Id } =
        step.mode === 'single'
          ? await client.send(new ExecuteStatementCommand({ ...target, Sql: statements[0] }))
          : await client.send(new BatchExecuteStatementCommand({ ...target, Sqls: [...statements] }));
      for (;;) {
        const { Status, Error: message } = await client.send(new DescribeStatementCommand({ Id, WaitTimeSeconds: 20 }));
        if (Status === 'FAILED' || Status === 'ABORTED') throw new Error(`${step.name}: ${message ?? Status}`);
        if (Status === 'FINISHED') break;
      }
      seconds[step.name] = secondsSince(began);
    }
    return seconds;
  } finally {
    client.destroy();
  }
}

async function segments(runtime: Runtime): Promise<readonly string[]> {
  const { files } = await runtime.kinesis.readSlice(runtime.administrator.principal, streamName, {});
  return files;
}

/** Seconds that DuckDB needs for the files by itself. */
async function load(dataDir: string, files: readonly string[]): Promise<number> {
  const instance = await DuckDBInstance.create(join(dataDir, 'raw.duckdb'));
  const connection = await instance.connect();
  try {
    const list = files.map((file) => `'${file.replaceAll("'", "''")}'`).join(', ');
    const began = performance.now();
    await connection.run(`create table raw as
select shard_id, sequence_number, partition_key, make_timestamp(arrival_ms * 1000) as arrived_at,
  body ->> '$.customer_id' as customer_id, body ->> '$.product.product_id' as product_id, body ->> '$.action' as action,
  try_cast(body ->> '$.product.price' as decimal(12, 2)) as price, try_cast(body ->> '$.timestamp' as timestamp) as occurred_at
from (
  select *, try_cast(decode(from_base64(data)) as json) as body
  from read_json([${list}], format = 'newline_delimited',
    columns = {shard_id: 'varchar', sequence_number: 'varchar', partition_key: 'varchar', arrival_ms: 'bigint', data: 'varchar'})
)`);
    return secondsSince(began);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function report(produced: number, through: Record<string, number>, raw: number): void {
  const total = Object.values(through).reduce((sum, seconds) => sum + seconds, 0);
  const line = (what: string, seconds: number) =>
    console.log(
      `${what.padEnd(44)} ${seconds.toFixed(2).padStart(7)} s ${grouped(Math.round(produced / seconds)).padStart(10)} records/s`,
    );
  console.log(
    `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, ${grouped(produced)} records`,
  );
  for (const [step, seconds] of Object.entries(through)) line(`  ${step}`, seconds);
  line('stream → landing → events', total);
  line('DuckDB alone: the same files, typed', raw);
  console.log(`ratio ${(raw / total).toFixed(2)} of the raw rate`);
}

const secondsSince = (began: number) => (performance.now() - began) / 1000;

new Command('bench')
  .description('stream → landing → events, beside what DuckDB alone does with the same bytes')
  .option('--events <n>', 'distinct valid events', wholeNumber('--events', 1, 10_000_000), 1_000_000)
  .action(({ events }: { events: number }) => main(events))
  .parseAsync()
  .catch((error: unknown) => {
    console.error(`error: ${explain(error)}`);
    process.exitCode = 1;
  });
