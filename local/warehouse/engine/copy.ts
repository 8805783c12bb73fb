import { statSync } from 'node:fs';
import { AwsError, type Principal } from '../../ports';
import type { Name, Statement } from '../statement';
import { qualified, type RelationEntry, temporarySchema } from './catalog';
import { jsonColumns } from './copy-json';
import { identifier, literal } from './database';
import { duckdbName } from './ddl';
import { WarehouseError } from './errors';
import { requireRelation } from './privileges';
import { parseS3Url } from './s3-url';
import type { LogRow, Session } from './session';
import { unreadableLines } from './unreadable-lines';

type Copy = Extract<Statement, { kind: 'copy' }>;

/** An object to load; `path` is where its lines can be read. */
export interface SourceFile {
  readonly url: string;
  readonly path: string;
  readonly compression: string;
}

interface LineError {
  readonly file: string;
  readonly line: number;
  readonly column?: string;
  readonly type?: string;
  readonly code: number;
  readonly message: string;
}

/** Options without a meaning for a local load, or honoured elsewhere. */
const harmless = ['compupdate', 'statupdate', 'timeformat', 'dateformat'];

/** Loads objects into a table: one JSON value a line. Returns the number of rows. */
export async function copy(session: Session, statement: Copy): Promise<number> {
  const table = target(session, statement.table);
  checkOptions(statement, table);
  const principal = session.options.assume(statement.roleArn, session.user.name);
  const sources = await sourcesOf(session, principal, statement);
  try {
    return await load(session, statement, table, sources);
  } finally {
    // In an aborted transaction nothing can be dropped; its rollback does it.
    for (const name of workTables)
      await session.connection.run(`drop table if exists temp.${name}`).catch(() => undefined);
  }
}

const workTables = ['millrace_copy_lines', 'millrace_copy_rejects', 'millrace_copy_scans'];

function target(session: Session, name: Name): RelationEntry {
  const temporary =
    name.schema === undefined || name.schema === temporarySchema ? session.state.temporary.get(name.name) : undefined;
  const entry = temporary ?? session.state.relation(name);
  if (!entry) throw new WarehouseError(`relation "${qualified(name)}" does not exist`);
  if (entry.kind !== 'table') throw new WarehouseError(`cannot copy to "${entry.name}": it is not a table`);
  if (!temporary) requireRelation(session, entry, 'insert');
  return entry;
}

function checkOptions(statement: Copy, table: RelationEntry): void {
  if (statement.format === 'csv' || statement.format === 'parquet')
    throw new WarehouseError(`COPY FORMAT ${statement.format.toUpperCase()} is not modelled by the local warehouse`);
  if (statement.compression !== 'none' && statement.compression !== 'gzip' && statement.compression !== 'zstd')
    throw new WarehouseError(`COPY ${statement.compression.toUpperCase()} is not modelled by the local warehouse`);
  for (const option of Object.keys(statement.options))
    if (!harmless.includes(option))
      throw new WarehouseError(`COPY option ${option.toUpperCase()} is not modelled by the local warehouse`);
  if (statement.format === 'json-noshred' && (table.columns.length !== 1 || table.columns[0]!.type.name !== 'super'))
    throw new WarehouseError(
      `JSON 'noshred' needs a table with a single SUPER column, "${table.name}" has ${table.columns.length} columns`,
    );
}

