import type { Name } from '../statement';
import { qualified, type RelationEntry, temporarySchema } from './catalog';
import { assertWholeGzip } from './copy-gzip';
import { replaceInvalid, requireNoBlankLines } from './copy-lines';
import { loadPacked } from './copy-packed';
import { copyParquet } from './copy-parquet';
import { type Copy, columnsOf, dropRejects, type Loaded, loadRecords, readingOf } from './copy-records';
import { Sources } from './copy-sources';
import { identifier } from './database';
import { duckdbName } from './ddl';
import { WarehouseError } from './errors';
import { requireRelation } from './privileges';
import type { LogRow, Session } from './session';

/** Loads objects into a table. Returns the number of rows. */
export async function copy(session: Session, statement: Copy): Promise<number> {
  const table = target(session, statement.table);
  checkOptions(statement, table);
  const principal = session.options.assume(statement.roleArn, session.user.name);
  const sources = await Sources.open(session, principal, statement);
  try {
    return await load(session, statement, table, sources);
  } finally {
    sources.close();
    // An aborted transaction cannot drop anything. Its rollback does it.
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

/** Options that have no effect on a local load, or that are applied where the format is read. */
const conversions = [
  'compupdate',
  'statupdate',
  'timeformat',
  'dateformat',
  'truncatecolumns',
  'blanksasnull',
  'emptyasnull',
  'trimblanks',
];
const known: Readonly<Record<Copy['format'], readonly string[]>> = {
  'json-auto': conversions,
  'json-noshred': conversions,
  csv: [
    ...conversions,
    'ignoreheader',
    'ignoreblanklines',
    'delimiter',
    'quote',
    'null',
    'fillrecord',
    'acceptinvchars',
  ],
  text: [...conversions, 'ignoreheader', 'ignoreblanklines', 'delimiter', 'null', 'fillrecord', 'acceptinvchars'],
  parquet: ['statupdate'],
};

function checkOptions(statement: Copy, table: RelationEntry): void {
  const { format, compression, options } = statement;
  const filled = new Set(columnsOf(statement, table).map(({ name }) => name));
  const empty = table.columns.find(
    ({ name, notNull, defaultValue }) => notNull && defaultValue === undefined && !filled.has(name),
  );
  if (empty)
    throw new WarehouseError(`column "${empty.name}" is NOT NULL without a DEFAULT, but COPY does not list it`);
  if (!['none', 'gzip', 'zstd'].includes(compression))
    throw new WarehouseError(`COPY ${compression.toUpperCase()} is not modelled by the local warehouse`);
  for (const option of Object.keys(options))
    if (!known[format].includes(option))
      throw new WarehouseError(`COPY option ${option.toUpperCase()} is not modelled by the local warehouse`);
  if (format === 'json-noshred' && (table.columns.length !== 1 || table.columns[0]!.type.name !== 'super'))
    throw new WarehouseError(
      `JSON 'noshred' needs a table with a single SUPER column, "${table.name}" has ${table.columns.length} columns`,
    );
}

async function load(session: Session, statement: Copy, table: RelationEntry, sources: Sources): Promise<number> {
  const into = table.schema === temporarySchema ? `temp.${identifier(table.name)}` : duckdbName(table);
  const loaded =
    statement.format === 'parquet'
      ? await loadParquet(session, statement, into, table, sources)
      : await loadText(session, statement, into, table, sources);
  await log(session, statement, table, sources, loaded);
  if (loaded.failed)
    throw new WarehouseError(
      `Load into table '${table.name}' failed. Check 'sys_load_error_detail' system table for details`,
    );
  if (loaded.rows > 0 && table.schema !== temporarySchema) session.changed(qualified(table));
  await session.connection.run(`set variable millrace_last_copy_id = ${session.queryId}`);
  return loaded.rows;
}

async function loadParquet(
  session: Session,
  statement: Copy,
  into: string,
  table: RelationEntry,
  sources: Sources,
): Promise<Loaded> {
  const lines = await copyParquet(session, into, columnsOf(statement, table), sources);
  return { rows: [...lines.values()].reduce((sum, n) => sum + n, 0), lines, errors: [], failed: false };
}

async function loadText(
  session: Session,
  statement: Copy,
  into: string,
  table: RelationEntry,
  sources: Sources,
): Promise<Loaded> {
  const reading = readingOf(statement, table);
  const isFields = statement.format === 'csv' || statement.format === 'text';
  if (statement.compression === 'gzip' && !isFields)
    return loadPacked(session, statement, reading, into, table, sources);
  await assertWholeGzip(sources.files);
  const replacement = statement.options['acceptinvchars'];
  const plain = replacement === undefined ? statement : { ...statement, compression: 'none' as const };
  if (replacement !== undefined) await sources.rewrite((file, path) => replaceInvalid(file, path, String(replacement)));
  // DuckDB's reader skips blank lines, which are records to Redshift.
  if (isFields && statement.options['ignoreblanklines'] !== true)
    for (const file of sources.files) await requireNoBlankLines(file, reading.rules);
  return loadRecords(session, plain, reading, into, table, sources);
}

const fileFormats: Readonly<Record<Copy['format'], string>> = {
  csv: 'CSV',
  text: 'Text',
  parquet: 'Parquet',
  'json-auto': 'JSON',
  'json-noshred': 'JSON',
};

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
    file_format: fileFormats[statement.format],
    loaded_rows: rows,
    loaded_bytes: sources.bytes,
    source_file_count: sources.files.length,
    error_count: errors.length,
  });
}
