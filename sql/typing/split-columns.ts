import type { Column } from '../../pipelines/definition';

/** Splits columns into the fewest parts of at most about `most` bytes. All parts are about equally large. */
export function splitColumns<C extends Column>(
  columns: readonly C[],
  bytesOf: (column: C) => number,
  most: number,
): C[][] {
  const total = columns.reduce((sum, column) => sum + bytesOf(column), 0);
  const share = total / Math.max(1, Math.ceil(total / most));
  const parts: C[][] = [[]];
  let bytes = 0;
  for (const column of columns) {
    if (bytes >= share) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(column);
    bytes += bytesOf(column);
  }
  return parts;
}
