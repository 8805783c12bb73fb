import type { RaisingPlan } from '../../lambda/refresh/contract';
import type { StatementTemplate } from '../../lambda/shared/plan';
import { arrivalTables, parsedQuery, untouchedStatements } from '../merge/arrived';
import { replacedRejects } from '../merge/gives-way';
import { incomingStatements, recordKind } from '../merge/incoming';
import { lockStatement } from '../merge/merge';
import type { ResolvedPipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { indent } from '../text/indent';
import { positionKey, raisedQuery, searchPlan, searchTables } from '../typing/raising-rows';

/** Rows merged earlier that are typed again if every new row fails, to find out whether typing itself fails. */
const referenceRows = 1000;

const untouched = ['source', ...placeColumns, 'refresh_time', 'kinesis_data'];

/** Finds the stream records that make the merge fail, by position, and turns them into rejects. */
export function mergeRaising(pipeline: ResolvedPipeline): RaisingPlan {
  const { arrived } = pipeline.temporary;
  const { searched } = searchTables(pipeline);
  const { records } = pipeline.definition.stream;
  return {
    step: 'merge',
    search: searchPlan(pipeline, {
      gather: [
        ...untouchedStatements(pipeline, 'stream'),
        `create temp table ${searched} as\nselect ${positionKey} as row_key, ${untouched.join(', ')}\nfrom ${arrived}`,
      ],
      reference: [referenceStatement(pipeline)],
      columns: untouched,
      typed: (tables, from) =>
        incomingStatements(
          pipeline,
          parsedQuery(pipeline, 'stream', `(\n${indent(from)}\n) as untouched`, records),
          [],
          tables,
          recordKind('stream', records),
        ),
    }),
    record: recordStatements(pipeline),
  };
}

/** Rows of the last merged refresh without its rejects, and one record without attributes in case there are none. */
function referenceStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { checkpoints, rejects } = pipeline.tables;
  return `create temp table ${searchTables(pipeline).searched} as
select shard_id || sequence_number as row_key, ${untouched.join(', ')}
from (
  select
    'stream'::varchar(16) as source, l.shard_id::varchar(20) as shard_id, l.sequence_number, l.partition_key,
    l.approximate_arrival_timestamp as arrived_at, l.refresh_time, l.kinesis_data
  from ${pipeline.landing.name} l
  left join ${rejects} x on x.shard_id = l.shard_id and x.sequence_number = l.sequence_number
  where l.refresh_time = (select max(refresh_time) from ${checkpoints} where ${pipeline.ofLanding}) and x.sequence_number is null
  limit ${referenceRows}
) as merged
union all
select
  'none', 'stream'::varchar(16), null::varchar(20), null::varchar(128), null::varchar(256), null::timestamp, null::timestamp, to_varbyte('{}', 'utf8')`;
}

/**
 * Turns the found records into rejects with their bytes, and a run counts them. Records that have an outcome by now
 * are left out, so the transaction can be repeated. A reject that knew only the position of such a record is replaced. The run has no typing version: it completes no rows.
 */
function recordStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { rejects, runs } = pipeline.tables;
  const { arrived, parsed } = pipeline.temporary;
  const raised = `${pipeline.name}_raised`;
  const place = placeColumns.join(', ');
  const { replaced, replace } = replacedRejects(pipeline, 'stream', raised);
  return [
    lockStatement(pipeline),
    ...untouchedStatements(pipeline, 'stream'),
    `create temp table ${raised} as
with raised as (
  ${raisedQuery}
)
select a.*, r.reason
from (
  select ${positionKey} as row_key, source, ${place}, kinesis_data
  from ${arrived}
) as a
inner join raised r on r.row_key = a.row_key`,
    `insert into ${rejects} (source, ${place}, reason, unparsed, run_id, merged_at)
select source, ${place}, reason, kinesis_data, {{run_id}}, getdate()
from ${raised}`,
    `insert into ${runs} (run_id, source, rows_read, events, duplicates, rejects, merged_at)
select {{run_id}}, 'stream', count(*), 0, 0, count(*) - ${replaced}, getdate()
from ${raised}
having count(*) > 0`,
    ...replace,
    `drop table ${[raised, ...arrivalTables(pipeline, 'stream').filter((table) => table !== parsed)].join(', ')}`,
  ];
}
