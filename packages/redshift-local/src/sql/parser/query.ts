import type {
  Body,
  CommonTable,
  Expression,
  FromItem,
  FunctionCall,
  Identifier,
  JoinKind,
  Query,
  SelectCore,
  SelectItem,
  SetOperation,
} from '../ast';
import { parseOrderBy } from './call';
import { parseCastType, parseTableFunction } from './catalog';
import type { Cursor } from './cursor';
import { parseExpression } from './expression';
import { isJoinGroup, isQueryStart } from './query-start';

const maxSetOperands = 100;
const maxFromItems = 100;
const maxCommonTables = 500;

export function parseQuery(cursor: Cursor): Query {
  return cursor.nested(() => {
    const at = cursor.at;
    const tables = parseWith(cursor);
    const body = parseBody(cursor);
    const orderBy = cursor.takeWords('order', 'by') ? parseOrderBy(cursor) : [];
    let limit: Expression | undefined;
    let offset: Expression | undefined;
    for (;;) {
      if (!limit && cursor.takeWords('limit')) {
        if (!cursor.takeWords('all')) limit = parseExpression(cursor);
      } else if (!offset && cursor.takeWords('offset')) offset = parseExpression(cursor);
      else break;
    }
    if (limit && body.kind === 'select' && body.top !== undefined)
      throw cursor.source.error('TOP and LIMIT do not go together', limit.at);
    if (cursor.isWord('fetch', 'for')) throw cursor.unsupported(cursor.token.value.toUpperCase());
    return { with: tables, body, orderBy, limit, offset, at };
  });
}

function parseWith(cursor: Cursor): CommonTable[] {
  if (!cursor.takeWords('with')) return [];
  const recursive = cursor.takeWords('recursive');
  let count = 0;
  return cursor.list(() => {
    if (++count > maxCommonTables) throw cursor.unsupported(`more than ${maxCommonTables} queries in WITH`);
    const name = cursor.identifier('a name');
    const columns = cursor.isOperator('(') ? cursor.identifiers('a column name') : [];
    cursor.expectWord('as');
    cursor.expectOperator('(');
    const query = parseQuery(cursor);
    cursor.expectOperator(')');
    return { name, columns, query, recursive };
  });
}

function parseBody(cursor: Cursor): Body {
  let left = parseIntersect(cursor);
  for (let count = 1; cursor.isWord('union', 'except', 'minus'); count++) {
    if (count > maxSetOperands) throw cursor.unsupported(`more than ${maxSetOperands} set operations`);
    left = parseSetOperation(cursor, left, () => parseIntersect(cursor));
  }
  return left;
}

function parseIntersect(cursor: Cursor): Body {
  let left = parseOperand(cursor);
  for (let count = 1; cursor.isWord('intersect'); count++) {
    if (count > maxSetOperands) throw cursor.unsupported(`more than ${maxSetOperands} set operations`);
    left = parseSetOperation(cursor, left, () => parseOperand(cursor));
  }
  return left;
}

function parseSetOperation(cursor: Cursor, left: Body, operand: () => Body): SetOperation {
  const { at, value } = cursor.next();
  const all = cursor.takeWords('all');
  if (all && value !== 'union') throw cursor.unsupported(`${value.toUpperCase()} ALL`, at);
  if (!all) cursor.takeWords('distinct');
  const operator = value === 'union' ? (all ? 'union all' : 'union') : value === 'intersect' ? 'intersect' : 'except';
  return { kind: 'set', operator, left, right: operand(), at };
}

function parseOperand(cursor: Cursor): Body {
  const at = cursor.at;
  if (cursor.takeOperator('(')) {
    const query = parseQuery(cursor);
    cursor.expectOperator(')');
    return { kind: 'nested', query, at };
  }
  return parseSelect(cursor);
}