async function sourcesOf(session: Session, principal: Principal, statement: Copy): Promise<SourceFile[]> {
  const { s3 } = session.options;
  const { bucket, key } = parseS3Url(statement.from);
  const compression = statement.compression;
  if (!statement.manifest) {
    const objects = (await s3.list(principal, bucket, key)).filter((object) => !object.key.endsWith('/'));
    if (objects.length === 0) throw new WarehouseError(`The specified S3 prefix '${key}' does not exist`);
    return Promise.all(
      objects.map(async (object) => ({
        url: `s3://${bucket}/${object.key}`,
        path: await s3.pathForRead(principal, bucket, object.key),
        compression,
      })),
    );
  }
  const sources: SourceFile[] = [];
  for (const entry of manifestEntries(await s3.get(principal, bucket, key), statement.from)) {
    const object = parseS3Url(entry.url);
    try {
      sources.push({ url: entry.url, path: await s3.pathForRead(principal, object.bucket, object.key), compression });
    } catch (error) {
      const missing = error instanceof AwsError && ['NoSuchKey', 'NotFound'].includes(error.code);
      if (!missing) throw error;
      if (entry.mandatory)
        throw new WarehouseError(`mandatory object ${entry.url} of manifest ${statement.from} does not exist`);
    }
  }
  return sources;
}

function manifestEntries(body: Buffer, url: string): { url: string; mandatory: boolean }[] {
  const bad = (why: string) => new WarehouseError(`manifest ${url} is not valid: ${why}`);
  let manifest: { entries?: unknown };
  try {
    manifest = JSON.parse(body.toString('utf8'));
  } catch {
    throw bad('it is not JSON');
  }
  if (!Array.isArray(manifest?.entries)) throw bad('it has no list "entries"');
  return manifest.entries.map((entry, index) => {
    if (typeof entry?.url !== 'string') throw bad(`entry ${index + 1} has no url`);
    return { url: entry.url, mandatory: entry.mandatory === true };
  });
}

/** Above Redshift's 16,000,000 bytes for a SUPER value. */
const maxLineBytes = 20_000_000;

/** Lines as text. The separator is a control character that JSON has only as an escape. */
const readLinesSql = (paths: readonly string[], compression: string, more: string) =>
  `read_csv([${paths.map((path) => literal(path)).join(', ')}], auto_detect = false, columns = {'line': 'VARCHAR'}, header = false, delim = chr(31), quote = '', escape = '',
   new_line = '\\n', compression = '${compression}', filename = true, strict_mode = false, max_line_size = ${maxLineBytes}, ${more})`;

/** Puts all lines into `temp.millrace_copy_lines`, but for those that are not text, which it returns. */
async function readLines(session: Session, sources: readonly SourceFile[]): Promise<LineError[]> {
  await session.connection.run('create or replace temp table millrace_copy_lines (filename varchar, line varchar)');
  if (sources.length === 0) return [];
  const reader = readLinesSql(
    sources.map((source) => source.path),
    sources[0]!.compression,
    `store_rejects = true, rejects_table = 'millrace_copy_rejects', rejects_scan = 'millrace_copy_scans', rejects_limit = 0`,
  );
  await session.connection.run(
    `insert into temp.millrace_copy_lines select filename, line from ${reader} where trim(line, ' \t\r') <> ''`,
  );
  const rejects = await session.connection.rows<{ path: string; line: bigint; type: string }>(
    `select s.file_path as path, r.line, r.error_type::varchar as type from temp.millrace_copy_rejects as r
     join temp.millrace_copy_scans as s on s.scan_id = r.scan_id and s.file_id = r.file_id order by path, r.line`,
  );
  const errors: LineError[] = [];
  for (const path of new Set(rejects.map((reject) => reject.path))) {
    const source = sources.find((candidate) => candidate.path === path)!;
    const own = rejects.filter((reject) => reject.path === path);
    const numbers = await unreadableLines(path, source.compression, maxLineBytes);
    own.forEach(({ line, type }, index) => {
      const utf8 = type === 'INVALID ENCODING';
      errors.push({
        file: source.url,
        line: numbers?.length === own.length ? numbers[index]! : Number(line),
        code: utf8 ? 1220 : 1216,
        message: utf8
          ? 'String contains invalid or unsupported UTF8 codepoints'
          : `The line cannot be read: ${type.toLowerCase()}`,
      });
    });
  }
  return errors;
}

