import { isForeign, isForgotten, isUnmerged, isWaiting, landingName, publicTables } from '../../../sql/names';
import { warehouseText } from '../../commands/context';
import type { DeployedPipeline } from '../../commands/local/demo-runtime';
import type { RecordCounts } from '../../commands/local/record-counts';
import { firstRow, type MetricPoint, type MetricQuery, numberOf } from '../ports';
import { incomingRecords } from './look';

const MINUTE_MS = 60_000;
/** Records that arrived within this time are compared with what CloudWatch says the stream accepted. */
export const RECENT_HOURS = 6;

interface CountedPlace {
  now(): number;
  query(sql: string): Promise<{ columns: string[]; rows: unknown[][] }>;
  metrics(queries: readonly MetricQuery[]): Promise<readonly (readonly MetricPoint[])[]>;
}

/**
 * Counts the records of a pipeline in AWS. A count of every position, as on a laptop, would read each table whole, so:
 * - `produced` is what the runs have accounted for, by their own counts, and what is pending;
 * - the tables are counted, which Redshift does without reading them;
 * - what the stream holds and no refresh has read is the difference between CloudWatch and the positions of the last
 *   hours. CloudWatch is minutes late, so it can be too small, never too large for long.
 * Records of objects that are not loaded are unknown before their load. They are not counted.
 */
export async function countInAws(
  place: CountedPlace,
  pipeline: DeployedPipeline,
  stream: string,
): Promise<RecordCounts> {
  const { events, duplicates, rejects, skipped, staged, runs } = publicTables(pipeline);
  const landing = landingName(pipeline);
  const count = (relation: string) => `(select count(*) from ${relation})`;
  const since = Math.floor(place.now() / MINUTE_MS - RECENT_HOURS * 60) * MINUTE_MS;
  const recent = `'${warehouseText(since)}'::timestamp`;
  // What arrived lately was merged lately. The second condition lets Redshift skip the older blocks.
  const merged = [events, duplicates, rejects, skipped].map(
    (table) =>
      `union select shard_id, split_part(translate(sequence_number, '/.', '::'), ':', 1) from ${table} where shard_id is not null and not (${isForeign}) and arrived_at >= ${recent} and merged_at >= ${recent}`,
  );
  const row = await firstRow(
    place,
    `select
  (select coalesce(sum(events + duplicates + rejects + coalesce(skipped, 0)), 0) from ${runs}) as accounted,
  ${count(events)} as events,
  ${count(duplicates)} as duplicates,
  ${count(`${rejects} where not (${isWaiting()})`)} as rejects,
  ${count(`${rejects} where ${isWaiting()}`)} as waiting,
  ${count(`${skipped} where not (${isForgotten})`)} as skipped,
  ${count(`${skipped} where ${isForgotten}`)} as forgotten,
  ${count(staged)} as staged,
  (select count(*) from ${landing} where ${isUnmerged(pipeline)}) as unmerged,
  ${count(`(select shard_id::varchar(20) as shard_id, sequence_number from ${landing} where approximate_arrival_timestamp >= ${recent}
    ${merged.join('\n    ')}) as positions`)} as positions`,
  );
  const number = (name: string) => numberOf(row[name]);
  // Asked after the tables, so that what arrived meanwhile counts as pending.
  const [points = []] = await place.metrics([
    { ...incomingRecords(stream), periodMs: MINUTE_MS, from: since, to: place.now() + 1 },
  ]);
  const sent = points.reduce((sum, { value }) => sum + value, 0);
  const parts = [
    { records: Math.max(0, sent - number('positions')), why: 'on the stream, the next refresh reads them' },
    { records: number('unmerged'), why: 'in the landing view, the next merge types them' },
    { records: number('staged'), why: 'staged by a load that has not ended' },
    { records: number('waiting'), why: 'wait for the load function to decode them' },
  ].map((part) => ({ pipeline: pipeline.name, stuck: false, ...part }));
  const pending = parts.reduce((sum, { records }) => sum + records, 0);
  return {
    produced: number('accounted') + pending,
    events: number('events'),
    duplicates: number('duplicates'),
    rejects: number('rejects'),
    skipped: number('skipped'),
    forgotten: number('forgotten'),
    pending,
    parts: parts.filter(({ records }) => records > 0),
  };
}
