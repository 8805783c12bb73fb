import type { Origin, RedshiftType } from '../../statement';
import type { Type } from '../types';

/** A resolved expression: DuckDB text and its Redshift type. */
export interface Value {
  readonly sql: string;
  readonly type: Type;
  /**
   * Text of a string literal, parameter or number; null for NULL. Undefined for anything that is not a constant as
   * written.
   */
  readonly constant?: string | null;
  /** True for the value of a placeholder. */
  readonly isParameter?: boolean;
  /** Called with the type that the use of a placeholder without a value asks for. */
  readonly infer?: (type: RedshiftType) => void;
  /** A SUPER value as a path below a JSON expression, so that the whole path is read at once. */
  readonly path?: { readonly base: string; readonly steps: readonly (string | number)[] };
  /** Whether a text has no trailing blanks, so that comparisons need not remove any. */
  readonly tight?: boolean;
  /** DuckDB text of an upper bound for the number, which is cheaper to compute. */
  readonly atMost?: string;
  /** The column, if the value is one. */
  readonly origin?: Origin;
  /** Whether the expression contains an aggregate (`aggregate`) or a window function (`window`). */
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

/** Whether a value is a plain column, so that reading it several times costs nothing. */
export const isColumn = (sql: string): boolean => reference.test(sql);

/**
 * Removes a character from the end of a text, however often it is repeated there. DuckDB's RTRIM reads a text from its
 * start, and few texts need trimming, so the end of a column is checked first.
 * @param letter one ASCII character
 */
export function trimmedEnd(sql: string, letter: string): string {
  const set = quoteLiteral(letter);
  const trimmed = `rtrim(${sql}, ${set})`;
  return isColumn(sql) ? `case when ends_with(${sql}, ${set}) then ${trimmed} else ${sql} end` : trimmed;
}

/**
 * A condition that holds for JSON strings only, and for all JSON strings that DuckDB wrote. It is cheaper than a check
 * of the type.
 */
export const looksLikeString = (sql: string): string => `starts_with(cast(${sql} as varchar), '"')`;

/** A shorter text is cheaper to repeat than to name. */
const shortText = 60;

/**
 * DuckDB text that computes a value once and then reads it by name, so that nested expressions do not grow
 * exponentially. The body may contain no subquery, and no other `letting` of the same name.
 */
export function letting(name: string, sql: string, body: (name: string) => string): string {
  return sql.length <= shortText && !sql.includes('{') ? body(sql) : naming(name, sql, body);
}

/** Like `letting`, for a value that is expensive however short its text is. */
export function naming(name: string, sql: string, body: (name: string) => string): string {
  // DuckDB would read `p.a` as the column of a table p.
  const own = `millrace_let_${name}`;
  return `list_transform([${sql}], lambda ${own}: ${body(own)})[1]`;
}