function parseSelect(cursor: Cursor): SelectCore {
  const at = cursor.expectWord('select').at;
  const top = cursor.takeWords('top') ? cursor.expectInteger('a number of rows') : undefined;
  const distinct = cursor.takeWords('distinct');
  if (distinct && cursor.isWord('on')) throw cursor.unsupported('DISTINCT ON');
  if (!distinct) cursor.takeWords('all');
  const items = cursor.list(() => parseItem(cursor));
  const exclude = parseExclude(cursor);
  const into = parseInto(cursor);
  const from = cursor.takeWords('from') ? parseFrom(cursor) : undefined;
  const where = cursor.takeWords('where') ? parseExpression(cursor) : undefined;
  refuseConnectBy(cursor);
  const groups = cursor.takeWords('group', 'by') ? parseGroupBy(cursor) : { groupBy: [] };
  const having = cursor.takeWords('having') ? parseExpression(cursor) : undefined;
  const qualify = cursor.takeWords('qualify') ? parseExpression(cursor) : undefined;
  if (cursor.isWord('window')) throw cursor.unsupported('WINDOW');
  return { kind: 'select', top, distinct, items, exclude, into, from, where, ...groups, having, qualify, at };
}

function refuseConnectBy(cursor: Cursor): void {
  const { kind, value } = cursor.peek();
  if (kind === 'word' && ((cursor.isWord('start') && value === 'with') || (cursor.isWord('connect') && value === 'by')))
    throw cursor.unsupported('CONNECT BY');
}

/** `into [temp] [table] name` */
function parseInto(cursor: Cursor): SelectCore['into'] {
  const { at } = cursor;
  if (!cursor.takeWords('into')) return undefined;
  const temp = cursor.takeWords('temp') || cursor.takeWords('temporary');
  cursor.takeWords('table');
  return { table: cursor.reference('a table'), temp, at };
}

/** https://docs.aws.amazon.com/redshift/latest/dg/r_EXCLUDE_list.html */
function parseExclude(cursor: Cursor): Identifier[] | undefined {
  if (!cursor.takeWords('exclude')) return undefined;
  const names = cursor.isOperator('(')
    ? cursor.identifiers('a column')
    : cursor.list(() => cursor.identifier('a column'));
  if (cursor.isOperator(',')) throw cursor.unsupported('EXCLUDE before the end of the select list');
  return names;
}

type Groups = Pick<SelectCore, 'groupBy' | 'groupingSets' | 'groupByAll'>;

/** Most grouping sets that are supported. */
const maxGroupingSets = 256;

/** https://docs.aws.amazon.com/redshift/latest/dg/r_GROUP_BY_clause.html, r_GROUP_BY_aggregation-extensions.html */
function parseGroupBy(cursor: Cursor): Groups {
  const { at } = cursor;
  if (cursor.takeWords('all')) return { groupBy: [], groupByAll: true };
  const groupBy: Expression[] = [];
  const clauses = cursor.list(() => parseGroupItem(cursor, groupBy));
  if (clauses.every((sets) => sets.length === 1 && sets[0]!.length === 1)) return { groupBy };
  const groupingSets = clauses.reduce((left, right) => left.flatMap((one) => right.map((other) => [...one, ...other])));
  if (groupingSets.length > maxGroupingSets) throw cursor.unsupported(`more than ${maxGroupingSets} grouping sets`, at);
  return { groupBy, groupingSets };
}

