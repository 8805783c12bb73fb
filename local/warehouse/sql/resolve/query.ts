import type { Body, Expression, OrderItem, Query, SelectCore, SelectItem, SetOperation } from '../ast';
import { orderSql } from '../functions/registry';
import { commonType, describe, duckdbType, type Type } from '../types';
import { Caster } from './cast';
import type { Environment, ResolvedColumn, ResolvedQuery } from './environment';
import { resolveCondition, resolveExpression } from './expression';
import { resolveFrom, uniqueNames } from './from';
import { settle } from './operators';
import { type Context, Scope, type ScopeColumn } from './scope';
import { quoteIdentifier, type Value } from './value';

interface Output {
  readonly name: string;
  readonly value: Value;
  /** Written by the user or taken from a column, so that ORDER BY may name it. */
  readonly named: boolean;
  /** A literal without a type. */
  readonly literal?: boolean;
}
interface ResolvedBody extends ResolvedQuery {
  /** Resolves an ORDER BY item to DuckDB text. */
  readonly order: (item: OrderItem) => string;
}

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

/** A whole query: DuckDB text without parentheses, and the columns of its result. */
export function resolveQuery(query: Query, context: Context, parent?: Scope): ResolvedQuery {
  if (query.with.length > 0) context.mark('common table', query.at);
  const definitions: string[] = [];
  const resolveTable = (table: Query['with'][number]) => {
    const resolved = resolveQuery(table.query, context, parent);
    if (table.columns.length > resolved.columns.length) {
      throw context.source.error(
        `WITH query has ${resolved.columns.length} columns, got ${table.columns.length} names`,
        table.name.at,
      );
    }
    const columns = resolved.columns.map(({ name, type }, i) => ({
      name: table.columns[i] ? context.fold(table.columns[i]!) : name,
      type: settledType(type),
    }));
    const sql = context.freshName();
    definitions.push(
      `${sql}(${uniqueNames(columns.map(({ name }) => name))
        .map(quoteIdentifier)
        .join(', ')}) as (${resolved.sql})`,
    );
    return { columns, sql };
  };
  return context.withCommonTables(query.with, resolveTable, () => {
    const body = resolveBody(query.body, context, parent);
    const parts = [body.sql];
    if (query.orderBy.length > 0) {
      context.mark('order by', query.at);
      parts.push(`order by ${query.orderBy.map((item) => body.order(item)).join(', ')}`);
    }
    if (query.limit) parts.push(`limit ${rowCount(query.limit, 'limit', context)}`);
    if (query.offset) parts.push(`offset ${rowCount(query.offset, 'offset', context)}`);
    const prefix = definitions.length > 0 ? `with ${definitions.join(', ')} ` : '';
    return { sql: `${prefix}${parts.join(' ')}`, columns: body.columns };
  });
}

function rowCount(node: Expression, clause: 'limit' | 'offset', context: Context): string {
  context.mark(clause, node.at);
  const value =
    node.kind === 'parameter' ? context.parameters[node.name] : node.kind === 'number' ? node.text : undefined;
  if (value === undefined || !/^\d{1,15}$/.test(value))
    throw context.source.unsupported(`${clause.toUpperCase()} that is not a whole number`, node.at);
  return value;
}

/** A literal without a type becomes text where it leaves a query. */
function settledType(type: Type): ResolvedColumn['type'] {
  return type.name === 'unknown' ? { name: 'varchar', length: 256 } : type;
}

function resolveBody(body: Body, context: Context, parent?: Scope): ResolvedBody {
  if (body.kind === 'select') return resolveSelect(body, context, parent);
  if (body.kind === 'nested') {
    const { sql, columns } = resolveQuery(body.query, context, parent);
    return { sql: `(${sql})`, columns, order: (item) => orderByOutput(item, columns, context) };
  }
  return resolveSetOperation(body, context, parent);
}

