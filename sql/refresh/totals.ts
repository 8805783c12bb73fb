import type { StatementTemplate } from '../../lambda/shared/plan';
import type { ResolvedPipeline } from '../resolve';
import { isForgotten } from '../tables/forgotten';
import { expiryRun } from './expire';

/** A run ends long before this many hours. Redshift skips blocks by this constant. */
const recentHours = 3;
/** Every reason becomes a metric of its own, which costs money while it lasts. */
const mostReasons = 5;

/**
 * Counts of a run's merge, one row for each of its commonest reasons of rejects, at least one row. `first_arrival` is
 * null if the run merged no event. With a retention, `expired` counts the rows that it deleted. With subjects, `forgotten`
 * counts the skipped records that are of forgotten ones. Placeholder: `run_id`.
 */
export function totalsQuery({ tables, retention, subject }: ResolvedPipeline): StatementTemplate {
  const ofRun = `merged_at > dateadd(hour, -${recentHours}, getdate()) and run_id in ({{run_id}}, {{run_id}} || '-skipped')`;
  const expired = retention
    ? `, (
    select coalesce(sum(skipped), 0)
    from ${tables.runs}
    where merged_at > dateadd(hour, -${recentHours}, getdate()) and run_id = ${expiryRun}
  ) as expired`
    : '';
  const forgotten =
    subject.length > 0
      ? `, (
    select count(*)
    from ${tables.skipped}
    where ${ofRun} and ${isForgotten}
  ) as forgotten`
      : '';
  const sum = (column: string) => `coalesce(sum(${column}), 0) as ${column}`;
  return `with totals as (
  select ${['events', 'duplicates', 'rejects', 'skipped'].map(sum).join(', ')}
  from ${tables.runs}
  where ${ofRun}
),
oldest as (
  select min(arrived_at) as first_arrival
  from ${tables.events}
  where ${ofRun}
),
reasons as (
  select reason, count(*) as records
  from ${tables.rejects}
  where ${ofRun}
  group by reason
  order by records desc, reason
  limit ${mostReasons}
)
select t.events, t.duplicates, t.rejects, t.skipped, o.first_arrival, r.reason, r.records${expired}${forgotten}
from totals t
cross join oldest o
left join reasons r on r.records > 0`;
}
