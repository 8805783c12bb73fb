import type { StatementTemplate } from '../../lambda/shared/plan';
import type { Column } from '../../pipelines/definition';
import { identifier, quoteIdentifier } from '../text/identifier';
import { indent } from '../text/indent';
import { howItem, howName, items, partItem, rawItem, textItem, valueItem } from './column';

/** Numbers the rows of a table. The blank keeps the name apart from every column's name. */
export const rowNumber = quoteIdentifier('row number');

/**
 * Names the temporary tables of a typing. 0 is the table of typed rows. A typing in groups also has 1, the numbered
 * rows, and a table for each group from 2 on.
 */
export type TypingTables = (number: number) => string;

/** How many tables a typing makes, each with one statement. */
export const typingStatements = (groups: number) => (groups === 1 ? 1 : groups + 2);

/** Returns the name of the item with one part of the reasons. */
export const reasonName = (part: number) => quoteIdentifier(`reasons ${part + 1}`);

interface TypedGroups {
  /** Make a temporary table for each group. */
  readonly statements: readonly StatementTemplate[];
  /** The rows, called `r`, with their groups. */
  readonly from: string;
  /** The reasons of the groups, in their order. */
  readonly reasons: readonly string[];
  /** Returns a column, qualified by its group's table. */
  valueOf(column: Column): string;
  /** Returns the item with the option that made the column's value, qualified in the same way. */
  howOf(column: Column): string;
}

/**
 * Types the rows of a temporary table group by group.
 * @param tables names of the tables; the first one has `payload` and `rowNumber`
 * @param reasonsOf returns SQL for the problems of a group's columns, in one or more parts
 * @param withHow true if the tables also have the option that made each value
 */
export function typedGroups(
  tables: TypingTables,
  groups: readonly (readonly Column[])[],
  reasonsOf: (columns: readonly Column[]) => readonly string[],
  withHow = false,
): TypedGroups {
  const rows = tables(1);
  const tableOf = new Map(groups.flatMap((columns, i) => columns.map(({ name }) => [name, `g${i + 1}`] as const)));
  return {
    statements: groups.map(
      (columns, i) => `create temp table ${tables(i + 2)} as
select ${[rowNumber, ...columns.map(({ name }) => identifier(name)), ...(withHow ? columns.flatMap(howOf) : [])].join(', ')},
${reasonsOf(columns)
  .map((reason, part) => `${indent(reason)} as ${reasonName(part)}`)
  .join(',\n')}
from (
${indent(typedRows(columns, `select ${rowNumber}, payload\nfrom ${rows}`))}
) as typed`,
    ),
    from: [
      `${rows} r`,
      ...groups.map((_, i) => `inner join ${tables(i + 2)} g${i + 1} on g${i + 1}.${rowNumber} = r.${rowNumber}`),
    ].join('\n'),
    reasons: groups.flatMap((columns, i) => reasonsOf(columns).map((_, part) => `g${i + 1}.${reasonName(part)}`)),
    howOf: (column) => `${tableOf.get(column.name)}.${howName(column)}`,
    valueOf: ({ name }) => `${tableOf.get(name)}.${identifier(name)}`,
  };
}

function howOf(column: Column): string[] {
  const item = howItem(column);
  return item ? [`${item.expression} as ${howName(column)}`] : [];
}

/**
 * Types the rows of a query that has a `payload`, as the merge does. The result has every column under its name, null
 * if the payload's value does not fit, and the payload's value as `<name>_part`. The query must not have columns of
 * these names.
 */
export function typedRows(columns: readonly Column[], rows: string): string {
  if (columns.length === 0) return `select *\nfrom (\n${indent(rows)}\n) as arrived`;
  const texts = columns.map(textItem).filter((item) => item !== undefined);
  const raws = columns.map(rawItem).filter((item) => item !== undefined);
  const inspected = `select *,
${items(columns.map(partItem))}
    from (
${indent(rows, 6)}
    ) as arrived`;
  return `select *,
${items(columns.map(valueItem))}
from (
  select *${texts.length > 0 ? `,\n${items(texts)}` : ''}
  from (
    ${raws.length > 0 ? `select *,\n${items(raws)}\n    from (\n    ${inspected}\n    ) as inspected` : inspected}
  ) as ${raws.length > 0 ? 'read_texts' : 'inspected'}
) as spelled`;
}
