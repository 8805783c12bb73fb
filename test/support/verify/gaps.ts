import { archiveHour } from '../../../cli/commands/backfill';
import type { Cloud } from '../cloud';
import type { Simulation } from '../simulation';
import { type Truth, timestampText } from '../world';
import { rows, type Value } from './query';

/** A gap of a shard. Times are in the warehouse's format. */
export interface Gap {
  readonly shard: string;
  readonly from: string;
  readonly to: string;
}

/** Finds records of the stream that are in no table, and those of them that no gap covers. */
export async function missingRecords({
  cloud,
  truth,
  template,
}: Simulation): Promise<{ missing: number; unnamed: string[]; gaps: Gap[] }> {
  const { name } = template.pipeline;
  const placed = new Set<string>();
  for (const table of ['events', 'duplicates', 'rejects', 'skipped'])
    for (const [shard, number] of await rows<Value[]>(
      cloud,
      `select shard_id, sequence_number from ${name}.${table} where shard_id is not null`,
    ))
      placed.add(`${shard}/${number}`);
  const gaps = await gapsOf(cloud, name);
  const missing = truth.stream.filter(({ shardId, sequenceNumber }) => !placed.has(`${shardId}/${sequenceNumber}`));
  const unnamed = missing.flatMap(({ shardId, sequenceNumber, arrivedAt }) => {
    const at = timestampText(arrivedAt);
    if (gaps.some(({ from, to }) => from <= at && at <= to)) return [];
    return [`${shardId}/${sequenceNumber}, which arrived at ${at}, is missing, and no gap says so`];
  });
  return { missing: missing.length, unnamed, gaps };
}

/** Counts the rejects for records that streaming ingestion skipped. */
export async function skippedRecords({ cloud, template }: Simulation): Promise<number> {
  const [found] = await rows<Value[]>(
    cloud,
    `select count(*) from ${template.pipeline.name}.rejects where reason like 'skipped by Redshift (%'`,
  );
  return Number(found![0]);
}

/** Checks the gaps after the backfill. One may remain only if it begins before the archive does. */
export async function verifyGaps(cloud: Cloud, schema: string, { archived }: Truth): Promise<string[]> {
  const hours = archived.flatMap((key) => archiveHour(key) ?? []);
  const begins = hours.length === 0 ? undefined : timestampText(Math.min(...hours));
  return (await gapsOf(cloud, schema)).flatMap(({ shard, from, to }) =>
    begins !== undefined && from >= begins ? [`the gap of ${shard} from ${from} to ${to} was not closed`] : [],
  );
}

async function gapsOf(cloud: Cloud, schema: string): Promise<Gap[]> {
  const found = await rows<Value[]>(cloud, `select shard_id, from_time, to_time from ${schema}.gaps order by 1, 2`);
  return found.map(([shard, from, to]) => ({
    shard: String(shard ?? 'all shards'),
    from: String(from),
    to: String(to),
  }));
}