/** The groupings that one item of GROUP BY means. Its expressions are added to `groupBy`. */
function parseGroupItem(cursor: Cursor, groupBy: Expression[]): number[][] {
  const opens = (ahead: number) => cursor.peek(ahead).kind === 'operator' && cursor.peek(ahead).value === '(';
  if (cursor.isWord('rollup', 'cube') && opens(1)) {
    const { value } = cursor.next();
    cursor.expectOperator('(');
    const parts = cursor.list(() => parseGroup(cursor, groupBy));
    cursor.expectOperator(')');
    if (value === 'rollup') return parts.map((_, i) => parts.slice(0, parts.length - i).flat()).concat([[]]);
    if (parts.length > 8) throw cursor.unsupported('CUBE of more than eight expressions');
    const masks = Array.from({ length: 2 ** parts.length }, (_, mask) => mask);
    return masks.map((mask) => parts.filter((_, i) => mask & (1 << i)).flat());
  }
  if (cursor.isWord('grouping') && cursor.peek().value === 'sets' && opens(2)) {
    cursor.next();
    cursor.next();
    cursor.expectOperator('(');
    const sets = cursor.list(() =>
      cursor.isWord('rollup', 'cube', 'grouping') ? parseGroupItem(cursor, groupBy) : [parseGroup(cursor, groupBy)],
    );
    cursor.expectOperator(')');
    return sets.flat();
  }
  const isEmpty = opens(0) && cursor.peek().kind === 'operator' && cursor.peek().value === ')';
  if (isEmpty) throw cursor.unsupported('GROUP BY ()');
  return [[groupBy.push(parseExpression(cursor)) - 1]];
}

/** `a`, `(a, b)` or `()` within ROLLUP, CUBE and GROUPING SETS. */
function parseGroup(cursor: Cursor, groupBy: Expression[]): number[] {
  const add = () => groupBy.push(parseExpression(cursor)) - 1;
  if (!cursor.isOperator('(') || !isGroupList(cursor)) return [add()];
  cursor.expectOperator('(');
  const places = cursor.isOperator(')') ? [] : cursor.list(add);
  cursor.expectOperator(')');
  return places;
}

/** Whether the parentheses contain a list, possibly empty, and end the group. `(a) + 1` is an expression instead. */
function isGroupList(cursor: Cursor): boolean {
  for (let ahead = 0, depth = 0; cursor.peek(ahead).kind !== 'end'; ahead++) {
    const { kind, value } = cursor.peek(ahead);
    if (kind !== 'operator') continue;
    if (value === '(') depth++;
    else if (value === ')' && --depth === 0) {
      const after = cursor.peek(ahead + 1);
      return after.kind === 'operator' && (after.value === ',' || after.value === ')');
    }
  }
  return false;
}

function parseItem(cursor: Cursor): SelectItem {
  const at = cursor.at;
  if (cursor.takeOperator('*')) return { kind: 'star', at };
  const qualifier = starQualifier(cursor);
  if (qualifier) return { kind: 'star', qualifier, at };
  const expression = parseExpression(cursor);
  if (cursor.takeWords('as')) return { kind: 'expression', expression, alias: cursor.anyIdentifier('an alias') };
  const excludes = cursor.isWord('exclude') && cursor.peek().kind !== 'end' && !',;)'.includes(cursor.peek().value);
  const alias =
    !(excludes && cursor.peek().value !== 'from') && cursor.isIdentifier() ? cursor.identifier('an alias') : undefined;
  return { kind: 'expression', expression, alias };
}

/** `t.*`, `schema.t.*` */
function starQualifier(cursor: Cursor): Identifier[] | undefined {
  if (!cursor.isIdentifier()) return undefined;
  let ahead = 1;
  const isOperator = (at: number, value: string) =>
    cursor.peek(at).kind === 'operator' && cursor.peek(at).value === value;
  while (isOperator(ahead, '.') && ['word', 'quoted'].includes(cursor.peek(ahead + 1).kind)) ahead += 2;
  if (!(isOperator(ahead, '.') && isOperator(ahead + 1, '*'))) return undefined;
  const parts = [cursor.identifier('a name')];
  while (cursor.takeOperator('.')) {
    if (cursor.takeOperator('*')) return parts;
    parts.push(cursor.anyIdentifier('a name'));
  }
  return parts;
}

export function parseFrom(cursor: Cursor): FromItem {
  let left = parseJoins(cursor);
  for (let count = 1; ; count++) {
    const at = cursor.at;
    if (!cursor.takeOperator(',')) return left;
    if (count > maxFromItems) throw cursor.unsupported(`more than ${maxFromItems} relations`);
    left = { kind: 'join', join: 'cross', left, right: parseJoins(cursor), comma: true, at };
  }
}

