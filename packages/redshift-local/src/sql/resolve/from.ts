import { type ColumnInfo, type Origin, type RedshiftType, type Relation, SqlError } from '../../statement';
import type { Expression, FromItem, Identifier } from '../ast';
import { Source } from '../lexer';
import { openText } from '../parser/open';
import { parseQuery } from '../parser/query';
import { describe, type Type } from '../types';
import type { Environment } from './environment';
import { resolveCondition } from './expression';
import { resolveName } from './names';
import { comparable } from './operators';
import { pivoted } from './pivot';
import { relationSql } from './relation-sql';
import { Context, Scope, type ScopeColumn, type ScopeRelation } from './scope';
import { series } from './series';
import { elementsOf, namesOf, valuesOf } from './super';
import { quoteIdentifier, quoteLiteral } from './value';

type RelationItem = FromItem & { kind: 'relation' };
type Join = FromItem & { kind: 'join' };

/**
 * Columns of a stream that a streaming view can read
 * (https://docs.aws.amazon.com/redshift/latest/dg/materialized-view-streaming-ingestion-getting-started.html).
 */
export const streamColumns: readonly ColumnInfo[] = [
  { name: 'approximate_arrival_timestamp', type: { name: 'timestamp' } },
  { name: 'partition_key', type: { name: 'varchar', length: 256 } },
  { name: 'shard_id', type: { name: 'char', length: 20 } },
  { name: 'sequence_number', type: { name: 'varchar', length: 128 } },
  { name: 'refresh_time', type: { name: 'timestamp' } },
  { name: 'kinesis_data', type: { name: 'varbyte', length: 1_048_576 } },
];

/** Splits a name, as written in the statement, into schema and name. */
export function splitName(parts: readonly Identifier[], context: Context): { schema?: string; name: string } {
  const own = parts.length === 3 && context.fold(parts[0]!) === context.catalog.database;
  if (parts.length > 2 && !own) throw context.source.unsupported('a relation of another database', parts[0]!.at);
  const folded = parts.slice(own ? 1 : 0).map((part) => context.fold(part));
  return folded.length === 2 ? { schema: folded[0]!, name: folded[1]! } : { name: folded[0]! };
}

/**
 * Whether Redshift reserves the name for itself
 * (https://docs.aws.amazon.com/redshift/latest/dg/cm_chap_system-tables.html).
 */
const isSystem = (schema: string | undefined, name: string): boolean =>
  schema === undefined || schema === 'pg_catalog'
    ? /^(?:pg|stl|stv|svl|svv|svcs|sys)_/.test(name)
    : ['information_schema', 'pg_internal', 'pg_automv', 'catalog_history'].includes(schema);

export function findRelation(parts: readonly Identifier[], context: Context): Relation {
  const { schema, name } = splitName(parts, context);
  const relation = context.catalog.find(schema, name);
  if (!relation && isSystem(schema, name))
    throw context.source.unsupported(`system table or view ${schema ? `${schema}.` : ''}${name}`, parts[0]!.at);
  if (!relation)
    throw context.source.error(`relation "${schema ? `${schema}.` : ''}${name}" does not exist`, parts[0]!.at);
  return relation;
}

/** Adds the item's relations to the scope and returns the FROM clause. */
export function resolveFrom(item: FromItem, environment: Environment): string {
  switch (item.kind) {
    case 'relation':
      return resolveRelation(item, environment);
    case 'query': {
      const { context, scope } = environment;
      context.mark('subquery', item.at);
      // A subquery in FROM sees neither its neighbours nor the outer queries. The empty scope lets an error name the
      // mistake.
      const { sql, columns, groups } = environment.resolveQuery(
        item.query,
        context,
        scope.parent && new Scope(scope.parent),
      );
      scope.groups = Math.max(scope.groups, groups);
      return `(${sql}) as ${addRelation(environment, context.fold(item.alias), columns, item)}`;
    }
    case 'pivot':
    case 'unpivot':
      return resolveFrom(pivoted(item, environment), environment);
    case 'join':
      return resolveJoin(item, environment);
  }
}

