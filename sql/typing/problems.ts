import type { Column } from '../../pipelines/definition';
import { indent } from '../text/indent';
import { problemLines, validCondition } from './column';
import { splitColumns } from './split-columns';

/** The separator after each reason of a record. No reason contains it. */
const separator = "'; '";

/** Most characters of all reasons of a record. They fit a varchar even at four bytes each. */
const mostCharacters = 16_000;

/** SQL for all problems of the columns, each followed by a separator. It is evaluated for invalid rows only. */
export function problemsExpression(columns: readonly Column[]): string {
  const parts = columns
    .map(problemLines)
    .filter((lines) => lines.length > 0)
    .map((lines) => `coalesce(case\n${indent(lines.join('\n'))}\nend || ${separator}, '')`);
  return parts.length === 0 ? "''" : `\n${indent(parts.join(' ||\n'))}`;
}

/** The longest SQL text, in bytes, that names the problems of some columns in one expression. */
const partBytes = 12_000;

/** Splits columns into parts, so that one expression can name the problems of a part. */
export const problemParts = <C extends Column>(columns: readonly C[]): C[][] =>
  splitColumns(columns, (column) => problemLines(column).join('\n').length + 50, partBytes);

/** SQL for the problems of some columns of a row. Null if there are none. */
export const partReason = (columns: readonly Column[]) => `case
  when ${validCondition(columns)} then null
  else ${indent(problemsExpression(columns)).trimStart()}
end`;

/** SQL for the joined reasons of several groups of columns, cut so that all fit. Null if there are none. */
export function joinedReasons(groups: readonly string[]): string {
  const most = Math.floor(mostCharacters / groups.length);
  const cut = (group: string) =>
    `coalesce(case when length(${group}) > ${most} then left(${group}, ${most}) || ${separator} else ${group} end, '')`;
  return `nullif(${groups.map(cut).join(' || ')}, '')`;
}

/** Select items: the first reason, which groups rejects, and all reasons. */
export const reasonItems = `split_part(reasons, ${separator}, 1)::varchar(512) as reason, rtrim(reasons, ${separator}) as reasons`;
