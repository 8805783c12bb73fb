import type { StatementTemplate } from '../../lambda/shared/plan';
import type { Column } from '../../pipelines/definition';
import { identifier, quoteIdentifier } from '../text/identifier';
import { indent } from '../text/indent';
import { items, partItem, textItem, valueItem } from './column';

/** Numbers the rows of a table. The blank keeps the name apart from every column's name. */
export const rowNumber = quoteIdentifier('row number');

/**
 * Names the temporary tables of a typing. 0 is the table of typed rows. A typing in groups also has 1, the numbered
 * rows, and a table for each group from 2 on.
 */
export type TypingTables = (number: number) => string;

/** How many tables a typing makes, each with one statement. */
export const typingStatements = (groups: number) => (groups === 1 ? 1 : groups + 2);

interface TypedGroups {
  /** Make a temporary table for each group. */
  readonly statements: readonly StatementTemplate[];
  /** The rows, called `r`, with their groups. */
  readonly from: string;
  /** The reasons of the groups. The first that is not null counts. */
  readonly reasons: string;
  /** A column, qualified by its group's table. */
  valueOf(column: Column): string;
}

/**
 * Types the rows of a temporary table group by group.
 * @param tables table 1 has `payload` and `rowNumber`
 * @param reasonOf SQL for what is wrong with the columns of a group
 */
export function typedGroups(
  tables: TypingTables,
  groups: readonly (readonly Column[])[],
  reasonOf: (columns: readonly Column[]) => string,
): TypedGroups {
  const rows = tables(1);
  const tableOf = new Map(groups.flatMap((columns, i) => columns.map(({ name }) => [name, `g${i + 1}`] as const)));
  return {
    statements: groups.map(
      (columns, i) => `create temp table ${tables(i + 2)} as
select ${[rowNumber, ...columns.map(({ name }) => identifier(name))].join(', ')},
${indent(reasonOf(columns))} as reason
from (
${indent(typedRows(columns, `select ${rowNumber}, payload\nfrom ${rows}`))}
) as typed`,
    ),
    from: [
      `${rows} r`,
      ...groups.map((_, i) => `inner join ${tables(i + 2)} g${i + 1} on g${i + 1}.${rowNumber} = r.${rowNumber}`),
    ].join('\n'),
    reasons: groups.map((_, i) => `g${i + 1}.reason`).join(', '),
    valueOf: ({ name }) => `${tableOf.get(name)}.${identifier(name)}`,
  };
}

/**
 * Types the rows of a query that has a `payload`, as the merge does. The result has every column under its name, null
 * if the payload's value does not fit, and the payload's value as `<name>_part`. The query must not have columns of
 * these names.
 */
export function typedRows(columns: readonly Column[], rows: string): string {
  if (columns.length === 0) return `select *\nfrom (\n${indent(rows)}\n) as arrived`;
  const texts = columns.map(textItem).filter((item) => item !== undefined);
  return `select *,
${items(columns.map(valueItem))}
from (
  select *${texts.length > 0 ? `,\n${items(texts)}` : ''}
  from (
    select *,
${items(columns.map(partItem))}
    from (
${indent(rows, 6)}
    ) as arrived
  ) as inspected
) as spelled`;
}
