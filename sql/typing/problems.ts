import type { Column } from '../../pipelines/definition';
import { indent } from '../text/indent';
import { problemLines, validCondition } from './column';
import { splitColumns } from './split-columns';

/** Follows each reason of a record. No reason contains it. */
const separator = "'; '";

/** Most characters of all reasons of a record: at most four bytes each, they fit a varchar. */
const mostCharacters = 16_000;

/** SQL for all that is wrong with the columns, a separator after each. It is read for invalid rows only. */
export function problemsExpression(columns: readonly Column[]): string {
  const parts = columns
    .map(problemLines)
    .filter((lines) => lines.length > 0)
    .map((lines) => `coalesce(case\n${indent(lines.join('\n'))}\nend || ${separator}, '')`);
  return parts.length === 0 ? "''" : `\n${indent(parts.join(' ||\n'))}`;
}

/** Length of the text that names the problems of some columns in one expression. */
const partBytes = 12_000;

/** Splits columns into parts whose problems one expression can name. */
export const problemParts = <C extends Column>(columns: readonly C[]): C[][] =>
  splitColumns(columns, (column) => problemLines(column).join('\n').length + 50, partBytes);

/** SQL for what is wrong with some columns of a row, null for nothing. */
export const partReason = (columns: readonly Column[]) => `case
  when ${validCondition(columns)} then null
  else ${indent(problemsExpression(columns)).trimStart()}
end`;

/** SQL for the reasons of several groups of columns, cut so that they fit together. Null without any. */
export function joinedReasons(groups: readonly string[]): string {
  const most = Math.floor(mostCharacters / groups.length);
  const cut = (group: string) =>
    `coalesce(case when length(${group}) > ${most} then left(${group}, ${most}) || ${separator} else ${group} end, '')`;
  return `nullif(${groups.map(cut).join(' || ')}, '')`;
}

/** Select items: the first reason, by which rejects are grouped, and all reasons. */
export const reasonItems = `split_part(reasons, ${separator}, 1)::varchar(512) as reason, rtrim(reasons, ${separator}) as reasons`;
