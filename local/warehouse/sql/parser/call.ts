import type { Expression, FrameBound, FunctionCall, OrderItem, Window } from '../ast';
import type { Cursor } from './cursor';
import { parseExpression } from './expression';

/** Arguments that are a bare word in Redshift: `datediff(day, …)`. The word becomes a string. */
const fieldFirst = new Set(['dateadd', 'datediff', 'date_part', 'date_add', 'date_diff', 'datepart']);

export function parseCall(cursor: Cursor): FunctionCall {
  const { value: name, at } = cursor.next();
  cursor.expectOperator('(');
  let keyword: string | undefined;
  let distinct = false;
  let star = false;
  let args: Expression[] = [];
  if (name === 'extract') {
    keyword =
      cursor.token.kind === 'string' ? cursor.next().value.toLowerCase() : cursor.anyIdentifier('a date part').text;
    cursor.expectWord('from');
    args = [parseExpression(cursor)];
  } else if (name === 'trim') ({ keyword, args } = parseTrim(cursor));
  else if (cursor.takeOperator('*')) star = true;
  else if (!cursor.isOperator(')')) {
    distinct = cursor.takeWords('distinct');
    if (!distinct) cursor.takeWords('all');
    args = cursor.list(() => parseArgument(cursor, fieldFirst.has(name)));
    if (name === 'substring' && cursor.isWord('from', 'for')) throw cursor.unsupported('SUBSTRING with FROM or FOR');
  }
  cursor.expectOperator(')');
  if (cursor.isWord('within')) throw cursor.unsupported('WITHIN GROUP');
  if (cursor.isWord('filter')) throw cursor.unsupported('FILTER');
  const ignoreNulls = parseNullTreatment(cursor);
  const over = cursor.takeWords('over') ? parseWindow(cursor) : undefined;
  if (ignoreNulls !== undefined && !over) throw cursor.syntaxError('OVER');
  return { kind: 'call', name, args, star, distinct, keyword, ignoreNulls, over, at };
}

function parseArgument(cursor: Cursor, wordIsField: boolean): Expression {
  const { kind, value, at } = cursor.token;
  const after = cursor.peek();
  if (wordIsField && kind === 'word' && after.kind === 'operator' && after.value === ',' && dateParts.has(value)) {
    cursor.next();
    return { kind: 'string', text: value, at };
  }
  return parseExpression(cursor);
}
const dateParts = new Set(
  `millennium century decade year years y yr yrs quarter quarters qtr qtrs month months mon mons week weeks w day days d hour hours hr hrs h
  minute minutes min mins m second seconds sec secs s millisecond milliseconds ms microsecond microseconds us dow doy epoch dayofweek dayofyear`.split(
    /\s+/,
  ),
);

function parseTrim(cursor: Cursor): { keyword?: string; args: Expression[] } {
  const keyword = cursor.isWord('both', 'leading', 'trailing') ? cursor.next().value : undefined;
  if (keyword && cursor.takeWords('from')) return { keyword, args: [parseExpression(cursor)] };
  const first = parseExpression(cursor);
  if (cursor.takeWords('from')) return { keyword: keyword ?? 'both', args: [parseExpression(cursor), first] };
  if (cursor.isOperator(',')) throw cursor.unsupported('TRIM with a comma');
  if (keyword) throw cursor.syntaxError('FROM');
  return { args: [first] };
}

function parseNullTreatment(cursor: Cursor): boolean | undefined {
  if (cursor.takeWords('ignore', 'nulls')) return true;
  if (cursor.takeWords('respect', 'nulls')) return false;
  return undefined;
}

function parseWindow(cursor: Cursor): Window {
  const at = cursor.at;
  if (!cursor.isOperator('(')) throw cursor.unsupported('a named window');
  cursor.expectOperator('(');
  const partitionBy = cursor.takeWords('partition', 'by') ? cursor.list(() => parseExpression(cursor)) : [];
  const orderBy = cursor.takeWords('order', 'by') ? parseOrderBy(cursor) : [];
  let frame: Window['frame'];
  if (cursor.isWord('range', 'groups')) throw cursor.unsupported(`a ${cursor.token.value.toUpperCase()} frame`);
  if (cursor.takeWords('rows')) {
    if (cursor.takeWords('between')) {
      const start = parseFrameBound(cursor);
      cursor.expectWord('and');
      frame = { start, end: parseFrameBound(cursor) };
    } else frame = { start: parseFrameBound(cursor), end: { kind: 'current row' } };
  }
  cursor.expectOperator(')');
  return { partitionBy, orderBy, frame, at };
}

function parseFrameBound(cursor: Cursor): FrameBound {
  if (cursor.takeWords('current', 'row')) return { kind: 'current row' };
  if (cursor.takeWords('unbounded')) {
    const side = cursor.expectWord('preceding', 'following').value as 'preceding' | 'following';
    return { kind: `unbounded ${side}` };
  }
  const rows = cursor.expectInteger('a number of rows');
  return { kind: cursor.expectWord('preceding', 'following').value as 'preceding' | 'following', rows };
}

export function parseOrderBy(cursor: Cursor): OrderItem[] {
  return cursor.list(() => {
    const expression = parseExpression(cursor);
    const descending = cursor.isWord('asc', 'desc') ? cursor.next().value === 'desc' : false;
    let nulls: 'first' | 'last' | undefined;
    if (cursor.takeWords('nulls')) nulls = cursor.expectWord('first', 'last').value as 'first' | 'last';
    return { expression, descending, nulls };
  });
}
