/**
 * A SQL string literal. Quotes and backslashes are doubled, as Redshift's own QUOTE_LITERAL does: a backslash escapes
 * in a Redshift literal, so a single one before the closing quote would let the value out. NUL is refused, since no text may hold it.
 */
export function quoteLiteral(value: string): string {
  if (value.includes('\0')) throw new Error('a SQL literal must not contain NUL');
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
