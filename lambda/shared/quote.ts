/**
 * A SQL string literal. Quotes and backslashes are doubled, as Redshift's own QUOTE_LITERAL does: a backslash escapes
 * in a Redshift literal, so a single one before the closing quote would let the value out. NUL is refused, since no text may hold it.
 */
export function quoteLiteral(value: string): string {
  if (value.includes('\0')) throw new Error('a SQL literal must not contain NUL');
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** A delimited identifier, for names that are known at run time only. Throws on what no identifier can be. */
export function quoteName(name: string): string {
  if (name === '' || name.includes('\0'))
    throw new Error(`a SQL identifier must have characters and no NUL, got ${JSON.stringify(name)}`);
  return `"${name.replaceAll('"', '""')}"`;
}
