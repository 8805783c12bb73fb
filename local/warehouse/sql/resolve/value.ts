import type { Type } from '../types';

/** What an expression became: DuckDB text and its Redshift type. */
export interface Value {
  readonly sql: string;
  readonly type: Type;
  /** Text of a string literal, parameter or number; null for NULL. Undefined for anything that is not a constant as written. */
  readonly constant?: string | null;
  /** A SUPER value as a path below a JSON expression, so that it is read in one go. */
  readonly path?: { readonly base: string; readonly steps: readonly (string | number)[] };
  /** DuckDB JSON that these bytes hold, NULL where they hold none. */
  readonly parsed?: string;
  /** A text that has no trailing blanks, so that none need be taken off to compare it. */
  readonly tight?: boolean;
  /** Holds an aggregate, or a window function. */
  readonly aggregate?: boolean;
  readonly window?: boolean;
}

export const nullValue: Value = { sql: 'null', type: { name: 'unknown' }, constant: null };

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function jsonPath(steps: readonly (string | number)[]): string {
  return quoteLiteral(`$${steps.map((step) => (typeof step === 'number' ? `[${step}]` : `."${step}"`)).join('')}`);
}

export function navigated(base: string, steps: readonly (string | number)[]): Value {
  return {
    sql: steps.length === 0 ? base : `json_extract(${base}, ${jsonPath(steps)})`,
    type: { name: 'super' },
    path: { base, steps },
  };
}

/** From so many on, attributes of one value are cheaper read together. */
const fewAttributes = 3;

/**
 * The values' DuckDB texts for one select list. Attributes of the same column come from one look at it: the engine computes the list of them, which each text
 * names in full, once a row.
 */
export function selected(values: readonly Value[]): string[] {
  const pathsBelow = new Map<string, string[]>();
  const attributeOf = ({ path, sql }: Value) =>
    path && isColumn(path.base) && sql === navigated(path.base, path.steps).sql && path.steps.length > 0
      ? { base: path.base, at: jsonPath(path.steps) }
      : undefined;
  for (const value of values) {
    const attribute = attributeOf(value);
    if (!attribute) continue;
    const { base, at } = attribute;
    pathsBelow.set(base, [...new Set([...(pathsBelow.get(base) ?? []), at])]);
  }
  return values.map((value) => {
    const attribute = attributeOf(value);
    const paths = attribute && pathsBelow.get(attribute.base)!;
    if (!attribute || !paths || paths.length < fewAttributes) return value.sql;
    return `json_extract(${attribute.base}, [${paths.join(', ')}])[${paths.indexOf(attribute.at) + 1}]`;
  });
}

/** DuckDB's name of the JSON type: OBJECT, ARRAY, VARCHAR, BIGINT, UBIGINT, HUGEINT, DOUBLE, BOOLEAN, NULL; null where there is no value. */
export function jsonType(value: Value): string {
  const { path } = value;
  return path && path.steps.length > 0 ? `json_type(${path.base}, ${jsonPath(path.steps)})` : `json_type(${value.sql})`;
}

/** The text of a JSON scalar without its quotes, JSON text of anything else. */
export function jsonText(value: Value): string {
  const { path } = value;
  if (path && path.steps.length > 0) return `json_extract_string(${path.base}, ${jsonPath(path.steps)})`;
  return `json_extract_string(${value.sql}, '$')`;
}

const reference = /^"[^"]+"(?:\."[^"]+")*$/;

/** Whether a value is a column as it stands, so that reading it several times costs nothing. */
export const isColumn = (sql: string): boolean => reference.test(sql);

/**
 * The text without a character at its end, however often it stands there. The engine's RTRIM reads a text from its start, and few texts have anything to take off.
 * @param letter one ASCII character
 */
export function trimmedEnd(sql: string, letter: string): string {
  const set = quoteLiteral(letter);
  const trimmed = `rtrim(${sql}, ${set})`;
  return isColumn(sql) ? `case when ends_with(${sql}, ${set}) then ${trimmed} else ${sql} end` : trimmed;
}

/** A condition that only JSON strings meet, and all that the engine itself wrote: cheaper than their type. */
export const looksLikeString = (sql: string): string => `starts_with(cast(${sql} as varchar), '"')`;

/** Shorter texts are cheaper repeated than named. */
const shortText = 60;

/**
 * DuckDB text that computes something once and then reads it by name, so that nested expressions do not grow with the power of their depth.
 * No subquery may stand in the body, and no other `letting` of the same name.
 */
export function letting(name: string, sql: string, body: (name: string) => string): string {
  if (sql.length <= shortText && !sql.includes('{')) return body(sql);
  // The engine would take `p.a` for the column of a table p.
  const own = `millrace_let_${name}`;
  return `list_transform([${sql}], lambda ${own}: ${body(own)})[1]`;
}
