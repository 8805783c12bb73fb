import { type Cursor, maxDepth } from './cursor';

/** Whether a query starts here: SELECT or WITH, also behind as many opening parentheses as may be nested. */
export function isQueryStart(cursor: Cursor): boolean {
  let ahead = 0;
  while (ahead <= maxDepth && cursor.peek(ahead).kind === 'operator' && cursor.peek(ahead).value === '(') ahead++;
  const token = cursor.peek(ahead);
  return token.kind === 'word' && (token.value === 'select' || (token.value === 'with' && ahead === 0));
}

/** The same where an expression may stand: of `(select 1) + 2` the query is an operand, of `(select 1) union select 2` the first part. */
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

const queryWords = ['union', 'intersect', 'except', 'minus', 'order', 'limit', 'offset'];
