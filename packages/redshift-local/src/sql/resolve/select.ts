import { SqlError } from '../../statement';
import type { Expression, OrderItem, SelectCore, SelectItem } from '../ast';
import { isAggregate } from '../functions/registry';
import { isText, shortName, type Type } from '../types';
import { holdsAggregate, holdsWindow } from './aggregates';
import type { Environment, ResolvedQuery } from './environment';
import { resolveCondition } from './expression';
import { resolveFrom } from './from';
import { Grouping, group, groupingOf } from './grouping';
import { columnValue } from './names';
import { settle } from './operators';
import { groupable, noOrdinal, orderSql, ordinal, refuseSuper, sortKey } from './order';
import type { Context, Scope, ScopeColumn } from './scope';
import { selected } from './super';
import { quoteIdentifier, type Value } from './value';

interface Output {
  readonly name: string;
  readonly value: Value;
  /** Whether the user or a column gave the name, so that ORDER BY may use it. */
  readonly named: boolean;
  /** Whether the item is an untyped literal. */
  readonly literal?: boolean;
}

/** An item of the select list. `*` is already expanded to its columns. */
type Item =
  | { readonly column: ScopeColumn; readonly at: number }
  | { readonly expression: Expression; readonly name: string; readonly aliased: boolean };

type Clause = (name: string, allowed?: { aggregates?: boolean; windows?: boolean }) => Environment;

/** The limit of PostgreSQL, Redshift's origin. */
const maxItems = 1664;

/** Resolves one SELECT with its ORDER BY. `clause` creates the environment of a clause over the scope. */
export function resolveSelect(
  select: SelectCore,
  orderBy: readonly OrderItem[],
  scope: Scope,
  clause: Clause,
): ResolvedQuery {
  const { context } = clause('SELECT');
  if (select.into) throw context.source.unsupported('INTO in a query within a statement', select.into.at);
  const from = select.from ? ` from ${resolveFrom(select.from, clause('FROM'))}` : '';
  const where = select.where ? ` where ${resolveWhere(select, select.where, scope, clause)}` : '';
  const items = without(select.exclude, itemsOf(select.items, clause('SELECT')), clause('SELECT'));
  if (items.length > maxItems)
    throw context.source.error(`target lists can have at most ${maxItems} entries`, select.at);
  const grouping = startGroups(select, orderBy, items, scope, clause);
  const outputs = resolveItems(items, clause('SELECT', { aggregates: true, windows: true }));
  const aggregated = clause('HAVING', { aggregates: true });
  const having = select.having && resolveCondition(select.having, aggregated).sql;
  const qualify =
    select.qualify && resolveCondition(select.qualify, { ...aggregated, clause: 'QUALIFY', windows: true });
  if (select.distinct) {
    context.mark('select distinct', select.at);
  }
  const orderEnvironment = clause('ORDER BY', { aggregates: true, windows: true });
  const order = orderBy.map((item) => orderItem(item, outputs, orderEnvironment, select.distinct));
  checkWindows(outputs, qualify, scope, context, select.qualify?.at ?? select.at);
  const values = outputs.map(({ value }) => (select.distinct ? groupable(value) : value));
  const read = grouping ? { list: values.map(({ sql }) => sql), from } : selected(values, from);
  const rows = grouping ? `${grouping.sql(from, where)}${having ? ` where ${having}` : ''}` : `${read.from}${where}`;
  const list = outputs.map(({ name }, i) => `${read.list[i]} as ${quoteIdentifier(name)}`).join(', ');
  const body = `${list}${rows}${qualify ? ` qualify ${qualify.sql}` : ''}`;
  const columns = outputs.map(({ name, value, literal }) => ({
    name,
    type: value.type,
    constant: literal ? value.constant : undefined,
    origin: value.origin,
  }));
  const distinct = select.distinct ? distinctSql(body, outputs) : `select ${body}`;
  const groups = context.checkGroups(scope.groups + (grouping ? 1 : 0) + (select.distinct ? 1 : 0), select.at);
  if (select.top !== undefined) context.mark('limit', select.at);
  const sorted = order.length > 0 ? ` order by ${order.join(', ')}` : '';
  return { sql: `${distinct}${sorted}${select.top === undefined ? '' : ` limit ${select.top}`}`, columns, groups };
}

