import { isName, isWord } from './token-walk';
import type { Token } from './tokens';

/** Whether an item of a select list ends with a name for its result, with or without AS. */
export function isAliased(tokens: readonly Token[]): boolean {
  const last = tokens.at(-1);
  const before = tokens.at(-2);
  return isName(last) && before !== undefined && (isWord(before, 'as') || endsExpression(before, last));
}

/** `sum(x) total`: the last token is a name, since an expression can only end before it. */
function endsExpression(before: Token | undefined, last: Token): boolean {
  if (before === undefined || isWord(last, 'end')) return false;
  return (
    before.text === ')' ||
    before.text === ']' ||
    before.kind === 'string' ||
    before.kind === 'number' ||
    before.kind === 'identifier' ||
    isWord(before, 'end') ||
    (before.kind === 'word' && !operators.has(before.value))
  );
}

const operators = new Set([
  'and',
  'or',
  'not',
  'is',
  'in',
  'like',
  'ilike',
  'between',
  'case',
  'when',
  'then',
  'else',
  'interval',
  'similar',
  'to',
]);

/** The name that Redshift gives to an item without an alias. Undefined where Redshift's choice is not documented. */
export function ownName(tokens: readonly Token[]): string | undefined {
  const cast = castAt(tokens);
  const inner = cast === undefined ? tokens : tokens.slice(0, cast);
  const plain = inner.every((token, i) => (i % 2 === 0 ? isName(token) : token.text === '.'));
  return plain && inner.length % 2 === 1 ? inner.at(-1)!.value : undefined;
}

/** Index of the last `::` outside of parentheses: it casts the whole expression. */
export function castAt(tokens: readonly Token[]): number | undefined {
  let found: number | undefined;
  let depth = 0;
  for (const [at, { text }] of tokens.entries()) {
    if (text === '(' || text === '[') depth += 1;
    if (text === ')' || text === ']') depth -= 1;
    if (depth === 0 && text === '::') found = at;
  }
  return found;
}
