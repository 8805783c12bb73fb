import type { Token } from './tokens';

/** Whether the token is a name, delimited or not. */
export const isName = (token: Token | undefined): token is Token =>
  token?.kind === 'word' || token?.kind === 'identifier';
/** Whether the token is one of these keywords. */
export const isWord = (token: Token | undefined, ...words: string[]) =>
  token?.kind === 'word' && words.includes(token.value);

/** Index of the parenthesis that closes the one at `open`. */
export function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (tokens[at]!.text === '(') depth += 1;
    if (tokens[at]!.text === ')') depth -= 1;
    if (depth === 0) return at;
  }
  return tokens.length;
}

/**
 * Index of the first matching token outside of all parentheses and CASE expressions; the number of tokens if there is
 * none.
 */
export function find(tokens: readonly Token[], start: number, matches: (token: Token) => boolean): number {
  let depth = 0;
  let cases = 0;
  for (let at = start; at < tokens.length; at += 1) {
    const token = tokens[at]!;
    if (depth === 0 && cases === 0 && matches(token)) return at;
    if (token.text === '(' || token.text === '[') depth += 1;
    if (token.text === ')' || token.text === ']') depth -= 1;
    if (isWord(token, 'case')) cases += 1;
    if (isWord(token, 'end') && cases > 0) cases -= 1;
  }
  return tokens.length;
}

/** Splits a list at the commas outside of all parentheses. */
export function split(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [];
  for (let at = 0; at < tokens.length; ) {
    const end = find(tokens, at, ({ text }) => text === ',');
    parts.push(tokens.slice(at, end));
    at = end + 1;
  }
  return parts;
}