/**
 * In a query of the catalog, the condition may name aliases of the select list, as redshift_connector does. Whether it
 * may elsewhere is undocumented.
 */
function resolveWhere({ items }: SelectCore, where: Expression, scope: Scope, clause: Clause): string {
  const environment = clause('WHERE');
  if (scope.relations.length > 0 && scope.relations.every(({ system }) => system !== undefined))
    for (const item of items)
      if (item.kind === 'expression' && item.alias)
        scope.whereAliases.set(environment.context.fold(item.alias), item.expression);
  const { sql } = resolveCondition(where, environment);
  scope.whereAliases.clear();
  return sql;
}

/** Rows that differ in trailing blanks only are equal. */
function distinctSql(body: string, outputs: readonly Output[]): string {
  if (outputs.every(({ value }) => !isText(value.type) || value.tight)) return `select distinct ${body}`;
  return distinctRows(
    `select ${body}`,
    outputs.map(({ name, value }) => ({ name, type: value.type })),
  );
}

/** The distinct rows of a query. Texts are compared without their trailing blanks. */
export function distinctRows(sql: string, columns: readonly { name: string; type: Type }[], having = ''): string {
  const column = (i: number) => `"rows"."c${i + 1}"`;
  const list = columns.map(
    ({ name, type }, i) => `${isText(type) ? `min(${column(i)})` : column(i)} as ${quoteIdentifier(name)}`,
  );
  const keys = columns.map(({ type }, i) => sortKey({ sql: column(i), type }));
  const names = columns.map((_, i) => `"c${i + 1}"`);
  return `select ${list.join(', ')} from (${sql}) as "rows"(${names.join(', ')}) group by ${keys.join(', ')}${having}`;
}

/**
 * Redshift cannot decorrelate a subquery with a window function
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_correlated_subqueries.html).
 */
function checkWindows(
  outputs: readonly Output[],
  qualify: Value | undefined,
  scope: Scope,
  context: Context,
  at: number,
): void {
  const windows = outputs.some(({ value }) => value.window) || qualify?.window;
  if (qualify && !windows)
    throw context.source.error('QUALIFY needs a window function in the select list or in itself', at);
  if (windows && scope.correlatedAt !== undefined)
    throw context.source.unsupported('a correlated subquery with a window function', scope.correlatedAt);
}

function itemsOf(items: readonly SelectItem[], environment: Environment): Item[] {
  const { context } = environment;
  return items.flatMap((item): Item[] => {
    if (item.kind === 'star') return starColumns(item, environment).map((column) => ({ column, at: item.at }));
    const { expression, alias } = item;
    const name = alias ? context.fold(alias) : defaultName(expression, context);
    return [{ expression, name, aliased: alias !== undefined }];
  });
}

/** The items without the columns of EXCLUDE. */
function without(excluded: SelectCore['exclude'], items: readonly Item[], { context, scope }: Environment): Item[] {
  let rest = [...items];
  for (const identifier of excluded ?? []) {
    const name = context.fold(identifier);
    const left = rest.filter((item) => {
      if ('column' in item) return item.column.name !== name;
      const column = columnOf(item.expression, scope, context);
      if ((column === name) !== (item.name === name))
        throw context.source.unsupported(`EXCLUDE of "${name}" beside an alias`, identifier.at);
      return column !== name;
    });
    if (!scope.relations.some(({ columns }) => columns.some((column) => column.name === name)))
      throw context.source.error(`column "${name}" does not exist`, identifier.at);
    rest = left;
  }
  if (rest.length === 0) throw context.source.unsupported('EXCLUDE of every column', excluded![0]!.at);
  return rest;
}

/** The name of the column that an item names, if it is nothing but a column. */
function columnOf(node: Expression, scope: Scope, context: Context): string | undefined {
  if (node.kind !== 'name') return undefined;
  const [first, second, third] = node.parts.map((part) => context.fold(part));
  if (second === undefined) return first;
  return third === undefined && scope.relations.some(({ alias }) => alias === first) ? second : undefined;
}

function starColumns(item: SelectItem & { kind: 'star' }, { context, scope }: Environment): ScopeColumn[] {
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
  return relations.flatMap(({ columns, item: element }) => {
    if (element) throw context.source.unsupported('* with an unnested array', item.at);
    const shown = columns.filter(({ hidden }) => qualifier !== undefined || !hidden);
    const barred = shown.find((column) => column.barred);
    if (barred) throw context.source.error(`column "${barred.name}" of type super in a right or full join`, item.at);
    return shown;
  });
}

