import type { StatementTemplate } from '../../lambda/shared/plan';
import type { ResolvedPipeline } from '../resolve';

/**
 * Records the views that a run could not refresh, and deletes those of earlier runs. Exports of these views wait.
 * Placeholders: `run_id`; `failures` (JSON text: `[{view,waits_for,error}]`). A repeated call changes nothing.
 * @param condition SQL: without it nothing changes
 */
export function viewFailureStatements(pipeline: ResolvedPipeline, condition: string): StatementTemplate[] {
  const { view_failures: failures } = pipeline.tables;
  return [
    `insert into ${failures} (view_name, waits_for, error, failing_since, run_id)
with given as (
  select f."view"::varchar(128) as view_name, f."waits_for"::varchar(128) as waits_for, f."error"::varchar(2048) as error
  from (select json_parse({{failures}}) as list) as batch, batch.list as f
),
known as (
  select view_name, min(failing_since) as failing_since, max(case when run_id = {{run_id}} then 1 else 0 end) as is_recorded
  from ${failures}
  group by view_name
)
select g.view_name, g.waits_for, g.error, coalesce(k.failing_since, getdate()), {{run_id}}
from given g
left join known k on k.view_name = g.view_name
where coalesce(k.is_recorded, 0) = 0 and ${condition}`,
    `delete from ${failures}
where run_id <> {{run_id}} and ${condition}`,
  ];
}
