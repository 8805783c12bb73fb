import type { StatementTemplate } from '../../lambda/shared/plan';
import type { Pipeline } from '../../pipelines/definition';
import { isForgotten } from '../tables/forgotten';
import { publicTables } from '../tables/names';

/** SQL condition on `skipped`: a forgotten record that the archive may have. */
const isArchived = `${isForgotten} and source in ('stream', 'archive') and shard_id is not null and sequence_number is not null`;

/** Rows `hour`, the oldest first: the hours in which forgotten records arrived, which the archive may have. */
export const forgottenHoursQuery = (pipeline: Pick<Pipeline, 'name'>): StatementTemplate =>
  `select distinct date_trunc('hour', arrived_at) as hour
from ${publicTables(pipeline).skipped}
where ${isArchived} and arrived_at is not null
order by hour`;

/**
 * Rows `shard_id, sequence_number`: the positions of forgotten records that arrived from `from` until before `until`.
 * Placeholders: these times.
 */
export const forgottenPositionsQuery = (pipeline: Pick<Pipeline, 'name'>): StatementTemplate =>
  `select distinct shard_id, sequence_number
from ${publicTables(pipeline).skipped}
where ${isArchived} and arrived_at >= {{from}}::timestamp and arrived_at < {{until}}::timestamp`;

/**
 * Rows `run_id, rows, bucket, object_key, etag, version_id, size`: the history objects of each run that has forgotten
 * records, and the number of these records. A run without an object in the ledger has one row whose object is null: its
 * records were rejects that were merged again, and nothing says which object they came from.
 */
export function forgottenObjectsQuery(pipeline: Pick<Pipeline, 'name'>): StatementTemplate {
  const { skipped, ledger } = publicTables(pipeline);
  return `select r.run_id, r.amount as "rows", l.bucket, l.object_key, l.etag, l.version_id, l.size
from (
  select run_id, count(*) as amount
  from ${skipped}
  where ${isForgotten} and source = 'history'
  group by run_id
) r
left join ${ledger} l on l.run_id = r.run_id
order by r.run_id, l.bucket, l.object_key, l.etag`;
}