/** Resolves the keys over the rows. If the query has groups, switches the scope to them. */
function startGroups(
  select: SelectCore,
  orderBy: readonly OrderItem[],
  items: readonly Item[],
  scope: Scope,
  clause: Clause,
): Grouping | undefined {
  const { context } = clause('GROUP BY');
  const expressions = items.flatMap((item) => ('expression' in item ? [item.expression] : []));
  const candidates = [...expressions, select.qualify, ...orderBy.map(({ expression }) => expression)];
  const keys = select.groupByAll ? plainItems(items, select.at) : select.groupBy;
  if (keys.length === 0 && !select.having && !candidates.some((node) => holdsAggregate(node, isAggregate)))
    return undefined;
  context.mark('groups', select.at);
  if (select.groupingSets) context.mark('grouping sets', select.at);
  const grouping = new Grouping(context.freshName());
  resolvePlainAliases(items, scope, grouping, clause('SELECT'));
  const places = keys.map((node) => addKey(node, items, grouping, clause('GROUP BY')));
  grouping.sets = select.groupingSets?.map((set) => [...new Set(set.map((place) => places[place]!))]);
  group(scope, grouping);
  return grouping;
}

/** The items without an aggregate or window function, as ordinals. */
const plainItems = (items: readonly Item[], at: number): Expression[] =>
  items.flatMap((item, i) => {
    const isKey = 'column' in item || !(holdsAggregate(item.expression, isAggregate) || holdsWindow(item.expression));
    return isKey ? [{ kind: 'number' as const, text: String(i + 1), at }] : [];
  });

/** Resolves aliases over the ungrouped rows, for GROUP BY and inside aggregates. */
function resolvePlainAliases(items: readonly Item[], scope: Scope, grouping: Grouping, environment: Environment): void {
  for (const item of items) {
    if (!('expression' in item) || !item.aliased || scope.lateral.has(item.name)) continue;
    try {
      scope.aliasDepth = 0;
      scope.lateral.set(item.name, environment.resolve(item.expression, environment));
      scope.aliasDepths.set(item.name, scope.aliasDepth);
    } catch (error) {
      // The item is an aggregate, or has an error that is reported when the item itself is resolved.
      if (!(error instanceof SqlError)) throw error;
    }
  }
  for (const [name, value] of scope.lateral) grouping.lateral.set(name, value);
  scope.lateral.clear();
}

/** GROUP BY takes ordinals, names and expressions. Input columns take precedence over output names. */
function addKey(node: Expression, items: readonly Item[], grouping: Grouping, environment: Environment): number {
  const { context, scope } = environment;
  const item = node.kind === 'number' ? items[ordinal(node.text)] : undefined;
  if (node.kind === 'number' && !item)
    throw context.source.error(`GROUP BY position ${node.text} is not in select list`, node.at);
  if (node.kind === 'string' || node.kind === 'null')
    throw context.source.error('non-integer constant in GROUP BY', node.at);
  for (const [name, value] of grouping.lateral) scope.lateral.set(name, value);
  const before = context.correlations;
  const of = aliasedBy(item && 'expression' in item ? item.expression : node, items, environment);
  if (holdsAggregate(of, isAggregate)) throw context.source.error('aggregates not allowed in GROUP BY clause', node.at);
  if (of.kind === 'call' && of.over)
    throw context.source.error('window functions not allowed in GROUP BY clause', node.at);
  const resolved = item && 'column' in item ? columnValue(item.column) : environment.resolve(of, environment);
  scope.lateral.clear();
  const value = settle(environment, resolved, { name: 'unknown' }, node.at);
  if (context.correlations > before && of.kind === 'subquery')
    throw context.source.unsupported('GROUP BY of a correlated subquery', node.at);
  if (value.type.name === 'varbyte') context.mark('varbyte aggregate', node.at);
  return grouping.addKey(item && 'column' in item ? undefined : of, value);
}

