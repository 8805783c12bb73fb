import type { Row } from '../../../lambda/shared/warehouse';
import type { Column } from '../../../pipelines/definition';
import { hasForm } from '../../../sql/merge/forms';
import { landingName, ofIdentity, publicTables, quoteIdentifier } from '../../../sql/names';
import { redshiftType } from '../../../sql/tables/column-type';
import { payloadPath } from '../../../sql/typing/column';
import { type Context, queryRows, warehouseTime } from '../context';
import { type Question, timestampText } from './question';
import { type Position, streamSequence } from './sighting';

/** A row of events, duplicates, rejects or the landing view. */
export interface Found {
  readonly row: Row;
  readonly position?: Position;
}

/** Rows that are read from one table. Beyond them the answer says "more than". */
export const ROWS = 5;

const place = 'source, shard_id, sequence_number, arrived_at, run_id, merged_at';

/** Finds the requested events, without their payloads: a result row has at most 64 kB. */
export function findEvents(context: Context, { pipeline, id, fields }: Question): Promise<Found[]> {
  const { events } = publicTables(pipeline);
  const select = `select event_id, ${place} from ${events}`;
  if (id !== undefined) return query(context, 'events', `${select} where event_id = {{id}} limit ${ROWS + 1}`, { id });
  const { where, values } = columnsCondition(fields);
  return query(context, 'events', `${select} where ${where} limit ${ROWS + 1}`, values);
}

export function findDuplicates(context: Context, { pipeline }: Question, ids: readonly string[]): Promise<Found[]> {
  const { duplicates } = publicTables(pipeline);
  const { list, values } = literals('id', ids);
  return query(
    context,
    'duplicates',
    `select event_id, ${place} from ${duplicates} where event_id in (${list}) order by merged_at limit ${ROWS + 1}`,
    values,
  );
}

const rejectSelect = `${place}, object_key, line, reason, ${hasForm('aggregate')} as aggregate`;

/** Finds rejects by their payload, because they have no id. */
export async function findRejects(context: Context, { pipeline, fields }: Question): Promise<Found[]> {
  if (fields.size === 0) return [];
  const { rejects } = publicTables(pipeline);
  const { where, values } = payloadCondition(fields);
  return query(
    context,
    'rejects',
    `select ${rejectSelect} from ${rejects} where ${where} order by merged_at limit ${ROWS + 1}`,
    values,
  );
}

/** Finds the reject of a position, or else of the aggregated record that contains it. */
export async function findRejectAt(context: Context, { pipeline }: Question, position: Position): Promise<Found[]> {
  const { rejects } = publicTables(pipeline);
  const { shard, sequenceNumber } = position;
  return query(
    context,
    'rejects',
    `select ${rejectSelect} from ${rejects} where shard_id = {{shard}} and (sequence_number = {{sequence}} or sequence_number = {{record}} and ${hasForm('aggregate')})
order by case when sequence_number = {{sequence}} then 0 else 1 end limit 1`,
    { shard, sequence: sequenceNumber, record: streamSequence(position) },
  );
}

/** Finds a record that `where` excluded. Only its position and its name are stored. */
export async function findSkippedAt(context: Context, { pipeline }: Question, position: Position): Promise<Found[]> {
  const { shard, sequenceNumber } = position;
  return query(
    context,
    'skipped',
    `select ${place}, name from ${publicTables(pipeline).skipped} where shard_id = {{shard}} and sequence_number = {{sequence}} limit 1`,
    { shard, sequence: sequenceNumber },
  );
}

/**
 * Finds a reject by object and line. Only lines that COPY could not read, and rejects of an object that was loaded
 * alone, have an object. Redshift cuts file names after 256 characters (SYS_LOAD_ERROR_DETAIL).
 */
export async function findRejectInObject(
  context: Context,
  { pipeline }: Question,
  bucket: string,
  key: string,
  line: number,
): Promise<Found[]> {
  const { rejects } = publicTables(pipeline);
  const url = `s3://${bucket}/${key}`;
  return query(
    context,
    'rejects',
    `select ${rejectSelect} from ${rejects} where object_key in ({{url}}, {{cut}}) and line = {{line}}::bigint limit 1`,
    { url, cut: url.slice(0, 256), line },
  );
}

/** Finds whether the landing view has read a position, and whether it is merged. */
export async function findLanded(context: Context, { pipeline }: Question, position: Position): Promise<Found[]> {
  const landing = landingName(pipeline);
  const { checkpoints } = publicTables(pipeline);
  return query(
    context,
    'landing',
    `select shard_id, sequence_number, approximate_arrival_timestamp as arrived_at, refresh_time,
  refresh_time <= coalesce((select max(refresh_time) from ${checkpoints} where landing = {{landing}} and ${ofIdentity(pipeline)}), '1970-01-01'::timestamp) as merged
from ${landing}
where shard_id = {{shard}} and sequence_number = {{sequence}} limit 1`,
    { shard: position.shard, sequence: streamSequence(position), landing: landing.split('.')[1]! },
  );
}

