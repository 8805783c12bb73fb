/** What is not looked into for placeholders, then `::`, then a placeholder. */
const pieces = /'(?:[^'\\]|\\.|'')*'|"(?:[^"]|"")*"|\$\$.*?\$\$|--[^\n]*|\/\*.*?\*\/|::|:([0-9a-zA-Z_]+)/gs;

/** Names of the parameters in a statement, in lower case. A placeholder inside quotes or a comment is text, not a parameter. */
export function placeholders(sql: string): Set<string> {
  const names = new Set<string>();
  for (const [, name] of sql.matchAll(pieces)) if (name !== undefined) names.add(name.toLowerCase());
  return names;
}

/** Whether the text of a placeholder is in the statement at all. */
export function mentions(sql: string, name: string): boolean {
  return new RegExp(`:${name}(?![0-9a-z_])`, 'i').test(sql);
}
