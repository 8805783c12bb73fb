import { notRun, redshiftWords } from '../sql/failure';
import { type Place, SqlError } from '../statement';

/** What Redshift answers when a statement cannot be carried out; reported as `ERROR: <message>`. */
export class WarehouseError extends Error {}

/**
 * The text of `Error` in the Data API. What the front end refused keeps its own words, which name line and column.
 * @param place of the statement that was run
 */
export function errorText(error: unknown, place?: Place): string {
  if (error instanceof SqlError) return error.message;
  const message = String((error as { message?: unknown })?.message ?? error);
  if (error instanceof WarehouseError) return `ERROR: ${message}`;
  const words = redshiftWords(message);
  if (words === notRun && place) return new SqlError(notRun, place.line, place.column).message;
  return `ERROR: ${words.replace(/^[A-Z][A-Za-z ]* Error: /, '').trim()}`;
}
