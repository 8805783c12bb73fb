/**
 * The keys with each after what it depends on; dependencies that are no keys count for nothing. A circle, which only resources of two
 * templates together can form, is cut somewhere.
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