function parseJoins(cursor: Cursor): FromItem {
  let left = parseFromItem(cursor);
  for (let count = 1; ; count++) {
    const at = cursor.at;
    const natural = cursor.takeWords('natural');
    const join = parseJoinKind(cursor);
    if (!join && natural) throw cursor.syntaxError('JOIN');
    if (!join) return left;
    if (count > maxFromItems) throw cursor.unsupported(`more than ${maxFromItems} joins`);
    const right = parseFromItem(cursor);
    if (join === 'cross' || natural) left = { kind: 'join', join, left, right, natural, comma: false, at };
    else if (cursor.takeWords('on'))
      left = { kind: 'join', join, left, right, on: parseExpression(cursor), comma: false, at };
    else if (cursor.takeWords('using'))
      left = { kind: 'join', join, left, right, using: cursor.identifiers('a column'), comma: false, at };
    else throw cursor.syntaxError('ON or USING');
  }
}

function parseJoinKind(cursor: Cursor): JoinKind | undefined {
  if (cursor.takeWords('join') || cursor.takeWords('inner', 'join')) return 'inner';
  if (cursor.takeWords('cross', 'join')) return 'cross';
  for (const side of ['left', 'right', 'full'] as const) {
    if (cursor.takeWords(side, 'join') || cursor.takeWords(side, 'outer', 'join')) return side;
  }
  return undefined;
}

function parseFromItem(cursor: Cursor): FromItem {
  const at = cursor.at;
  const unpivot = cursor.takeWords('unpivot');
  if (cursor.isWord('lateral', 'pivot', 'only')) throw cursor.unsupported(cursor.token.value.toUpperCase());
  if (cursor.isOperator('(') && !unpivot) {
    if (isJoinGroup(cursor)) return parseJoinGroup(cursor);
    cursor.expectOperator('(');
    const query = parseQuery(cursor);
    cursor.expectOperator(')');
    const { alias, columnAliases } = parseAlias(cursor);
    return parsePivots(cursor, { kind: 'query', query, alias: alias ?? unnamed(at), columnAliases, at });
  }
  const name = unpivot ? cursor.column('a value of type super') : cursor.reference('a relation');
  const args = parseTableFunction(cursor, name);
  if (cursor.isOperator('[')) throw cursor.unsupported('an array index in FROM');
  const alias = parseAlias(cursor);
  const index = cursor.takeWords('at') ? cursor.identifier('a name of the position') : undefined;
  const relation = { kind: 'relation' as const, name, ...alias, index, unpivot, args, at };
  if (cursor.isWord('tablesample')) throw cursor.unsupported(cursor.token.value.toUpperCase());
  return parsePivots(cursor, relation);
}

/** Names of columns. Those of a function have types too, which must be the ones that it has. */
function parseColumnAliases(cursor: Cursor): Identifier[] {
  cursor.expectOperator('(');
  const names = cursor.list(() => {
    const name = cursor.identifier('a column name');
    if (!cursor.isOperator(',', ')')) parseCastType(cursor);
    return name;
  });
  cursor.expectOperator(')');
  return names;
}

/** `(a join b on …)` */
function parseJoinGroup(cursor: Cursor): FromItem {
  cursor.expectOperator('(');
  const item = cursor.nested(() => parseFrom(cursor));
  cursor.expectOperator(')');
  if (cursor.isIdentifier() && cursor.isWord('as')) throw cursor.unsupported('an alias of a join in parentheses');
  return item;
}

/** The alias of an item without one. No statement can name it. */
const unnamed = (at: number): Identifier => ({ text: `millrace unnamed ${at}`, quoted: true, at });