function resolveRelation(item: RelationItem, environment: Environment): string {
  const { context } = environment;
  const first = context.fold(item.name[0]!);
  const isPath = isUnnested(item, environment);
  if (item.unpivot && !isPath)
    throw context.source.unsupported('UNPIVOT of anything but a value of type super', item.at);
  if (item.index && !isPath) throw context.source.unsupported('AT with anything but an array', item.index.at);
  if (item.name.length === 1 && !item.unpivot) {
    const table = context.findCommonTable(first);
    if (table) environment.scope.groups = Math.max(environment.scope.groups, table.groups);
    if (table)
      return `${table.sql} as ${addRelation(environment, item.alias ? context.fold(item.alias) : first, table.columns, item)}`;
  }
  if (isPath) return unnest(item, environment);
  if (item.name.length === 2 && context.catalog.externalSchema(first)) return readStream(item, first, environment);
  const relation = item.args ? calledRelation(item, item.args, environment) : findRelation(item.name, context);
  markRelation(relation, item.at, context);
  const alias = item.alias ? context.fold(item.alias) : relation.name;
  const schema = item.alias ? undefined : relation.schema;
  if (relation.lateQuery !== undefined) {
    const { sql, columns } = readLateView(relation, relation.lateQuery, environment);
    return `(${sql}) as ${addRelation(environment, alias, columns, item, schema)}`;
  }
  const added = addRelation(environment, alias, withOrigin(relation), item, schema);
  if (relation.kind === 'system-view')
    Object.assign(environment.scope.relations.at(-1)!, {
      system: relation.schema === 'information_schema' ? `${relation.schema}.${relation.name}` : relation.name,
    });
  return `${relationSql(relation)} as ${added}`;
}

function withOrigin({ kind, schema, name: table, columns }: Relation) {
  if (kind === 'system-view' || kind === 'temp-table') return columns;
  return columns.map((column) => ({ ...column, origin: { schema, table, notNull: column.notNull ?? false } }));
}

/** Whether the item unnests an array: `t.payload.items`, or `items` if `items` is itself an element of an array. */
function isUnnested(item: RelationItem, { scope, context }: Environment): boolean {
  const first = context.fold(item.name[0]!);
  if (item.unpivot && scope.relations.some(({ columns }) => columns.some(({ name }) => name === first))) return true;
  return scope.relations.some(
    ({ alias, item: element }) => element?.name === first || (item.name.length > 1 && alias === first),
  );
}

/** A late-binding view is resolved from its text at each read. */
function readLateView(relation: Relation, text: string, { context, resolveQuery }: Environment) {
  if (context.depth >= maxLateViews)
    throw new SqlError(`view "${relation.name}" reads itself, or ${maxLateViews} views one over the other`);
  try {
    const source = new Source(text);
    const inner = new Context(context.catalog, source, undefined, context.depth + 1);
    return resolveQuery(parseQuery(openText(source)), inner, undefined);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw new SqlError(`in view "${relation.name}": ${error.message}`);
  }
}
const maxLateViews = 16;

/** A function in FROM, as a relation of the rows that it returns. */
function calledRelation(item: RelationItem, args: readonly Expression[], environment: Environment): Relation {
  const name = item.name.at(-1)!.text;
  if (name === 'generate_series') return series(item, args, environment);
  if (name !== 'current_database') return lateColumns(environment);
  const columns: ColumnInfo[] = [{ name, type: { name: 'varchar', length: 128 } }];
  const query = `select cast(getvariable('millrace_database') as varchar) as ${name}`;
  return { schema: 'millrace_system', name: 'pg_current_database', kind: 'system-view', columns, query };
}

