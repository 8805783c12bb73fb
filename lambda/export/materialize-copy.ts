import { asNumber, asText } from '../shared/parse';
import { PostgresError, type PostgresResult, type PostgresSession } from '../shared/postgres';
import { quoteName } from '../shared/quote';
import { asked, render } from '../shared/statement';
import { formatTimestamp } from '../shared/timestamp';
import type { ExportItem } from './contract';

/** Where in Materialize a COPY runs. */
export interface MaterializeTarget {
  /** Name of the connection of type AWS that writes. */
  readonly connection: string;
  readonly cluster: string;
}

export interface CopyOptions extends MaterializeTarget {
  /** `s3://` URL of a path that is empty, without a slash at its end. */
  readonly url: string;
  /** Epoch milliseconds, end exclusive. */
  readonly window: { readonly start: number; readonly end: number };
  /** Of all statements together. */
  readonly timeoutMs: number;
  /** Told before the COPY begins. */
  readonly onCounted: (counted: { readonly rows: number; readonly fingerprint: string }) => Promise<void>;
}

/** For answers to what runs at once. */
const shortMs = 60_000;

/**
 * Validates the connection, then counts and copies one window in one transaction, so that both see the same state of the data.
 * @returns rows by Materialize's answer, undefined when it names none
 * @throws PostgresError, also for a query whose columns are not those of the export
 */
export async function copyWindow(
  session: PostgresSession,
  item: ExportItem,
  options: CopyOptions,
): Promise<number | undefined> {
  const { window, connection, cluster, url, timeoutMs, onCounted } = options;
  const times = { window_start: formatTimestamp(window.start), window_end: formatTimestamp(window.end) };
  // The default of Materialize is a minute.
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

/** What was declared is what readers are told, so it has to be what Materialize writes. */
function checkShape(item: ExportItem, { columns }: PostgresResult): void {
  const found = columns.map(({ name, type }) => `${name} ${typeNames[type] ?? `of type ${type}`}`);
  const wanted = item.columns.map(({ name, type }) => `${name} ${type}`);
  if (found.join() === wanted.join()) return;
  throw new PostgresError(
    `the columns of ${item.name} must be ${wanted.join(', ')} as declared, Materialize has ${found.join(', ')}`,
    '42804',
  );
}
