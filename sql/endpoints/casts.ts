import { closing, isName, isWord } from '../text/token-walk';
import { significant, type Token, tokenize } from '../text/tokens';

/**
 * Writes `x::date` as `cast(x as date)`. The Data API reads `:name` as a parameter, and its documentation does not say
 * how it reads `::`.
 */
export function withoutDoubleColons(sql: string): string {
  const tokens = significant(tokenize(sql));
  const before = new Map<number, string>();
  const after = new Map<number, string>();
  const add = (where: Map<number, string>, index: number, text: string) =>
    where.set(index, (where.get(index) ?? '') + text);
  const marks = new Set<number>();
  for (const [index, token] of tokens.entries()) {
    if (token.text !== '::') continue;
    marks.add(index);
    add(before, operandStart(tokens, index - 1), 'cast(');
    add(after, typeEnd(tokens, index + 1), ')');
  }
  if (marks.size === 0) return sql;
  let result = '';
  let at = 0;
  for (const [index, token] of tokens.entries()) {
    result += sql.slice(at, token.at) + (before.get(index) ?? '');
    result += marks.has(index) ? ' as ' : token.text;
    result += after.get(index) ?? '';
    at = token.at + token.text.length;
  }
  return result + sql.slice(at);
}

/** Words before a parenthesis that are no names of functions. */
const operators = new Set(
  `and or not in on when then else where having by select from as between like ilike is union all any some exists case distinct limit
  offset join using intersect except minus to similar`.split(/\s+/),
);
const typesOfLiterals = ['date', 'timestamp', 'timestamptz', 'time', 'timetz', 'interval'];

/** Index of the first token of the expression that ends at `last` and that a cast applies to. */
function operandStart(tokens: readonly Token[], last: number): number {
  const token = tokens[last];
  if (token === undefined) return 0;
  if (token.text === ']') return operandStart(tokens, opening(tokens, last, '[', ']') - 1);
  if (token.text === ')') return callStart(tokens, opening(tokens, last, '(', ')'));
  if (isWord(token, 'end')) return caseStart(tokens, last);
  if (token.kind === 'string' && isWord(tokens[last - 1], ...typesOfLiterals)) return last - 1;
  if (!isName(token)) return last;
  // The words of a type that an earlier cast ends with: `x::double precision::integer`.
  for (let at = last; at > 0 && at > last - 5 && isName(tokens[at]); at -= 1)
    if (tokens[at - 1]?.text === '::') return operandStart(tokens, at - 2);
  return nameStart(tokens, last);
}

/** Index of the first part of a qualified name. A step into an array, as in `items[0].price`, is a part. */
function nameStart(tokens: readonly Token[], last: number): number {
  let at = last;
  while (tokens[at - 1]?.text === '.') {
    at -= 2;
    if (tokens[at]?.text === ']') return operandStart(tokens, at);
  }
  return at;
}

/** @param open index of a parenthesis that closes directly before the cast */
function callStart(tokens: readonly Token[], open: number): number {
  const name = tokens[open - 1];
  if (!isName(name) || (name.kind === 'word' && operators.has(name.value))) return open;
  if (tokens[open - 2]?.text === '::') return operandStart(tokens, open - 3);
  if (isWord(name, 'over', 'filter') && tokens[open - 2]?.text === ')') return operandStart(tokens, open - 2);
  if (isWord(name, 'group') && isWord(tokens[open - 2], 'within')) return operandStart(tokens, open - 3);
  // `double precision(…)` does not exist; `character varying(16)` does.
  if (isWord(name, 'varying') && tokens[open - 3]?.text === '::') return operandStart(tokens, open - 4);
  return nameStart(tokens, open - 1);
}

function opening(tokens: readonly Token[], last: number, open: string, close: string): number {
  let depth = 0;
  for (let at = last; at >= 0; at -= 1) {
    if (tokens[at]!.text === close) depth += 1;
    if (tokens[at]!.text === open) depth -= 1;
    if (depth === 0) return at;
  }
  return 0;
}

function caseStart(tokens: readonly Token[], last: number): number {
  let depth = 0;
  for (let at = last; at >= 0; at -= 1) {
    if (isWord(tokens[at], 'end')) depth += 1;
    if (isWord(tokens[at], 'case')) depth -= 1;
    if (depth === 0) return at;
  }
  return 0;
}

/** Index of the last token of the type that begins at `first`. */
function typeEnd(tokens: readonly Token[], first: number): number {
  let at = first;
  if (isWord(tokens[at + 1], 'precision', 'varying')) at += 1;
  if (tokens[at + 1]?.text === '(') at = closing(tokens, at + 1);
  if (isWord(tokens[at + 1], 'with', 'without') && isWord(tokens[at + 2], 'time') && isWord(tokens[at + 3], 'zone'))
    at += 3;
  return Math.min(at, tokens.length - 1);
}
