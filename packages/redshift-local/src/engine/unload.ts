import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import type { Principal, S3Encryption } from 'aws-local-kit';
import type { ColumnInfo, RedshiftType } from '../statement';
import { dataType } from './catalog';
import { WarehouseError } from './errors';
import { parseS3Url } from './s3-url';
import type { Session } from './session';
import { fileColumns, type Unload } from './unload-format';
import { type Part, PartWriter } from './unload-parts';

interface Target {
  readonly principal: Principal;
  readonly bucket: string;
  readonly prefix: string;
  readonly encryption: S3Encryption | undefined;
}
interface ManifestEntry {
  readonly url: string;
  readonly meta: { readonly content_length: number; readonly record_count: number };
}

/**
 * Writes the result of a query to S3 with the unload role. Returns the number of rows. If it fails later, written files
 * stay, as in Redshift.
 */
export async function unload(session: Session, statement: Unload): Promise<number> {
  checkNodeType(session, statement);
  const target = targetOf(session, statement);
  await clearTarget(session, statement, target);
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
    const parts = await new PartWriter(session, statement, work).write();
    await publish(session, statement, target, parts);
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

/**
 * Node types that support ROWGROUPSIZE
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html#unload-rowgroupsize).
 */
const largeNodes = ['ra3.4xlarge', 'ra3.16xlarge', 'rg.4xlarge', 'rg.12xlarge', 'ds2.8xlarge', 'dc2.8xlarge'];

function checkNodeType({ options: { nodeType } }: Session, { rowGroupBytes }: Unload): void {
  if (rowGroupBytes === undefined || (nodeType !== undefined && largeNodes.includes(nodeType))) return;
  throw new WarehouseError(
    `ROWGROUPSIZE is not supported on ${nodeType === undefined ? 'this warehouse' : `nodes of type ${nodeType}`}, only on ${largeNodes.join(', ')}`,
  );
}

function targetOf(session: Session, { roleArn, to, partitionBy, encryption }: Unload): Target {
  const { bucket, key } = parseS3Url(to);
  const byDefault = encryption === 'bucket' ? undefined : { algorithm: 'AES256' as const };
  return {
    principal: session.options.assume(roleArn, session.user.name),
    bucket,
    prefix: partitionBy.length > 0 && !key.endsWith('/') ? `${key}/` : key,
    encryption: typeof encryption === 'object' ? { algorithm: 'aws:kms', kmsKey: encryption.kmsKey } : byDefault,
  };
}

/**
 * Requires an empty target, unless ALLOWOVERWRITE or CLEANPATH is given, and cleans it for CLEANPATH. With PARTITION
 * BY, only the folders that receive files are cleaned, once they are known.
 */
async function clearTarget(session: Session, statement: Unload, { principal, bucket, prefix }: Target): Promise<void> {
  const existing = await session.options.s3.list(principal, bucket, prefix);
  if (existing.length === 0 || statement.allowOverwrite) return;
  if (!statement.cleanPath)
    throw new WarehouseError(
      'Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing the target files in S3, or using the ALLOWOVERWRITE option.',
    );
  if (statement.partitionBy.length === 0) await clean(session, { principal, bucket }, prefix);
}

async function clean(session: Session, { principal, bucket }: Pick<Target, 'principal' | 'bucket'>, prefix: string) {
  const { s3 } = session.options;
  for (const { key } of await s3.list(principal, bucket, prefix)) await s3.delete(principal, bucket, key);
}

async function publish(session: Session, statement: Unload, target: Target, parts: readonly Part[]): Promise<void> {
  const { s3 } = session.options;
  const { principal, bucket, prefix, encryption } = target;
  const headers = statement.header ? 1 : 0;
  const entries: ManifestEntry[] = [];
  let folder: string | undefined;
  let index = 0;
  for (const part of parts) {
    if (part.folder !== folder) {
      index = 0;
      folder = part.folder;
      if (statement.cleanPath && folder !== '') await clean(session, target, prefix + folder);
    }
    const key = `${prefix}${folder}${partName(statement, index)}`;
    index += 1;
    await s3.putFile(principal, bucket, key, part.file, encryption);
    entries.push({
      url: `s3://${bucket}/${key}`,
      meta: { content_length: part.bytes, record_count: part.rows + headers },
    });
  }
  if (statement.manifest === 'none') return;
  const body =
    statement.manifest === 'verbose'
      ? verboseManifest(fileColumns(statement), entries)
      : { entries: entries.map(({ url }) => ({ url })) };
  await s3.put(principal, bucket, `${prefix}manifest`, Buffer.from(JSON.stringify(body, null, 1)), encryption);
}

/** Returns a file name: `0000_part_00.parquet`, or `000` with PARALLEL OFF. */
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