/** https://docs.aws.amazon.com/redshift/latest/dg/PG_GET_LATE_BINDING_VIEW_COLS.html */
function lateColumns(environment: Environment): Relation {
  const rows = (environment.context.catalog.lateViews?.() ?? []).flatMap((view) => {
    try {
      const { columns } = readLateView(view, view.lateQuery!, environment);
      return columns.map(({ name, type }, i) => {
        const shown = describe(type.name === 'unknown' ? { name: 'varchar', length: 256 } : type);
        return `(${[view.schema, view.name, name, shown].map(quoteLiteral).join(', ')}, ${i + 1})`;
      });
    } catch {
      // A view over something that is gone has no columns.
      return [];
    }
  });
  const list = rows.length > 0 ? rows.join(', ') : '(null, null, null, null, null)';
  const name: RedshiftType = { name: 'varchar', length: 128 };
  const names = ['view_schema', 'view_name', 'col_name', 'col_type'];
  return {
    schema: 'millrace_system',
    name: 'pg_get_late_binding_view_cols',
    kind: 'system-view',
    columns: [...names.map((column) => ({ name: column, type: name })), { name: 'col_num', type: { name: 'integer' } }],
    query: `select * from (values ${list}) as v(${[...names, 'col_num'].join(', ')})${rows.length > 0 ? '' : ' where false'}`,
  };
}

function markRelation(relation: Relation, at: number, context: Context): void {
  if (relation.kind === 'view') context.mark('view', at);
  if (relation.kind === 'system-view') context.mark('system view', at);
  if (relation.kind === 'temp-table') context.mark('temporary table', at);
  if (relation.kind === 'materialized-view') context.mark('materialized view', at);
  const { schema, name } = relation;
  if (!context.traits.reads.some((read) => read.schema === schema && read.name === name))
    context.traits.reads.push({ schema, name });
}

function readStream(item: RelationItem, externalSchema: string, environment: Environment): string {
  const { context } = environment;
  const stream = context.fold(item.name[1]!);
  if (context.stream) throw context.source.unsupported('a second stream in one statement', item.at);
  context.stream = { externalSchema, stream };
  const alias = addRelation(environment, item.alias ? context.fold(item.alias) : stream, streamColumns, item);
  return `"stream_records" as ${alias}`;
}

/**
 * Registers a relation and returns its alias. A list of columns is added if the statement has one or names are
 * duplicated.
 */
function addRelation(
  environment: Environment,
  alias: string,
  columns: readonly { name: string; type: Type; origin?: Origin }[],
  item: { columnAliases: readonly Identifier[]; at: number },
  schema?: string,
): string {
  const { context, scope } = environment;
  checkAlias(alias, environment, item.at);
  if (item.columnAliases.length > columns.length)
    throw context.source.error(
      `"${alias}" has ${columns.length} columns, got ${item.columnAliases.length} names`,
      item.at,
    );
  const names = columns.map(({ name }, i) => (item.columnAliases[i] ? context.fold(item.columnAliases[i]!) : name));
  const unique = uniqueNames(names);
  const quoted = quoteIdentifier(alias);
  const scopeColumns: ScopeColumn[] = columns.map(({ type, origin }, i) => ({
    name: names[i]!,
    type,
    origin,
    sql: `${quoted}.${quoteIdentifier(unique[i]!)}`,
  }));
  scope.relations.push({ alias, schema, columns: scopeColumns });
  const renamed = unique.some((name, i) => name !== columns[i]!.name);
  return renamed ? `${quoted}(${unique.map(quoteIdentifier).join(', ')})` : quoted;
}

function checkAlias(alias: string, { scope, context }: Environment, at: number): void {
  if (scope.relations.some((relation) => relation.alias === alias)) {
    throw context.source.error(`table name "${alias}" specified more than once`, at);
  }
}

/** Makes names unique. DuckDB ignores case in names and does not allow duplicates. */
export function uniqueNames(names: readonly string[]): string[] {
  const used = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let i = 1; used.has(unique.toLowerCase()); i++) unique = `${name}_${i}`;
    used.add(unique.toLowerCase());
    return unique;
  });
}

/**
 * `from t, t.payload.items i`: one row for each element, none if there is no array. With a single relation, the
 * elements are added to its rows, in the array's order. DuckDB joins several relations by hash, which keeps no order.
 */