async function load(
  session: Session,
  statement: Copy,
  table: RelationEntry,
  sources: readonly SourceFile[],
): Promise<number> {
  const name = table.schema === temporarySchema ? `temp.${identifier(table.name)}` : duckdbName(table);
  const unreadable = await readLines(session, sources);
  const errors = [...unreadable];
  let insert: string;
  if (statement.format === 'json-noshred') {
    insert = `insert into ${name} select json(line) from temp.millrace_copy_lines where json_valid(line)`;
    errors.push(
      ...(await findErrors(session, sources, unreadable, `case when not json_valid(line) then '' end`, table)),
    );
  } else {
    const columns = jsonColumns(table.columns, statement.options);
    insert = `insert into ${name} (${columns.names}) select ${columns.values} from temp.millrace_copy_lines where json_valid(line) and ${columns.firstBad} is null`;
    errors.push(
      ...(await findErrors(
        session,
        sources,
        unreadable,
        `case when not json_valid(line) then '' else ${columns.firstBad} end`,
        table,
      )),
    );
  }
  await logErrors(session, errors);
  const failed = errors.length > 0 && errors.length >= Math.max(1, statement.maxErrors);
  const rows = failed ? 0 : await session.connection.run(insert);
  await session.log('sys_load_history', {
    ...session.logBase(),
    status: failed ? 'aborted' : 'completed',
    database_name: session.options.database,
    table_name: table.name,
    start_time: { epochMs: session.now },
    end_time: { epochMs: session.options.clock.now() },
    data_source: statement.from,
    file_format: 'JSON',
    loaded_rows: rows,
    loaded_bytes: sources.reduce((sum, source) => sum + statSync(source.path).size, 0),
    source_file_count: sources.length,
    error_count: errors.length,
  });
  if (failed)
    throw new WarehouseError(
      `Load into table '${table.name}' failed. Check 'sys_load_error_detail' system table for details`,
    );
  if (rows > 0 && table.schema !== temporarySchema) session.changed(qualified(table));
  await session.connection.run(`set variable millrace_last_copy_id = ${session.queryId}`);
  return rows;
}

/** `bad` is NULL for a good line, the column's name for a bad value, empty for a line that is not JSON. Only files with errors are read again, for the line numbers. */
async function findErrors(
  session: Session,
  sources: readonly SourceFile[],
  unreadable: readonly LineError[],
  bad: string,
  table: RelationEntry,
): Promise<LineError[]> {
  const files = await session.connection.rows<{ filename: string }>(
    `select distinct filename from temp.millrace_copy_lines where (${bad}) is not null order by 1`,
  );
  const errors: LineError[] = [];
  for (const { filename } of files) {
    const source = sources.find((candidate) => candidate.path === filename)!;
    const skipped = unreadable.filter((error) => error.file === source.url).map((error) => error.line);
    const lines = await session.connection.rows<{ number: bigint; bad: string }>(
      `select number, (${bad}) as bad from (
         select row_number() over () as number, line from ${readLinesSql([filename], source.compression, 'parallel = false, ignore_errors = true')})
       where trim(line, ' \t\r') <> '' and (${bad}) is not null order by number`,
    );
    for (const { number, bad: column } of lines) {
      const line = lineNumber(Number(number), skipped);
      const type = table.columns.find((candidate) => candidate.name === column)?.type;
      errors.push(
        column === ''
          ? { file: source.url, line, code: 1216, message: 'Invalid JSON format' }
          : {
              file: source.url,
              line,
              column,
              type: type?.name,
              code: 1207,
              message: `Invalid value for column ${column}`,
            },
      );
    }
  }
  return errors;
}

/** The number in the file of the nth line that could be read. */
function lineNumber(nth: number, skipped: readonly number[]): number {
  let line = nth;
  for (const number of skipped) if (number <= line) line += 1;
  return line;
}

const logErrors = (session: Session, errors: readonly LineError[]) =>
  session.log(
    'sys_load_error_detail',
    ...errors.map(
      (error): LogRow => ({
        ...session.logBase(),
        database_name: session.options.database,
        table_id: null,
        start_time: { epochMs: session.now },
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