/** A name in GROUP BY that is not a column refers to the item of that name. */
function aliasedBy(node: Expression, items: readonly Item[], { context, scope }: Environment): Expression {
  if (node.kind !== 'name' || node.parts.length !== 1) return node;
  const name = context.fold(node.parts[0]!);
  for (let current: Scope | undefined = scope; current; current = current.parent) {
    if (
      current.relations.some(
        ({ columns, item, index }) =>
          item?.name === name || index?.name === name || columns.some((c) => c.name === name && !c.hidden),
      )
    )
      return node;
  }
  const item = items.find((candidate) => 'expression' in candidate && candidate.aliased && candidate.name === name);
  return item && 'expression' in item ? item.expression : node;
}

function resolveItems(items: readonly Item[], environment: Environment): Output[] {
  const { scope } = environment;
  const grouping = groupingOf(scope);
  return items.map((item): Output => {
    if ('column' in item) {
      const plain = columnValue(item.column);
      const value = grouping ? grouping.column(item.column, plain, environment, item.at) : plain;
      return { name: item.column.name, value, named: true };
    }
    const { expression, name } = item;
    scope.aliasDepth = 0;
    const resolved = environment.resolve(expression, environment);
    const value = settle(environment, resolved, resolved.type, expression.at);
    if (!scope.aliasDepths.has(name)) scope.aliasDepths.set(name, scope.aliasDepth);
    if (item.aliased && !scope.lateral.has(name)) scope.lateral.set(name, resolved);
    const untyped = resolved.constant === null && resolved.type.name === 'unknown';
    return {
      name,
      value: { ...value, type: untyped ? resolved.type : value.type, constant: resolved.constant },
      literal: resolved.type.name === 'unknown',
      named: item.aliased || expression.kind === 'name',
    };
  });
}

/** Functions whose default column name differs from their own name, as the examples on their pages show. */
const callNames: Readonly<Record<string, string>> = {
  extract: 'date_part',
  trim: 'btrim',
  dateadd: 'date_add',
  datediff: 'date_diff',
  date_part: 'pgdate_part',
  nvl: 'coalesce',
  nvl2: 'case',
  decode: 'case',
  current_date: 'date',
};
const unnamed = '?column?';

/** Redshift's name for a column without an alias. */
function defaultName(node: Expression, context: Context): string {
  switch (node.kind) {
    case 'name':
      return context.fold(node.parts.at(-1)!);
    case 'navigate': {
      const last = node.steps.at(-1)!;
      return typeof last === 'number' ? unnamed : context.fold(last);
    }
    case 'call':
      // https://docs.aws.amazon.com/redshift/latest/dg/r_NULLIF_function.html
      return node.name === 'nullif' && node.args[0]
        ? defaultName(node.args[0], context)
        : (callNames[node.name] ?? node.name);
    case 'cast': {
      // The type names a column that has no other name (examples of r_CAST_function).
      const inner = ['name', 'call', 'navigate'].includes(node.operand.kind) && defaultName(node.operand, context);
      return inner && inner !== unnamed && inner !== 'case' ? inner : shortName(node.type);
    }
    case 'typed-literal':
      return node.type;
    case 'case':
      return 'case';
    case 'boolean':
      return 'bool';
    default:
      return unnamed;
  }
}

/** Whether a value is a literal, possibly after a cast. DuckDB does not sort by literals. */
const isLiteral = (sql: string): boolean => /^'(?:[^']|'')*'$/.test(sql);

/** ORDER BY takes ordinals, names and expressions. Output names take precedence over input columns. */
function orderItem(item: OrderItem, outputs: readonly Output[], environment: Environment, distinct: boolean): string {
  const { context } = environment;
  const { expression } = item;
  const byPosition = (position: number) => {
    const { value } = outputs[position]!;
    refuseSuper(value.type, context, expression.at);
    const isPlain = !isText(value.type) || value.tight || value.constant !== undefined || isLiteral(value.sql);
    if (isPlain) return orderSql(String(position + 1), item);
    // After DISTINCT, only the columns of the result are available.
    return orderSql(sortKey(distinct ? { ...value, sql: `min("rows"."c${position + 1}")` } : value), item);
  };
  if (expression.kind === 'number') {
    if (!outputs[ordinal(expression.text)])
      throw context.source.error(`ORDER BY position ${expression.text} is not in select list`, expression.at);
    return byPosition(ordinal(expression.text));
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
  const key = sortKey(value);
  if (isLiteral(key)) throw context.source.unsupported('a constant in ORDER BY', expression.at);
  return orderSql(noOrdinal(key), item);
}
