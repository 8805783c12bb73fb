/** A piece of SQL text. `text` is as written. `value` is the name or keyword, folded unless it is delimited. */
export interface Token {
  readonly kind: 'space' | 'comment' | 'word' | 'identifier' | 'string' | 'number' | 'symbol';
  readonly text: string;
  readonly value: string;
  /** Offset in the SQL. */
  readonly at: number;
}

/**
 * A query that cannot be read: it has an unterminated literal, name or comment, or a character that SQL does not
 * have.
 */
export class TokenError extends Error {}

const rules: readonly [Token['kind'] | 'unclosed', RegExp][] = [
  ['space', /\s+/y],
  ['comment', /--[^\n]*/y],
  // Block comments nest in Redshift. `tokenAt` refuses a nested one, since this pattern would end too early.
  ['comment', /\/\*(?:[^*]|\*(?!\/))*\*\//y],
  ['word', /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ['identifier', /"(?:[^"]|"")+"/y],
  // A backslash escapes the next character of an ordinary literal.
  ['string', /'(?:[^'\\]|''|\\[\s\S])*'/y],
  ['number', /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y],
  ['unclosed', /'|"|\/\*|\$\$/y],
  ['symbol', /::|<=|>=|<>|!=|\|\||[-+*/%^&|#~<>=()[\]{},.;:@!]/y],
];

/** Splits a query into its tokens; joining their texts gives the query again. Throws a TokenError. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    const token = tokenAt(sql, at);
    tokens.push(token);
    at += token.text.length;
  }
  return tokens;
}

function tokenAt(sql: string, at: number): Token {
  for (const [kind, pattern] of rules) {
    pattern.lastIndex = at;
    const text = pattern.exec(sql)?.[0];
    if (text === undefined) continue;
    if (kind === 'unclosed') throw new TokenError(`${text} at ${place(sql, at)} is not closed, or not supported`);
    if (kind === 'comment' && text.slice(2).includes('/*'))
      throw new TokenError(`nested comment at ${place(sql, at)} is not supported`);
    return { kind, text, value: foldedValue(kind, text), at };
  }
  throw new TokenError(`unexpected ${JSON.stringify(sql[at])} at ${place(sql, at)}`);
}

function foldedValue(kind: Token['kind'], text: string): string {
  if (kind === 'word') return text.toLowerCase();
  if (kind === 'identifier') return text.slice(1, -1).replaceAll('""', '"');
  return text;
}

/** Formats an offset as `line 3, column 7`, counted from 1. */
export function place(sql: string, at: number): string {
  const before = sql.slice(0, at).split('\n');
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

/** The tokens that are neither spaces nor comments. */
export function significant(tokens: readonly Token[]): Token[] {
  return tokens.filter((token) => token.kind !== 'space' && token.kind !== 'comment');
}

/** The query without comments and closing semicolon. The indentation stays. */
export function withoutComments(sql: string): string {
  return tokenize(sql)
    .map((token) => (token.kind === 'comment' ? '' : token.text))
    .join('')
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{2,}/g, '\n')
    .trim()
    .replace(/\s*;$/, '');
}
