import type { StatementTemplate } from '../../lambda/shared/plan';
import type { Column } from '../../pipelines/definition';
import { firstOf } from '../merge/complete-rows';
import type { ResolvedColumn, ResolvedPipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { identifier, quoteIdentifier } from '../text/identifier';
import { indent } from '../text/indent';
import { problemLines } from '../typing/column';
import { pieceOf, typedTable } from '../typing/raising-rows';
import { rowNumber, typedGroups, typedRows } from '../typing/typed-rows';

export const keptName = (column: Column) => quoteIdentifier(`${column.name} kept`);
const absentName = (column: Column) => quoteIdentifier(`${column.name} absent`);

/** The payload as typing sees it: null if typing it makes the statement fail. */
export const wholePayload = quoteIdentifier('whole payload');
export const raisedReasonName = quoteIdentifier('reason raised');

export const absentValues = (pipeline: ResolvedPipeline) =>
  pipeline.identity.otherColumns.map((column) => `, null::${column.redshiftType} as ${absentName(column)}`).join('');

/** The columns of previous events that are typed. */
const rowNames = (pipeline: ResolvedPipeline) => [
  'previous_id',
  'source',
  ...placeColumns,
  'run_id',
  'merged_at',
  'payload',
  wholePayload,
  raisedReasonName,
  ...pipeline.identity.otherColumns.map(keptName),
];

/** Types previous events as a merge types arrived rows. Each gets its new id and keeps its run and merge time. */
export function typedStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { columns, identity } = pipeline;
  const groups = pipeline.columnGroups;
  const rows = pieceOf(rowNames(pipeline));
  const result = `source, ${placeColumns.join(', ')},
  null::timestamp as refresh_time, ${wholePayload} as payload, run_id, merged_at, previous_id, reason,
  case when reason is null then ${identity.expression} end as event_id`;
  if (groups.length === 1)
    return [
      `create temp table ${typedTable(0)} as
with typed as (
${indent(typedRows(columns, rows))}
),
judged as (
  select *,
    coalesce(${raisedReasonName}, ${indent(reasonExpression(pipeline), 4).trimStart()}) as reason
  from typed
)
select
  ${storedValues(pipeline, ({ sql }) => sql.name).join(', ')}, ${result}
from judged`,
    ];
  const typed = typedGroups(typedTable, groups, (group) => [reasonOf(group, pipeline.identity.columns)]);
  const position = identity.by === 'stream-position' ? `${reasonExpression(pipeline)}, ` : '';
  return [
    `create temp table ${typedTable(1)} as
select *, row_number() over (order by previous_id) as ${rowNumber}
from (
${indent(rows)}
) as before`,
    ...typed.statements,
    `create temp table ${typedTable(0)} as
with judged as (
  select
    ${storedValues(pipeline, typed.valueOf, 'r.').join(', ')}, r.source, ${placeColumns.map((name) => `r.${name}`).join(', ')},
    r.${wholePayload}, r.run_id, r.merged_at, r.previous_id, coalesce(r.${raisedReasonName}, ${position}${typed.reasons.join(', ')}) as reason
  from ${indent(typed.from).trimStart()}
)
select
  ${columns.map(({ sql }) => sql.name).join(', ')}, ${result}
from judged`,
  ];
}

/**
 * The values of the new events: computed from the payload for columns of the identity, kept as stored for the others.
 */
function storedValues(pipeline: ResolvedPipeline, typed: (column: ResolvedColumn) => string, before = ''): string[] {
  const stay = pipeline.identity.otherColumns;
  return pipeline.columns.map((column) =>
    stay.includes(column)
      ? `${firstOf(column, before + keptName(column), typed(column))} as ${column.sql.name}`
      : typed(column),
  );
}

/** Why a row gets no id. A value that no longer fits any other column stays as it is. */
export function reasonExpression(pipeline: ResolvedPipeline): string {
  if (pipeline.identity.by === 'stream-position')
    return "case when shard_id is null or sequence_number is null then 'identity: no position on the stream' end";
  return reasonOf(pipeline.columns, pipeline.identity.columns);
}

function reasonOf(columns: readonly Column[], parts: readonly Column[]): string {
  const own = parts.filter((part) => columns.includes(part));
  if (own.length === 0) return 'null::varchar(512)';
  const all = own.map(({ name }) => `${identifier(name)} is not null`).join(' and ');
  return `case\n  when ${all} then null\n${indent(own.flatMap(problemLines).join('\n'))}\nend`;
}
