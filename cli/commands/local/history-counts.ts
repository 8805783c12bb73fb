import { createReadStream } from 'node:fs';
import zlib from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { globMatcher } from '../../../lambda/load/glob';
import { recordsOf, UnreadableError } from '../../../lambda/load/records';
import type { HistorySource } from '../../../pipelines/definition';
import { publicTables, quoteLiteral } from '../../../sql/names';
import type { DemoRuntime, DeployedPipeline, StoredObject } from './demo-runtime';

/** An object that a pipeline has loaded. */
export interface LedgerRow {
  readonly key: string;
  readonly etag: string;
  /** The number of records that COPY scanned. */
  readonly rows: number;
}

/** Pending records, and why they are pending. */
export interface PendingPart {
  readonly pipeline: string;
  readonly records: number;
  /** Where the records are, and what they wait for. */
  readonly why: string;
  /** True if only a person can change it. */
  readonly stuck: boolean;
}

type Format = Pick<HistorySource, 'format' | 'compression' | 'delimiter' | 'columns'>;

/** The longest record to read. A load accepts none that is as long. */
const maxRecordBytes = 64 * 1024 ** 2;

/** Counts the records of history objects with a reader for their format. Each version of an object is read once. */
export class HistoryRows {
  private readonly counted = new Map<string, Promise<number | undefined>>();

  constructor(private readonly runtime: Pick<DemoRuntime, 'pathOf' | 'historyBucket'>) {}

  /** Returns the number of records; undefined if the object does not have the format. */
  of({ key, etag }: StoredObject, format: Format): Promise<number | undefined> {
    const id = `${format.format} ${format.compression} ${etag} ${key}`;
    const known = this.counted.get(id) ?? countFile(this.runtime.pathOf(this.runtime.historyBucket, key), format);
    this.counted.set(id, known);
    return known;
  }
}

async function countFile(path: string, format: Format): Promise<number | undefined> {
  const quoted = format.format === 'csv';
  if (format.format === 'parquet')
    return countWith(`select num_rows from parquet_file_metadata(${quoteLiteral(path)})`);
  if (format.compression === 'zstd' && !('createZstdDecompress' in zlib)) return countWith(zstdQuery(path, format));
  let records = 0;
  const options = { compression: format.compression, quoted, maxBytes: maxRecordBytes };
  try {
    for await (const { bytes } of recordsOf(createReadStream(path), options)) if (!isBlank(bytes, format)) records += 1;
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
  // The first line of a CSV file names its columns.
  return quoted ? Math.max(records - 1, 0) : records;
}

/** Blanks are a text. */
const isBlank = (bytes: Buffer, { format }: Format) =>
  format === 'text' ? bytes.length === 0 : bytes.every((byte) => byte <= 32);

/** Returns a DuckDB query that counts the records of a zstd file, which Node 20 cannot read. */
function zstdQuery(path: string, { format, delimiter = ',', columns = [] }: Format): string {
  const isCsv = format === 'csv';
  const names = isCsv ? columns.map(({ name }) => name) : ['line'];
  const options = [
    `columns = {${names.map((name) => `${quoteLiteral(name)}: 'varchar'`).join(', ')}}`,
    `delim = ${isCsv ? quoteLiteral(delimiter) : 'chr(1)'}`,
    `quote = ${isCsv ? "'\"'" : "''"}`,
    `escape = ${isCsv ? "'\"'" : "''"}`,
    `header = ${isCsv}`,
    "auto_detect = false, compression = 'zstd', max_line_size = 67108864",
  ];
  const blank = format === 'text' ? "e'\\r'" : "e' \\t\\r'";
  const where = isCsv ? '' : ` where trim(line, ${blank}) <> ''`;
  return `select count(*) from read_csv(${quoteLiteral(path)}, ${options.join(', ')})${where}`;
}

/** Runs a count in DuckDB. Returns undefined if DuckDB cannot read the file. */
async function countWith(sql: string): Promise<number | undefined> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    return Number((await connection.runAndReadAll(sql)).getRows()[0]?.[0]);
  } catch {
    return undefined;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

type ObjectRuntime = Pick<DemoRuntime, 'query' | 'objects' | 'historyBucket'>;

/** Counts the records of a pipeline's history, in the objects that its globs match. */
export async function countHistory(
  runtime: ObjectRuntime,
  pipeline: DeployedPipeline,
  historyRows: Pick<HistoryRows, 'of'>,
  ledger: readonly LedgerRow[],
): Promise<{ readonly produced: number; readonly pending: number; readonly parts: readonly PendingPart[] }> {
  const loaded = new Map(ledger.map((row) => [idOf(row), row]));
  const parts: PendingPart[] = [];
  let [produced, pending] = [0, 0];
  for (const { object, source } of await sourcesOf(runtime, [pipeline])) {
    if (!source) continue;
    const row = loaded.get(idOf(object));
    loaded.delete(idOf(object));
    // If an object cannot be counted, COPY's count is used. Before the load the number is unknown and counts as 0.
    const records = (await historyRows.of(object, source)) ?? row?.rows ?? 0;
    produced += records;
    if (row) continue;
    pending += records;
    parts.push({ pipeline: pipeline.name, records, ...(await whyNotLoaded(runtime, pipeline, object)) });
  }
  // The rest were overwritten or deleted after the load. Their records are still in the tables.
  for (const { rows } of loaded.values()) produced += rows;
  return { produced, pending, parts };
}

async function whyNotLoaded(runtime: ObjectRuntime, { name }: DeployedPipeline, { key, etag }: StoredObject) {
  const { rows } = await runtime.query(
    `select reason from ${publicTables({ name }).parked} where object_key = ${quoteLiteral(key)} and etag = ${quoteLiteral(etag)}`,
  );
  const [parked] = rows;
  return parked
    ? { why: `in ${key}, which is parked: ${parked[0]}`, stuck: true }
    : { why: `in ${key}, which is not loaded yet`, stuck: false };
}

/** Returns the keys of objects that no glob of any pipeline matches. No function loads them. */
export async function strayObjects(runtime: DemoRuntime): Promise<string[]> {
  const found = await sourcesOf(runtime, runtime.deployedPipelines());
  return found.filter(({ source }) => !source).map(({ object }) => object.key);
}

/** Returns each object of the history bucket, with the first source whose globs match its key. */
async function sourcesOf(runtime: ObjectRuntime, pipelines: readonly DeployedPipeline[]) {
  const sources = pipelines.flatMap(({ history = [] }) =>
    history.map((source) => ({ source, matches: source.globs.map(globMatcher) })),
  );
  const objects = await runtime.objects(runtime.historyBucket, '');
  return objects.map((object) => ({
    object,
    source: sources.find(({ matches }) => matches.some((match) => match(object.key)))?.source,
  }));
}

const idOf = ({ key, etag }: { readonly key: string; readonly etag: string }) => `${etag} ${key}`;
