import { footerBytes, parquetRows, parquetTailBytes } from '../load/parquet-columns';
import type { ListedObject, ObjectBytes, ObjectListing } from '../shared/objects';
import { asNumber, asText } from '../shared/parse';
import { PostgresError, type PostgresResult, type PostgresSession } from '../shared/postgres';
import { quoteName } from '../shared/quote';
import { asked, render } from '../shared/statement';
import { formatTimestamp, parseTimestamp } from '../shared/timestamp';
import type { ExportItem, ItemFormat } from './contract';
import type { WindowRows } from './engine';

export interface CopyOptions {
  readonly cluster: string;
  /** Name of the connection of type AWS with which Materialize writes. */
  readonly connection: string;
  /** `s3://` URL without a slash at its end. No object may be below it yet. */
  readonly url: string;
  /** Epoch milliseconds, end exclusive. */
  readonly window: { readonly start: number; readonly end: number };
  /** For the count and for the COPY. */
  readonly timeoutMs: number;
  /** Called before the COPY begins. */
  readonly onCounted: (counted: { readonly rows: number; readonly fingerprint: string }) => Promise<void>;
}

/** For statements that read no data. */
const shortMs = 60_000;

/**
 * Validates the connection, then counts and copies one window in one transaction, so that both see the same state of the data.
 * @returns the rows that Materialize reports; undefined if it reports none
 * @throws PostgresError also if the query does not have the columns of the export
 */
export async function copyWindow(
  session: PostgresSession,
  item: ExportItem,
  options: CopyOptions,
): Promise<number | undefined> {
  const { window, connection, cluster, url, timeoutMs, onCounted } = options;
  const times = { window_start: formatTimestamp(window.start), window_end: formatTimestamp(window.end) };
  // Materialize's default is one minute.
  await session.query(`set statement_timeout = '${Math.floor(timeoutMs)}ms'`, shortMs);
  await session.query(`set cluster = ${quoteName(cluster)}`, shortMs);
  await session.query(`validate connection ${quoteName(connection)}`, shortMs);
  checkShape(item, await session.query(item.shape ?? '', shortMs));
  await session.query('begin', shortMs);
  const [counted = {}] = (await session.query(render(item.count, asked([item.count], times)), timeoutMs)).rows;
  await onCounted({
    rows: asNumber(counted['row_count'], `${item.name}: row_count`),
    fingerprint: asText(counted['fingerprint'], `${item.name}: fingerprint`),
  });
  const copy = render(item.unload, asked([item.unload], { ...times, target: url, connection }));
  const { count } = await session.query(copy, timeoutMs);
  await session.query('commit', shortMs);
  return count;
}

/** Reads how many rows each window, or minute, has. */
export async function readWindows(
  session: PostgresSession,
  item: ExportItem,
  cluster: string,
  timeoutMs: number,
): Promise<WindowRows[]> {
  await session.query(`set statement_timeout = '${Math.floor(timeoutMs)}ms'`, shortMs);
  await session.query(`set cluster = ${quoteName(cluster)}`, shortMs);
  const { rows } = await session.query(item.windows ?? '', timeoutMs);
  return rows.map((row) => ({
    start: parseTimestamp(row['window_start'] ?? null, `${item.name}: window_start`),
    rows: asNumber(row['row_count'], `${item.name}: row_count`),
    fingerprint: asText(row['fingerprint'], `${item.name}: fingerprint`),
  }));
}

/** OIDs of PostgreSQL's catalog pg_type. */
const typeNames: Readonly<Record<number, string>> = {
  16: 'boolean',
  17: 'bytea',
  20: 'bigint',
  21: 'smallint',
  23: 'integer',
  25: 'text',
  700: 'real',
  701: 'double precision',
  1043: 'varchar',
  1082: 'date',
  1083: 'time',
  1114: 'timestamp',
  1184: 'timestamptz',
  1700: 'numeric',
  2950: 'uuid',
  3802: 'jsonb',
};

/** Readers rely on the declared columns, so Materialize must write exactly those. */
function checkShape(item: ExportItem, { columns }: PostgresResult): void {
  const found = columns.map(({ name, type }) => `${name} ${typeNames[type] ?? `of type ${type}`}`);
  const wanted = item.columns.map(({ name, type }) => `${name} ${type}`);
  if (found.join() === wanted.join()) return;
  throw new PostgresError(
    `the columns of ${item.name} must be ${wanted.join(', ')} as declared, Materialize has ${found.join(', ')}`,
    '42804',
  );
}

/** What a COPY has written below its prefix. */
export interface Staged {
  /**
   * `incomplete`: Materialize's sentinel is there. `complete`: there are files and no sentinel. `none`: the COPY has not begun, or it had no
   * rows.
   */
  readonly state: 'none' | 'incomplete' | 'complete';
  readonly files: readonly ListedObject[];
}

const sentinel = /^mz-[^/]+-INCOMPLETE$/;
/** Numbers of the batch and of the file in it (Materialize documentation, COPY TO). */
const file = /^mz-[^/]+-batch-\d{4,}-\d{4,}\.(?:csv|parquet)$/;

/** Throws if it finds an object that no COPY writes. */
export async function stagedFiles(objects: ObjectListing, bucket: string, prefix: string): Promise<Staged> {
  const found: ListedObject[] = [];
  for await (const page of objects.pages(bucket, prefix)) found.push(...page);
  const nameOf = ({ key }: ListedObject) => key.slice(prefix.length);
  const foreign = found.find((object) => !sentinel.test(nameOf(object)) && !file.test(nameOf(object)));
  if (foreign) throw new Error(`${foreign.key} is not a file of the COPY that writes below ${prefix}`);
  const files = found.filter((object) => file.test(nameOf(object)));
  if (files.length < found.length) return { state: 'incomplete', files };
  return { state: files.length > 0 ? 'complete' : 'none', files };
}

/** Counts the rows of a published file in the file itself. */
export async function countRows(
  objects: ObjectBytes,
  bucket: string,
  key: string,
  format: ItemFormat,
): Promise<number> {
  const read = async (last?: number) => {
    const bytes = await objects.bytes({ bucket, key }, last);
    if (!bytes) throw new Error(`${key} is not there`);
    return bytes;
  };
  if (format.kind === 'parquet') {
    const tail = await whole(await read(parquetTailBytes));
    return parquetRows(await whole(await read(footerBytes(tail))));
  }
  return csvRecords(await read());
}

async function whole(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts);
}

const [quote, newline] = [0x22, 0x0a];

/** Counts the lines that end outside of quotes. The last line may lack its end. */
async function csvRecords(bytes: AsyncIterable<Uint8Array>): Promise<number> {
  let records = 0;
  let quoted = false;
  let open = false;
  for await (const part of bytes)
    for (const byte of part) {
      open = true;
      if (byte === quote) quoted = !quoted;
      else if (byte === newline && !quoted) {
        records += 1;
        open = false;
      }
    }
  return open ? records + 1 : records;
}
