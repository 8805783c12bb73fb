import type { Column } from '../../pipelines/definition';
import { items, partItem, problemLines, textItem, validCondition, valueItem } from './column';

/** Length of the columns' text in one statement. The Data API takes 100 kB for the whole statement. */
const groupBytes = 100_000;

/** Approximate length of the text that types and checks a column. */
function judgedBytes(column: Column): number {
  const parts = [partItem(column), textItem(column), valueItem(column)].flatMap((item) => (item ? [item] : []));
  return items(parts).length + problemLines(column).join('\n      ').length + validCondition([column]).length + 100;
}

/**
 * Splits the columns into as few groups as fit into statements, all about equally large. Nearly every pipeline has
 * one group: one statement is fastest.
 */
export function columnGroups<C extends Column>(
  columns: readonly C[],
  bytesOf: (column: C) => number = judgedBytes,
): C[][] {
  const total = columns.reduce((sum, column) => sum + bytesOf(column), 0);
  const share = total / Math.max(1, Math.ceil(total / groupBytes));
  const groups: C[][] = [[]];
  let bytes = 0;
  for (const column of columns) {
    if (bytes >= share) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)!.push(column);
    bytes += bytesOf(column);
  }
  return groups;
}