function unnest(
  item: RelationItem,
  environment: Environment,
  beside?: { alias: string; sql: string; outer: boolean },
): string {
  const { context, scope } = environment;
  if (!item.alias) throw context.source.unsupported('unnesting without an alias', item.at);
  if (item.columnAliases.length > 0) throw context.source.unsupported('column names of an unnested array', item.at);
  context.mark('unnesting', item.at);
  const value = resolveName({ kind: 'name', parts: item.name, at: item.at }, environment);
  if (value.type.name !== 'super')
    throw context.source.error(`cannot unnest a value of type ${describe(value.type)}`, item.at);
  const alias = context.fold(item.alias);
  checkAlias(alias, environment, item.at);
  const quoted = quoteIdentifier(alias);
  const elements = item.unpivot ? valuesOf(value) : elementsOf(value);
  const positions = item.unpivot ? namesOf(value) : `range(len(${elements}))`;
  const push = (found: string, position: string) => {
    const element: ScopeColumn = { name: alias, type: { name: 'super' }, sql: found };
    const index: ScopeColumn | undefined = item.index && {
      name: context.fold(item.index),
      type: item.unpivot ? { name: 'varchar', length: 65_535 } : { name: 'bigint' },
      sql: position,
      hidden: true,
    };
    scope.relations.push({ alias, columns: [], item: element, index });
  };
  if (beside) {
    const [base, own, at] = [beside.alias, `millrace_item_${alias}`, `millrace_at_${alias}`].map(quoteIdentifier);
    push(`${base}.${own}`, `${base}.${at}`);
    // An outer join keeps a row without elements.
    const rows = (list: string) =>
      beside.outer ? `unnest(case when len(${elements}) > 0 then ${list} else [null] end)` : `unnest(${list})`;
    const counted = item.index ? `, ${rows(positions)} as ${at}` : '';
    return `(select *, ${rows(elements)} as ${own}${counted} from ${beside.sql}) as ${base}`;
  }
  const found = `${quoted}."item"`;
  push(item.index ? `struct_extract(${found}, 1)` : found, `struct_extract(${found}, 2)`);
  return `unnest(${item.index ? `list_zip(${elements}, ${positions})` : elements}) as ${quoted}("item")`;
}

/** The one relation whose arrays can be unnested in its own rows, if all other relations are its elements. */
function onlyRelation(relations: readonly ScopeRelation[]): string | undefined {
  const [first, ...more] = relations;
  return first && !first.item && more.every(({ item }) => item) ? first.alias : undefined;
}

/** In `a, b, a.list i`, moves the array next to its own relation, so that its elements keep their order. */
function besideItsOwn(item: Join, context: Context): Join {
  const { right } = item;
  const left = item.left.kind === 'join' ? besideItsOwn(item.left, context) : item.left;
  const same = { ...item, left };
  if (item.join !== 'cross' || right.kind !== 'relation' || left.kind !== 'join' || left.join !== 'cross') return same;
  const isIn = (name: Identifier, other: FromItem) => aliasesOf(other, context).includes(context.fold(name));
  // An array that is next to its own relation stays there.
  if (left.right.kind === 'relation' && isIn(left.right.name[0]!, left.left)) return same;
  const join = (one: FromItem) => besideItsOwn({ ...item, left: one }, context);
  if (isIn(right.name[0]!, left.right)) return { ...left, right: join(left.right) };
  return isIn(right.name[0]!, left.left) ? { ...left, left: join(left.left) } : same;
}

function aliasesOf(item: FromItem, context: Context): readonly string[] {
  if (item.kind === 'join') return [...aliasesOf(item.left, context), ...aliasesOf(item.right, context)];
  return [context.fold(item.kind === 'relation' ? (item.alias ?? item.name.at(-1)!) : item.alias)];
}

