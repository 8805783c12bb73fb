import { statSync } from 'node:fs';
import type { Statement } from '../statement';
import { qualified, type RelationEntry } from './catalog';
import { literal, timestampLiteral } from './database';
import { duckdbName } from './ddl';
import { WarehouseError } from './errors';
import { createKeptRecords, keptRecords } from './kept-records';
import { fill, newViewName } from './new-view';
import type { ScanFault } from './scan-fault';
import type { Planned, Session } from './session';

/** Largest record. Redshift skips larger ones and lists them in SYS_STREAM_SCAN_ERRORS. */
const maxRecordBytes = 1_048_576;
/** Approximate size of a group of segments. Groups bound the memory, however much the stream holds. */
const groupBytes = 256 * 2 ** 20;

const batchTable = 'temp.millrace_stream_batch';

/** Creates the view and loads what the stream retains, from TRIM_HORIZON. */
export async function createStreamingView(
  session: Session,
  planned: Planned,
  statement: Extract<Statement, { kind: 'create-streaming-view' }>,
): Promise<void> {
  const name = newViewName(session, planned, statement);
  const entry: RelationEntry = {
    schema: name.schema,
    name: name.name,
    kind: 'materialized-view',
    owner: session.user.name,
    columns: statement.columns,
    text: statement.text,
    query: statement.query,
    autoRefresh: statement.autoRefresh,
    seen: {},
    stream: {
      externalSchema: statement.externalSchema,
      name: statement.stream,
      lastRefreshMs: 0,
      grouped: statement.grouped,
    },
  };
  session.state.put('relation', qualified(name), entry);
  session.state.put('positions', qualified(name), {});
  await emptyBatch(session);
  await defineRecords(session, session.now);
  if (statement.grouped) await createKeptRecords(session, entry);
  await fill(session, entry, 'create');
  await loadStream(session, entry);
}

/** Loads each record after the view's positions once. Returns the status for SYS_MV_REFRESH_HISTORY. */
export async function loadStream(session: Session, entry: RelationEntry): Promise<string> {
  const id = qualified(entry);
  const { externalSchema, name: stream, lastRefreshMs, grouped } = entry.stream!;
  const roleArn = session.state.get('schema', externalSchema)?.streamRoleArn;
  if (roleArn === undefined) throw new WarehouseError(`external schema "${externalSchema}" does not exist`);
  const principal = session.options.assume(roleArn, session.user.name);
  const after = session.state.get('positions', id) ?? {};
  const slice = await session.options.kinesis.readSlice(principal, stream, after);
  if (Object.keys(slice.latest).length === 0) return nothingNew;

  const refreshMs = Math.max(session.now, lastRefreshMs + 1);
  const bounds = Object.entries(slice.latest)
    .map(([shard, latest]) => `(${literal(shard)}, ${literal(after[shard] ?? '')}, ${literal(latest)})`)
    .join(', ');
  const fault = session.options.scanFault?.();
  const landing = grouped ? `${keptRecords(entry)} from stream_records` : `${duckdbName(entry)} ${entry.query}`;
  let loaded = 0;
  let skipped = 0;
  for (const files of groupsOf(slice.files)) {
    await readBatch(session, files, bounds, slice.exact === true);
    if (fault) await skipSome(session, fault);
    await learnShapes(session);
    await defineRecords(session, refreshMs);
    loaded += await session.connection.run(`insert into ${landing}`);
    skipped += await logBatch(session, entry, fault);
  }
  if (grouped && loaded > 0) await regroup(session, entry);
  await emptyBatch(session);
  session.state.put('positions', id, { ...after, ...slice.latest });
  session.state.put('relation', id, { ...entry, stream: { ...entry.stream!, lastRefreshMs: refreshMs } });
  if (loaded > 0) session.changed(id);
  // Records that arrived meanwhile are for the next refresh.
  const { latest } = await session.options.kinesis.readSlice(principal, stream, { ...after, ...slice.latest });
  const qualifiers = [
    ...(skipped === 0
      ? []
      : [loaded === 0 ? 'All records received from the stream were skipped' : 'Some stream records were skipped']),
    ...(Object.keys(latest).length === 0 ? [] : ['The stream may contain more data']),
  ];
  return qualifiers.length === 0 ? updated : `${updated}: ${qualifiers.join('. ')}`;
}

/** Computes the groups of a view from all records that it has read. */
async function regroup(session: Session, entry: RelationEntry): Promise<void> {
  await session.connection.run(`create or replace temp view stream_records as from ${keptRecords(entry)}`);
  await fill(session, entry, 'create or replace');
}

const updated = 'Refresh successfully updated MV incrementally';
export const nothingNew = `${updated}: Stream returned no new data`;

function* groupsOf(files: readonly string[]): Generator<string[]> {
  let group: string[] = [];
  let size = 0;
  for (const file of files) {
    group.push(file);
    size += statSync(file).size;
    if (size < groupBytes) continue;
    yield group;
    group = [];
    size = 0;
  }
  if (group.length > 0) yield group;
}

const emptyBatch = (session: Session) =>
  session.connection.run(
    `create or replace temp table millrace_stream_batch (shard_id varchar, sequence_number varchar, partition_key varchar, arrival_ms bigint, data varchar, error_code integer, error_reason varchar)`,
  );

