import type { Body, CommonTable, Expression, OrderItem, Query, SetOperation } from '../ast';
import { isAggregate } from '../functions/registry';
import { commonType, describe, duckdbType, isText, type Type } from '../types';
import { holdsAggregate, holdsWindow } from './aggregates';
import { Caster } from './cast';
import type { Environment, ResolvedColumn, ResolvedQuery } from './environment';
import { resolveExpression } from './expression';
import { uniqueNames } from './from';
import { orderSql, ordinal, refuseSuper, sortKey } from './order';
import { type CommonTableInfo, type Context, Scope } from './scope';
import { distinctRows, resolveSelect } from './select';
import { quoteIdentifier } from './value';

function environmentOf(
  context: Context,
  scope: Scope,
  clause: string,
  allowed: { aggregates?: boolean; windows?: boolean } = {},
): Environment {
  return {
    context,
    scope,
    caster: new Caster(context.source),
    clause,
    aggregates: allowed.aggregates ?? false,
    windows: allowed.windows ?? false,
    resolve: resolveExpression,
    resolveQuery,
  };
}

export { environmentOf };

/** Resolves a whole query: DuckDB text without parentheses, and the columns of its result. */
export function resolveQuery(query: Query, context: Context, parent?: Scope): ResolvedQuery {
  if (query.with.length > 0) context.mark('common table', query.at);
  const definitions: string[] = [];
  let recursive = false;
  const resolveTable = (table: CommonTable, known: Map<string, CommonTableInfo>) => {
    const itself = table.recursive ? resolveRecursive(table, known, context, parent && new Scope(parent)) : undefined;
    if (itself) {
      recursive = true;
      definitions.push(itself.definition);
      return itself.info;
    }
    // Like a subquery in FROM, a common table does not see the rows of the outer queries.
    const resolved = resolveQuery(table.query, context, parent && new Scope(parent));
    if (table.columns.length > resolved.columns.length) {
      throw context.source.error(
        `WITH query has ${resolved.columns.length} columns, got ${table.columns.length} names`,
        table.name.at,
      );
    }
    const columns = resolved.columns.map(({ name, type, origin }, i) => ({
      name: table.columns[i] ? context.fold(table.columns[i]!) : name,
      type: settledType(type),
      origin,
    }));
    const sql = context.freshName();
    definitions.push(
      `${sql}(${uniqueNames(columns.map(({ name }) => name))
        .map(quoteIdentifier)
        .join(', ')}) as (${resolved.sql})`,
    );
    return { columns, sql, groups: resolved.groups };
  };
  return context.withCommonTables(query.with, resolveTable, () => {
    if (query.orderBy.length > 0) context.mark('order by', query.at);
    const body = resolveBody(query.body, query.orderBy, context, parent);
    const parts = [body.sql];
    if (query.limit) parts.push(`limit ${rowCount(query.limit, 'limit', context)}`);
    if (query.offset) parts.push(`offset ${rowCount(query.offset, 'offset', context)}`);
    const prefix = definitions.length > 0 ? `with ${recursive ? 'recursive ' : ''}${definitions.join(', ')} ` : '';
    return { ...body, sql: `${prefix}${parts.join(' ')}` };
  });
}

/**
 * A query that reads itself: UNION ALL of the first rows and of a SELECT that makes more rows. The SELECT is repeated
 * until it makes none. The columns have the types of the first rows
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_WITH_clause.html). Undefined for a query that does not read itself.
 */
