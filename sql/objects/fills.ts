import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { FillSpec } from '../../lambda/warehouse-object/contract';
import { assignments, missingValues } from '../merge/complete-rows';
import type { ResolvedColumn, ResolvedPipeline } from '../resolve';
import { quoteIdentifier } from '../text/identifier';
import { indent } from '../text/indent';
import { isAbsent } from '../typing/column';
import { columnGroups } from '../typing/column-groups';
import { batchPiece, batchSearch, pieceOf, raisedQuery, searchTables, typedTable } from '../typing/raising-rows';
import { typedRows } from '../typing/typed-rows';

/**
 * Events of one batch. This bounds how long a merge waits for a fill. A single run with more events makes a larger
 * batch.
 */
export const batchRows = 500_000;

/** Fills a pipeline's columns for existing events. Undefined if no column asks for it. */
export function fillSpec(pipeline: ResolvedPipeline): FillSpec | undefined {
  const columns = pipeline.filledColumns;
  if (columns.length === 0) return undefined;
  const { groups, batch } = batchStatements(pipeline);
  const { searched } = searchTables(pipeline);
  return {
    table: pipeline.tables.fills,
    columns: columns.map((column) => ({
      name: column.name,
      stored: column.stored,
      replaces: column.replaced,
      required: column.required ?? false,
      mayLose: column.mayLose ?? false,
    })),
    progress: progressQuery(pipeline),
    batch,
    // `gather` and `probe`: the statements that gather the events of a batch, and those that type them.
    search: batchSearch(pipeline, {
      batch,
      gather: [1, 2],
      probe: groups.map(({ typing }) => batch.indexOf(typing)),
      tables: groups.map(({ rows }) => rows),
      reference: [
        `delete from ${searched}`,
        `insert into ${searched} (row_key, ${batchPiece}, payload, ${raisedFlag}) select 'none', 0, json_parse('{}'), false`,
      ],
    }),
  };
}

function progressQuery(pipeline: ResolvedPipeline): string {
  const { fills } = pipeline.tables;
  return `select
  column_name, max(filled_until) as filled_until, sum(row_count) as row_count, sum(filled) as filled, sum(missing) as missing,
  sum(misfits) as misfits, min(misfit_id) as misfit_id, sum(lost) as lost, min(lost_id) as lost_id,
  max(case when filled_until >= dateadd(minute, -${caughtUpMinutes}, getdate()) then 1 else 0 end) as caught_up
from ${fills}
where definition = ${quoteLiteral(pipeline.fillVersion)}
group by column_name`;
}

/** The first merge of the new functions completes what was merged in these last minutes. */
export const caughtUpMinutes = 5;

/**
 * One transaction that fills the next batch and records the result. It determines its own start and holds the merge's
 * lock, so it can be repeated and killed at any time. Placeholders: `replaced_<name>`, the stored column that the
 * column replaces, or its own if the table has no such column; `raised`, events that are not typed; those of
 * `BatchSearch`.
 */
function batchStatements(pipeline: ResolvedPipeline): {
  readonly groups: readonly FilledGroup[];
  readonly batch: readonly StatementTemplate[];
} {
  const { checkpoints } = pipeline.tables;
  const bounds = `${pipeline.name}_fill_bounds`;
  const groups = columnGroups(pipeline.filledColumns, filledBytes).map((columns, i) => ({
    columns,
    rows: `${pipeline.name}_fill_rows${i === 0 ? '' : `_${i + 1}`}`,
    typing: rowsStatement(columns, typedTable(i)),
  }));
  const batch = [
    `lock ${checkpoints}`,
    boundsStatement(pipeline, bounds),
    gatherStatement(pipeline, bounds),
    ...groups.flatMap((group) => groupStatements(pipeline, group, bounds)),
    `drop table ${[...groups.map(({ rows }) => rows), searchTables(pipeline).searched, bounds].join(', ')}`,
  ];
  return { groups, batch };
}

/** Length of the text that types a column and counts its results. */
const filledBytes = (column: ResolvedColumn) => 1200 + 10 * column.name.length;

/** Columns that are filled together, the table with their values, and the statement that makes it. */
interface FilledGroup {
  readonly columns: readonly ResolvedColumn[];
  readonly rows: string;
  readonly typing: StatementTemplate;
}

