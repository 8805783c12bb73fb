import { FullDiskError } from 'aws-local-kit';
import { notRun, redshiftWords } from '../sql/failure';
import { type Place, SqlError } from '../statement';

/** An error of Redshift for a statement. It is reported as `ERROR: <message>`. */
export class WarehouseError extends Error {}

/** The message of a transaction that a change of an object by another transaction stops. */
export const conflict = 'could not complete because of conflict with concurrent transaction';

/** True for an error of DuckDB about a row that another transaction changed. */
export const isRowConflict = (message: string): boolean => /Conflict on (?:update|tuple deletion)/.test(message);

const isConflict = (message: string): boolean =>
  isRowConflict(message) || /[Ww]rite-write conflict|Transaction conflict/.test(message);

const isRefusal = (words: string) => /not (?:supported|modelled) by the local warehouse/.test(words);

/** What DuckDB says of rows that find neither memory nor room in its temporary folder. */
const spillLimit = /max_temp_directory_size/;

export const isSpillLimit = (error: unknown): boolean => spillLimit.test(String((error as Error)?.message ?? error));

/** What DuckDB and Node.js say of a full disk. */
const fullDisk = /No space left on device|Disk quota exceeded|ENOSPC|EDQUOT/i;

/** DuckDB refuses everything after an error in the middle of a checkpoint, until its file is opened again. */
const fatal = /^FATAL Error|database has been invalidated/i;

export const isFatal = (error: unknown): boolean => fatal.test(String((error as Error)?.message ?? error));

/** Redshift says `Disk Full`. The file and what to do are added. */
function diskFullWords(message: string): string {
  const [, file] = /"([^"]+)"/.exec(message) ?? /'([^']+)'/.exec(message) ?? [];
  const where = file === undefined || isSpillLimit(message) ? 'on the disk of the data folder' : `for ${file}`;
  return `Disk Full: there is no space left ${where}; free some space and run the statement again, without a restart`;
}

function wordsOf(message: string): string {
  if (isConflict(message)) return conflict;
  return fullDisk.test(message) || isSpillLimit(message) ? diskFullWords(message) : redshiftWords(message);
}

/**
 * Returns the text of `Error` in the Data API. An error of the front end keeps its message, which names line and
 * column.
 * @param place of the statement that was run
 */
export function errorText(error: unknown, place?: Place): string {
  if (error instanceof SqlError) return error.message;
  if (error instanceof FullDiskError) return `ERROR: Disk Full: ${error.message}`;
  const message = String((error as { message?: unknown })?.message ?? error);
  const words = error instanceof WarehouseError ? message : wordsOf(message);
  // A refusal while a statement runs names the position of the statement.
  if (place && (words === notRun || isRefusal(words))) return new SqlError(words, place.line, place.column).message;
  if (error instanceof WarehouseError) return `ERROR: ${message}`;
  return `ERROR: ${words.replace(/^[A-Z][A-Za-z ]* Error: /, '').trim()}`;
}
