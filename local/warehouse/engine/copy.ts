import type { Name, Statement } from '../statement';
import { qualified, type RelationEntry, temporarySchema } from './catalog';
import { csvReading } from './copy-csv';
import { errorOf, type Reading } from './copy-fields';
import { assertWholeGzip } from './copy-gzip';
import { autoReading, noshredReading } from './copy-json';
import { type LineError, type Repaired, repair, requireReadable } from './copy-lines';
import { copyParquet } from './copy-parquet';
import { type SourceFile, Sources } from './copy-sources';
import { identifier } from './database';
import { duckdbName } from './ddl';
import { errorText, WarehouseError } from './errors';
import { requireRelation } from './privileges';
import type { LogRow, Session } from './session';

type Copy = Extract<Statement, { kind: 'copy' }>;

/** Loads objects into a table. Returns the number of rows. */
export async function copy(session: Session, statement: Copy): Promise<number> {
  const table = target(session, statement.table);
  checkOptions(statement, table);
  const principal = session.options.assume(statement.roleArn, session.user.name);
  const sources = await Sources.open(session, principal, statement);
  try {
    await assertWholeGzip(sources.files);
    return await load(session, statement, table, sources);
  } finally {
    sources.close();
    // In an aborted transaction nothing can be dropped; its rollback does it.
    await dropRejects(session).catch(() => undefined);
  }
}

function target(session: Session, name: Name): RelationEntry {
  const temporary =
    name.schema === undefined || name.schema === temporarySchema ? session.state.temporary.get(name.name) : undefined;
  const entry = temporary ?? session.state.relation(name);
  if (!entry) throw new WarehouseError(`relation "${qualified(name)}" does not exist`);
  if (entry.kind !== 'table') throw new WarehouseError(`cannot copy to "${entry.name}": it is not a table`);
  if (!temporary) requireRelation(session, entry, 'insert');
  return entry;
}

/** Options without a meaning for a local load, or honoured where the format is read. */
const known: Readonly<Record<Copy['format'], readonly string[]>> = {
  'json-auto': ['compupdate', 'statupdate', 'timeformat'],
  'json-noshred': ['compupdate', 'statupdate', 'timeformat'],
  csv: [
    'compupdate',
    'statupdate',
    'timeformat',
    'ignoreheader',
    'ignoreblanklines',
    'delimiter',
    'quote',
    'emptyasnull',
  ],
  parquet: ['statupdate'],
};

function checkOptions({ format, compression, options }: Copy, table: RelationEntry): void {
  if (!['none', 'gzip', 'zstd'].includes(compression))
    throw new WarehouseError(`COPY ${compression.toUpperCase()} is not modelled by the local warehouse`);
  for (const option of Object.keys(options))
    if (!known[format].includes(option))
      throw new WarehouseError(`COPY option ${option.toUpperCase()} is not modelled by the local warehouse`);
  // The reader of DuckDB skips blank lines, which Redshift takes for records.
  if (format === 'csv' && options['ignoreblanklines'] !== true)
    throw new WarehouseError('COPY CSV without IGNOREBLANKLINES is not modelled by the local warehouse');
  if (format === 'json-noshred' && (table.columns.length !== 1 || table.columns[0]!.type.name !== 'super'))
    throw new WarehouseError(
      `JSON 'noshred' needs a table with a single SUPER column, "${table.name}" has ${table.columns.length} columns`,
    );
}

interface Loaded {
  readonly rows: number;
  /** Lines or records of each file that hold something, by path. */
  readonly lines: ReadonlyMap<string, number>;
  readonly errors: readonly LineError[];
  readonly failed: boolean;
}

async function load(session: Session, statement: Copy, table: RelationEntry, sources: Sources): Promise<number> {
  const into = table.schema === temporarySchema ? `temp.${identifier(table.name)}` : duckdbName(table);
  const loaded =
    statement.format === 'parquet'
      ? await loadParquet(session, into, table, sources)
      : await loadRecords(session, statement, into, table, sources);
  await log(session, statement, table, sources, loaded);
  if (loaded.failed)
    throw new WarehouseError(
      `Load into table '${table.name}' failed. Check 'sys_load_error_detail' system table for details`,
    );
  if (loaded.rows > 0 && table.schema !== temporarySchema) session.changed(qualified(table));
  await session.connection.run(`set variable millrace_last_copy_id = ${session.queryId}`);
  return loaded.rows;
}

async function loadParquet(session: Session, into: string, table: RelationEntry, sources: Sources): Promise<Loaded> {
  const lines = await copyParquet(session, into, table.columns, sources);
  return { rows: [...lines.values()].reduce((sum, n) => sum + n, 0), lines, errors: [], failed: false };
}

function readingOf({ format, options }: Copy, table: RelationEntry): Reading {
  if (format === 'csv') return csvReading(table.columns, options);
  return format === 'json-noshred' ? noshredReading(table.columns) : autoReading(table.columns, options);
}