/** Number of bytes that the base64 text encodes. */
const byteLength = `(strlen(data) // 4 * 3 - ends_with(data, '=')::integer - ends_with(data, '==')::integer)`;

const tooLarge = `${byteLength} > ${maxRecordBytes}`;
/** Redshift does not document a code for this error. */
const tooLargeCode = 8013;
const faultCode = 8001;

/** Reads a group of segments. Sequence numbers of a stream have the same length, so they compare as text. */
const readBatch = (session: Session, files: readonly string[], bounds: string, exact: boolean) =>
  session.connection.run(
    `create or replace temp table millrace_stream_batch as
     select r.shard_id, r.sequence_number, r.partition_key, r.arrival_ms, r.data,
       case when ${tooLarge} then ${tooLargeCode} end as error_code,
       case when ${tooLarge} then 'the record of ' || ${byteLength} || ' bytes is larger than ${maxRecordBytes} bytes' end as error_reason
     from read_json([${files.map((file) => literal(file)).join(', ')}], format = 'newline_delimited', compression = 'uncompressed',
       columns = {shard_id: 'VARCHAR', sequence_number: 'VARCHAR', partition_key: 'VARCHAR', arrival_ms: 'BIGINT', data: 'VARCHAR'}) as r
     join (values ${bounds}) as b(shard_id, after_number, latest) on b.shard_id = r.shard_id
     ${exact ? '' : 'where r.sequence_number > b.after_number and r.sequence_number <= b.latest'}`,
  );

const skipSome = (session: Session, { every, from }: ScanFault) =>
  session.connection.run(
    `update ${batchTable} as b set error_code = coalesce(b.error_code, ${faultCode}), error_reason = coalesce(b.error_reason, 'the record could not be read')
     from (select shard_id, sequence_number, row_number() over (order by shard_id, sequence_number) as number from ${batchTable}) as n
     where n.shard_id = b.shard_id and n.sequence_number = b.sequence_number and n.number % ${every} = ${from % every}`,
  );

/** Number of records, from all over the batch, from which shapes are learned. */
const samples = 1000;

/** Learns the shapes of the batch's usual records. A statement that parses such records needs no further check. */
async function learnShapes(session: Session): Promise<void> {
  const rows = await session.connection.rows<{ text: string | null }>(
    `select try(decode(from_base64(data))) as text from ${batchTable}
     where rowid % (select greatest(1, count(*) // ${samples}) from ${batchTable}) = 0 and strlen(data) <= ${maxSampleLength}`,
  );
  session.learnShapes(rows.flatMap(({ text }) => (text === null ? [] : [text])));
}

const maxSampleLength = 16_384;

const defineRecords = (session: Session, refreshMs: number) =>
  session.connection.run(
    `create or replace temp view stream_records as
     select make_timestamp(arrival_ms * 1000) as approximate_arrival_timestamp, partition_key, shard_id, sequence_number,
       ${timestampLiteral(refreshMs)} as refresh_time, from_base64(data) as kinesis_data
     from ${batchTable} where error_reason is null`,
  );

/** Logs counts per shard, and a row for each skipped record. Returns the number of skipped records. */
async function logBatch(session: Session, entry: RelationEntry, fault?: ScanFault): Promise<number> {
  const base = {
    ...session.logBase(),
    external_schema_name: entry.stream!.externalSchema,
    stream_name: entry.stream!.name,
    mv_name: entry.name,
    record_time: { epochMs: session.now },
  };
  const shards = await session.connection.rows<{
    shard: string;
    latest: string;
    records: bigint;
    bytes: bigint;
    skipped: bigint;
    first: bigint;
    last: bigint;
  }>(
    `select shard_id as shard, max(sequence_number) as latest, count(*) as records, sum(${byteLength})::bigint as bytes,
       count(error_reason) as skipped, min(arrival_ms) as first, max(arrival_ms) as last
     from ${batchTable} group by all order by all`,
  );
  await session.log(
    'sys_stream_scan_states',
    ...shards.map((shard) => ({
      ...base,
      partition_id: shard.shard,
      latest_position: shard.latest,
      scanned_rows: Number(shard.records),
      skipped_rows: Number(shard.skipped),
      scanned_bytes: Number(shard.bytes),
      stream_record_time_min: { epochMs: Number(shard.first) },
      stream_record_time_max: { epochMs: Number(shard.last) },
    })),
  );
  const skipped = shards.reduce((sum, shard) => sum + Number(shard.skipped), 0);
  if (skipped === 0) return 0;
  const unlisted = fault?.unlisted ? ` and error_code <> ${faultCode}` : '';
  const errors = await session.connection.rows<{
    shard_id: string;
    sequence_number: string;
    arrival_ms: bigint;
    error_code: number;
    error_reason: string;
  }>(
    `select shard_id, sequence_number, arrival_ms, error_code, error_reason from ${batchTable} where error_reason is not null${unlisted}`,
  );
  await session.log(
    'sys_stream_scan_errors',
    ...errors.map((record) => ({
      ...base,
      partition_id: record.shard_id,
      position: record.sequence_number,
      stream_timestamp: { epochMs: Number(record.arrival_ms) },
      error_code: record.error_code,
      error_reason: record.error_reason,
    })),
  );
  return skipped;
}
