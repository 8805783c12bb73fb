import { aliasesAfterAs, reservedWords } from 'redshift-local/reserved-words';

/** Redshift's limit for a name, in bytes. */
const maxIdentifierBytes = 127;

/**
 * A delimited identifier. Throws on an empty name, on a name that is too long and on NUL, which no identifier can
 * hold.
 */
export function quoteIdentifier(name: string): string {
  if (name === '') throw new Error('an identifier cannot be empty');
  if (name.includes('\0')) throw new Error(`an identifier cannot hold a NUL character, got ${JSON.stringify(name)}`);
  if (Buffer.byteLength(name) > maxIdentifierBytes)
    throw new Error(`an identifier has at most ${maxIdentifierBytes} bytes, got ${JSON.stringify(name)}`);
  return `"${name.replaceAll('"', '""')}"`;
}

/** A name as a person would write it: delimited only where Redshift requires that. */
export function identifier(name: string): string {
  return isPlainName(name) && !reservedWords.has(name) && !aliasesAfterAs.has(name) ? name : quoteIdentifier(name);
}

/** Whether the name is a reserved word, in upper or lower case. Redshift takes such a name in double quotes only. */
export function isReserved(name: string): boolean {
  return reservedWords.has(name.toLowerCase());
}

/**
 * Problems of a declared name. A reserved word is refused because every reader would have to put it in double quotes.
 */
export function reservedProblems(field: string, name: string): string[] {
  return isReserved(name)
    ? [`${field} must not be a reserved word of Redshift, got ${JSON.stringify(name)}: choose another name`]
    : [];
}

/** Lower-case letters, digits and underscores, not starting with a digit. */
export function isPlainName(name: string): boolean {
  return /^[a-z_][a-z0-9_]*$/.test(name) && name.length <= maxIdentifierBytes;
}