/** Fills some of the columns and records the result. */
function groupStatements(
  pipeline: ResolvedPipeline,
  { columns, rows, typing }: FilledGroup,
  bounds: string,
): StatementTemplate[] {
  const { events, fills } = pipeline.tables;
  return [
    typing,
    `update ${events} as e
set
${assignments(columns, 'e', 'f')}
from ${rows} f
where e.event_id = f.event_id and e.merged_at >= (select low from ${bounds}) and e.merged_at < (select high from ${bounds})
  and (${missingValues(columns, 'e', 'f')})`,
    `insert into ${fills} (
  definition, typing, column_name, filled_from, filled_until, row_count, filled, missing, misfits, misfit_id, lost, lost_id, filled_at
)
${columns.map((column) => accountQuery(pipeline, column, bounds, rows)).join('\nunion all\n')}`,
  ];
}

/** Selects the next batch: runs after the fill's position, until `batchRows` events or the newest run. */
function boundsStatement(pipeline: ResolvedPipeline, bounds: string): StatementTemplate {
  const { fills, runs } = pipeline.tables;
  return `create temp table ${bounds} as
with progress as (
  select coalesce(max(filled_until), '1970-01-01'::timestamp) as low
  from ${fills}
  where definition = ${quoteLiteral(pipeline.fillVersion)}
),
paced as (
  select merged_at, sum(events) over (order by merged_at, run_id rows unbounded preceding) as events
  from ${runs}
  where merged_at >= (select low from progress)
)
select
  low, coalesce((select min(merged_at) from paced where events >= ${batchRows} and merged_at > (select low from progress)), getdate()) as high
from progress`;
}

const flag = (column: ResolvedColumn, what: 'kept' | 'replaced') => quoteIdentifier(`${column.name} ${what}`);
/** True for an event whose payload is left out, since typing it makes the statement fail. */
const raisedFlag = quoteIdentifier('event raised');

/** Gathers the events of a batch, with flags for which columns and which replaced columns have a value. */
function gatherStatement(pipeline: ResolvedPipeline, bounds: string): StatementTemplate {
  const flags = pipeline.filledColumns.flatMap((column) => {
    const kept = `e.${column.sql.stored} is not null as ${flag(column, 'kept')}`;
    const replaced = column.replaced;
    return replaced === undefined
      ? [kept]
      : [kept, `e.{{replaced_${column.name}:identifier}} is not null as ${flag(column, 'replaced')}`];
  });
  return `create temp table ${searchTables(pipeline).searched} as
select e.event_id as row_key, 0::bigint as ${batchPiece}, e.event_id, case when r.row_key is null then e.payload end as payload, r.row_key is not null as ${raisedFlag}, ${flags.join(', ')}
from ${pipeline.tables.events} e
left join (
  ${raisedQuery}
) as r on r.row_key = e.event_id
where e.merged_at >= (select low from ${bounds}) and e.merged_at < (select high from ${bounds})`;
}

function rowsStatement(columns: readonly ResolvedColumn[], table: string): StatementTemplate {
  const kept = columns.flatMap((column) => [
    column.sql.name,
    `${outcome(column)} as ${quoteIdentifier(`${column.name} outcome`)}`,
  ]);
  const flags = columns.flatMap((column) =>
    column.replaced === undefined ? [flag(column, 'kept')] : [flag(column, 'kept'), flag(column, 'replaced')],
  );
  return `create temp table ${table} as
select event_id, ${kept.join(', ')}
from (
${indent(typedRows(columns, pieceOf(['event_id', 'payload', raisedFlag, ...flags])))}
) as typed`;
}

/**
 * The outcome for an event and a column. `filled`; `kept`: it had a value; `missing` in the payload; `misfit`: the
 * value does not fit, or typing the payload raises; `lost`: the replaced column has a value and this one gets none.
 */
function outcome(column: ResolvedColumn): string {
  const lost = column.replaced === undefined ? '' : `when ${flag(column, 'replaced')} then 'lost' `;
  return `case when ${flag(column, 'kept')} then 'kept' when ${column.sql.name} is not null then 'filled' ${lost}when ${raisedFlag} then 'misfit' when ${isAbsent(column)} then 'missing' else 'misfit' end`;
}

function accountQuery(pipeline: ResolvedPipeline, column: ResolvedColumn, bounds: string, rows: string): string {
  const is = (what: string) => `${quoteIdentifier(`${column.name} outcome`)} = ${quoteLiteral(what)}`;
  const count = (what: string) => `count(case when ${is(what)} then 1 end)`;
  const example = (what: string) => `min(case when ${is(what)} then event_id end)`;
  return `select
  ${quoteLiteral(pipeline.fillVersion)}, ${quoteLiteral(pipeline.typingVersion)}, ${quoteLiteral(column.stored)}, (select low from ${bounds}), (select high from ${bounds}), count(*),
  ${count('filled')}, ${count('missing')}, ${count('misfit')}, ${example('misfit')}, ${count('lost')}, ${example('lost')}, getdate()
from ${rows}`;
}
