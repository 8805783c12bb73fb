import type {
  Body,
  CommonTable,
  Expression,
  FromItem,
  Identifier,
  JoinKind,
  Query,
  SelectCore,
  SelectItem,
  SetOperation,
} from '../ast';
import { parseOrderBy } from './call';
import type { Cursor } from './cursor';
import { parseExpression } from './expression';
import { isQueryStart } from './query-start';

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
  if (cursor.isWord('recursive')) throw cursor.unsupported('WITH RECURSIVE');
  let count = 0;
  return cursor.list(() => {
    if (++count > maxCommonTables) throw cursor.unsupported(`more than ${maxCommonTables} queries in WITH`);
    const name = cursor.identifier('a name');
    const columns = cursor.isOperator('(') ? cursor.identifiers('a column name') : [];
    cursor.expectWord('as');
    cursor.expectOperator('(');
    const query = parseQuery(cursor);
    cursor.expectOperator(')');
    return { name, columns, query };
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
  if (cursor.isWord('into')) throw cursor.unsupported('SELECT INTO');
  const from = cursor.takeWords('from') ? parseFrom(cursor) : undefined;
  const where = cursor.takeWords('where') ? parseExpression(cursor) : undefined;
  refuseConnectBy(cursor);
  const groupBy = cursor.takeWords('group', 'by') ? parseGroupBy(cursor) : [];
  const having = cursor.takeWords('having') ? parseExpression(cursor) : undefined;
  const qualify = cursor.takeWords('qualify') ? parseExpression(cursor) : undefined;
  if (cursor.isWord('window')) throw cursor.unsupported('WINDOW');
  return { kind: 'select', top, distinct, items, from, where, groupBy, having, qualify, at };
}

function refuseConnectBy(cursor: Cursor): void {
  const { kind, value } = cursor.peek();
  if (kind === 'word' && ((cursor.isWord('start') && value === 'with') || (cursor.isWord('connect') && value === 'by')))
    throw cursor.unsupported('CONNECT BY');
}

function parseGroupBy(cursor: Cursor): Expression[] {
  if (cursor.isWord('all', 'grouping', 'rollup', 'cube'))
    throw cursor.unsupported(`GROUP BY ${cursor.token.value.toUpperCase()}`);
  return cursor.list(() => {
    if (cursor.isOperator('(') && cursor.peek().kind === 'operator' && cursor.peek().value === ')')
      throw cursor.unsupported('GROUP BY ()');
    return parseExpression(cursor);
  });
}

function parseItem(cursor: Cursor): SelectItem {
  const at = cursor.at;
  if (cursor.takeOperator('*')) return refuseExclude(cursor, { kind: 'star', at });
  const qualifier = starQualifier(cursor);
  if (qualifier) return refuseExclude(cursor, { kind: 'star', qualifier, at });
  const expression = parseExpression(cursor);
  if (cursor.takeWords('as')) return { kind: 'expression', expression, alias: cursor.anyIdentifier('an alias') };
  const alias = cursor.isIdentifier() ? cursor.identifier('an alias') : undefined;
  return { kind: 'expression', expression, alias };
}

function refuseExclude(cursor: Cursor, item: SelectItem): SelectItem {
  if (cursor.isWord('exclude')) throw cursor.unsupported('EXCLUDE');
  return item;
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
    const join = parseJoinKind(cursor);
    if (!join) return left;
    if (count > maxFromItems) throw cursor.unsupported(`more than ${maxFromItems} joins`);
    const right = parseFromItem(cursor);
    if (join === 'cross') left = { kind: 'join', join, left, right, comma: false, at };
    else if (cursor.takeWords('on'))
      left = { kind: 'join', join, left, right, on: parseExpression(cursor), comma: false, at };
    else if (cursor.takeWords('using'))
      left = { kind: 'join', join, left, right, using: cursor.identifiers('a column'), comma: false, at };
    else throw cursor.syntaxError('ON or USING');
  }
}

function parseJoinKind(cursor: Cursor): JoinKind | undefined {
  if (cursor.isWord('natural')) throw cursor.unsupported('NATURAL JOIN');
  if (cursor.takeWords('join') || cursor.takeWords('inner', 'join')) return 'inner';
  if (cursor.takeWords('cross', 'join')) return 'cross';
  for (const side of ['left', 'right', 'full'] as const) {
    if (cursor.takeWords(side, 'join') || cursor.takeWords(side, 'outer', 'join')) return side;
  }
  return undefined;
}

function parseFromItem(cursor: Cursor): FromItem {
  const at = cursor.at;
  if (cursor.isWord('lateral', 'unpivot', 'pivot', 'only')) throw cursor.unsupported(cursor.token.value.toUpperCase());
  if (cursor.isOperator('(')) {
    if (!isQueryStart(cursor)) throw cursor.unsupported('a join in parentheses');
    cursor.expectOperator('(');
    const query = parseQuery(cursor);
    cursor.expectOperator(')');
    const { alias, columnAliases } = parseAlias(cursor);
    if (!alias) throw cursor.syntaxError('an alias for the subquery');
    return { kind: 'query', query, alias, columnAliases, at };
  }
  const name = cursor.reference('a relation');
  if (cursor.isOperator('(')) throw cursor.unsupported('a function in FROM', at);
  if (cursor.isOperator('[')) throw cursor.unsupported('an array index in FROM');
  const alias = parseAlias(cursor);
  const index = cursor.takeWords('at') ? cursor.identifier('a name of the position') : undefined;
  const relation = { kind: 'relation' as const, name, ...alias, index, at };
  if (cursor.isWord('tablesample', 'pivot', 'unpivot')) throw cursor.unsupported(cursor.token.value.toUpperCase());
  return relation;
}

function parseAlias(cursor: Cursor): { alias?: Identifier; columnAliases: Identifier[] } {
  refuseConnectBy(cursor);
  const alias = cursor.relationAlias('at', 'set', 'tablesample', 'pivot', 'unpivot');
  const columnAliases = alias && cursor.isOperator('(') ? cursor.identifiers('a column name') : [];
  return { alias, columnAliases };
}
