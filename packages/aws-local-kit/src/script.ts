/**
 * Makes a reader of lists. Its nth call with a name returns the nth entry of that name's list, and undefined after the
 * end of the list.
 */
export function turns(): <T>(name: string, list: readonly (T | undefined)[] | undefined) => T | undefined {
  const taken = new Map<string, number>();
  return (name, list) => {
    const index = taken.get(name) ?? 0;
    taken.set(name, index + 1);
    return list?.[index];
  };
}
