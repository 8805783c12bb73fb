import type { Column } from '../../pipelines/definition';
import { items, partItem, problemLines, soundCondition, textItem, valueItem } from './column';

/** Text of the columns in one statement, which may have 100 kB with what is around them. */
const groupBytes = 100_000;

/** About the text that a column takes of a statement that types it and says what is wrong with it. */
function judgedBytes(column: Column): number {
  const parts = [partItem(column), textItem(column), valueItem(column)].flatMap((item) => (item ? [item] : []));
  return items(parts).length + problemLines(column).join('\n      ').length + soundCondition([column]).length + 100;
}

/**
 * The columns in as few groups as statements can speak of, all about as large: nearly every pipeline has one group, and then one statement is
 * fastest.
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
