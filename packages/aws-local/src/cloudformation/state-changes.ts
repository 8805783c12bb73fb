/** Sets the value at a path of keys below the stacks. Deletes the key if there is no value. */
export type Change = readonly [path: readonly string[], value?: unknown];

/** The members of a stack that are changed in place. */
interface Changing {
  readonly resources: Readonly<Record<string, unknown>>;
  readonly leftovers: readonly unknown[];
  readonly operation?: { readonly underway: Readonly<Record<string, unknown>> };
}
type Stacks<Stack> = Readonly<Record<string, Stack>>;

/** Copies the stacks to the depth at which they are changed in place. Deeper values are only ever replaced. */
export function copyOf<Stack extends Changing>(stacks: Stacks<Stack>): Stacks<Stack> {
  return Object.fromEntries(
    Object.entries(stacks).map(([name, stack]) => [
      name,
      {
        ...stack,
        resources: { ...stack.resources },
        leftovers: [...stack.leftovers],
        operation: stack.operation && { ...stack.operation, underway: { ...stack.operation.underway } },
      },
    ]),
  );
}

/** The changes that turn `before` into `now`. */
export function changesBetween<Stack>(before: Stacks<Stack>, now: Stacks<Stack>): Change[] {
  const changes: Change[] = [];
  const compare = (path: readonly string[], old: unknown, value: unknown) => {
    if (old === value || sameList(old, value)) return;
    const kind = kindOf(path);
    const whole = kind === 'value' || !isObject(old) || !isObject(value) || (kind === 'record' && !inOrder(old, value));
    if (whole) changes.push(value === undefined ? [path] : [path, value]);
    else
      for (const key of new Set([...Object.keys(old), ...Object.keys(value)]))
        compare([...path, key], old[key], value[key]);
  };
  compare([], before, now);
  return changes;
}

/**
 * Applies a change.
 * @returns the changed stacks, which may be the same object
 */
export function withChange<Stack>(stacks: Stacks<Stack>, [path, value]: Change): Stacks<Stack> {
  const last = path.at(-1);
  if (last === undefined) return value as Stacks<Stack>;
  let at = stacks as unknown as Members;
  for (const key of path.slice(0, -1)) at = at[key] as Members;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return stacks;
}

type Members = Record<string, unknown>;

/**
 * How the value at a path is compared:
 * - record: its members are compared one by one and keep their creation order
 * - struct: its members are compared one by one and have no order
 * - value: it is replaced as a whole
 */
function kindOf([name, field, part, ...rest]: readonly string[]): 'record' | 'struct' | 'value' {
  if (name === undefined) return 'record';
  if (field === undefined) return 'struct';
  if (rest.length > 0) return 'value';
  if (part !== undefined) return field === 'operation' && part === 'underway' ? 'record' : 'value';
  if (field === 'resources') return 'record';
  if (field === 'operation') return 'struct';
  return 'value';
}

const isObject = (value: unknown): value is Members => typeof value === 'object' && value !== null;

/** True if deleting the old members and appending the new ones gives the right order. */
function inOrder(old: Members, value: Members): boolean {
  const kept = Object.keys(old).filter((key) => key in value);
  const names = Object.keys(value);
  const added = names.filter((key) => !(key in old));
  return [...kept, ...added].every((key, index) => key === names[index]);
}

const sameList = (old: unknown, value: unknown) =>
  Array.isArray(old) &&
  Array.isArray(value) &&
  old.length === value.length &&
  old.every((member, index) => member === value[index]);
