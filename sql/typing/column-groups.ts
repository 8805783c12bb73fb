import type { Column } from '../../pipelines/definition';
import { howItem, items, partItem, problemLines, rawItem, textItem, validCondition, valueItem } from './column';
import { splitColumns } from './split-columns';

/** Length of the columns' text in one statement. The Data API takes 100 kB for the whole statement. */
const groupBytes = 100_000;

/** Approximate length of the text that types and checks a column. */
function judgedBytes(column: Column): number {
  const parts = [partItem(column), rawItem(column), textItem(column), valueItem(column), howItem(column)].flatMap(
    (item) => (item ? [item] : []),
  );
  return items(parts).length + problemLines(column).join('\n      ').length + validCondition([column]).length + 100;
}

/** Splits columns into groups that each fit a statement. Most pipelines have one: one statement is fastest. */
export const columnGroups = <C extends Column>(
  columns: readonly C[],
  bytesOf: (column: C) => number = judgedBytes,
): C[][] => splitColumns(columns, bytesOf, groupBytes);
