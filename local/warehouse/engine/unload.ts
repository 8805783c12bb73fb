import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Principal } from '../../ports';
import type { ColumnInfo, RedshiftType, Statement } from '../statement';
import { dataType } from './catalog';
import { identifier, literal } from './database';
import { WarehouseError } from './errors';
import { parseS3Url } from './s3-url';
import type { Session } from './session';

type Unload = Extract<Statement, { kind: 'unload' }>;

interface Part {
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
}
interface ManifestEntry {
  readonly url: string;
  readonly meta: { readonly content_length: number; readonly record_count: number };
}

/** Writes the result of a query to S3 as the unload role. What was written stays if it fails later, as in Redshift. Returns the rows. */
export async function unload(session: Session, statement: Unload): Promise<number> {
  checkModelled(statement);
  const principal = session.options.assume(statement.roleArn, session.user.name);
  const { bucket, key: prefix } = parseS3Url(statement.to);
  await clearTarget(session, principal, bucket, prefix, statement);
  const work = `${session.options.file}.unload-${randomUUID()}`;
  const log = (status: string, parts: readonly Part[], error: string | null) =>
    session.log('sys_unload_history', {
      ...session.logBase(),
      status,
      database_name: session.options.database,
      start_time: { epochMs: session.now },
      end_time: { epochMs: session.options.clock.now() },
      file_format: statement.format.toUpperCase(),
      compression_type: statement.compression,
      unloaded_location: statement.to,
      unloaded_rows: total(parts, 'rows'),
      unloaded_files_count: parts.length,
      unloaded_files_size: total(parts, 'bytes'),
      error_message: error,
    });
  try {
    mkdirSync(work, { recursive: true });
    const parts = await writeParts(session, statement, work);
    await publish(session, statement, principal, { bucket, prefix }, parts);
    await log('completed', parts, null);
    return total(parts, 'rows');
  } catch (error) {
    await log('aborted', [], (error as Error).message.slice(0, 512)).catch(() => undefined);
    throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const total = (parts: readonly Part[], member: 'rows' | 'bytes') => parts.reduce((sum, part) => sum + part[member], 0);

function checkModelled(statement: Unload): void {
  const refuse = (what: string) => {
    throw new WarehouseError(`UNLOAD ${what} is not modelled by the local warehouse`);
  };
  if (statement.format === 'json') refuse('FORMAT JSON');
  if (statement.partitionBy.length > 0) refuse('PARTITION BY');
  if (statement.compression === 'bzip2') refuse('BZIP2');
  const binary = statement.columns.find((column) => column.type.name === 'varbyte');
  if (binary && statement.format !== 'csv')
    throw new WarehouseError(
      `UNLOAD of VARBYTE column "${binary.name}" is not supported in ${statement.format} format`,
    );
}

async function clearTarget(
  session: Session,
  principal: Principal,
  bucket: string,
  prefix: string,
  statement: Unload,
): Promise<void> {
  const { s3 } = session.options;
  const existing = await s3.list(principal, bucket, prefix);
  if (existing.length === 0 || statement.allowOverwrite) return;
  if (!statement.cleanPath)
    throw new WarehouseError(
      'Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing the target files in S3, or using the ALLOWOVERWRITE option.',
    );
  for (const object of existing) await s3.delete(principal, bucket, object.key);
}

async function writeParts(session: Session, statement: Unload, work: string): Promise<Part[]> {
  const query = outputQuery(statement);
  const target = join(work, 'out');
  if (statement.format === 'parquet') {
    // Redshift rounds the size of Parquet files down to a multiple of 32 MB.
    const size = Math.max(32, Math.floor(statement.maxFileBytes / 2 ** 20 / 32) * 32);
    const written = await session.connection.rows<{ filename: string; count: bigint; file_size_bytes: bigint }>(
      `copy (${query}) to ${literal(target)} (format parquet, compression snappy, parquet_version v1, file_size_bytes '${size}MiB', return_stats true)`,
    );
    return written
      .map((file) => ({ file: file.filename, rows: Number(file.count), bytes: Number(file.file_size_bytes) }))
      .filter((part) => part.rows > 0)
      .sort(byNumber);
  }
  const rows = await session.connection.run(
    `copy (${query}) to ${literal(target)} (format csv, header ${statement.header}, delimiter ${literal(statement.delimiter)}, compression ${statement.compression},
      file_size_bytes '${Math.floor(statement.maxFileBytes)}B')`,
  );
  if (rows === 0) return [];
  const files = readdirSync(target).map((name) => join(target, name));
  const parts = files.map((file) => ({ file, rows: 0, bytes: statSync(file).size })).sort(byNumber);
  if (parts.length === 1) return [{ ...parts[0]!, rows }];
  return Promise.all(parts.map(async (part) => ({ ...part, rows: await csvRows(session, statement, part.file) })));
}

const csvRows = async (session: Session, statement: Unload, file: string): Promise<number> => {
  const columns = statement.columns.map((column) => `${literal(column.name)}: 'VARCHAR'`).join(', ');
  const [row] = await session.connection.rows<{ n: bigint }>(
    `select count(*) as n from read_csv(${literal(file)}, auto_detect = false, header = ${statement.header}, delim = ${literal(statement.delimiter)}, quote = '"', escape = '"',
      compression = '${statement.compression}', columns = {${columns}})`,
  );
  return Number(row!.n);
};

/** DuckDB numbers the files: `data_0`, `data_1`, …, `data_10`. */
const byNumber = (one: Part, other: Part) => numberOf(one.file) - numberOf(other.file);
const numberOf = (file: string) => Number(/data_(\d+)/.exec(file)?.[1] ?? 0);

/** The query with its columns as Redshift writes them out: SUPER as JSON text, booleans in text formats as t and f. */
function outputQuery(statement: Unload): string {
  const list = statement.columns.map(
    (column, index) => `${outputOf(column.type, `c${index}`, statement.format)} as ${identifier(column.name)}`,
  );
  const names = statement.columns.map((_, index) => `c${index}`);
  return `select ${list.join(', ')} from (${statement.duckdb}) as result(${names.join(', ')})`;
}

function outputOf(type: RedshiftType, name: string, format: Unload['format']): string {
  if (type.name === 'super') return `${name}::json::varchar`;
  if (type.name === 'timestamptz' && format === 'parquet') return `${name}::timestamp`;
  if (format !== 'csv') return name;
  if (type.name === 'boolean') return `case when ${name} then 't' when not ${name} then 'f' end`;
  if (type.name === 'varbyte') return `lower(hex(${name}))`;
  return name;
}

async function publish(
  session: Session,
  statement: Unload,
  principal: Principal,
  target: { bucket: string; prefix: string },
  parts: readonly Part[],
): Promise<void> {
  const { s3 } = session.options;
  const entries: ManifestEntry[] = [];
  for (const [index, part] of parts.entries()) {
    const key = `${target.prefix}${partName(statement, index)}`;
    await s3.putFile(principal, target.bucket, key, part.file);
    const header = statement.format === 'csv' && statement.header ? 1 : 0;
    entries.push({
      url: `s3://${target.bucket}/${key}`,
      meta: { content_length: part.bytes, record_count: part.rows + header },
    });
  }
  if (statement.manifest === 'none') return;
  const body =
    statement.manifest === 'verbose'
      ? verboseManifest(statement.columns, entries)
      : { entries: entries.map(({ url }) => ({ url })) };
  await s3.put(principal, target.bucket, `${target.prefix}manifest`, Buffer.from(JSON.stringify(body, null, 1)));
}

/** `0000_part_00.parquet`; with PARALLEL OFF `000`. */
function partName(statement: Unload, index: number): string {
  const number = statement.parallel ? `0000_part_${String(index).padStart(2, '0')}` : String(index).padStart(3, '0');
  if (statement.extension !== undefined) return `${number}.${statement.extension}`;
  if (statement.format === 'parquet') return `${number}.parquet`;
  return number + ({ none: '', gzip: '.gz', zstd: '.zst', bzip2: '.bz2' } as const)[statement.compression];
}

function verboseManifest(columns: readonly ColumnInfo[], entries: readonly ManifestEntry[]) {
  return {
    entries,
    schema: { elements: columns.map((column) => ({ name: column.name, type: elementType(column.type) })) },
    meta: {
      content_length: entries.reduce((sum, entry) => sum + entry.meta.content_length, 0),
      record_count: entries.reduce((sum, entry) => sum + entry.meta.record_count, 0),
    },
    author: { name: 'Amazon Redshift', version: '1.0.0' },
  };
}

function elementType(type: RedshiftType) {
  const base = dataType(type);
  if (type.name === 'decimal') return { base, precision: type.precision, scale: type.scale };
  if ('length' in type) return { base, max_length: type.length };
  return { base };
}
