/** A line of both sides, or of one. */
export interface DiffRow {
  readonly left: string | null;
  readonly right: string | null;
  /** True if both sides have the line. */
  readonly same: boolean;
}

/** Compares two texts line by line: as many lines as possible stand side by side, and none is lost. */
export function lineDiff(before: string, after: string): DiffRow[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  // common[i][j]: the most lines that old from i on and now from j on have in common.
  const common = Array.from({ length: old.length + 1 }, () => new Array<number>(now.length + 1).fill(0));
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      common[i]![j] = old[i] === now[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
  const rows: DiffRow[] = [];
  let [gone, come]: [string[], string[]] = [[], []];
  const flush = () => {
    for (let n = 0; n < Math.max(gone.length, come.length); n++)
      rows.push({ left: gone[n] ?? null, right: come[n] ?? null, same: false });
    [gone, come] = [[], []];
  };
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      flush();
      rows.push({ left: old[i]!, right: now[j]!, same: true });
      i++;
      j++;
    } else if (j >= now.length || (i < old.length && common[i + 1]![j]! >= common[i]![j + 1]!)) gone.push(old[i++]!);
    else come.push(now[j++]!);
  }
  flush();
  return rows;
}

const linesOf = (text: string) => (text === '' ? [] : text.split('\n'));
