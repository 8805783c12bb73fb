import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { SourceFilter } from '../../pipelines/definition';
import type { ResolvedPipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { payloadPath, stringOf } from '../typing/part';

/**
 * `where` of a pipeline. Records that are meant for another pipeline are not typed. They are `skipped`: a row each with
 * its position, so that a record that is read again is not counted again, and its name, but without its payload.
 */

/** Longest part of a value in a name. */
const nameCharacters = 40;

/** SQL for the name under which a record is skipped: `type=track`. Null for a record of the pipeline. */
export function skippedName(where: readonly SourceFilter[]): string {
  const lines = where.map(({ path, oneOf }) => {
    const part = payloadPath(path);
    const kind = `json_typeof(${part})`;
    const text = `case when ${kind} in ('number', 'boolean') then json_serialize(${part}) else ${stringOf(part)} end`;
    const shown = quoteLiteral(path.join('.').slice(0, nameCharacters));
    const name = `${shown} || coalesce('=' || left(${text}, ${nameCharacters}), ' is ' || coalesce(${kind}, 'absent'))`;
    const list = oneOf.map((value) => quoteLiteral(String(value))).join(', ');
    return `when not coalesce(${text} in (${list}), false) then ${name}`;
  });
  return `(case when is_object(payload) then case ${lines.join(' ')} end end)::varchar(512)`;
}

/** Select items of the row of `skipped` that a record becomes. */
const rowItems = ['source', ...placeColumns, 'name'];

/**
 * Makes `filtered`, the records that the pipeline does not want, from a relation of parsed rows. Without `where` there
 * is no such table.
 */
export function filterStatements(
  { where, temporary }: ResolvedPipeline,
  rows: string,
  more: readonly string[] = [],
): StatementTemplate[] {
  if (where === undefined) return [];
  return [
    `create temp table ${temporary.filtered} as
select ${[...rowItems, ...more].join(', ')}
from (
  select *, ${skippedName(where)} as name
  from ${rows}
) as named
where name is not null`,
  ];
}

/** SQL condition on parsed rows: the pipeline wants the record. */
export const isWanted = ({ where }: ResolvedPipeline) =>
  where === undefined ? undefined : `${skippedName(where)} is null`;

/** Writes `filtered` to `skipped`. */
export function skipStatements(
  pipeline: ResolvedPipeline,
  more: Readonly<Record<string, string>> = {},
): StatementTemplate[] {
  const { where, temporary, tables, filterVersion } = pipeline;
  if (where === undefined) return [];
  return [
    `insert into ${tables.skipped} (${[...rowItems, ...Object.keys(more)].join(', ')}, filter, run_id, merged_at)
select ${[...rowItems, ...Object.values(more)].join(', ')}, ${quoteLiteral(filterVersion)}, {{run_id}}, getdate()
from ${temporary.filtered}`,
  ];
}

/** SQL for the number of records that a merge skipped. */
export const filteredCount = ({ where, temporary }: ResolvedPipeline) =>
  where === undefined ? '0' : `(select count(*) from ${temporary.filtered})`;

/** The temporary tables of the filter. */
export const filterTables = ({ where, temporary }: ResolvedPipeline) =>
  where === undefined ? [] : [temporary.filtered];

/**
 * SQL condition on `skipped`: the outcome counts. Under another `where` it does not: such a record is judged again when
 * it is read again.
 */
export const isFinalSkip = ({ filterVersion }: ResolvedPipeline) => `filter = ${quoteLiteral(filterVersion)}`;
