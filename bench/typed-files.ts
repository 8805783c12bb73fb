/**
 * Measures how fast typed files are read and written: COPY of gzipped newline-delimited JSON into typed columns, and
 * UNLOAD of the table to Parquet, submitted through the Data API. DuckDB alone does the same with one statement each,
 * from and to the disk.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { grouped } from '../cli/terminal';
import { exportsRoot } from '../lib/warehouse/warehouse-roles';
import { duckdbAlone, type Environment, leastOf, line, ratio, withDuckdb, withEnvironment } from './environment';

const linesPerFile = 25_000;
const prefix = 'versions/bench/';

const duckdbColumns = `{id: 'bigint', customer: 'varchar', action: 'varchar', amount: 'decimal(12, 2)', price: 'double', made: 'timestamp'}`;
const columns =
  'id bigint, customer varchar(64), action varchar(16), amount decimal(12, 2), price double precision, made timestamp';

export const typedFiles = (events: number, repeats: number) =>
  withEnvironment(async (environment) => {
    const { runtime, output } = environment;
    const keys = await write(environment, events);
    const paths = keys.map((key) => `'${runtime.s3.pathOf(output('WorkBucketName'), key)}'`).join(', ');
    const read = `select * from read_json([${paths}], format = 'newline_delimited', compression = 'gzip', columns = ${duckdbColumns})`;
    await environment.run([`create table estore.bench_typed (${columns})`]);
    await environment.share('estore.bench_typed', 'Load');
    await environment.share('estore.bench_typed', 'Exports');
    const copy = `copy estore.bench_typed from 's3://${output('WorkBucketName')}/${prefix}' iam_role '${role(environment, 'Load')}' json 'auto' gzip timeformat 'auto'`;
    const into = await leastOf(
      repeats,
      { alone: () => duckdbAlone(read), copied: () => environment.run([copy], environment.secretOf('Load')) },
      () => environment.run(['truncate estore.bench_typed']),
    );
    const copied = await environment.number('select count(*) from estore.bench_typed');
    if (copied !== events) throw new Error(`${copied} rows were copied, ${events} expected`);
    line(`DuckDB alone: ${grouped(events)} typed lines in`, into.alone.seconds, events, 'rows');
    line(`COPY of ${grouped(keys.length)} gzip files, JSON 'auto'`, into.copied.seconds, events, 'rows');
    ratio(into.copied, into.alone, 'at least 0.5');

    const out = await withRaw(read, (raw) =>
      leastOf(repeats, {
        alone: raw,
        unloaded: (repeat) =>
          environment.run(
            [
              `unload ('select * from estore.bench_typed') to 's3://${output('ExportsBucketName')}/${exportsRoot}bench/${repeat}/'
             iam_role '${role(environment, 'Unload')}' parquet encrypted auto`,
            ],
            environment.secretOf('Exports'),
          ),
      }),
    );
    line('DuckDB alone: to Parquet', out.alone.seconds, events, 'rows');
    line('UNLOAD to Parquet', out.unloaded.seconds, events, 'rows');
    ratio(out.unloaded, out.alone, 'at least 0.5');
  });

const role = ({ runtime }: Environment, name: string) =>
  String(runtime.find(`Data/WarehouseRoles/${name}`).attributes['Arn']);

async function write({ runtime, output }: Environment, events: number): Promise<string[]> {
  const keys: string[] = [];
  const actions = ['view', 'cart', 'uncart', 'purchase', 'return'];
  for (let start = 0; start < events; start += linesPerFile) {
    const lines = Array.from({ length: Math.min(linesPerFile, events - start) }, (_, index) => {
      const id = start + index;
      const at = new Date(runtime.clock.now() - id * 100).toISOString().slice(0, -1);
      const amount = ((id * 7919) % 100_000) / 100;
      return `{"id":${id},"customer":"customer_${(id * 104_729) % 5000}","action":"${actions[id % 5]}","amount":${amount},"price":${amount * 1.19},"made":"${at}"}\n`;
    });
    const key = `${prefix}${String(keys.length).padStart(6, '0')}.gz`;
    await runtime.s3.put(runtime.administrator.principal, output('WorkBucketName'), key, gzipSync(lines.join('')));
    keys.push(key);
  }
  return keys;
}

/** Passes to `use` a function that writes the rows to Parquet by DuckDB alone, from a table in a file of its own. */
async function withRaw<T>(read: string, use: (write: () => Promise<number>) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-parquet-'));
  try {
    return await withDuckdb([`create table raw as ${read}`, 'checkpoint'], (run) =>
      use(() => run(`copy raw to '${join(folder, 'raw.parquet')}' (format parquet, compression snappy)`)),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
