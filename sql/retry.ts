import type { StatementTemplate } from '../lambda/shared/plan';
import type { Pipeline } from '../pipelines/definition';
import { acceptStatements, copiesStatements, lockStatement } from './merge';
import { pipelineTables } from './names';
import { incomingStatement, placeColumns, readStatement, temporaryTables } from './record';

/**
 * One transaction that looks at the rejects once more, under the columns that the pipeline has now: what is sound becomes an event or a
 * duplicate and leaves them, the others get their present reason. The run counts what left as rejects taken back. Placeholder: `run_id`.
 */
export function retryStatements(pipeline: Pipeline): StatementTemplate[] {
  const { rejects, runs } = pipelineTables(pipeline);
  const { incoming, read, shared, copies } = temporaryTables(pipeline);
  const arrived = `arrived as (
  select
    source, ${placeColumns.join(', ')}, null::timestamp as refresh_time, payload, null::varbyte as unparsed,
    ${Object.entries(rejectNames)
      .map(([name, alias]) => `${name} as ${alias}`)
      .join(', ')}
  from ${rejects}
  where is_object(payload)
)`;
  return [
    lockStatement(pipeline),
    incomingStatement(pipeline, arrived, Object.values(rejectNames)),
    readStatement(pipeline),
    ...copiesStatements(pipeline),
    `delete from ${rejects} where is_object(payload)`,
    `insert into ${rejects} (source, ${placeColumns.join(', ')}, reason, payload, ${Object.keys(rejectNames).join(', ')})
select source, ${placeColumns.join(', ')}, reason, payload, ${Object.values(rejectNames).join(', ')}
from ${incoming}
where reason is not null`,
    ...acceptStatements(pipeline),
    `insert into ${runs} (run_id, source, rows_read, events, duplicates, rejects, merged_at)
with accepted as (
  select count(*) - count(reason) as records
  from ${incoming}
),
copies as (
  select count(*) as duplicates
  from ${copies}
  where is_stored = 1 or copy_number > 1
)
select {{run_id}}, 'retry', 0, a.records - c.duplicates, c.duplicates, -a.records, getdate()
from accepted a
cross join copies c`,
    ...[incoming, read, shared, copies].map((table) => `drop table ${table}`),
  ];
}

/** What a reject keeps when it stays one, under names that are no column's. */
export const rejectNames = {
  object_key: 'reject_object_key',
  line: 'reject_line',
  run_id: 'reject_run_id',
  merged_at: 'reject_merged_at',
} as const;
