import type { Origin } from '../../statement';
import type { Type } from '../types';

/** What an expression became: DuckDB text and its Redshift type. */
export interface Value {
  readonly sql: string;
  readonly type: Type;
  /** Text of a string literal, parameter or number; null for NULL. Undefined for anything that is not a constant as written. */
  readonly constant?: string | null;
  /** A SUPER value as a path below a JSON expression, so that it is read in one go. */
  readonly path?: { readonly base: string; readonly steps: readonly (string | number)[] };
  /** A text that has no trailing blanks, so that none need be taken off to compare it. */
  readonly tight?: boolean;
  /** DuckDB text of a number that is never smaller, and cheaper to find. */
  readonly atMost?: string;
  /** The column that it is, where it is one. */
  readonly origin?: Origin;
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
  return sql.length <= shortText && !sql.includes('{') ? body(sql) : naming(name, sql, body);
}

/** The same for what is dear, however short its text is. */
export function naming(name: string, sql: string, body: (name: string) => string): string {
  // The engine would take `p.a` for the column of a table p.
  const own = `millrace_let_${name}`;
  return `list_transform([${sql}], lambda ${own}: ${body(own)})[1]`;
}
