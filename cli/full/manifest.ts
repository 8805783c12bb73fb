import { asArray, asNumber, asOneOf, asRecord, asText } from '../../lambda/shared/parse';
import { type FullTableName, fullTableNames } from '../../sql';
import { Failure } from '../failure';

/** Names of a full export's files, below its prefix or in its folder. */
export const manifestName = 'manifest.json';
/** Says that a full export began here. */
export const beginningName = 'begun.json';
/** What one pipeline adds to the manifest. */
export const pipelineName = (pipeline: string) => `${pipeline}/pipeline.json`;

export const manifestFormat = 'millrace full export';
export const manifestVersion = 1;

/** A file of a full export. */
export interface FullFile {
  /** Below the manifest's place. */
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** The ETag in S3, without quotes. It is the MD5 of the bytes only where S3 says so. */
  readonly etag: string;
  /** Hexadecimal SHA-256 of the bytes. Only files in a folder have it. */
  readonly sha256?: string;
}

export interface FullManifestTable {
  readonly name: FullTableName;
  readonly rows: number;
  readonly bytes: number;
  /** A text that differs if any row differs, whatever their order. */
  readonly fingerprint: string;
  readonly format: 'parquet' | 'csv';
  /** `type` is the column's in Redshift, `file` what the files hold. */
  readonly columns: readonly { readonly name: string; readonly type: string; readonly file: string }[];
  readonly files: readonly FullFile[];
}

export interface FullManifestPipeline {
  readonly name: string;
  readonly identity: { readonly by: string; readonly columns: readonly string[] };
  readonly columns: readonly { readonly name: string; readonly type: string; readonly path: readonly string[] }[];
  /** ARN and creation time. Positions are positions of this stream. */
  readonly stream: string;
  /** All tables are from one snapshot. Times are the warehouse's, in UTC; null if there was no merge yet. */
  readonly snapshot: {
    readonly takenAt: string;
    readonly lastRun: string | null;
    readonly mergedAt: string | null;
    readonly mergedUntil: string | null;
    readonly completeUntil: string | null;
  };
  /** `records = events + duplicates + rejects + skipped` at the snapshot; `records` is what the runs reported. */
  readonly equation: {
    readonly records: number;
    readonly events: number;
    readonly duplicates: number;
    readonly rejects: number;
    readonly skipped: number;
    /** Rejects that wait to be decoded. They are no outcome yet, so the runs do not count them. */
    readonly waiting: number;
    readonly balanced: boolean;
  };
  readonly tables: readonly FullManifestTable[];
}

export interface FullManifest {
  readonly format: typeof manifestFormat;
  readonly version: number;
  readonly about: string;
  /** Hexadecimal digits. */
  readonly id: string;
  readonly environment: string;
  readonly begunAt: string;
  readonly finishedAt: string;
  readonly buckets: { readonly history: string; readonly archive: string; readonly exports: string };
  readonly pipelines: readonly FullManifestPipeline[];
}

export const about =
  'Every row of the pipelines. The files of each table are below this file, at their path. Parquet files hold one row of the table in each row; columns whose type is super are JSON texts, varbyte hexadecimal digits, timestamptz times in UTC. rejects_large belongs to rejects: CSV with gzip, no header, <null> for NULL. docs/leave.md of Millrace describes each table.';

/** @throws Failure that names the first field that is wrong */
export function parseManifest(text: string, where: string): FullManifest {
  const value = parsed(text, where);
  const { format, version } = (value ?? {}) as { readonly format?: unknown; readonly version?: unknown };
  if (format !== manifestFormat)
    throw new Failure(
      `${where} is not the manifest of a full export: its format must be '${manifestFormat}', got ${shown(format)}`,
    );
  if (typeof version === 'number' && version > manifestVersion)
    throw new Failure(`${where} has version ${version}, this program reads up to ${manifestVersion}; use a newer one`);
  return checked(where, () => {
    const { buckets, pipelines, ...rest } = asRecord(value, 'manifest');
    checkId(asText(rest['id'], 'id'));
    for (const name of ['history', 'archive', 'exports']) asText(asRecord(buckets, 'buckets')[name], `buckets.${name}`);
    for (const name of ['environment', 'begunAt']) asText(rest[name], name);
    asArray(pipelines, 'pipelines').forEach((each, n) => {
      checkPipeline(each, `pipelines.${n}`);
    });
    return value as FullManifest;
  });
}

/** Parses what an earlier call wrote of one pipeline. */
export const parsePipeline = (text: string, where: string): FullManifestPipeline =>
  checked(where, () => {
    const value = parsed(text, where);
    checkPipeline(value, 'pipeline');
    return value as FullManifestPipeline;
  });

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Failure(`${where} is not JSON: ${(cause as Error).message}`, 1, { cause });
  }
}

/** The id becomes part of names and SQL. */
function checkId(id: string): void {
  if (!/^[0-9a-f]{8,64}$/.test(id)) throw new Error(`id must be 8 to 64 hexadecimal digits, got ${shown(id)}`);
}

function checkPipeline(value: unknown, at: string): void {
  const { name, identity, columns, stream, snapshot, equation, tables } = asRecord(value, at);
  if (!/^[a-z][a-z0-9_]*$/.test(asText(name, `${at}.name`)))
    throw new Error(`${at}.name must be the name of a pipeline, got ${shown(name)}`);
  asText(stream, `${at}.stream`);
  asText(asRecord(identity, `${at}.identity`)['by'], `${at}.identity.by`);
  asArray(asRecord(identity, `${at}.identity`)['columns'], `${at}.identity.columns`);
  asArray(columns, `${at}.columns`);
  asText(asRecord(snapshot, `${at}.snapshot`)['takenAt'], `${at}.snapshot.takenAt`);
  asNumber(asRecord(equation, `${at}.equation`)['records'], `${at}.equation.records`);
  asArray(tables, `${at}.tables`).forEach((each, n) => {
    checkTable(each, `${at}.tables.${n}`);
  });
}

function checkTable(value: unknown, at: string): void {
  const table = asRecord(value, at);
  asOneOf(table['name'], fullTableNames, `${at}.name`);
  for (const name of ['rows', 'bytes']) asNumber(table[name], `${at}.${name}`);
  asText(table['fingerprint'], `${at}.fingerprint`);
  asArray(table['columns'], `${at}.columns`).forEach((each, n) => {
    for (const name of ['name', 'type'])
      asText(asRecord(each, `${at}.columns.${n}`)[name], `${at}.columns.${n}.${name}`);
  });
  asArray(table['files'], `${at}.files`).forEach((each, n) => {
    const { path, rows, bytes } = asRecord(each, `${at}.files.${n}`);
    if (!isPath.test(asText(path, `${at}.files.${n}.path`)))
      throw new Error(`${at}.files.${n}.path must be below the manifest, got ${shown(path)}`);
    asNumber(rows, `${at}.files.${n}.rows`);
    asNumber(bytes, `${at}.files.${n}.bytes`);
  });
}

/** Names of letters, digits, dots, equals signs and hyphens, with slashes between them, and no way up. */
const isPath = /^(?!.*\.\.)[\w.=-]+(\/[\w.=-]+)+$/;

function checked<T>(where: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${where}: ${(error as Error).message}`, 1, { cause: error });
  }
}

const shown = (value: unknown) => (value === undefined ? 'none' : JSON.stringify(value));