function resolveRecursive(
  { name, columns: names, query }: CommonTable,
  known: Map<string, CommonTableInfo>,
  context: Context,
  parent: Scope | undefined,
): { info: CommonTableInfo; definition: string } | undefined {
  const { body } = query;
  const { source } = context;
  if (body.kind !== 'set' || body.operator !== 'union all') return undefined;
  const first = resolveBody(body.left, [], context, parent);
  if (names.length !== first.columns.length)
    throw source.error(`a recursive WITH query needs a name for each of its ${first.columns.length} columns`, name.at);
  const columns = first.columns.map(({ type }, i) => ({ name: context.fold(names[i]!), type: settledType(type) }));
  const sql = context.freshName();
  const info: CommonTableInfo = { columns, sql, groups: first.groups };
  known.set(context.fold(name), info);
  const next = resolveBody(body.right, [], context, parent);
  known.delete(context.fold(name));
  if (!next.sql.includes(sql)) return undefined;
  refuseInRecursion(body.right, context);
  if (query.with.length > 0 || query.orderBy.length > 0 || query.limit || query.offset)
    throw source.unsupported('WITH, ORDER BY or LIMIT in a recursive query', query.at);
  const same = commonColumns(columns, next.columns, body, context);
  const wider = columns.find(({ type }, i) => describe(type) !== describe(same[i]!.type));
  if (wider)
    throw source.unsupported(
      `column "${wider.name}" of a recursive query, which grows beyond ${describe(wider.type)} (cast it),`,
      body.right.at,
    );
  const list = uniqueNames(columns.map((column) => column.name)).map(quoteIdentifier);
  const definition = `${sql}(${list.join(', ')}) as (${operand(first, columns)} union all ${operand(next, columns)})`;
  return { info, definition };
}

/** Refuses what DuckDB computes over all rows, while Redshift computes it over the rows of one step or refuses it. */
function refuseInRecursion(body: Body, { source }: Context): void {
  const refuse = (what: string) => source.unsupported(`${what} in the recursive part of a query`, body.at);
  if (body.kind !== 'select') throw refuse('a set operation');
  if (body.distinct || body.top !== undefined) throw refuse('DISTINCT or TOP');
  if (body.groupBy.length > 0 || body.groupByAll || body.having || body.qualify)
    throw refuse('GROUP BY, HAVING or QUALIFY');
  for (const item of body.items)
    if (item.kind === 'expression' && (holdsAggregate(item.expression, isAggregate) || holdsWindow(item.expression)))
      throw refuse('an aggregate or window function');
}

function rowCount(node: Expression, clause: 'limit' | 'offset', context: Context): string {
  context.mark(clause, node.at);
  const value = node.kind === 'parameter' ? boundCount(node, context) : node.kind === 'number' ? node.text : undefined;
  if (value === undefined || !/^\d{1,15}$/.test(value))
    throw context.source.unsupported(`${clause.toUpperCase()} that is not a whole number`, node.at);
  return value;
}

function boundCount(node: Expression & { kind: 'parameter' }, context: Context): string | undefined {
  const { text, infer } = context.parameter(node);
  infer?.({ name: 'bigint' });
  return infer ? '0' : (text ?? undefined);
}

/** An untyped literal becomes text in the result of a query. */
function settledType(type: Type): ResolvedColumn['type'] {
  return type.name === 'unknown' ? { name: 'varchar', length: 256 } : type;
}

function resolveBody(
  body: Body,
  orderBy: readonly OrderItem[],
  context: Context,
  parent: Scope | undefined,
): ResolvedQuery {
  if (body.kind === 'select') {
    const scope = new Scope(parent);
    return resolveSelect(body, orderBy, scope, (clause, allowed) => environmentOf(context, scope, clause, allowed));
  }
  if (body.kind === 'set') return resolveSetOperation(body, orderBy, context, parent);
  const query = resolveQuery(body.query, context, parent);
  return ordered({ ...query, sql: `(${query.sql})` }, orderBy, context);
}

/**
 * All operands of a chain that ends in UNION, which removes all duplicates at once; the two operands of any other
 * operation.
 */
function operandsOf(body: SetOperation): readonly Body[] {
  const { left, right, operator } = body;
  const chain = left.kind === 'set' && left.operator.startsWith('union') && operator === 'union';
  return chain ? [...operandsOf({ ...left, operator: 'union' }), right] : [left, right];
}

function resolveSetOperation(
  body: SetOperation,
  orderBy: readonly OrderItem[],
  context: Context,
  parent: Scope | undefined,
): ResolvedQuery {
  context.mark(body.operator === 'union all' ? 'union all' : 'union', body.at);
  const sides = operandsOf(body).map((side) => resolveBody(side, [], context, parent));
  const [first, ...others] = sides as [ResolvedQuery, ...ResolvedQuery[]];
  const columns = others.reduce((known, side) => commonColumns(known, side.columns, body, context), first.columns);
  const named = columns.map(({ name, type }) => ({ name, type: settledType(type) }));
  const sql = combined(
    body.operator,
    sides.map((side) => operand(side, named)),
    named,
  );
  const below = Math.max(...sides.map(({ groups }) => groups));
  const groups = context.checkGroups(below + (body.operator === 'union all' ? 0 : 1), body.at);
  return ordered({ sql, columns: named, groups }, orderBy, context);
}

