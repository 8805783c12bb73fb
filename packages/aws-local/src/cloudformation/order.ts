/**
 * Sorts the keys so that each follows its dependencies. Dependencies that are not in `keys` are ignored.
 * A cycle can only form from the resources of two templates together. It is broken at an arbitrary point.
 */
export function inOrder(keys: Iterable<string>, dependenciesOf: (key: string) => readonly string[]): string[] {
  const all = new Set(keys);
  const ordered = new Set<string>();
  const begun = new Set<string>();
  const visit = (key: string) => {
    if (!all.has(key) || begun.has(key)) return;
    begun.add(key);
    for (const dependency of dependenciesOf(key)) visit(dependency);
    ordered.add(key);
  };
  for (const key of all) visit(key);
  return [...ordered];
}
