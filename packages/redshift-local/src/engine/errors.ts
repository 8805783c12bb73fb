import { notRun, redshiftWords } from '../sql/failure';
import { type Place, SqlError } from '../statement';

/** What Redshift answers when a statement cannot be carried out; reported as `ERROR: <message>`. */
export class WarehouseError extends Error {}

const isRefusal = (words: string) => /not (?:supported|modelled) by the local warehouse/.test(words);

/**
 * The text of `Error` in the Data API. What the front end refused keeps its own words, which name line and column.
 * @param place of the statement that was run
 */
export function errorText(error: unknown, place?: Place): string {
  if (error instanceof SqlError) return error.message;
  const message = String((error as { message?: unknown })?.message ?? error);
  const words = error instanceof WarehouseError ? message : redshiftWords(message);
  // What is refused while a statement runs says which one it is.
  if (place && (words === notRun || isRefusal(words))) return new SqlError(words, place.line, place.column).message;
  if (error instanceof WarehouseError) return `ERROR: ${message}`;
  return `ERROR: ${words.replace(/^[A-Z][A-Za-z ]* Error: /, '').trim()}`;
}
