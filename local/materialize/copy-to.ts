import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Principal, S3Port } from 'aws-local-kit';
import type { Connections } from './connections';
import { awsError } from './connections';
import type { Engine } from './engine';
import { notModelled, SqlError } from './messages';

/** A COPY … TO 's3://…'. */
export interface CopyTo {
  /** A query, without parentheses. */
  readonly query: string;
  readonly bucket: string;
  /** Key prefix, ending in a slash. */
  readonly prefix: string;
  readonly connection: string;
  readonly format: 'parquet' | 'csv';
  readonly maxFileBytes: number;
}

/** Materialize, "COPY TO": at least, and by default. */
const [minFileBytes, defaultFileBytes] = [16_000_000, 256_000_000];
const name = String.raw`(?:"((?:[^"]|"")+)"|([a-z_][\w$]*))`;
const statement =
  /^copy\s+(?:\(([\s\S]*)\)|((?:[a-z_][\w$]*\.)*[a-z_][\w$]*))\s+to\s+'s3:\/\/([^/']+)\/?([^']*)'\s+with\s*\(([^()]*)\)$/i;

/** Undefined for anything but a COPY to S3. @throws SqlError naming what is wrong with its options */
export function parseCopyTo(sql: string): CopyTo | undefined {
  const match = statement.exec(sql);
  if (!match) return undefined;
  const [, query, relation, bucket, path, given] = match;
  const options = new Map(
    given!.split(',').map((option) => {
      const [, key, value] = /^([a-z]+(?: +[a-z]+)*)\s*=\s*(\S[\s\S]*)$/i.exec(option.trim()) ?? [];
      if (!key || !value) throw new SqlError(`expected an option of COPY, found ${option.trim()}`, '42601');
      return [key.toLowerCase().replace(/\s+/g, ' '), value] as const;
    }),
  );
  for (const key of options.keys())
    if (!['aws connection', 'format', 'max file size'].includes(key)) throw notModelled(`option ${key} of COPY TO`);
  const connection = new RegExp(`^${name}$`, 'i').exec(options.get('aws connection') ?? '');
  if (!connection) throw new SqlError('COPY TO S3 requires the option AWS CONNECTION', '42601');
  const format = (options.get('format') ?? '').replace(/^'(.*)'$/, '$1').toLowerCase();
  if (format !== 'parquet' && format !== 'csv') throw new SqlError(`unsupported format: ${format || 'none'}`, '0A000');
  return {
    query: query ?? `select * from ${relation}`,
    bucket: bucket!,
    prefix: path === '' ? '' : `${path!.replace(/\/+$/, '')}/`,
    connection: connection[1]?.replaceAll('""', '"') ?? connection[2]!.toLowerCase(),
    format,
    maxFileBytes: fileSize(options.get('max file size')),
  };
}

function fileSize(given: string | undefined): number {
  if (given === undefined) return defaultFileBytes;
  const match = /^['"]?(\d+)\s*(b|kb|mb|gb)?['"]?$/i.exec(given);
  if (!match) throw new SqlError(`invalid MAX FILE SIZE: ${given}`, '22023');
  const bytes = Number(match[1]) * { b: 1, kb: 1e3, mb: 1e6, gb: 1e9 }[(match[2] ?? 'b').toLowerCase() as 'b'];
  if (bytes < minFileBytes) throw new SqlError(`MAX FILE SIZE cannot be less than 16MB, got ${given}`, '22023');
  return bytes;
}

/** Types that COPY TO does not write, as DuckDB spells them. */
const refused = /^(?:INTERVAL|STRUCT|UNION|MAP|VARIANT)\b/;

export interface CopyHost {
  readonly engine: Engine;
  readonly connections: Connections;
  readonly s3: S3Port;
  /** Unique among all COPYs: the name of the sink. */
  readonly sinkId: () => string;
  /** Throws when nobody waits for the answer any more, which ends a COPY as it is. */
  readonly alive: () => void;
}

/**
 * Writes the sentinel, then the files, and removes the sentinel. If it is stopped in between, the files written so far remain.
 * @returns rows written
 */
export async function copyTo(host: CopyHost, copy: CopyTo): Promise<number> {
  const { engine, connections, s3, alive } = host;
  const { query, bucket, prefix } = copy;
  const columns = await engine.describe(query);
  const unable = columns.filter(({ type }) => refused.test(type));
  if (unable.length > 0)
    throw new SqlError(
      `Cannot encode the following columns/types: [${unable.map((c) => `"${c.name}: ${c.type}"`).join(', ')}]`,
      'XX000',
    );
  const role = connections.assume(connections.get(copy.connection));
  const id = host.sinkId();
  const folder = mkdtempSync(join(tmpdir(), 'millrace-materialize-'));
  try {
    const found = await s3.list(role, bucket, prefix);
    if (found.length > 0) throw new SqlError(`S3 bucket path is not empty, contains ${found.length} objects`, 'XX000');
    alive();
    const sentinel = `${prefix}mz-${id}-INCOMPLETE`;
    await s3.put(role, bucket, sentinel, Buffer.alloc(0));
    const rows = await write(host, copy, { role, id, folder });
    alive();
    await s3.delete(role, bucket, sentinel);
    return rows;
  } catch (error) {
    throw awsError('COPY TO failed', error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Sink {
  readonly role: Principal;
  readonly id: string;
  readonly folder: string;
}

/** No rows make no file. */
async function write({ engine, s3, alive }: CopyHost, copy: CopyTo, { role, id, folder }: Sink): Promise<number> {
  const { query, bucket, prefix, format, maxFileBytes } = copy;
  const out = join(folder, 'out');
  mkdirSync(out);
  const options =
    format === 'parquet'
      ? `format parquet, compression snappy`
      : `format csv, header false, delimiter ',', quote '"', escape '"'`;
  const target = `'${out.replaceAll("'", "''")}'`;
  const rows = await engine.run(
    `copy (${query}) to ${target} (${options}, file_size_bytes ${maxFileBytes}, per_thread_output false, overwrite_or_ignore true)`,
  );
  if (rows === 0) return 0;
  const files = readdirSync(out).sort((one, other) => one.localeCompare(other, 'en', { numeric: true }));
  for (const [i, file] of files.entries()) {
    alive();
    const key = `${prefix}mz-${id}-batch-0000-${String(i).padStart(4, '0')}.${format}`;
    await s3.putFile(role, bucket, key, join(out, file));
  }
  return rows;
}
