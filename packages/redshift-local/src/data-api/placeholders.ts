/**
 * Matches text that is not searched for placeholders (quotes and comments), then `::`, then a placeholder. A quote or
 * comment without an end goes on to the end of the text: otherwise each of many would be searched for its end.
 */
const pieces =
  /'(?:[^'\\]|\\.|'')*(?:'|\\?$)|"(?:[^"]|"")*(?:"|$)|\$\$.*?(?:\$\$|$)|--[^\n]*|\/\*.*?(?:\*\/|$)|::|:([0-9a-zA-Z_]+)/gs;

/**
 * Returns the names of a statement's parameters, in lower case. A placeholder inside quotes or a comment is text, not a
 * parameter.
 */
export function placeholders(sql: string): Set<string> {
  const names = new Set<string>();
  for (const [, name] of sql.matchAll(pieces)) if (name !== undefined) names.add(name.toLowerCase());
  return names;
}

/** Says whether a placeholder's text occurs anywhere in the statement. */
export function mentions(sql: string, name: string): boolean {
  return new RegExp(`:${name}(?![0-9a-z_])`, 'i').test(sql);
}
