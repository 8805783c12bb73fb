import { raisedPrefix, type StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { Pipeline } from '../../pipelines/definition';
import { type ResolvedPipeline, resolvePipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { completeRowsStatements } from './complete-rows';
import { conversionsStatements } from './conversions';
import { incomingStatements, incomingTables } from './incoming';
import { acceptStatements, copiesStatements, lockStatement } from './merge';
import { parsedExpression } from './parsing';
import { filteredCount, filterStatements, filterTables, isWanted, skipStatements } from './source-filter';

/**
 * One transaction that judges rejects again under the current columns. Valid ones become events or duplicates and
 * leave `rejects`; the others get their current reason. The run counts those that left as negative rejects.
 * Placeholder: `run_id`, and those of `chosen`.
 * @param chosen a condition on the columns of `rejects`. @default - all rejects
 * @param which `raised`: records that made a statement fail. One that still does fails this transaction, so each of
 * them needs a transaction of its own
 */
export function retryStatements(
  definition: Pipeline,
  chosen?: StatementTemplate,
  which: Retried = 'ordinary',
): StatementTemplate[] {
  const pipeline = resolvePipeline(definition);
  const { rejects, runs } = pipeline.tables;
  const { incoming } = pipeline.temporary;
  return [
    lockStatement(pipeline),
    ...completeRowsStatements(pipeline),
    ...judgeStatements(pipeline, chosen, which),
    `delete from ${rejects} where ${retryable(chosen, which)}`,
    `insert into ${rejects} (source, ${placeColumns.join(', ')}, reason, reasons, payload, unparsed, ${Object.keys(rejectNames).join(', ')})
select source, ${placeColumns.join(', ')}, reason, reasons, payload, unparsed, ${Object.values(rejectNames).join(', ')}
from ${incoming}
where reason is not null`,
    ...acceptStatements(pipeline),
    ...conversionsStatements(pipeline),
    ...skipStatements(pipeline, { object_key: rejectNames.object_key }),
    `insert into ${runs} (run_id, source, rows_read, events, duplicates, rejects, skipped, merged_at, definition)
with ${outcomeQueries(pipeline)}
select {{run_id}}, 'retry', 0, a.records - c.duplicates, c.duplicates, -a.records - ${filteredCount(pipeline)}, ${filteredCount(pipeline)}, getdate(), ${quoteLiteral(pipeline.typingVersion)}
from accepted a
cross join copies c`,
    dropStatement(pipeline),
  ];
}

/**
 * A dry run of `retryStatements`: a transaction that changes nothing. Its statement with index `answer` returns one row
 * `records, events, duplicates, skipped`, where `records` counts the rejects that would be retried.
 */
export function retryPreview(
  definition: Pipeline,
  chosen?: StatementTemplate,
): { readonly statements: readonly StatementTemplate[]; readonly answer: number } {
  const pipeline = resolvePipeline(definition);
  const judged = judgeStatements(pipeline, chosen, 'ordinary');
  const counts = `with ${outcomeQueries(pipeline)}
select a.judged + ${filteredCount(pipeline)} as records, a.records - c.duplicates as events, c.duplicates, ${filteredCount(pipeline)} as skipped
from accepted a
cross join copies c`;
  return { statements: [...judged, counts, dropStatement(pipeline)], answer: judged.length };
}

/** Which rejects: those with a payload to type, or those that made a statement fail. */
type Retried = 'ordinary' | 'raised';

/** SQL condition on `rejects`: records that made a statement fail. */
export const isRaised = `reason like ${quoteLiteral(`${raisedPrefix}%`)}`;

/** SQL condition on `rejects`. A payload that is no object has no columns to type. */
const retryable = (chosen: StatementTemplate | undefined, which: Retried) =>
  `${which === 'raised' ? isRaised : `is_object(payload) and not ${isRaised}`}${chosen === undefined ? '' : ` and ${chosen}`}`;

/**
 * Fills the temporary tables with the rejects, typed under the current columns. Only the chosen ones are parsed and
 * typed.
 */
function judgeStatements(
  pipeline: ResolvedPipeline,
  chosen: StatementTemplate | undefined,
  which: Retried,
): StatementTemplate[] {
  const { arrived } = pipeline.temporary;
  const place = `source, ${placeColumns.join(', ')}`;
  const names = Object.values(rejectNames).join(', ');
  const aliases = Object.entries(rejectNames).map(([name, alias]) => `${name} as ${alias}`);
  // A stream record that raised has only its bytes.
  const payload =
    which === 'raised' ? `case when payload is null then ${parsedExpression('unparsed')} else payload end` : 'payload';
  const wanted = isWanted(pipeline);
  const rejected = `(
    select ${place}, ${payload} as payload, unparsed, ${names}
    from ${arrived}
  ) as rejected`;
  return [
    `create temp table ${arrived} as
select ${place}, payload, unparsed, ${aliases.join(', ')}
from ${pipeline.tables.rejects}
where ${retryable(chosen, which)}`,
    ...filterStatements(pipeline, rejected, [rejectNames.object_key]),
    ...incomingStatements(
      pipeline,
      `arrived as (
  select ${place}, null::timestamp as refresh_time, payload, case when payload is null then unparsed end as unparsed, ${names}
  from ${rejected}${wanted ? `\n  where ${wanted}` : ''}
)`,
      Object.values(rejectNames),
    ),
    ...copiesStatements(pipeline),
  ];
}

function outcomeQueries(pipeline: ResolvedPipeline): string {
  const { incoming, copies } = pipeline.temporary;
  return `accepted as (
  select count(*) as judged, count(*) - count(reason) as records
  from ${incoming}
),
copies as (
  select count(*) as duplicates
  from ${copies}
  where is_stored = 1 or copy_number > 1
)`;
}

function dropStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { arrived, shared, copies } = pipeline.temporary;
  return `drop table ${[arrived, ...filterTables(pipeline), ...incomingTables(pipeline), shared, copies].join(', ')}`;
}

/** What a reject keeps if it stays one, under names that no column has. */
export const rejectNames = {
  object_key: 'reject_object_key',
  line: 'reject_line',
  run_id: 'reject_run_id',
  merged_at: 'reject_merged_at',
} as const;
