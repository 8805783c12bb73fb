import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { Column } from '../../pipelines/definition';
import type { ResolvedColumn, ResolvedPipeline } from '../resolve';
import { indent } from '../text/indent';
import { columnGroups } from '../typing/column-groups';
import { typedRows } from '../typing/typed-rows';

/** Older runs of another typing version are ignored: that version was in use on its own, not during a deployment. */
const deploymentHours = 24;

/** SQL condition: the row lacks a value in `stored` that `typed` has. */
export const missingValues = (columns: readonly ResolvedColumn[], stored: string, typed: string) =>
  columns
    .map((column) => {
      const [value, given] = [`${stored}.${column.sql.stored}`, `${typed}.${column.sql.name}`];
      return `${value} is null and ${given} is not null`;
    })
    .map((condition) => `(${condition})`)
    .join(' or ');

/** SQL for the first value that is not null. COALESCE is not documented for SUPER. */
export const firstOf = ({ type }: Column, first: string, second: string) =>
  type === 'super'
    ? `case when ${first} is not null then ${first} else ${second} end`
    : `coalesce(${first}, ${second})`;

export const assignments = (columns: readonly ResolvedColumn[], stored: string, typed: string) =>
  columns
    .map((column) => {
      const name = column.sql.stored;
      return `  ${name} = ${firstOf(column, `${stored}.${name}`, `${typed}.${column.sql.name}`)}`;
    })
    .join(',\n');

/**
 * Completes events that functions of another typing version merged after the last run of this version, or after its
 * columns were filled. Those functions do not fill this version's columns. So a column is complete from the first
 * merge of the new functions on, and after a rollback from the first merge of the old ones. These statements come
 * first, after the lock, in every transaction that adds events. Once all functions have one version, they find
 * nothing.
 */
export const completeRowsStatements = (pipeline: ResolvedPipeline): StatementTemplate[] =>
  columnGroups(pipeline.columns, completedBytes).map((columns) => completeRowsStatement(pipeline, columns));

/** Length of the text that types, compares and sets a column. */
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
  // Joined to runs, which match during a deployment only. At other times nothing of the events is read. The same time bounds both reads of the
  // events, so that Redshift skips the blocks of older ones: docs/scale.md.
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
where e.event_id = late.event_id and e.merged_at >= ${since} and (${missingValues(columns, 'e', 'late')})`;
}
