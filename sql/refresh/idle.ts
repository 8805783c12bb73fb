import type { IdlePlan } from '../../lambda/refresh/contract';
import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import { lockStatement } from '../merge/merge';
import type { ResolvedPipeline } from '../resolve';
import { idleCompleteStatement } from './complete';
import { ofView, settledHours } from './skips';
import { undecodedWork } from './undecoded';

/** A complete run happens so often at least: it records the version of its columns, compares old refreshes with their errors and trims the view. */
const completeRunHours = 1;

/**
 * Lets a run end early: where a refresh brought nothing and nothing else has work for the run, everything that arrived before the refresh began is in
 * the views.
 */
export function idlePlan(pipeline: ResolvedPipeline): IdlePlan {
  return {
    started: 'select getdate() as started',
    work: [tablesQuery(pipeline), ...viewsQueries(pipeline), skipsQuery(pipeline)],
    step: {
      name: 'nothing-new',
      mode: 'transaction',
      statements: [lockStatement(pipeline), arrivedStatement(pipeline), idleCompleteStatement(pipeline)],
    },
  };
}

/** Each branch reads the tables of the pipeline. `found` is not 0 where a run has work. */
function tablesQuery(pipeline: ResolvedPipeline): StatementTemplate {
  const { checkpoints, gaps, runs, view_failures: failures } = pipeline.tables;
  const ours = pipeline.ofLanding;
  const version = quoteLiteral(pipeline.typingVersion);
  const lastMerge = `(select max(merged_at) from ${checkpoints} where ${ours})`;
  return `select reason
from (
  select 'no complete run within the hour' as reason, case when count(*) = 0 then 1 else 0 end as found
  from ${checkpoints}
  where ${ours} and merged_at > dateadd(hour, -${completeRunHours}, getdate()) and complete_until >= merged_until
  union all
  select 'records to merge' as reason, count(*) as found
  from ${pipeline.landing.name}
  where refresh_time > (select coalesce(max(refresh_time), '1970-01-01'::timestamp) from ${checkpoints} where ${ours})
  union all
  select 'events that another function merged' as reason, count(*) as found
  from ${runs}
  where merged_at > ${lastMerge} or (merged_at = ${lastMerge} and source <> 'stream')
  union all
  select 'events of another version of the columns' as reason, count(*) as found
  from ${runs}
  where merged_at >= (select max(merged_at) from ${runs} where definition = ${version}) and (definition is null or definition <> ${version})
  union all
  select 'gaps to report' as reason, count(*) as found
  from ${gaps}
  union all
  select 'views that could not be refreshed' as reason, count(*) as found
  from ${failures}${undecodedWork(pipeline)}
) as reasons
where found > 0`;
}

/**
 * Views that a refresh would change. A view that Redshift is not sure about has `u`. System views are read apart from tables.
 * https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_MV_INFO.html
 */
function viewsQueries(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { views } = pipeline;
  if (views.length === 0) return [];
  const names = views.map(({ physicalName }) => quoteLiteral(physicalName.split('.')[1]!));
  return [
    `select trim(name)::varchar(128) as reason
from svv_mv_info
where trim(schema_name) = ${quoteLiteral(pipeline.name)} and trim(name) in (${names.join(', ')}) and is_stale <> 'f'`,
  ];
}

/**
 * Refreshes that skipped records. A complete run has to look at them until their errors are sure to be visible, and at the latest one
 * `completeRunHours` after that.
 */
function skipsQuery(pipeline: ResolvedPipeline): StatementTemplate {
  const recent = `record_time > dateadd(hour, -${settledHours + 2 * completeRunHours}, getdate())`;
  return `select 'skipped records' as reason
from sys_stream_scan_states
where ${ofView(pipeline)} and skipped_rows > 0 and ${recent}
union all
select 'skipped records' as reason
from sys_stream_scan_errors
where ${ofView(pipeline)} and ${recent}`;
}

/** Placeholder: `started`, a time of the warehouse before the refresh. A repeated or late one changes nothing. */
function arrivedStatement(pipeline: ResolvedPipeline): StatementTemplate {
  return `update ${pipeline.tables.checkpoints}
set merged_until = {{started}}::timestamp, read_until = greatest({{started}}::timestamp, coalesce(read_until, {{started}}::timestamp))
where ${pipeline.ofLanding} and merged_until < {{started}}::timestamp`;
}