function commonColumns(
  left: readonly ResolvedColumn[],
  right: readonly ResolvedColumn[],
  { operator, at }: SetOperation,
  { source }: Context,
): readonly ResolvedColumn[] {
  const name = operator.toUpperCase();
  if (left.length !== right.length) throw source.error(`each ${name} query must have the same number of columns`, at);
  return left.map((column, i) => {
    const { type } = right[i]!;
    const common = commonType(column.type, type);
    if (!common)
      throw source.error(`${name} types ${describe(column.type)} and ${describe(type)} cannot be matched`, at);
    if (operator !== 'union all' && common.name === 'super') throw source.unsupported(`${name} of super values`, at);
    return { name: column.name, type: common };
  });
}

/** Rows that differ in trailing blanks only are equal. The result shows the row of the left side. */
function combined(
  operator: SetOperation['operator'],
  sides: readonly string[],
  columns: readonly ResolvedColumn[],
): string {
  if (operator === 'union all' || !columns.some(({ type }) => isText(type))) return sides.join(` ${operator} `);
  if (operator === 'union') return distinctRows(sides.join(' union all '), columns);
  const [left, right] = sides;
  const found = (side: number) => `bool_or("rows"."side" = ${side})`;
  const names = columns.map((_, i) => `"c${i + 1}"`).join(', ');
  const both = `select *, 1 as "side" from ${left} as "left"(${names}) union all select *, 2 from ${right} as "right"(${names})`;
  return distinctRows(both, columns, ` having ${found(1)} and ${operator === 'except' ? 'not ' : ''}${found(2)}`);
}

function ordered(query: ResolvedQuery, orderBy: readonly OrderItem[], context: Context): ResolvedQuery {
  const { sql, columns } = query;
  if (orderBy.length === 0) return query;
  const names = columns.map((_, i) => `"c${i + 1}"`);
  const list = columns.map(({ name }, i) => `${names[i]} as ${quoteIdentifier(name)}`);
  const order = orderBy.map((item) => orderByOutput(item, columns, context));
  return {
    ...query,
    sql: `select ${list.join(', ')} from (${sql}) as "rows"(${names.join(', ')}) order by ${order.join(', ')}`,
  };
}

/** An operand with its columns cast to the common types. */
function operand(side: ResolvedQuery, columns: readonly ResolvedColumn[]): string {
  if (side.columns.every(({ type }, i) => duckdbType(type) === duckdbType(columns[i]!.type))) return `(${side.sql})`;
  const names = columns.map((_, i) => `"c${i + 1}"`);
  const cast = side.columns.map(({ type }, i) =>
    duckdbType(type) === duckdbType(columns[i]!.type)
      ? names[i]
      : `cast(${names[i]} as ${duckdbType(columns[i]!.type)})`,
  );
  return `(select ${cast.map((expression, i) => `${expression} as ${quoteIdentifier(columns[i]!.name)}`).join(', ')} from (${side.sql}) as "side"(${names.join(', ')}))`;
}

function orderByOutput(item: OrderItem, columns: readonly ResolvedColumn[], context: Context): string {
  const { expression } = item;
  let position = -1;
  if (expression.kind === 'number') position = ordinal(expression.text);
  else if (expression.kind === 'name' && expression.parts.length === 1) {
    const name = context.fold(expression.parts[0]!);
    position = columns.findIndex((column) => column.name === name);
  } else throw context.source.unsupported('ORDER BY with an expression after a set operation', expression.at);
  const column = columns[position];
  if (!column) throw context.source.error('ORDER BY position is not in select list', expression.at);
  refuseSuper(column.type, context, expression.at);
  return orderSql(sortKey({ sql: `"rows"."c${position + 1}"`, type: column.type }), item);
}
