import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { FillSpec } from '../../lambda/warehouse-object/contract';
import type { Column, Pipeline } from '../../pipelines/definition';
import { storedName } from '../tables/columns';
import { identityVersion, pipelineTables } from '../tables/names';
import { shortHash } from '../text/definition';
import { identifier, quoteIdentifier } from '../text/identifier';
import { indent } from '../text/indent';
import { kindOf } from '../typing/column';
import { batchPiece, batchSearch, pieceOf, raisedQuery, searchTables, typedTable } from '../typing/raising-rows';
import { columnGroups, typedRows } from '../typing/typed-rows';

/** Events of one batch, and so how long a merge may have to wait for one; a single run that merged more is a batch of its own. */
export const batchRows = 500_000;
/** What functions of another version merged longer ago is not looked at again: it was a version of its own and not a deployment. */
const deploymentHours = 24;

const hash = (pipeline: Pick<Pipeline, 'identity' | 'columns'>, columns: readonly object[]) =>
  shortHash(JSON.stringify([identityVersion(pipeline), ...columns]));

/** What a value of the column in the table is made of. Its public name and whether it is required do not matter. */
function madeOf(column: Column): object {
  const { name: _, required: __, stored: ___, fill: ____, replaces: _____, mayLose: ______, ...value } = column;
  return { stored: storedName(column), ...value };
}

/**
 * 8 hexadecimal characters over what the values in the table are made of, and which table it is: runs of one version leave complete rows for each
 * other.
 */
export const typingVersion = (pipeline: Pick<Pipeline, 'identity' | 'columns'>) =>
  hash(
    pipeline,
    [...pipeline.columns].map(madeOf).sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1)),
  );

/** The columns that are filled for the past. */
export const filledColumns = ({ columns }: Pick<Pipeline, 'columns'>) => columns.filter(({ fill }) => fill);
export const fillVersion = (pipeline: Pipeline) => hash(pipeline, filledColumns(pipeline).map(madeOf));

/** Of a row that has them not, in a table or relation of that name. */
const lacks = (columns: readonly Column[], stored: string, typed: string) =>
  columns
    .map((column) => {
      const [value, given] = [`${stored}.${identifier(storedName(column))}`, `${typed}.${identifier(column.name)}`];
      return `${value} is null and ${given} is not null`;
    })
    .map((condition) => `(${condition})`)
    .join(' or ');

const assignments = (columns: readonly Column[], stored: string, typed: string) =>
  columns
    .map((column) => {
      const name = identifier(storedName(column));
      return `  ${name} = coalesce(${stored}.${name}, ${typed}.${identifier(column.name)})`;
    })
    .join(',\n');

/**
 * Completes the events that functions of another version merged since this one did, or since the columns were filled: they do not know its
 * columns. So a column is whole from the first merge of the new functions on, and after a rollback from the first of the old ones. First in
 * every transaction that adds events, after its lock; once all functions are of one version, it finds nothing.
 */
export const completeRowsStatements = (pipeline: Pipeline): StatementTemplate[] =>
  columnGroups(pipeline.columns, completedBytes).map((columns) => completeRowsStatement(pipeline, columns));

/** Text of a column that is typed, compared and set. */
const completedBytes = (column: Column) => 650 + 5 * column.name.length;