function resolveJoin(given: Join, environment: Environment): string {
  const { context, scope } = environment;
  const item = besideItsOwn(given, context);
  if (item.join !== 'cross' && item.join !== 'inner') context.mark('outer join', item.at);
  const before = scope.relations.length;
  const left = resolveFrom(item.left, environment);
  const between = scope.relations.length;
  const isUnnest = item.right.kind === 'relation' && isUnnested(item.right, environment);
  const always = item.on?.kind === 'boolean' && item.on.value;
  const outer = item.join === 'left' && always;
  if (isUnnest && item.join !== 'cross' && !outer && !(item.join === 'inner' && always))
    throw context.source.unsupported(`unnesting with ${item.join.toUpperCase()} JOIN of a condition`, item.at);
  const alias = isUnnest ? onlyRelation(scope.relations.slice(before)) : undefined;
  if (alias !== undefined) return unnest(item.right as RelationItem, environment, { alias, sql: left, outer });
  if (isUnnest && outer) throw context.source.unsupported('unnesting with LEFT JOIN beside several relations', item.at);
  const right = resolveFrom(item.right, environment);
  if (item.join === 'right' || item.join === 'full') barSuper(scope.relations.slice(before), item, context);
  if (!isUnnest) context.mark('join', item.at);
  if (item.join === 'cross') return `${left} cross join ${right}`;
  const using = item.natural ? commonColumns(scope.relations, between, item.at) : item.using;
  if (using?.length === 0) return `${left} cross join ${right}`;
  const condition = using
    ? usingCondition(using, item.join, { before, between }, environment)
    : onCondition(item.on!, item.join, environment);
  return `${left} ${item.join} join ${right} on ${condition}`;
}

/** https://docs.aws.amazon.com/redshift/latest/dg/limitations-super.html */
function barSuper(relations: readonly ScopeRelation[], { join, at }: Join, { source }: Context): void {
  for (const { item, columns } of relations) {
    if (item) throw source.error(`SUPER in a ${join.toUpperCase()} JOIN`, at);
    for (const column of columns) if (column.type.name === 'super') column.barred = true;
  }
}

function onCondition(node: Expression, join: string, environment: Environment): string {
  const { context } = environment;
  const before = context.subqueries;
  const { sql } = resolveCondition(node, { ...environment, clause: 'JOIN/ON', aggregates: false, windows: false });
  if (join !== 'inner' && context.subqueries > before)
    throw context.source.unsupported('a subquery in the ON clause of an outer join', node.at);
  const conditions = node.kind === 'logic' && node.operator === 'and' ? node.operands : [node];
  if (join === 'full' && !conditions.every((part) => part.kind === 'binary' && part.operator === '='))
    throw context.source.error('FULL JOIN is only supported with merge-joinable join conditions', node.at);
  return sql;
}

/** Names of the columns that both sides of a join have. */
function commonColumns(relations: readonly ScopeRelation[], between: number, at: number): Identifier[] {
  const namesOf = (side: readonly ScopeRelation[]) =>
    side.flatMap(({ columns }) => columns.filter(({ hidden }) => !hidden).map(({ name }) => name));
  const right = new Set(namesOf(relations.slice(between)));
  const common = new Set(namesOf(relations.slice(0, between)).filter((name) => right.has(name)));
  return [...common].map((text) => ({ text, quoted: true, at }));
}

/**
 * The columns of USING become one column each, before all others of both sides. In a full join that is the value of the
 * side that has one.
 * @param join `before` is the place of the left side's first relation, `between` that of the right side's
 */
function usingCondition(
  names: readonly Identifier[],
  join: Join['join'],
  { before, between }: { before: number; between: number },
  environment: Environment,
): string {
  const { context, scope } = environment;
  const joined: ScopeColumn[] = [];
  const conditions = names.map((identifier) => {
    const name = context.fold(identifier);
    const side = (relations: readonly ScopeRelation[]) => {
      const found = relations.flatMap(({ columns }) =>
        columns.filter((column) => column.name === name && !column.hidden),
      );
      if (found.length !== 1)
        throw context.source.error(`column "${name}" of USING must be on both sides once`, identifier.at);
      return found[0]!;
    };
    const a = side(scope.relations.slice(0, between));
    const b = side(scope.relations.slice(between));
    const [x, y] = comparable(a, b, environment, identifier.at, 'USING');
    if (join === 'full' && describe(a.type) !== describe(b.type))
      throw context.source.unsupported(
        `FULL JOIN with USING of ${describe(a.type)} and ${describe(b.type)}`,
        identifier.at,
      );
    joined.push(
      join === 'full' ? { name, type: a.type, sql: `coalesce(${a.sql}, ${b.sql})` } : { ...(join === 'right' ? b : a) },
    );
    a.hidden = true;
    b.hidden = true;
    return `${x} = ${y}`;
  });
  scope.relations.splice(before, 0, { alias: '', columns: joined });
  return `(${conditions.join(' and ')})`;
}