/** https://docs.aws.amazon.com/redshift/latest/dg/r_FROM_clause-pivot-unpivot-examples.html */
function parsePivots(cursor: Cursor, source: FromItem): FromItem {
  const { at } = cursor;
  if (cursor.takeWords('pivot')) return parsePivots(cursor, parsePivot(cursor, source, at));
  if (cursor.takeWords('unpivot')) return parsePivots(cursor, parseUnpivot(cursor, source, at));
  return source;
}

function parsePivot(cursor: Cursor, source: FromItem, at: number): FromItem {
  cursor.expectOperator('(');
  const aggregates = cursor.list(() => ({ call: parseAggregate(cursor), alias: parseItemAlias(cursor, 'for') }));
  cursor.expectWord('for');
  const column = cursor.identifier('a column');
  cursor.expectWord('in');
  cursor.expectOperator('(');
  if (isQueryStart(cursor)) throw cursor.unsupported('PIVOT with a query of its values');
  const values = cursor.list(() => ({ value: parseExpression(cursor), alias: parseItemAlias(cursor) }));
  cursor.expectOperator(')');
  cursor.expectOperator(')');
  const { alias, columnAliases } = parseAlias(cursor);
  return { kind: 'pivot', source, aggregates, column, values, alias: alias ?? unnamed(at), columnAliases, at };
}

function parseAggregate(cursor: Cursor): FunctionCall {
  const { at } = cursor;
  const call = parseExpression(cursor);
  if (call.kind !== 'call') throw cursor.unsupported('PIVOT of anything but an aggregate', at);
  return call;
}

function parseItemAlias(cursor: Cursor, ...following: string[]): Identifier | undefined {
  if (cursor.takeWords('as')) return cursor.anyIdentifier('an alias');
  return cursor.isIdentifier() && !cursor.isWord(...following) ? cursor.identifier('an alias') : undefined;
}

function parseUnpivot(cursor: Cursor, source: FromItem, at: number): FromItem {
  const includeNulls = cursor.takeWords('include', 'nulls');
  if (!includeNulls) cursor.takeWords('exclude', 'nulls');
  cursor.expectOperator('(');
  if (cursor.isOperator('(')) throw cursor.unsupported('UNPIVOT into several columns');
  const value = cursor.identifier('a column of the values');
  cursor.expectWord('for');
  const name = cursor.identifier('a column of the names');
  cursor.expectWord('in');
  cursor.expectOperator('(');
  const columns = cursor.list(() => {
    if (cursor.isOperator('(')) throw cursor.unsupported('UNPIVOT of several columns at once');
    const column = cursor.identifier('a column');
    const named = cursor.takeWords('as');
    const shown = named && cursor.token.kind === 'string' ? cursor.next().value : undefined;
    const alias = shown === undefined ? (named ? cursor.anyIdentifier('an alias') : parseItemAlias(cursor)) : undefined;
    return { column, shown: shown ?? (alias ?? column).text };
  });
  cursor.expectOperator(')');
  cursor.expectOperator(')');
  const { alias, columnAliases } = parseAlias(cursor);
  return {
    kind: 'unpivot',
    source,
    includeNulls,
    value,
    name,
    columns,
    alias: alias ?? unnamed(at),
    columnAliases,
    at,
  };
}

function parseAlias(cursor: Cursor): { alias?: Identifier; columnAliases: Identifier[] } {
  refuseConnectBy(cursor);
  if (cursor.isWord('qualify') && cursor.peek().kind !== 'end' && !'),;'.includes(cursor.peek().value))
    throw cursor.source.error('QUALIFY behind a relation needs an alias of the relation', cursor.at);
  if (cursor.isWord('fetch') && ['first', 'next'].includes(cursor.peek().value))
    throw cursor.unsupported('FETCH FIRST');
  const alias = cursor.relationAlias('at', 'set', 'tablesample', 'pivot', 'unpivot');
  const columnAliases = alias && cursor.isOperator('(') ? parseColumnAliases(cursor) : [];
  return { alias, columnAliases };
}