function completeRowsStatement(pipeline: Pipeline, columns: readonly Column[]): StatementTemplate {
  const { events, runs, fills } = pipelineTables(pipeline);
  const version = quoteLiteral(typingVersion(pipeline));
  const filled = `select max(filled_until) as whole_until from ${fills} where definition = ${quoteLiteral(fillVersion(pipeline))}`;
  const since = `(
      select max(whole_until)
      from (
        select max(merged_at) as whole_until from ${runs} where definition = ${version} and merged_at > dateadd(hour, -${deploymentHours}, getdate())${
          filledColumns(pipeline).length > 0 ? `\n        union all\n        ${filled}` : ''
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

/** What fills a pipeline's columns for the events that are there already; undefined where it asks for none. */
export function fillSpec(pipeline: Pipeline): FillSpec | undefined {
  const columns = filledColumns(pipeline);
  if (columns.length === 0) return undefined;
  const { groups, batch } = batchStatements(pipeline);
  const { searched } = searchTables(pipeline);
  return {
    table: pipelineTables(pipeline).fills,
    columns: columns.map((column) => ({
      name: column.name,
      stored: storedName(column),
      replaces: replacedBy(column),
      required: column.required ?? false,
      mayLose: column.mayLose ?? false,
    })),
    progress: progressQuery(pipeline),
    batch,
    // The events of a batch are gathered between the bounds, and typed.
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

/** The stored column whose place the column takes. */
export const replacedBy = ({ name, stored = name, replaces }: Column) =>
  replaces ?? (stored === name ? undefined : name);

function progressQuery(pipeline: Pipeline): string {
  const { fills } = pipelineTables(pipeline);
  return `select
  column_name, max(filled_until) as filled_until, sum(row_count) as row_count, sum(filled) as filled, sum(missing) as missing,
  sum(misfits) as misfits, min(misfit_id) as misfit_id, sum(lost) as lost, min(lost_id) as lost_id,
  max(case when filled_until >= dateadd(minute, -${caughtUpMinutes}, getdate()) then 1 else 0 end) as caught_up
from ${fills}
where definition = ${quoteLiteral(fillVersion(pipeline))}
group by column_name`;
}

/** What was merged in them is left to the first merge of the new functions. */
export const caughtUpMinutes = 5;

/**
 * One transaction that fills the next batch and writes down what it did. It finds out itself where it has to begin and holds the lock of the merge
 * meanwhile, so it can be repeated and killed at will. Placeholders: `replaced_<name>`, the stored column that the column of that name takes
 * the place of, or its own where the table has no such column; `raised`, events that are not typed; those of
 * `BatchSearch`.
 */
function batchStatements(pipeline: Pipeline): {
  readonly groups: readonly FilledGroup[];
  readonly batch: readonly StatementTemplate[];
} {
  const { checkpoints } = pipelineTables(pipeline);
  const bounds = `${pipeline.name}_fill_bounds`;
  const groups = columnGroups(filledColumns(pipeline), filledBytes).map((columns, i) => ({
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

/** Text of a column that is accounted for, which is longer than that which types it. */
const filledBytes = (column: Column) => 1200 + 10 * column.name.length;

/** Columns that are filled together, the table of their values, and the statement that makes it. */
interface FilledGroup {
  readonly columns: readonly Column[];
  readonly rows: string;
  readonly typing: StatementTemplate;
}

/** Fill some of the columns and write down what that did. */
function groupStatements(
  pipeline: Pipeline,
  { columns, rows, typing }: FilledGroup,
  bounds: string,
): StatementTemplate[] {
  const { events, fills } = pipelineTables(pipeline);
  return [
    typing,
    `update ${events} as e
set
${assignments(columns, 'e', 'f')}
from ${rows} f
where e.event_id = f.event_id and e.merged_at >= (select low from ${bounds}) and e.merged_at < (select high from ${bounds})
  and (${lacks(columns, 'e', 'f')})`,
    `insert into ${fills} (
  definition, typing, column_name, filled_from, filled_until, row_count, filled, missing, misfits, misfit_id, lost, lost_id, filled_at
)
${columns.map((column) => accountQuery(pipeline, column, bounds, rows)).join('\nunion all\n')}`,
  ];
}

/** From where the fill has got to, over the runs that merged a batch's worth of events, or to the present. Later merges are later than that. */
function boundsStatement(pipeline: Pipeline, bounds: string): StatementTemplate {
  const { fills, runs } = pipelineTables(pipeline);
  return `create temp table ${bounds} as
with progress as (
  select coalesce(max(filled_until), '1970-01-01'::timestamp) as low
  from ${fills}
  where definition = ${quoteLiteral(fillVersion(pipeline))}
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

const flag = (column: Column, what: 'kept' | 'replaced') => quoteIdentifier(`${column.name} ${what}`);
/** Of an event whose payload is not looked at, since typing it makes the statement fail. */
const raisedFlag = quoteIdentifier('event raised');

/** The events of a batch, and what they have in the columns and in those that the columns take the place of. */
function gatherStatement(pipeline: Pipeline, bounds: string): StatementTemplate {
  const flags = filledColumns(pipeline).flatMap((column) => {
    const kept = `e.${identifier(storedName(column))} is not null as ${flag(column, 'kept')}`;
    const replaced = replacedBy(column);
    return replaced === undefined
      ? [kept]
      : [kept, `e.{{replaced_${column.name}:identifier}} is not null as ${flag(column, 'replaced')}`];
  });
  return `create temp table ${searchTables(pipeline).searched} as
select e.event_id as row_key, 0::bigint as ${batchPiece}, e.event_id, case when r.row_key is null then e.payload end as payload, r.row_key is not null as ${raisedFlag}, ${flags.join(', ')}
from ${pipelineTables(pipeline).events} e
left join (
  ${raisedQuery}
) as r on r.row_key = e.event_id
where e.merged_at >= (select low from ${bounds}) and e.merged_at < (select high from ${bounds})`;
}

function rowsStatement(columns: readonly Column[], table: string): StatementTemplate {
  const kept = columns.flatMap((column) => [
    identifier(column.name),
    `${outcome(column)} as ${quoteIdentifier(`${column.name} outcome`)}`,
  ]);
  const flags = columns.flatMap((column) =>
    replacedBy(column) === undefined ? [flag(column, 'kept')] : [flag(column, 'kept'), flag(column, 'replaced')],
  );
  return `create temp table ${table} as
select event_id, ${kept.join(', ')}
from (
${indent(typedRows(columns, pieceOf(['event_id', 'payload', raisedFlag, ...flags])))}
) as typed`;
}

/** `filled`, `kept` what was there, `missing` in the payload, `misfit`, which a payload that raises is too, or `lost`: the replaced column has a value and this one gets none. */
function outcome(column: Column): string {
  const lost = replacedBy(column) === undefined ? '' : `when ${flag(column, 'replaced')} then 'lost' `;
  return `case when ${flag(column, 'kept')} then 'kept' when ${identifier(column.name)} is not null then 'filled' ${lost}when ${raisedFlag} then 'misfit' when ${kindOf(column)} = 'null' then 'missing' else 'misfit' end`;
}

function accountQuery(pipeline: Pipeline, column: Column, bounds: string, rows: string): string {
  const is = (what: string) => `${quoteIdentifier(`${column.name} outcome`)} = ${quoteLiteral(what)}`;
  const count = (what: string) => `count(case when ${is(what)} then 1 end)`;
  const example = (what: string) => `min(case when ${is(what)} then event_id end)`;
  return `select
  ${quoteLiteral(fillVersion(pipeline))}, ${quoteLiteral(typingVersion(pipeline))}, ${quoteLiteral(storedName(column))}, (select low from ${bounds}), (select high from ${bounds}), count(*),
  ${count('filled')}, ${count('missing')}, ${count('misfit')}, ${example('misfit')}, ${count('lost')}, ${example('lost')}, getdate()
from ${rows}`;
}
