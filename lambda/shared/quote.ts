/**
 * A SQL string literal. Quotes and backslashes are doubled, as in Redshift's QUOTE_LITERAL. A backslash escapes in a Redshift literal, so a single one
 * before the closing quote would end the literal too late. NUL is refused, since no SQL text may hold it.
 */
export function quoteLiteral(value: string): string {
  if (value.includes('\0')) throw new Error('a SQL literal must not contain NUL');
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** A delimited identifier, for names known only at run time. Throws on an empty name and on NUL. */
export function quoteName(name: string): string {
  if (name === '' || name.includes('\0'))
    throw new Error(`a SQL identifier must have characters and no NUL, got ${JSON.stringify(name)}`);
  return `"${name.replaceAll('"', '""')}"`;
}
