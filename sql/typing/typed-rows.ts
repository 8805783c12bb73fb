import type { StatementTemplate } from '../../lambda/shared/plan';
import type { Column } from '../../pipelines/definition';
import { identifier, quoteIdentifier } from '../text/identifier';
import { indent } from '../text/indent';
import { items, partItem, textItem, valueItem } from './column';

/** Tells the rows of a table apart. No column has a name with a blank. */
export const rowNumber = quoteIdentifier('row number');

/** Names the temporary tables of a typing: 0 is that of the typed rows, and of several statements 1 the rows, and from 2 on the groups. */
export type TypingTables = (number: number) => string;

/** Statements that type rows into several tables. */
export const typingStatements = (groups: number) => (groups === 1 ? 1 : groups + 2);

interface TypedGroups {
  /** Make a temporary table for each group. */
  readonly statements: readonly StatementTemplate[];
  /** The rows, called `r`, with their groups. */
  readonly from: string;
  /** The first reason that a group has. */
  readonly reasons: string;
  /** A column of a group, with its table. */
  valueOf(column: Column): string;
}

/**
 * Types the rows of a temporary table group by group.
 * @param tables the table of the rows has `payload` and `rowNumber`
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
 * The rows of a query with a `payload`, typed as the merge types them: every column by its name, null where the payload has none that fits,
 * and `<name>_part`, what the payload has. The query has no column of these names.
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
