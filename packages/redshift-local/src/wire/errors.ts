import { errorText, WarehouseError } from '../engine/errors';
import { Cancelled } from '../engine/prompt';
import { SqlError } from '../statement';

/** An error for a client, with its SQLSTATE (https://www.postgresql.org/docs/8.0/errcodes-appendix.html). */
export class WireError extends Error {
  /** @param fatal true if the connection ends with it */
  constructor(
    readonly code: string,
    message: string,
    readonly fatal = false,
  ) {
    super(message);
  }
}

/** Fields of an ErrorResponse or NoticeResponse. */
export interface Problem {
  readonly severity: 'ERROR' | 'FATAL' | 'WARNING';
  readonly code: string;
  readonly message: string;
  /** Character of the statement, from 1. */
  readonly position?: number;
}

/** SQLSTATE of a message; the first match counts. Redshift reports XX000 for most errors of its own. */
const codes: readonly (readonly [pattern: RegExp, code: string])[] = [
  [/not (?:supported|modelled) by the local warehouse|not supported on Redshift tables/, '0A000'],
  [/current transaction is aborted/, '25P02'],
  [/transaction is read-only/, '25006'],
  [/cannot (?:run|be executed) (?:from|inside) a/, '25001'],
  [/permission denied|must be owner|must be superuser/, '42501'],
  [/^1023|could not complete because of conflict|Serializable isolation/, '40001'],
  [/deadlock detected/, '40P01'],
  [/cancelled on user's request/, '57014'],
  [/relation ".*" does not exist|^1018/i, '42P01'],
  [/column ".*" does not exist/, '42703'],
  [/schema ".*" does not exist/, '3F000'],
  [/database ".*" does not exist/, '3D000'],
  [/there is no parameter/, '42P02'],
  [/does not exist/, '42704'],
  [/^relation ".*" already exists|^Relation .* already exists/i, '42P07'],
  [/schema ".*" already exists/, '42P06'],
  [/already exists/, '42710'],
  [/syntax error|is not closed|reserved words/, '42601'],
  [/ambiguous/, '42702'],
  [/must appear in the GROUP BY|aggregates? not allowed/, '42803'],
  [/multiple commands into a prepared statement/, '42601'],
  [/[Dd]ivide by zero|division by zero/, '22012'],
  [/[Nn]umeric data overflow|out of range/, '22003'],
  [/value too long|exceeds DDL length/i, '22001'],
  [/invalid input syntax|not a text that/, '22P02'],
  [/Cannot insert a NULL value/, '23502'],
  [/unsupported UTF8/, '22021'],
];

export const codeOf = (message: string): string => codes.find(([pattern]) => pattern.test(message))?.[1] ?? 'XX000';

/** Returns the fields of an error for the client. @param sql statement that failed */
export function problemOf(error: unknown, sql = ''): Problem {
  if (error instanceof WireError)
    return { severity: error.fatal ? 'FATAL' : 'ERROR', code: error.code, message: error.message };
  if (error instanceof Cancelled) return { severity: 'ERROR', code: '57014', message: error.message };
  if (error instanceof SqlError && error.line !== undefined) {
    const message = error.message.slice(`line ${error.line}, column ${error.column}: `.length);
    const code = codeOf(message);
    return {
      severity: 'ERROR',
      // A mistake that the front end finds, and that is not one of the others, is one of syntax or names.
      code: code === 'XX000' ? '42601' : code,
      message,
      position: characterAt(sql, error.line, error.column!),
    };
  }
  const words = error instanceof WarehouseError ? error.message : errorText(error).replace(/^ERROR: /, '');
  return { severity: 'ERROR', code: codeOf(words), message: words };
}

/** Converts line and column to a position in characters, not in units of UTF-16. */
function characterAt(sql: string, line: number, column: number): number {
  const lines = sql.split('\n');
  const before = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  return [...sql.slice(0, before + column - 1)].length + 1;
}
