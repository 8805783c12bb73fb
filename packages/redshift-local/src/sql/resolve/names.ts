import type { Expression, Identifier } from '../ast';
import { describe } from '../types';
import type { Environment } from './environment';
import { groupingOf } from './grouping';
import { isList, itemOf } from './lists';
import type { Scope, ScopeColumn, ScopeRelation } from './scope';
import { navigated } from './super';
import { trimmedEnd, type Value } from './value';

interface Found {
  readonly column?: ScopeColumn;
  readonly value?: Value;
  /** Number of the name's parts that were consumed. */
  readonly used: number;
}

/** A CHAR is read without its trailing blanks, which are never significant. */
export function columnValue({ sql, type, origin }: ScopeColumn): Value {
  if (type.name === 'super') return { ...navigated(sql, []), origin };
  return type.name === 'char' ? { sql: trimmedEnd(sql, ' '), type, tight: true, origin } : { sql, type, origin };
}

/** Columns take precedence over aliases of the select list, and inner queries over outer ones. */
export function resolveName(given: Expression & { kind: 'name' }, environment: Environment): Value {
  const { context } = environment;
  const node = withoutDatabase(given, environment);
  if (node.isReserved) requireSystemColumn(node, environment);
  const parts = node.parts.map((part) => context.fold(part));
  let depth = 0;
  for (let scope: Scope | undefined = environment.scope; scope; scope = scope.parent) {
    const found = findIn(scope, parts, node, environment);
    if (found && !isRelationOutside(found, scope, parts, node, environment)) {
      noteCorrelation(scope, depth, node.at, environment);
      return follow(found, scope, node, environment);
    }
    depth++;
  }
  const { whereAliases } = environment.scope;
  const aliased = parts.length === 1 ? whereAliases.get(parts[0]!) : undefined;
  if (aliased) {
    // The alias does not name itself.
    whereAliases.delete(parts[0]!);
    const value = environment.resolve(aliased, environment);
    whereAliases.set(parts[0]!, aliased);
    return value;
  }
  const view = systemViewOf(parts, environment.scope);
  if (view !== undefined) throw context.source.unsupported(`column "${parts.at(-1)}" of system view ${view}`, node.at);
  throw context.source.error(`column "${parts.join('.')}" does not exist`, node.at);
}

/** `database.schema.table.column` as `schema.table.column`, if a relation of the query has these names. */
function withoutDatabase(node: Expression & { kind: 'name' }, { context, scope }: Environment) {
  if (node.parts.length < 4) return node;
  const [database, schema, table] = node.parts.slice(0, 3).map((part) => context.fold(part));
  if (database !== context.catalog.database) return node;
  for (let one: Scope | undefined = scope; one; one = one.parent)
    if (one.relations.some((relation) => relation.schema === schema && relation.alias === table))
      return { ...node, parts: node.parts.slice(1) };
  return node;
}

function requireSystemColumn({ parts, at }: Expression & { kind: 'name' }, { context, scope }: Environment): void {
  const { text } = parts[0]!;
  for (let one: Scope | undefined = scope; one; one = one.parent)
    for (const { system, columns } of one.relations)
      if (columns.some(({ name }) => name === text)) {
        if (system !== undefined) return;
        break;
      }
  throw context.source.error(`syntax error at or near "${text}": reserved words need double quotes`, at);
}

/** The system view whose column a name may be. The local warehouse has a part of the columns of each. */
function systemViewOf(parts: readonly string[], scope: Scope): string | undefined {
  if (parts.length > 2) return undefined;
  return scope.relations.find(({ alias, system }) => system !== undefined && (parts.length === 1 || alias === parts[0]))
    ?.system;
}

/**
 * Whether `a.b` is a column of an outer query's relation, although `a` is a column here. Only SUPER columns have
 * attributes.
 */
function isRelationOutside(
  { column, value, used }: Found,
  scope: Scope,
  [first, second]: readonly string[],
  node: Expression,
  { context }: Environment,
): boolean {
  if (used > 1 || second === undefined) return false;
  const isMeant = ({ alias, columns }: ScopeRelation) => alias === first && columns.some(({ name }) => name === second);
  let outer = scope.parent;
  while (outer && !outer.relations.some(isMeant)) outer = outer.parent;
  if (!outer) return false;
  if ((column?.type ?? value!.type).name === 'super')
    throw context.source.unsupported(`"${first}", a column of type super here and a relation outside,`, node.at);
  return true;
}

