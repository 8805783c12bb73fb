import { existsSync, renameSync, rmSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance, DuckDBTimestampMillisecondsValue } from '@duckdb/node-api';
import type { StreamRecord } from 'kinesis-reader';
import { Failure } from '../../failure';
import type { Sink } from './sink';

const columns = `msg_id varchar, shard_id varchar, seq_no varchar, arrived_at timestamp_ms, partition_key varchar,
  stream_name varchar, value json, undecodable varchar, bytes blob`;

/** Rows in the table `records` of a DuckDB database: each record once, by its message id. */
export async function tableSink(file: string): Promise<Sink> {
  const { connection, close } = await open(file);
  await connection.run(`create table if not exists records (${columns})`);
  await connection.run(`create temp table batch (${columns})`);
  const merge = async () => {
    await connection.run('begin');
    await connection.run('insert into records from batch anti join records using (msg_id)');
    await connection.run('delete from batch');
    await connection.run('commit');
  };
  return {
    write: (records) => append(connection, 'batch', records),
    flush: merge,
    close: async () => close(),
  };
}

/** One Parquet file, complete or not there: written when the read has ended. */
export async function parquetSink(file: string): Promise<Sink> {
  if (existsSync(file)) throw new Failure(`--out ${file} exists already; name another file`, 2);
  const { connection, close } = await open(':memory:');
  await connection.run(`create table records (${columns})`);
  const write = async () => {
    const escaped = `${file}.new`.replaceAll("'", "''");
    await connection.run(`copy records to '${escaped}' (format parquet, compression zstd)`);
    renameSync(`${file}.new`, file);
  };
  return {
    write: (records) => append(connection, 'records', records),
    flush: write,
    async close() {
      close();
      rmSync(`${file}.new`, { force: true });
    },
  };
}

async function open(file: string): Promise<{ connection: DuckDBConnection; close(): void }> {
  const instance = await DuckDBInstance.create(file).catch((error: Error) => {
    throw new Failure(`--out ${file} cannot be opened as a DuckDB database: ${error.message.split('\n')[0]}`);
  });
  const connection = await instance.connect();
  return {
    connection,
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

async function append(connection: DuckDBConnection, table: string, records: readonly StreamRecord[]): Promise<number> {
  const appender = await connection.createAppender(table);
  let payload = 0;
  for (const { value, undecodable, _kinesis: at, _kinesis_msg_id } of records) {
    const bytes = undecodable?.bytes ?? (value instanceof Uint8Array ? value : undefined);
    appender.appendVarchar(_kinesis_msg_id);
    appender.appendVarchar(at.shard_id);
    appender.appendVarchar(at.seq_no);
    appender.appendTimestampMilliseconds(new DuckDBTimestampMillisecondsValue(BigInt(at.ts.getTime())));
    appender.appendVarchar(at.partition);
    appender.appendVarchar(at.stream_name);
    const json = bytes ? undefined : JSON.stringify(value);
    payload += bytes?.length ?? json!.length;
    if (json === undefined) appender.appendNull();
    else appender.appendVarchar(json);
    if (undecodable) appender.appendVarchar(undecodable.reason);
    else appender.appendNull();
    if (bytes) appender.appendBlob(bytes);
    else appender.appendNull();
    appender.endRow();
  }
  appender.closeSync();
  return payload;
}
