import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { Pipeline } from '../../pipelines/definition';
import { lockStatement } from '../merge/merge';
import { landingName, landingTable, pipelineTables } from '../tables/names';

/** Where a setting does not say it, the landing view keeps a record so much longer than the stream, in hours. */
export const landedMarginHours = 24;
/** What one run deletes arrived within so many minutes: more than pass between two runs, so that the view shrinks. */
const rangeMinutes = 60;
/** The merge looks for the last record of each shard in the refreshes of so many days before the last one: see gaps.ts. */
const gapDays = 1;

/** How long the landing view keeps a record that is merged, from the refresh that read it. */
export const landedHours = ({ stream }: Pick<Pipeline, 'stream'>) =>
  stream.landedHours ?? stream.retentionHours + landedMarginHours;

/**
 * One transaction that deletes records from the landing view that every set of books has merged and that are older than `landedHours`. It takes the
 * oldest hour of them once that hour is full, so most runs delete nothing. The view keeps its position on the stream, and no view of a pipeline reads
 * it, so none has to be recomputed. A deployment that changes the identity has its new books merge all that the view holds: until they have, nothing
 * is deleted. https://docs.aws.amazon.com/redshift/latest/dg/r_DELETE.html
 */
export function trimStatements(pipeline: Pipeline): StatementTemplate[] {
  const landing = landingName(pipeline);
  const bounds = `${pipeline.name}_trim_bounds`;
  return [
    lockStatement(pipeline),
    boundsStatement(pipeline, bounds),
    `delete from ${landing}
where refresh_time < (select refreshed_until from ${bounds}) and approximate_arrival_timestamp < (select arrived_until from ${bounds})`,
    `drop table ${bounds}`,
  ];
}

function boundsStatement(pipeline: Pipeline, bounds: string): StatementTemplate {
  const { checkpoints } = pipelineTables(pipeline);
  const old = `dateadd(hour, -${landedHours(pipeline)}, getdate())`;
  return `create temp table ${bounds} as
with books as (
  select max(case when landing = ${quoteLiteral(landingTable(pipeline))} then refresh_time end) as merged
  from ${checkpoints}
  group by identity_version
),
passed as (
  select case when count(merged) = count(*) then dateadd(day, -${gapDays}, min(merged)) end as merged
  from books
),
bound as (
  select case when merged < ${old} then merged else ${old} end as refreshed_until
  from passed
  where merged is not null
),
oldest as (
  select min(approximate_arrival_timestamp) as arrived_at
  from ${landingName(pipeline)}
  where refresh_time < (select refreshed_until from bound)
)
select b.refreshed_until, dateadd(minute, ${rangeMinutes}, o.arrived_at) as arrived_until
from bound b
cross join oldest o
where dateadd(minute, ${rangeMinutes}, o.arrived_at) <= ${old}`;
}
