import {
  isForeign,
  isForgotten,
  isLoadedHistory,
  isUnmerged,
  isWaiting,
  landingName,
  publicTables,
} from '../../../sql/names';
import { markPrefix } from '../smoke/marked-events';
import type { DemoRuntime, DeployedPipeline } from './demo-runtime';
import { countHistory, type HistoryRows, type LedgerRow, type PendingPart } from './history-counts';

/** The number of records in each place. `produced = events + duplicates + rejects + skipped + forgotten + pending` always holds. */
export interface RecordCounts {
  /**
   * Records that the stream accepted, plus records of the objects that match the globs of a history source, plus records
   * of another environment's stream that an import brought.
   */
  readonly produced: number;
  readonly events: number;
  readonly duplicates: number;
  readonly rejects: number;
  /** Records that are meant for another pipeline, according to `where`, and those that were older than the retention. */
  readonly skipped: number;
  /** Records of subjects that were forgotten. */
  readonly forgotten: number;
  /**
   * Records of the stream that are not merged or not decoded, records of objects that are not loaded, and staged rows.
   * They are counted directly, not as the difference.
   */
  readonly pending: number;
  /** The pending records, by place. */
  readonly parts: readonly PendingPart[];
}

export const isBalanced = (account: RecordCounts) =>
  account.produced ===
  account.events + account.duplicates + account.rejects + account.skipped + account.forgotten + account.pending;

export function sumCounts(accounts: readonly RecordCounts[]): RecordCounts {
  const sum = (term: Exclude<keyof RecordCounts, 'parts'>) =>
    accounts.reduce((total, account) => total + account[term], 0);
  return {
    produced: sum('produced'),
    events: sum('events'),
    duplicates: sum('duplicates'),
    rejects: sum('rejects'),
    skipped: sum('skipped'),
    forgotten: sum('forgotten'),
    pending: sum('pending'),
    parts: accounts.flatMap(({ parts }) => parts),
  };
}

/** What a count needs of a running environment. */
export type CountedRuntime = Pick<DemoRuntime, 'query' | 'acceptedRecords' | 'streamOf' | 'objects' | 'historyBucket'>;

/** Counts the records of one pipeline in the stream, the bucket and the warehouse. */
export async function countRecords(
  runtime: CountedRuntime,
  pipeline: DeployedPipeline,
  historyRows: Pick<HistoryRows, 'of'>,
): Promise<RecordCounts> {
  const tables = publicTables(pipeline);
  const landing = landingName(pipeline);
  const countOf = (relation: string) => `(select count(*) from ${relation})`;
  const ofSmoke = `partition_key like '${markPrefix}%'`;
  // An array, several objects or an aggregate of the Producer Library is one record of the stream but several rows.
  const members = [tables.events, tables.duplicates, tables.rejects, tables.skipped]
    .map((table) => countOf(`${table} where sequence_number ~ '[:/.]' and not (${isForeign})`))
    .join(' + ');
  // The landing view never has records that streaming ingestion skips, and rows merged long ago are deleted from it.
  const read = [tables.events, tables.duplicates, tables.rejects, tables.skipped]
    .map(
      (table) =>
        `union select shard_id, split_part(translate(sequence_number, '/.', '::'), ':', 1) as sequence_number from ${table} where shard_id is not null and not (${isForeign})`,
    )
    .join('\n    ');
  // Another environment's stream had accepted these.
  const imported = [tables.events, tables.duplicates, tables.rejects, tables.skipped]
    .map((table) => countOf(`${table} where ${isForeign}`))
    .join(' + ');
  // This is one query, so that a load that ends meanwhile is in all of the counts or in none.
  const { rows } = await runtime.query(`select c.*, l.object_key, l.etag, l.row_count
from (select
  ${countOf(tables.events)} as events,
  ${countOf(tables.duplicates)} as duplicates,
  ${countOf(`${tables.rejects} where not (${isWaiting()})`)} as rejects,
  ${countOf(`${tables.rejects} where ${isWaiting()}`)} as waiting,
  ${countOf(`${tables.skipped} where not (${isForgotten})`)} as skipped,
  ${countOf(`${tables.skipped} where ${isForgotten}`)} as forgotten,
  ${countOf(tables.staged)} as staged,
  ${countOf(`(select shard_id::varchar(20) as shard_id, sequence_number from ${landing}
    ${read}) as positions`)} as positions,
  (select count(*) from ${landing} where ${isUnmerged(pipeline)}) as unmerged,
  ${countOf(`(select distinct shard_id, sequence_number from ${landing} where ${ofSmoke}) as marks`)} as marks,
  (select count(*) from ${landing} where ${ofSmoke} and ${isUnmerged(pipeline)})
    + ${countOf(`${tables.events} where ${ofSmoke}`)} + ${countOf(`${tables.duplicates} where ${ofSmoke}`)}
    + ${countOf(`${tables.rejects} where ${ofSmoke}`)} as marks_left,
  ${members} + ${imported} as members) c
left join (select object_key, etag, row_count from ${tables.ledger} where ${isLoadedHistory}) l on 1 = 1`);
  const counts = rows[0]!.slice(0, 12).map(Number);
  const [
    events,
    duplicates,
    rejects,
    waiting,
    skipped,
    forgotten,
    staged,
    positions,
    unmerged,
    marks,
    marksLeft,
    more,
  ] = counts as [number, number, number, number, number, number, number, number, number, number, number, number];
  // Records of `millrace smoke` stay on the stream after their rows were removed.
  const removed = marks - marksLeft;
  const accepted = runtime.acceptedRecords(runtime.streamOf(pipeline.name));
  const ledger = rows
    .map((row) => row.slice(counts.length))
    .filter(([key]) => key !== null)
    .map(([key, etag, count]): LedgerRow => ({ key: String(key), etag: String(etag), rows: Number(count) }));
  const history = await countHistory(runtime, pipeline, historyRows, ledger);
  const part = (records: number, why: string): PendingPart => ({ pipeline: pipeline.name, records, why, stuck: false });
  const parts = [
    part(accepted - positions, 'on the stream, the next refresh reads them'),
    part(unmerged, 'in the landing view, the next merge types them'),
    part(staged, 'staged by a load that has not ended'),
    part(waiting, 'wait for the load function to decode them'),
  ].filter(({ records }) => records > 0);
  return {
    produced: accepted - removed + more + history.produced,
    events,
    duplicates,
    rejects,
    skipped,
    forgotten,
    pending: accepted - positions + unmerged + waiting + history.pending + staged,
    // An unreadable object has an unknown number of records, but is still not loaded.
    parts: [...parts, ...history.parts],
  };
}
