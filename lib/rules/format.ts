/** The one form of a message about what someone wrote: the field as they wrote it, what is allowed, the value. */
export const problem = (field: string, rule: string, got: unknown) => `${field} must ${rule}, got ${shown(got)}`;

/** One problem where the rule is broken. */
export const must = (holds: boolean, field: string, rule: string, got: unknown): string[] =>
  holds ? [] : [problem(field, rule, got)];

/** `a, b or c`. */
export const or = (values: readonly string[]) =>
  values.length < 2 ? values.join() : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;

/** Each value that is there more than once, once. */
export const repeated = (values: readonly string[]): string[] => [
  ...new Set(values.filter((value, index) => values.indexOf(value) !== index)),
];

/** Elements of a list that share a name. */
export const declaredTwice = (field: string, names: readonly string[]): string[] =>
  repeated(names).map((name) => `${field}.${name} is declared more than once`);

/** Names that a list holds more than once. */
export const namedTwice = (field: string, names: readonly string[]): string[] =>
  repeated(names).map((name) => `${field} names ${shown(name)} more than once`);

/** Names that the pipelines do not have, a problem each. */
export const unknownNames = (
  field: string,
  what: string,
  names: readonly string[],
  known: readonly string[],
): string[] =>
  names
    .filter((name) => !known.includes(name))
    .map((name) => problem(field, `name ${what} (${known.join(', ') || 'there are none'})`, name));

/** Whether the value is an object with fields, as opposed to a list or null. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const longest = 120;

/** A value, shortened for a message. An object is shown by the names of its fields, because its values may be secrets. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) {
    const isPlain = value.every((item) => typeof item !== 'object' || item === null);
    return isPlain ? cut(`[${value.map(shown).join(',')}]`) : `a list of ${value.length}`;
  }
  if (isRecord(value)) return shownObject(value);
  if (typeof value === 'function') return 'a function';
  return cut(typeof value === 'string' ? JSON.stringify(value) : String(value));
}

function shownObject(value: Record<string, unknown>): string {
  const type = Object.getPrototypeOf(value)?.constructor?.name ?? 'Object';
  if (type !== 'Object') return `a ${type}`;
  const entries = Object.entries(value);
  if (entries.length === 0) return '{}';
  if (entries.every(([, item]) => typeof item === 'number'))
    return `{ ${entries.map(([name, item]) => `${name}: ${item}`).join(', ')} }`;
  return cut(`an object with ${entries.map(([name]) => name).join(', ')}`);
}

/** Shows the kind of a value that may be a secret. Numbers and booleans are shown. */
export function shownWithoutTexts(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty text' : `a text of ${value.length} characters`;
  if (Array.isArray(value))
    return value.every((item) => typeof item === 'number') ? shown(value) : `a list of ${value.length}`;
  return isRecord(value) ? 'an object' : shown(value);
}

const cut = (text: string) => escaped(text.length > longest ? `${text.slice(0, longest)}…` : text);

/** Shows what looks like another character, or like none, by its number: a Cyrillic `а` is no `a`. */
const escaped = (text: string) =>
  text.replace(/[\p{Cc}\p{Cf}\p{Z}\p{Co}\p{Cs}\p{Cn}\p{L}\p{M}]/gu, (character) =>
    /[ -~\u00c0-\u017f]/.test(character) ? character : `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );

/** The name of a field as people would write it, quoted if it is no plain one. */
export const shownKey = (key: string) => (/^[a-z_$][\w$-]{0,63}$/i.test(key) ? key : cut(JSON.stringify(key)));

/** The known name that a wrong one was most likely meant to be. Undefined when none is like it. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((candidate) => ({ candidate, distance: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((one, other) => one.distance - other.distance);
  return best && best.distance <= Math.max(2, best.candidate.length / 3) ? best.candidate : undefined;
}

/** The number of letters to add, remove or replace to turn one into the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1];
    for (const [j, wanted] of [...other].entries())
      next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + (letter === wanted ? 0 : 1)));
    row = next;
  }
  return row.at(-1)!;
}