/**
 * Redshift decorrelates only references to the query directly around a subquery
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_correlated_subqueries.html).
 */
function noteCorrelation(scope: Scope, depth: number, at: number, { scope: inner, context }: Environment): void {
  scope.used++;
  if (depth === 0) return;
  if (depth > 1) throw context.source.unsupported('a correlated subquery that skips a level', at);
  context.correlations++;
  inner.correlatedAt ??= at;
}

/** Each alias is replaced by its expression. Deeper chains take DuckDB too long. */
const maxAliasDepth = 40;

function findIn(scope: Scope, parts: readonly string[], node: Expression, environment: Environment): Found | undefined {
  const { source } = environment.context;
  const pick = (relations: readonly ScopeRelation[], name: string): ScopeColumn | undefined => {
    const columns = relations.flatMap(({ columns }) => columns.filter((column) => column.name === name));
    if (columns.length > 1) throw source.error(`column reference "${name}" is ambiguous`, node.at);
    return columns[0];
  };
  const [first, second, third] = parts;
  if (third !== undefined) {
    const qualified = scope.relations.filter(({ alias, schema }) => schema === first && alias === second);
    const column = pick(qualified, third);
    if (column) return { column, used: 3 };
  }
  if (second !== undefined) {
    const column = pick(
      scope.relations.filter(({ alias }) => alias === first),
      second,
    );
    if (column) return { column, used: 2 };
  }
  const items = scope.relations.filter(({ item }) => item?.name === first);
  if (items.length === 1) return { column: items[0]!.item!, used: 1 };
  const positions = scope.relations.filter(({ index }) => index?.name === first);
  if (positions.length === 1) return { column: positions[0]!.index!, used: 1 };
  const visible = scope.relations.map((relation) => ({
    ...relation,
    columns: relation.columns.filter(({ hidden }) => !hidden),
  }));
  const column = pick(visible, first!);
  if (column) return { column, used: 1 };
  const grouping = groupingOf(scope);
  const aliases = grouping && !grouping.isActive ? grouping.lateral : scope.lateral;
  const value = aliases.get(first!);
  if (value) {
    environment.caster.repeated(value.sql, node.at);
    scope.aliasDepth = Math.max(scope.aliasDepth, (scope.aliasDepths.get(first!) ?? 0) + 1);
    if (scope.aliasDepth > maxAliasDepth)
      throw source.unsupported(`a chain of more than ${maxAliasDepth} aliases of the select list`, node.at);
  }
  return value ? { value, used: 1 } : undefined;
}

function follow(found: Found, scope: Scope, node: Expression & { kind: 'name' }, environment: Environment): Value {
  const { column } = found;
  if (column?.barred)
    throw environment.context.source.error(`column "${column.name}" of type super in a right or full join`, node.at);
  const plain = found.value ?? columnValue(column!);
  const grouping = groupingOf(scope);
  const rest = node.parts.slice(found.used);
  if (column && grouping?.isActive && rest.length > 0 && plain.type.name === 'super') {
    const key = grouping.find(navigate(plain, rest, environment, rest[0]!.at));
    if (key) return key;
  }
  const value = column && grouping?.isActive ? grouping.column(column, plain, environment, node.at) : plain;
  return rest.length === 0 ? value : navigate(value, rest, environment, rest[0]!.at);
}

/** `payload."product"."price"`, `items[0]`: NULL if there is no such attribute or element (lax mode). */
export function navigate(
  value: Value,
  steps: readonly (Identifier | number)[],
  environment: Environment,
  at: number,
): Value {
  const { source } = environment.context;
  const first = steps[0]!;
  const { type } = value;
  if (isList(type) && typeof first === 'number' && steps.length === 1)
    return { ...value, ...itemOf(value.sql, type, String(first)), origin: undefined };
  if (type.name !== 'super') {
    throw source.error(
      `${typeof first === 'number' ? `index [${first}]` : `attribute "${first.text}"`} of a value of type ${describe(value.type)}`,
      at,
    );
  }
  const path = steps.map((step) => {
    if (typeof step === 'number') return step;
    if (/["*\\\p{Cc}]/u.test(step.text))
      throw source.unsupported(`attribute name ${JSON.stringify(step.text)}`, step.at);
    return environment.context.fold(step);
  });
  const { base, steps: before } = value.path ?? { base: value.sql, steps: [] };
  return { ...navigated(base, [...before, ...path]), aggregate: value.aggregate, window: value.window };
}