function resolveSetOperation(body: SetOperation, context: Context, parent?: Scope): ResolvedBody {
  context.mark(body.operator === 'union all' ? 'union all' : 'union', body.at);
  const left = resolveBody(body.left, context, parent);
  const right = resolveBody(body.right, context, parent);
  if (left.columns.length !== right.columns.length)
    throw context.source.error(
      `each ${body.operator.toUpperCase()} query must have the same number of columns`,
      body.at,
    );
  const columns = left.columns.map(({ name, type }, i) => {
    const common = commonType(type, right.columns[i]!.type);
    if (!common)
      throw context.source.error(
        `${body.operator.toUpperCase()} types ${describe(type)} and ${describe(right.columns[i]!.type)} cannot be matched`,
        body.at,
      );
    if (body.operator !== 'union all' && common.name === 'super')
      throw context.source.unsupported(`${body.operator.toUpperCase()} of super values`, body.at);
    return { name, type: settledType(common) };
  });
  const sql = `${operand(left, columns)} ${body.operator} ${operand(right, columns)}`;
  return { sql, columns, order: (item) => orderByOutput(item, columns, context) };
}

/** An operand with its columns cast to the common types. */
function operand(side: ResolvedBody, columns: readonly ResolvedColumn[]): string {
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
  if (expression.kind === 'number') position = Number(expression.text) - 1;
  else if (expression.kind === 'name' && expression.parts.length === 1) {
    const name = context.fold(expression.parts[0]!);
    position = columns.findIndex((column) => column.name === name);
  } else throw context.source.unsupported('ORDER BY with an expression after a set operation', expression.at);
  const column = columns[position];
  if (!column) throw context.source.error('ORDER BY position is not in select list', expression.at);
  refuseSuper(column.type, context, expression.at);
  return orderSql(String(position + 1), item);
}

function refuseSuper(type: Type, context: Context, at: number): void {
  if (type.name === 'super') throw context.source.unsupported('sorting or grouping by a super value (cast it)', at);
}

function resolveSelect(select: SelectCore, context: Context, parent?: Scope): ResolvedBody {
  const scope = new Scope(parent);
  const from = select.from ? ` from ${resolveFrom(select.from, environmentOf(context, scope, 'FROM'))}` : '';
  const where = select.where
    ? ` where ${resolveCondition(select.where, environmentOf(context, scope, 'WHERE')).sql}`
    : '';
  const outputs = resolveItems(
    select.items,
    environmentOf(context, scope, 'SELECT', { aggregates: true, windows: true }),
  );
  if (select.distinct) {
    context.mark('select distinct', select.at);
    for (const { value } of outputs) refuseSuper(value.type, context, select.at);
  }
  const grouping = select.groupBy.map((node) => groupSql(node, outputs, environmentOf(context, scope, 'GROUP BY')));
  const aggregated = environmentOf(context, scope, 'HAVING', { aggregates: true });
  const having = select.having ? ` having ${resolveCondition(select.having, aggregated).sql}` : '';
  const qualify = select.qualify
    ? ` qualify ${resolveCondition(select.qualify, { ...aggregated, clause: 'QUALIFY', windows: true }).sql}`
    : '';
  if (grouping.length > 0) context.mark('group by', select.at);
  const list = outputs.map(({ name, value }) => `${value.sql} as ${quoteIdentifier(name)}`).join(', ');
  const groupBy = grouping.length > 0 ? ` group by ${grouping.join(', ')}` : '';
  const columns = outputs.map(({ name, value, literal }) => ({
    name,
    type: value.type,
    constant: literal ? value.constant : undefined,
  }));
  const orderEnvironment = environmentOf(context, scope, 'ORDER BY', { aggregates: true, windows: true });
  return {
    sql: `select ${select.distinct ? 'distinct ' : ''}${list}${from}${where}${groupBy}${having}${qualify}`,
    columns,
    order: (item) => orderItem(item, outputs, orderEnvironment, select.distinct),
  };
}

function resolveItems(items: readonly SelectItem[], environment: Environment): Output[] {
  const { context, scope } = environment;
  const outputs: Output[] = [];
  for (const item of items) {
    if (item.kind === 'star') outputs.push(...starColumns(item, environment));
    else {
      const resolved = environment.resolve(item.expression, environment);
      const value =
        resolved.type.name === 'unknown' ? settle(environment, resolved, resolved.type, item.expression.at) : resolved;
      const name = item.alias ? context.fold(item.alias) : defaultName(item.expression, context);
      const untyped = resolved.constant === null && resolved.type.name === 'unknown';
      outputs.push({
        name,
        value: { ...value, type: untyped ? resolved.type : value.type, constant: resolved.constant },
        literal: resolved.type.name === 'unknown',
        named: item.alias !== undefined || item.expression.kind === 'name',
      });
      if (item.alias && !scope.lateral.has(name)) scope.lateral.set(name, resolved);
    }
  }
  return outputs;
}

