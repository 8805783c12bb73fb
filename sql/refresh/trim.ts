import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import { lockStatement } from '../merge/merge';
import type { ResolvedPipeline } from '../resolve';
import { landedHours } from '../tables/landing';

/**
 * One run deletes records that arrived within this many minutes. That is longer than the time between two runs, so
 * the view shrinks.
 */
const rangeMinutes = 60;
/**
 * The merge searches this many days of refreshes before the last one for the last record of each shard: see gaps.ts.
 */
const gapDays = 1;

/**
 * One transaction that deletes records from the landing view that every identity has merged and that are older than
 * `landedHours`. It deletes the oldest hour once that hour is full, so most runs delete nothing. The view keeps its
 * position on the stream, and no other view reads it, so nothing has to be recomputed. After a change of the identity
 * the new tables merge everything that the view holds; until then nothing is deleted.
 * https://docs.aws.amazon.com/redshift/latest/dg/r_DELETE.html
 */
export function trimStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const landing = pipeline.landing.name;
  const bounds = `${pipeline.name}_trim_bounds`;
  return [
    lockStatement(pipeline),
    boundsStatement(pipeline, bounds),
    `delete from ${landing}
where refresh_time < (select refreshed_until from ${bounds}) and approximate_arrival_timestamp < (select arrived_until from ${bounds})`,
    `drop table ${bounds}`,
  ];
}

function boundsStatement(pipeline: ResolvedPipeline, bounds: string): StatementTemplate {
  const { checkpoints } = pipeline.tables;
  const old = `dateadd(hour, -${landedHours(pipeline.definition)}, getdate())`;
  return `create temp table ${bounds} as
with identities as (
  select max(case when landing = ${quoteLiteral(pipeline.landing.table)} then refresh_time end) as merged
  from ${checkpoints}
  group by identity_version
),
passed as (
  select case when count(merged) = count(*) then dateadd(day, -${gapDays}, min(merged)) end as merged
  from identities
),
bound as (
  select case when merged < ${old} then merged else ${old} end as refreshed_until
  from passed
  where merged is not null
),
oldest as (
  select min(approximate_arrival_timestamp) as arrived_at
  from ${pipeline.landing.name}
  where refresh_time < (select refreshed_until from bound)
)
select b.refreshed_until, dateadd(minute, ${rangeMinutes}, o.arrived_at) as arrived_until
from bound b
cross join oldest o
where dateadd(minute, ${rangeMinutes}, o.arrived_at) <= ${old}`;
}
