import { existsSync, renameSync, rmSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { compareSequenceNumbers } from 'kinesis-reader';
import { Failure } from '../../failure';
import { columns, RowAppender } from './duckdb-rows';
import type { CopiedRecord, Sink } from './sink';

/** Bounds DuckDB's memory: it takes most of the machine's otherwise, and writes a file twice for small checkpoints. */
const settings = { memory_limit: '128MB', checkpoint_threshold: '64MB' };

/** Rows in the table `records` of a DuckDB database: each record once, by its stream and message id. */
export async function tableSink(file: string): Promise<Sink> {
  const { connection, close } = await open(file);
  try {
    await createTable(connection, file);
    const isBehindTable = await lastPositions(connection);
    // Records that the table may have already.
    await connection.run(`create temp table again (${columns})`);
    const [fresh, again] = [await RowAppender.open(connection, 'records'), await RowAppender.open(connection, 'again')];
    await connection.run('begin');
    return {
      write: async (records) => (isBehindTable(records[0]!) ? fresh : again).add(records),
      async flush() {
        fresh.flush();
        again.flush();
        await connection.run('insert into records from again anti join records using (msg_id, stream_name)');
        await connection.run('delete from again');
        await connection.run('commit');
        await connection.run('begin');
      },
      async close() {
        fresh.close();
        again.close();
        close();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** One Parquet file, complete or not there. Until the read has ended, its rows are in a database beside it. */
export async function parquetSink(file: string): Promise<Sink> {
  if (existsSync(file)) throw new Failure(`--out ${file} exists already; name another file`, 2);
  const [database, next] = [`${file}.rows`, `${file}.new`];
  const removeLeftovers = () => {
    for (const left of [database, `${database}.wal`, next]) rmSync(left, { force: true });
  };
  removeLeftovers();
  const { connection, close } = await open(database);
  await connection.run(`create table records (${columns})`);
  const rows = await RowAppender.open(connection, 'records');
  return {
    write: async (records) => rows.add(records),
    async flush() {
      rows.flush();
      await connection.run(`copy records to '${next.replaceAll("'", "''")}' (format parquet, compression zstd)`);
      renameSync(next, file);
    },
    async close() {
      rows.close();
      close();
      removeLeftovers();
    },
  };
}

async function open(file: string): Promise<{ connection: DuckDBConnection; close(): void }> {
  const instance = await DuckDBInstance.create(file, settings).catch((error: Error) => {
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

async function createTable(connection: DuckDBConnection, file: string): Promise<void> {
  await connection.run(`create temp table expected (${columns})`);
  await connection.run(`create table if not exists records (${columns})`);
  const described = async (table: string) =>
    JSON.stringify((await connection.runAndReadAll(`select name, type from pragma_table_info('${table}')`)).getRows());
  if ((await described('records')) !== (await described('expected')))
    throw new Failure(`--out ${file} has a table records with other columns; name another file`, 2);
  await connection.run('drop table expected');
}

/**
 * Finds the last record of each shard in the table. A reading yields no record twice, so records behind it are new, and
 * only others are compared with the rows of the table.
 * @returns whether a record, and so its whole batch, is behind the last one of its shard
 */
async function lastPositions(connection: DuckDBConnection): Promise<(record: CopiedRecord) => boolean> {
  const found = await connection.runAndReadAll(
    'select stream_name, shard_id, arg_max(seq_no, (length(seq_no), seq_no)) from records group by all',
  );
  const last = new Map(found.getRows().map(([stream, shard, seqNo]) => [`${stream} ${shard}`, String(seqNo)]));
  return ({ _kinesis: { stream_name, shard_id, seq_no } }) => {
    const known = last.get(`${stream_name} ${shard_id}`);
    return known === undefined || compareSequenceNumbers(seq_no, known) > 0;
  };
}
