import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Pipeline } from '../../../pipelines/definition';
import { landingName, ofLanding, publicTables } from '../../../sql';
import { markPrefix } from '../smoke/marked-events';
import type { DemoRuntime } from './demo-runtime';

/** Counts where every record is. Nothing vanishes: `produced = events + duplicates + rejects + skipped + pending`. */
export interface RecordCounts {
  /** Records that the stream accepted, plus rows of history objects. Merged user records of an aggregate count one by one. */
  readonly produced: number;
  readonly events: number;
  readonly duplicates: number;
  readonly rejects: number;
  /** Records that are meant for another pipeline: `where`. */
  readonly skipped: number;
  /**
   * Records on the stream that are not merged, rows of objects that are not loaded, and staged rows. Counted by itself,
   * not as the difference.
   */
  readonly pending: number;
}

export const isBalanced = (account: RecordCounts) =>
  account.produced === account.events + account.duplicates + account.rejects + account.skipped + account.pending;

export function sumCounts(accounts: readonly RecordCounts[]): RecordCounts {
  const sum = (term: keyof RecordCounts) => accounts.reduce((total, account) => total + account[term], 0);
  return {
    produced: sum('produced'),
    events: sum('events'),
    duplicates: sum('duplicates'),
    rejects: sum('rejects'),
    skipped: sum('skipped'),
    pending: sum('pending'),
  };
}

/**
 * Counts the rows of history objects. Each object is read once, because objects are not rewritten while the runtime
 * runs.
 */
export class HistoryRows {
  private readonly counted = new Map<string, number>();

  constructor(private readonly runtime: Pick<DemoRuntime, 'pathOf' | 'historyBucket'>) {}

  of(key: string): number {
    const known = this.counted.get(key);
    if (known !== undefined) return known;
    const bytes = readFileSync(this.runtime.pathOf(this.runtime.historyBucket, key));
    const plain = key.endsWith('.gz') ? gunzipSync(bytes) : bytes;
    const rows = plain
      .toString('latin1')
      .split('\n')
      .filter((line) => line.trim() !== '').length;
    this.counted.set(key, rows);
    return rows;
  }
}

/** Counts the records of one pipeline in the stream, the bucket and the warehouse. */
export async function countRecords(
  runtime: DemoRuntime,
  pipeline: Pipeline,
  historyRows: HistoryRows,
): Promise<RecordCounts> {
  const tables = publicTables(pipeline);
  const landing = landingName(pipeline);
  const countOf = (relation: string) => `(select count(*) from ${relation})`;
  const ofSmoke = `partition_key like '${markPrefix}%'`;
  // An array of events, or an aggregate of the Kinesis Producer Library, is one record of the stream and several rows.
  const members = [tables.events, tables.duplicates, tables.rejects, tables.skipped]
    .map((table) => countOf(`${table} where strpos(sequence_number, ':') > 0 or strpos(sequence_number, '.') > 0`))
    .join(' + ');
  // The landing view never has records that streaming ingestion skips, and loses what was merged long ago.
  const read = [tables.events, tables.duplicates, tables.rejects, tables.skipped]
    .map(
      (table) =>
        `union select shard_id, split_part(split_part(sequence_number, ':', 1), '.', 1) as sequence_number from ${table} where shard_id is not null`,
    )
    .join('\n    ');
  const { rows } = await runtime.query(`select
  ${countOf(tables.events)} as events,
  ${countOf(tables.duplicates)} as duplicates,
  ${countOf(tables.rejects)} as rejects,
  ${countOf(tables.skipped)} as skipped,
  ${countOf(tables.staged)} as staged,
  ${countOf(`(select shard_id::varchar(20) as shard_id, sequence_number from ${landing}
    ${read}) as positions`)} as positions,
  (select count(*) from ${landing} where refresh_time > coalesce(
    (select max(refresh_time) from ${tables.checkpoints} where ${ofLanding(pipeline)}), '1970-01-01'::timestamp)) as unmerged,
  ${countOf(`(select distinct shard_id, sequence_number from ${landing} where ${ofSmoke}) as marks`)} as marks,
  (select count(*) from ${landing} where ${ofSmoke} and refresh_time > coalesce(
    (select max(refresh_time) from ${tables.checkpoints} where ${ofLanding(pipeline)}), '1970-01-01'::timestamp))
    + ${countOf(`${tables.events} where ${ofSmoke}`)} + ${countOf(`${tables.duplicates} where ${ofSmoke}`)}
    + ${countOf(`${tables.rejects} where ${ofSmoke}`)} as marks_left,
  ${members} as members`);
  const [events, duplicates, rejects, skipped, staged, positions, unmerged, marks, marksLeft, more] = rows[0]!.map(
    Number,
  ) as [number, number, number, number, number, number, number, number, number, number];
  // Records of `millrace smoke` stay on the stream after their rows were removed.
  const removed = marks - marksLeft;
  const accepted = runtime.acceptedRecords(runtime.streamOf(pipeline.name));
  const history = await countHistory(runtime, pipeline, historyRows);
  return {
    produced: accepted - removed + more + history.produced,
    events,
    duplicates,
    rejects,
    skipped,
    pending: accepted - positions + unmerged + history.pending + staged,
  };
}

async function countHistory(runtime: DemoRuntime, pipeline: Pipeline, historyRows: HistoryRows) {
  if (pipeline.history === undefined) return { produced: 0, pending: 0 };
  const prefixes = pipeline.history.flatMap(({ globs }) => globs.map((glob) => glob.split('*')[0]!));
  const objects = (await Promise.all(prefixes.map((prefix) => runtime.objects(runtime.historyBucket, prefix)))).flat();
  const ledger = await runtime.query(`select object_key from ${publicTables(pipeline).ledger}`);
  const loaded = new Set(ledger.rows.map(([key]) => String(key)));
  const rowsOf = (list: readonly { key: string }[]) => list.reduce((total, { key }) => total + historyRows.of(key), 0);
  return { produced: rowsOf(objects), pending: rowsOf(objects.filter(({ key }) => !loaded.has(key))) };
}