/** Counts first, so that a load with too many errors changes nothing; files with errors are read apart, for their line numbers. */
async function loadRecords(
  session: Session,
  statement: Copy,
  into: string,
  table: RelationEntry,
  sources: Sources,
): Promise<Loaded> {
  const reading = readingOf(statement, table);
  const counts = await countRecords(session, reading, sources.files, statement);
  const lines = new Map<string, number>();
  const repaired: Repaired[] = [];
  const errors: LineError[] = [];
  const clean: SourceFile[] = [];
  for (const source of sources.files) {
    const count = counts.get(source.path) ?? { lines: 0, bad: 0 };
    if (count.bad === 0) {
      lines.set(source.path, count.lines);
      clean.push(source);
      continue;
    }
    const file = await repair(source, sources.fresh(), reading.rules);
    const found = [...file.errors, ...(await badRecords(session, reading, file, table))];
    errors.push(...found.sort((one, other) => one.line - other.line));
    lines.set(source.path, file.lineOf.length + file.errors.length);
    repaired.push(file);
  }
  if (errors.length > 0 && errors.length >= Math.max(1, statement.maxErrors))
    return { rows: 0, lines, errors, failed: true };
  const insert = `insert into ${into} (${reading.names.join(', ')}) select ${reading.values.join(', ')} from`;
  let rows = 0;
  if (clean.length > 0)
    rows += await readable(session, `${insert} ${reading.reader(paths(clean), statement.compression, false)}`);
  if (repaired.length > 0)
    rows += await readable(
      session,
      `${insert} ${reading.reader(paths(repaired), 'none', true)} where (${reading.bad}) is null`,
    );
  return { rows, lines, errors, failed: false };
}

const paths = (files: readonly { path: string }[]) => files.map(({ path }) => path);

interface Count {
  readonly lines: number;
  readonly bad: number;
}

/** By path; a file without a line is not there. */
async function countRecords(
  session: Session,
  { reader, bad, rejects, rules }: Reading,
  files: readonly SourceFile[],
  { compression }: Copy,
): Promise<Map<string, Count>> {
  if (files.length === 0) return new Map();
  const sql = `select filename, count(*) as lines, count(${bad}) as bad from ${reader(paths(files), compression, false)} group by 1`;
  let rows: { filename: string; lines: bigint; bad: bigint }[];
  try {
    await dropRejects(session);
    rows = await session.connection.rows(sql);
  } catch (error) {
    if (/interrupt/i.test(errorText(error))) throw error;
    // DuckDB does not say which file stopped it.
    for (const file of files) await requireReadable(file, rules);
    throw error;
  }
  const counts = new Map(rows.map((row) => [row.filename, { lines: Number(row.lines), bad: Number(row.bad) }]));
  if (!rejects) return counts;
  const rejected = await session.connection.rows<{ path: string }>(
    `select distinct s.file_path as path from temp.millrace_copy_rejects as r join temp.millrace_copy_scans as s on s.scan_id = r.scan_id and s.file_id = r.file_id`,
  );
  for (const { path } of rejected) counts.set(path, { lines: counts.get(path)?.lines ?? 0, bad: 1 });
  return counts;
}

/** The records of one repaired file that are not what the table wants. */
async function badRecords(
  session: Session,
  { reader, bad, brokenMessage }: Reading,
  file: Repaired,
  table: RelationEntry,
): Promise<LineError[]> {
  await dropRejects(session);
  const rows = await session.connection.rows<{ number: bigint; bad: string }>(
    `select number, (${bad}) as bad from (select row_number() over () as number, * from ${reader([file.path], 'none', true)}) where (${bad}) is not null order by number`,
  );
  return rows.map(({ number, bad: column }) => {
    const at = { file: file.source.url, line: file.lineOf[Number(number) - 1]! };
    const type = table.columns.find((candidate) => candidate.name === column)?.type;
    return type ? { ...at, column, type: type.name, ...errorOf(type) } : { ...at, code: 1216, message: brokenMessage };
  });
}

async function readable(session: Session, sql: string): Promise<number> {
  await dropRejects(session);
  return session.connection.run(sql);
}

const dropRejects = (session: Session) =>
  session.connection.run(
    'drop table if exists temp.millrace_copy_rejects; drop table if exists temp.millrace_copy_scans',
  );

async function log(
  session: Session,
  statement: Copy,
  table: RelationEntry,
  sources: Sources,
  { rows, lines, errors, failed }: Loaded,
): Promise<void> {
  const now = { epochMs: session.options.clock.now() };
  const started = { epochMs: session.now };
  const database_name = session.options.database;
  const { user_id, query_id } = session.logBase();
  await session.log(
    'sys_load_error_detail',
    ...errors.map(
      (error): LogRow => ({
        ...session.logBase(),
        database_name,
        table_id: null,
        start_time: started,
        file_name: error.file.slice(0, 256),
        line_number: error.line,
        column_name: error.column ?? '',
        column_type: error.type ?? '',
        column_length: '',
        position: 0,
        error_code: error.code,
        error_message: error.message,
      }),
    ),
  );
  await session.log(
    'sys_load_detail',
    ...sources.files.map(
      ({ url, path, info }): LogRow => ({
        user_id,
        query_id,
        file_name: url.slice(0, 256),
        bytes_scanned: Math.min(info.size, 2_147_483_647),
        lines_scanned: lines.get(path) ?? 0,
        record_time: now,
        splits_scanned: 1,
        start_time: started,
        end_time: now,
        file_etag: info.etag.replaceAll('"', ''),
        file_last_modified: { epochMs: info.lastModified },
      }),
    ),
  );
  await session.log('sys_load_history', {
    ...session.logBase(),
    status: failed ? 'aborted' : 'completed',
    database_name,
    table_name: table.name,
    start_time: started,
    end_time: now,
    data_source: statement.from,
    file_format: statement.format === 'csv' ? 'CSV' : statement.format === 'parquet' ? 'Parquet' : 'JSON',
    loaded_rows: rows,
    loaded_bytes: sources.bytes,
    source_file_count: sources.files.length,
    error_count: errors.length,
  });
}
