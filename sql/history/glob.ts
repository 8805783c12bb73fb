/**
 * Whether a key may match both globs. `*` matches part of a path segment, `**` any depth, `**` with a slash also
 * none.
 */
export function globsOverlap(one: string, other: string): boolean {
  return variants(one).some((left) => variants(other).some((right) => meet(left, right)));
}

/** The glob as characters and wildcards, once with and once without each `**` and its slash. */
function variants(glob: string): string[][] {
  const at = glob.indexOf('**/');
  if (at < 0) return [glob.match(/\*\*|./gsu) ?? []];
  const [before] = variants(glob.slice(0, at));
  return variants(glob.slice(at + 3)).flatMap((after) => [
    [...before!, ...after],
    [...before!, '**', '/', ...after],
  ]);
}

function meet(one: readonly string[], other: readonly string[]): boolean {
  const seen = new Map<string, boolean>();
  const from = (i: number, j: number): boolean => {
    const key = `${i} ${j}`;
    const known = seen.get(key);
    if (known !== undefined) return known;
    seen.set(key, false);
    const [a, b] = [one[i], other[j]];
    const found =
      (a === undefined && b === undefined) ||
      (isWildcard(a) && (from(i + 1, j) || (takes(a, b) && from(i, j + 1)))) ||
      (isWildcard(b) && (from(i, j + 1) || (takes(b, a) && from(i + 1, j)))) ||
      (a !== undefined && a === b && !isWildcard(a) && from(i + 1, j + 1));
    seen.set(key, found);
    return found;
  };
  return from(0, 0);
}

const isWildcard = (token: string | undefined): token is string => token === '*' || token === '**';
const takes = (wildcard: string, token: string | undefined) =>
  token !== undefined && (wildcard === '**' || (token !== '/' && token !== '**'));