/** Counts rows that are being merged at this moment. The table is empty otherwise. */
export async function countStaged(context: Context, { pipeline }: Question): Promise<number> {
  const { staged, staged_archive } = publicTables(pipeline);
  const [row] = await queryRows(
    context,
    'staged',
    `select (select count(*) from ${staged}) + (select count(*) from ${staged_archive}) as amount`,
  );
  return Number(row?.['amount'] ?? 0);
}

export interface LoadedObject {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly runId: string;
  readonly loadedAt: string;
}

/** Returns the objects that a run loaded. */
export async function objectsOfRun(context: Context, { pipeline }: Question, runId: string): Promise<LoadedObject[]> {
  const rows = await queryRows(
    context,
    'ledger',
    `select bucket, object_key, etag, run_id, loaded_at from ${publicTables(pipeline).ledger} where run_id = {{run}}`,
    { run: runId },
  );
  return rows.map((row) => ({
    bucket: String(row['bucket']),
    key: String(row['object_key']),
    etag: String(row['etag']),
    runId: String(row['run_id']),
    loadedAt: String(row['loaded_at']),
  }));
}

/** Returns the state of one object in the ledger and in `parked`. */
export async function ledgerStateOf(
  context: Context,
  { pipeline }: Question,
  bucket: string,
  key: string,
  etag: string,
): Promise<{ state: 'loaded' | 'parked' | 'pending'; detail: string }> {
  const { ledger, parked } = publicTables(pipeline);
  const values = { bucket, key, etag };
  const identity = 'bucket = {{bucket}} and object_key = {{key}} and etag = {{etag}}';
  const [entry] = await queryRows(
    context,
    'ledger',
    `select run_id, loaded_at from ${ledger} where ${identity}`,
    values,
  );
  if (entry) return { state: 'loaded', detail: `loaded ${entry['loaded_at']} by run ${entry['run_id']}` };
  const [aside] = await queryRows(context, 'parked', `select reason from ${parked} where ${identity}`, values);
  if (aside) return { state: 'parked', detail: `parked: ${aside['reason']}` };
  return { state: 'pending', detail: 'not loaded yet' };
}

async function query(
  context: Context,
  what: string,
  sql: string,
  values: Record<string, string | number>,
): Promise<Found[]> {
  const rows = await queryRows(context, what, sql, values);
  return rows.map((row) => {
    const position = positionOf(row);
    return position === undefined ? { row } : { row, position };
  });
}

function positionOf(row: Row): Position | undefined {
  const { shard_id: shard, sequence_number: sequenceNumber, arrived_at: arrivedAt } = row;
  if (typeof shard !== 'string' || typeof sequenceNumber !== 'string') return undefined;
  return { shard, sequenceNumber, ...(arrivedAt === null ? {} : { arrivedAt: warehouseTime(arrivedAt) }) };
}

function columnsCondition(fields: ReadonlyMap<Column, string>) {
  const values: Record<string, string> = {};
  const parts = [...fields].map(([column, given], n) => {
    values[`v${n}`] = isMoment(column) ? (timestampText(given) ?? given) : given;
    return `${quoteIdentifier(column.name)} = {{v${n}}}::${sqlType(column)}`;
  });
  return { where: parts.join(' and '), values };
}

function payloadCondition(fields: ReadonlyMap<Column, string>) {
  const values: Record<string, string> = {};
  const parts = [...fields].map(([column, given], n) => {
    const spelled = [...new Set([given, ...(isMoment(column) ? spellings(given) : [])])];
    const { list, values: more } = literals(`v${n}x`, spelled);
    Object.assign(values, more);
    return `${payloadPath(column.path)}::varchar(65535) in (${list})`;
  });
  return { where: parts.join(' and '), values };
}

const isMoment = ({ type }: Column) => type === 'timestamp' || type === 'timestamptz';

/** Returns the spellings of a time that a payload may have. */
function spellings(given: string): string[] {
  const text = timestampText(given);
  return text === undefined ? [] : [text, text.replace(' ', 'T'), `${text.replace(' ', 'T')}Z`];
}

function literals(prefix: string, texts: readonly string[]) {
  const values = Object.fromEntries(texts.map((text, n) => [`${prefix}${n}`, text]));
  return { list: texts.map((_, n) => `{{${prefix}${n}}}`).join(', '), values };
}

/** A longer text must not be cut to the column's length: it would match another value. */
const sqlType = (column: Column) => (column.type === 'varchar' ? 'varchar(65535)' : redshiftType(column));
