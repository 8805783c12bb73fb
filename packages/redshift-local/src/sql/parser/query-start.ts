import { type Cursor, maxDepth } from './cursor';

/**
 * Whether a query starts here: SELECT or WITH, optionally after as many opening parentheses as nesting allows.
 * @param within whether WITH after a parenthesis starts a query too
 * @param from number of tokens before
 */
export function isQueryStart(cursor: Cursor, within = false, from = 0): boolean {
  let ahead = from;
  while (ahead <= maxDepth && cursor.peek(ahead).kind === 'operator' && cursor.peek(ahead).value === '(') ahead++;
  const token = cursor.peek(ahead);
  return token.kind === 'word' && (token.value === 'select' || (token.value === 'with' && (ahead === from || within)));
}

/**
 * Whether a query starts at a position that allows an expression. In `(select 1) + 2` the query is only an operand; in
 * `(select 1) union select 2` it is the first part of a query.
 */
export function isSubqueryStart(cursor: Cursor): boolean {
  if (!isQueryStart(cursor) || !cursor.isOperator('(')) return isQueryStart(cursor);
  let ahead = 0;
  for (let depth = 0; ; ahead++) {
    const { kind, value } = cursor.peek(ahead);
    if (kind === 'end') return true;
    if (kind !== 'operator') continue;
    if (value === '(') depth++;
    else if (value === ')' && --depth === 0) break;
  }
  const { kind, value } = cursor.peek(ahead + 1);
  return kind === 'end' || (kind === 'operator' ? value === ')' || value === ';' : queryWords.includes(value));
}

/** Whether the parentheses in FROM contain a join, as in `((select 1) x join y on …)`. */
export function isJoinGroup(cursor: Cursor): boolean {
  if (!isQueryStart(cursor, true)) return true;
  const second = cursor.peek();
  if (second.kind !== 'operator' || second.value !== '(') return false;
  let ahead = 1;
  for (let depth = 0; ; ahead++) {
    const { kind, value } = cursor.peek(ahead);
    if (kind === 'end') return false;
    if (kind !== 'operator') continue;
    if (value === '(') depth++;
    else if (value === ')' && --depth === 0) break;
  }
  const { kind, value } = cursor.peek(ahead + 1);
  return kind === 'word' && !queryWords.includes(value);
}

const queryWords = ['union', 'intersect', 'except', 'minus', 'order', 'limit', 'offset'];
