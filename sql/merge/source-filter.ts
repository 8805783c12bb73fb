import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { SourceFilter } from '../../pipelines/definition';
import type { ResolvedPipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { payloadPath, stringOf } from '../typing/part';
import { tombstoneCondition } from './forgotten';

/**
 * The `where` of a pipeline. Records that are meant for another pipeline are not typed. Each becomes a row of `skipped`
 * with its name and position, but without its payload. Because of the position, a record that is read again is not
 * counted again.
 */

/** Most characters of a value in a name. */
const nameCharacters = 40;

/**
 * SQL for the name of a skipped record, such as `type=track`. Null for a record that belongs to the pipeline, and for a
 * tombstone.
 */
function skippedName(pipeline: ResolvedPipeline, where: readonly SourceFilter[]): string {
  const tombstone = tombstoneCondition(pipeline);
  const filters = where.map(({ path, oneOf }) => {
    const part = payloadPath(path);
    const kind = `json_typeof(${part})`;
    const text = `case when ${kind} in ('number', 'boolean') then json_serialize(${part}) else ${stringOf(part)} end`;
    const shown = quoteLiteral(path.join('.').slice(0, nameCharacters));
    const name = `${shown} || coalesce('=' || left(${text}, ${nameCharacters}), ' is ' || coalesce(${kind}, 'absent'))`;
    const list = oneOf.map((value) => quoteLiteral(String(value))).join(', ');
    return `when not coalesce(${text} in (${list}), false) then ${name}`;
  });
  const lines = [...(tombstone ? [`when ${tombstone} then null`] : []), ...filters];
  return `(case when is_object(payload) then case ${lines.join(' ')} end end)::varchar(512)`;
}

/** Select items of a row of `skipped`. */
const rowItems = ['source', ...placeColumns, 'name'];

/**
 * Creates `filtered` from a relation of parsed rows: the records that `where` excludes. A pipeline without `where` has
 * no such table.
 */
export function filterStatements(
  pipeline: ResolvedPipeline,
  rows: string,
  more: readonly string[] = [],
): StatementTemplate[] {
  const { where, temporary } = pipeline;
  if (where === undefined) return [];
  return [
    `create temp table ${temporary.filtered} as
select ${[...rowItems, ...more].join(', ')}
from (
  select *, ${skippedName(pipeline, where)} as name
  from ${rows}
) as named
where name is not null`,
  ];
}

/** SQL condition on parsed rows: the record belongs to the pipeline. Undefined for a pipeline without `where`. */
export const isWanted = (pipeline: ResolvedPipeline) =>
  pipeline.where === undefined ? undefined : `${skippedName(pipeline, pipeline.where)} is null`;

/** Writes `filtered` to `skipped`. */
export function skipStatements(
  pipeline: ResolvedPipeline,
  more: Readonly<Record<string, string>> = {},
): StatementTemplate[] {
  const { where, temporary, filterVersion } = pipeline;
  if (where === undefined) return [];
  return [
    `${skipTarget(pipeline, more)}
select ${[...rowItems, ...Object.values(more)].join(', ')}, ${quoteLiteral(filterVersion)}, {{run_id}}, getdate()
from ${temporary.filtered}`,
  ];
}

/** The beginning of a statement that writes rows to `skipped`. */
export const skipTarget = ({ tables }: ResolvedPipeline, more: Readonly<Record<string, string>>) =>
  `insert into ${tables.skipped} (${[...rowItems, ...Object.keys(more)].join(', ')}, filter, run_id, merged_at)`;

/** SQL for the number of records that a merge skipped. */
export const filteredCount = ({ where, temporary }: ResolvedPipeline) =>
  where === undefined ? '0' : `(select count(*) from ${temporary.filtered})`;

/** The temporary tables of the filter. */
export const filterTables = ({ where, temporary }: ResolvedPipeline) =>
  where === undefined ? [] : [temporary.filtered];

/**
 * SQL condition on `skipped`: the outcome is final. It is not final if it came from another `where`. Then the record is
 * checked again when it is read again.
 */
export const isFinalSkip = ({ filterVersion }: ResolvedPipeline) => `filter = ${quoteLiteral(filterVersion)}`;
