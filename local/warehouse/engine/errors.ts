import { redshiftWords } from '../sql/failure';
import { SqlError } from '../statement';

/** What Redshift answers when a statement cannot be carried out; reported as `ERROR: <message>`. */
export class WarehouseError extends Error {}

/** The text of `Error` in the Data API. What the front end refused keeps its own words, which name line and column. */
export function errorText(error: unknown): string {
  if (error instanceof SqlError) return error.message;
  const message = String((error as { message?: unknown })?.message ?? error);
  if (error instanceof WarehouseError) return `ERROR: ${message}`;
  return `ERROR: ${redshiftWords(message)
    .replace(/^[A-Z][A-Za-z ]* Error: /, '')
    .trim()}`;
}
