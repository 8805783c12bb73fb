import type { Expression, FrameBound, FunctionCall, OrderItem, Window } from '../ast';
import type { Cursor } from './cursor';

/** Functions whose first argument is a bare word in Redshift: `datediff(day, …)`. The word becomes a string. */
const fieldFirst = new Set(['dateadd', 'datediff', 'date_part', 'date_add', 'date_diff', 'datepart', 'pgdate_part']);

export function parseCall(cursor: Cursor): FunctionCall {
  const { value: name, at } = cursor.next();
  // The arguments of OBJECT_TRANSFORM are clauses.
  if (name === 'object_transform') throw cursor.unsupported('function OBJECT_TRANSFORM', at);
  cursor.expectOperator('(');
  let keyword: string | undefined;
  let distinct = false;
  let star = false;
  let args: Expression[] = [];
  if (name === 'extract') {
    keyword =
      cursor.token.kind === 'string' ? cursor.next().value.toLowerCase() : cursor.anyIdentifier('a date part').text;
    cursor.expectWord('from');
    args = [cursor.grammar.expression(cursor)];
  } else if (name === 'trim') ({ keyword, args } = parseTrim(cursor));
  else if (cursor.takeOperator('*')) star = true;
  else if (!cursor.isOperator(')')) {
    distinct = cursor.takeWords('distinct');
    if (!distinct) cursor.takeWords('all');
    const start = cursor.at;
    const first = () => cursor.at === start;
    args = cursor.list(() =>
      name === 'position'
        ? cursor.grammar.concatenation(cursor)
        : parseArgument(cursor, fieldFirst.has(name) && first()),
    );
    if (name === 'substring' && args.length === 1) args = parseSubstring(cursor, args[0]!);
    if (name === 'position' && args.length === 1 && cursor.takeWords('in'))
      args.push(cursor.grammar.expression(cursor));
  }
  const inside = parseNullTreatment(cursor);
  cursor.expectOperator(')');
  const withinGroup = parseWithinGroup(cursor);
  if (cursor.isWord('filter')) throw cursor.unsupported('FILTER');
  const ignoreNulls = inside ?? parseNullTreatment(cursor);
  const over = cursor.takeWords('over') ? parseWindow(cursor) : undefined;
  if (ignoreNulls !== undefined && !over) throw cursor.syntaxError('OVER');
  return { kind: 'call', name, args, star, distinct, keyword, ignoreNulls, withinGroup, over, at };
}

function parseWithinGroup(cursor: Cursor): OrderItem[] | undefined {
  if (!cursor.takeWords('within', 'group')) return undefined;
  cursor.expectOperator('(');
  cursor.expectWord('order');
  cursor.expectWord('by');
  const order = parseOrderBy(cursor);
  cursor.expectOperator(')');
  return order;
}

function parseArgument(cursor: Cursor, isField: boolean): Expression {
  const { kind, value, at } = cursor.token;
  const after = cursor.peek();
  if (!isField || kind !== 'word' || after.kind !== 'operator' || after.value !== ',')
    return cursor.grammar.expression(cursor);
  cursor.next();
  return { kind: 'string', text: value, at };
}

/** `substring(text from 2 for 3)` */
function parseSubstring(cursor: Cursor, text: Expression): Expression[] {
  if (!cursor.takeWords('from')) return [text];
  const start = cursor.grammar.expression(cursor);
  return cursor.takeWords('for') ? [text, start, cursor.grammar.expression(cursor)] : [text, start];
}

function parseTrim(cursor: Cursor): { keyword?: string; args: Expression[] } {
  const keyword = cursor.isWord('both', 'leading', 'trailing') ? cursor.next().value : undefined;
  if (keyword && cursor.takeWords('from')) return { keyword, args: [cursor.grammar.expression(cursor)] };
  const first = cursor.grammar.expression(cursor);
  if (cursor.takeWords('from')) return { keyword: keyword ?? 'both', args: [cursor.grammar.expression(cursor), first] };
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
  const partitionBy = cursor.takeWords('partition', 'by') ? cursor.list(() => cursor.grammar.expression(cursor)) : [];
  const orderBy = cursor.takeWords('order', 'by') ? parseOrderBy(cursor) : [];
  let frame: Window['frame'];
  if (cursor.isWord('range', 'groups')) throw cursor.unsupported(`a ${cursor.token.value.toUpperCase()} frame`);
  if (cursor.takeWords('rows')) {
    const frameAt = cursor.at;
    if (cursor.takeWords('between')) {
      const start = parseFrameBound(cursor);
      cursor.expectWord('and');
      frame = { start, end: parseFrameBound(cursor) };
    } else frame = { start: parseFrameBound(cursor), end: { kind: 'current row' } };
    checkFrame(cursor, frame, frameAt);
  }
  cursor.expectOperator(')');
  return { partitionBy, orderBy, frame, at };
}

/** "You can't specify a frame in which the starting boundary is greater than the ending boundary." */
function checkFrame(cursor: Cursor, { start, end }: NonNullable<Window['frame']>, at: number): void {
  const place = (bound: FrameBound) => {
    if ('rows' in bound) return bound.kind === 'preceding' ? -bound.rows : bound.rows;
    return { 'unbounded preceding': -Infinity, 'current row': 0, 'unbounded following': Infinity }[bound.kind];
  };
  const backwards = start.kind === 'unbounded following' || end.kind === 'unbounded preceding';
  if (backwards || place(start) > place(end)) throw cursor.source.error('a frame cannot start behind its end', at);
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
    const expression = cursor.grammar.expression(cursor);
    const descending = cursor.isWord('asc', 'desc') ? cursor.next().value === 'desc' : false;
    let nulls: 'first' | 'last' | undefined;
    if (cursor.takeWords('nulls')) nulls = cursor.expectWord('first', 'last').value as 'first' | 'last';
    return { expression, descending, nulls };
  });
}