function starColumns(item: SelectItem & { kind: 'star' }, { context, scope }: Environment): Output[] {
  const qualifier = item.qualifier?.map((part) => context.fold(part));
  const relations = qualifier
    ? scope.relations.filter(
        ({ alias, schema }) => alias === qualifier.at(-1) && (qualifier.length === 1 || schema === qualifier[0]),
      )
    : scope.relations;
  if (relations.length === 0) {
    if (qualifier) throw context.source.error(`relation "${qualifier.join('.')}" does not exist`, item.at);
    throw context.source.error('SELECT * with no tables specified is not valid', item.at);
  }
  const output = ({ name, type, sql }: ScopeColumn): Output => ({ name, value: { sql, type }, named: true });
  return relations.flatMap(({ columns, item: element }) => {
    if (element) throw context.source.unsupported('* with an unnested array', item.at);
    return columns.filter(({ hidden }) => qualifier !== undefined || !hidden).map(output);
  });
}

/** What Redshift calls a column without alias. */
function defaultName(node: Expression, context: Context): string {
  switch (node.kind) {
    case 'name':
      return context.fold(node.parts.at(-1)!);
    case 'navigate': {
      const last = node.steps.at(-1)!;
      return typeof last === 'number' ? '?column?' : context.fold(last);
    }
    case 'call':
      return node.name === 'extract' ? 'date_part' : node.name === 'trim' ? 'btrim' : node.name;
    case 'cast':
      return node.operand.kind === 'name' || node.operand.kind === 'call' || node.operand.kind === 'navigate'
        ? defaultName(node.operand, context)
        : '?column?';
    case 'case':
      return 'case';
    case 'boolean':
      return 'bool';
    default:
      return '?column?';
  }
}

/** GROUP BY takes ordinals, input columns before output names, and expressions. */
function groupSql(node: Expression, outputs: readonly Output[], environment: Environment): string {
  const { context } = environment;
  let value: Value;
  if (node.kind === 'number') {
    const output = outputs[Number(node.text) - 1];
    if (!output) throw context.source.error(`GROUP BY position ${node.text} is not in select list`, node.at);
    value = output.value;
  } else value = environment.resolve(node, environment);
  if (value.aggregate) throw context.source.error('aggregates not allowed in GROUP BY clause', node.at);
  if (value.window) throw context.source.error('window functions not allowed in GROUP BY clause', node.at);
  refuseSuper(value.type, context, node.at);
  if (value.type.name === 'varbyte') context.mark('varbyte aggregate', node.at);
  // A bare literal would be read as an ordinal.
  return value.constant === undefined ? value.sql : `(${value.sql} || '')`;
}

/** ORDER BY takes ordinals, output names before input columns, and expressions. */
function orderItem(item: OrderItem, outputs: readonly Output[], environment: Environment, distinct: boolean): string {
  const { context } = environment;
  const { expression } = item;
  const byPosition = (position: number) => {
    refuseSuper(outputs[position]!.value.type, context, expression.at);
    return orderSql(String(position + 1), item);
  };
  if (expression.kind === 'number') {
    if (!outputs[Number(expression.text) - 1])
      throw context.source.error(`ORDER BY position ${expression.text} is not in select list`, expression.at);
    return byPosition(Number(expression.text) - 1);
  }
  if (expression.kind === 'name' && expression.parts.length === 1) {
    const name = context.fold(expression.parts[0]!);
    const matches = outputs.flatMap((output, i) => (output.name === name && output.named ? [i] : []));
    if (new Set(matches.map((i) => outputs[i]!.value.sql)).size > 1)
      throw context.source.error(`ORDER BY "${name}" is ambiguous`, expression.at);
    if (matches.length > 0) return byPosition(matches[0]!);
  }
  const value = environment.resolve(expression, environment);
  refuseSuper(value.type, context, expression.at);
  const same = outputs.findIndex((output) => output.value.sql === value.sql);
  if (same >= 0) return byPosition(same);
  if (distinct)
    throw context.source.error('for SELECT DISTINCT, ORDER BY expressions must appear in select list', expression.at);
  if (value.constant !== undefined) throw context.source.error('non-integer constant in ORDER BY', expression.at);
  return orderSql(value.sql, item);
}
