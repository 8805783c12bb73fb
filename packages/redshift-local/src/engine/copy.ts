import type { Principal } from 'aws-local-kit';
import type { Name } from '../statement';
import { qualified, type RelationEntry, temporarySchema } from './catalog';
import type { Reading } from './copy-fields';
import { assertWholeGzip } from './copy-gzip';
import { type JsonPath, readJsonPaths } from './copy-json-paths';
import { blankHeader, opensQuote, replaceInvalid, requireNoBlankLines } from './copy-lines';
import { marksOf, rewriteFields } from './copy-marks';
import { loadPacked } from './copy-packed';
import { copyParquet } from './copy-parquet';
import { type Copy, columnsOf, dropRejects, type Loaded, loadRecords, readingOf } from './copy-records';
import { Sources } from './copy-sources';
import { identifier } from './database';
import { duckdbName } from './ddl';
import { WarehouseError } from './errors';
import { requireRelation } from './privileges';
import { parseS3Url } from './s3-url';
import type { LogRow, Session } from './session';

/** Loads objects into a table. Returns the number of rows. */
export async function copy(session: Session, statement: Copy): Promise<number> {
  const table = target(session, statement.table);
  checkOptions(statement, table);
  const principal = session.options.assume(statement.roleArn, session.user.name);
  const sources = await Sources.open(session, principal, statement);
  try {
    const paths = await jsonPathsOf(session, principal, statement, table);
    return await load(session, statement, table, sources, paths);
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
  'roundec',
];
const fields = [
  ...conversions,
  'ignoreheader',
  'ignoreblanklines',
  'delimiter',
  'null',
  'fillrecord',
  'acceptinvchars',
];
const known: Readonly<Record<Copy['format'], readonly string[]>> = {
  'json-auto': conversions,
  'json-noshred': conversions,
  'json-ignorecase': conversions,
  'json-paths': conversions,
  csv: [...fields, 'quote'],
  text: [...fields, 'escape', 'removequotes'],
  parquet: ['statupdate', 'serializetojson'],
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

/** Returns undefined if the COPY has no JSONPaths file, or one that it ignores. */
async function jsonPathsOf(session: Session, principal: Principal, statement: Copy, table: RelationEntry) {
  if (statement.jsonPaths === undefined) return undefined;
  const { bucket, key } = parseS3Url(statement.jsonPaths);
  const body = await session.options.s3.get(principal, bucket, key);
  return readJsonPaths(statement.jsonPaths, body.toString('utf8'), columnsOf(statement, table).length);
}

async function load(
  session: Session,
  statement: Copy,
  table: RelationEntry,
  sources: Sources,
  paths: readonly JsonPath[] | undefined,
): Promise<number> {
  const into = table.schema === temporarySchema ? `temp.${identifier(table.name)}` : duckdbName(table);
  const loaded =
    statement.format === 'parquet'
      ? await loadParquet(session, statement, into, table, sources)
      : await loadText(session, statement, readingOf(statement, table, paths), into, table, sources);
  await log(session, statement, table, sources, loaded);
  if (loaded.failed)
    throw new WarehouseError(
      `Load into table '${table.name}' failed. Check 'sys_load_error_detail' system table for details`,
    );
  if (loaded.rows > 0 && table.schema !== temporarySchema) session.changed(qualified(table));
  session.connection.set({ millrace_last_copy_id: String(session.queryId) });
  return loaded.rows;
}

async function loadParquet(
  session: Session,
  statement: Copy,
  into: string,
  table: RelationEntry,
  sources: Sources,
): Promise<Loaded> {
  const lines = await copyParquet(
    session,
    into,
    columnsOf(statement, table),
    sources,
    statement.options['serializetojson'] === true,
  );
  return { rows: [...lines.values()].reduce((sum, n) => sum + n, 0), lines, errors: [], failed: false };
}

async function loadText(
  session: Session,
  statement: Copy,
  reading: Reading,
  into: string,
  table: RelationEntry,
  sources: Sources,
): Promise<Loaded> {
  const isFields = statement.format === 'csv' || statement.format === 'text';
  if (statement.compression === 'gzip' && !isFields)
    return loadPacked(session, statement, reading, into, table, sources);
  await assertWholeGzip(sources.files);
  const isPlain = await rewrite(statement, reading, sources);
  const plain = isPlain ? { ...statement, compression: 'none' as const } : statement;
  // DuckDB's reader skips blank lines, which are records to Redshift.
  if (isFields && statement.options['ignoreblanklines'] !== true)
    for (const file of sources.files) await requireNoBlankLines(file, reading.rules);
  return loadRecords(session, plain, reading, into, table, sources);
}

/** Rewrites the files that DuckDB's reader would not read as Redshift does. Returns true if it did, for plain files. */
async function rewrite({ options, ...statement }: Copy, { rules }: Reading, sources: Sources): Promise<boolean> {
  const replacement = options['acceptinvchars'];
  const marks = marksOf({ options, ...statement });
  if (replacement !== undefined) await sources.rewrite((file, path) => replaceInvalid(file, path, String(replacement)));
  if (marks) await sources.rewrite((file, path) => rewriteFields(file, path, marks));
  let opens = false;
  for (const file of sources.files) opens ||= await opensQuote(file, rules);
  if (opens) await sources.rewrite((file, path) => blankHeader(file, path, rules));
  return replacement !== undefined || marks !== undefined || opens;
}

const fileFormats: Readonly<Record<Copy['format'], string>> = {
  csv: 'CSV',
  text: 'Text',
  parquet: 'Parquet',
  'json-auto': 'JSON',
  'json-ignorecase': 'JSON',
  'json-paths': 'JSON',
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
