/** Reads lists in turn: the nth call with a name gives the nth entry of its list; after the end of the list, undefined. */
export function turns(): <T>(name: string, list: readonly (T | undefined)[] | undefined) => T | undefined {
  const taken = new Map<string, number>();
  return (name, list) => {
    const index = taken.get(name) ?? 0;
    taken.set(name, index + 1);
    return list?.[index];
  };
}
