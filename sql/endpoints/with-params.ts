import { type Token, tokenize } from '../text/tokens';
import { withoutDoubleColons } from './casts';

/** The query with SQL in place of each `:name`, and without `::`. */
export function withParams(sql: string, written: (name: string) => string): string {
  const tokens = tokenize(sql);
  let result = '';
  for (let index = 0; index < tokens.length; index += 1) {
    const name = paramAt(tokens, index);
    result += name === undefined ? tokens[index]!.text : written(name);
    if (name !== undefined) index += 1;
  }
  return withoutDoubleColons(result);
}

/** Names of a query's parameters, each once, in the order of their first use. */
export function paramNames(sql: string): string[] {
  const tokens = tokenize(sql);
  return [...new Set(tokens.flatMap((_, index) => paramAt(tokens, index) ?? []))];
}

function paramAt(tokens: readonly Token[], index: number): string | undefined {
  const next = tokens[index + 1];
  return tokens[index]!.text === ':' && next?.kind === 'word' ? next.text : undefined;
}
