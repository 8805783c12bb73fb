import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { ResolvedColumn, ResolvedPipeline } from '../resolve';
import { indent } from '../text/indent';
import { columnGroups } from '../typing/column-groups';
import { typedRows } from '../typing/typed-rows';

/** What functions of another version merged longer ago is not looked at again: it was a version of its own and not a deployment. */
const deploymentHours = 24;

/** Of a row that has them not, in a table or relation of that name. */
export const lacks = (columns: readonly ResolvedColumn[], stored: string, typed: string) =>
  columns
    .map((column) => {
      const [value, given] = [`${stored}.${column.sql.stored}`, `${typed}.${column.sql.name}`];
      return `${value} is null and ${given} is not null`;
    })
    .map((condition) => `(${condition})`)
    .join(' or ');

export const assignments = (columns: readonly ResolvedColumn[], stored: string, typed: string) =>
  columns
    .map((column) => {
      const name = column.sql.stored;
      return `  ${name} = coalesce(${stored}.${name}, ${typed}.${column.sql.name})`;
    })
    .join(',\n');

/**
 * Completes the events that functions of another version merged since this one did, or since the columns were filled: they do not know its
 * columns. So a column is whole from the first merge of the new functions on, and after a rollback from the first of the old ones. First in
 * every transaction that adds events, after its lock; once all functions are of one version, it finds nothing.
 */
export const completeRowsStatements = (pipeline: ResolvedPipeline): StatementTemplate[] =>
  columnGroups(pipeline.columns, completedBytes).map((columns) => completeRowsStatement(pipeline, columns));

/** Text of a column that is typed, compared and set. */
const completedBytes = (column: ResolvedColumn) => 650 + 5 * column.name.length;

function completeRowsStatement(pipeline: ResolvedPipeline, columns: readonly ResolvedColumn[]): StatementTemplate {
  const { events, runs, fills } = pipeline.tables;
  const version = quoteLiteral(pipeline.typingVersion);
  const filled = `select max(filled_until) as whole_until from ${fills} where definition = ${quoteLiteral(pipeline.fillVersion)}`;
  const since = `(
      select max(whole_until)
      from (
        select max(merged_at) as whole_until from ${runs} where definition = ${version} and merged_at > dateadd(hour, -${deploymentHours}, getdate())${
          pipeline.filledColumns.length > 0 ? `\n        union all\n        ${filled}` : ''
        }
      ) as complete
    )`;
  // Joined to runs, of which there are none but during a deployment: then nothing of the events is read.
  const rows = `select stored.event_id, stored.payload
from (
  select distinct run_id
  from ${runs}
  where merged_at >= ${since} and (definition is null or definition <> ${version})
) as others
inner join ${events} stored on stored.run_id = others.run_id and stored.merged_at >= ${since}`;
  return `update ${events} as e
set
${assignments(columns, 'e', 'late')}
from (
${indent(typedRows(columns, rows))}
) as late
where e.event_id = late.event_id and (${lacks(columns, 'e', 'late')})`;
}
