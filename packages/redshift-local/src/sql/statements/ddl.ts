import type { IdentityColumn, Name, Relation, Statement, StoredKeys, TableColumn } from '../../statement';
import type { ColumnDefinition, Identifier, Reference, StatementNode, TableAttributes } from '../ast';
import { folded } from '../lexer';
import { Caster } from '../resolve/cast';
import { splitName, uniqueNames } from '../resolve/from';
import { environmentOf, resolveQuery } from '../resolve/query';
import { relationSql } from '../resolve/relation-sql';
import { type Context, Scope } from '../resolve/scope';
import { quoteIdentifier, quoteLiteral } from '../resolve/value';
import { describe, duckdbType, isInteger } from '../types';
import { nameOf, targetOf } from './change';
import { checkForeignKey, constraintsOf } from './keys';
import { newName, requireUnique, toColumns } from './shared';

type Node<K extends StatementNode['kind']> = StatementNode & { kind: K };

function createdName(parts: readonly Identifier[], temp: boolean, context: Context): { name: Name; sql: string } {
  if (temp && parts.length > 1) throw context.source.error('a temporary table has no schema', parts[0]!.at);
  const name = temp ? { name: context.fold(parts[0]!) } : newName(parts, context);
  return {
    name,
    sql: relationSql({ kind: temp ? 'temp-table' : 'table', schema: name.schema ?? '', name: name.name }),
  };
}

/** Checks the keys, which change no result. */
export function checkKeys(
  attributes: TableAttributes,
  columns: readonly { name: string; type: { name: string } }[],
  context: Context,
  others: readonly Identifier[] = [],
): void {
  const check = (identifier: Identifier, what?: string) => {
    const name = context.fold(identifier);
    const column = columns.find((candidate) => candidate.name === name);
    if (!column) throw context.source.error(`column "${name}" does not exist`, identifier.at);
    if (what && column.type.name === 'super')
      throw context.source.error(`column "${name}" of type super cannot be a ${what}`, identifier.at);
  };
  if (attributes.distkey) check(attributes.distkey, 'distribution key');
  for (const key of attributes.sortkey) check(key, 'sort key');
  for (const key of others) check(key);
  if (attributes.diststyle && attributes.diststyle !== 'key' && attributes.distkey)
    throw context.source.error('DISTKEY needs DISTSTYLE KEY', attributes.distkey.at);
}

export function tableColumn(column: ColumnDefinition, context: Context): TableColumn {
  const { type, notNull, identity } = column;
  let defaultValue: string | undefined;
  if (identity) {
    if (!isInteger(type) || type.name === 'smallint')
      throw context.source.error(
        `an identity column must be of type integer or bigint, not ${describe(type)}`,
        column.name.at,
      );
    if (column.defaultValue) throw context.source.error('an identity column has no default', column.name.at);
  }
  if (column.defaultValue) {
    const environment = environmentOf(context, new Scope(), 'DEFAULT');
    defaultValue = new Caster(context.source).cast(
      environment.resolve(column.defaultValue, environment),
      type,
      'assignment',
      column.defaultValue.at,
    ).sql;
  }
  return { name: context.fold(column.name), type, notNull: notNull || identity !== undefined, defaultValue, identity };
}

export const columnSql = ({ name, type, notNull, defaultValue }: TableColumn) =>
  `${quoteIdentifier(name)} ${duckdbType(type)}${defaultValue ? ` default (${defaultValue})` : ''}${notNull ? ' not null' : ''}`;

/** The sequence of an identity column, which is created and dropped with the table. */
export const identitySequence = (table: Name): string =>
  `${table.schema === undefined ? 'temp.main' : quoteIdentifier(table.schema)}.${quoteIdentifier(`${table.name} identity`)}`;

/** The sequence must exist before the table that takes values from it. */
function tableSql(
  node: { temp: boolean; ifNotExists: boolean },
  table: Name,
  sql: string,
  columns: readonly TableColumn[],
): string {
  const list = columns.map((column) => {
    const { identity } = column;
    return columnSql(
      identity ? { ...column, defaultValue: `nextval(${quoteLiteral(identitySequence(table))})` } : column,
    );
  });
  const { identity } = columns.find((column) => column.identity) ?? {};
  const exists = node.ifNotExists ? 'if not exists ' : '';
  const bounds =
    identity &&
    `start ${identity.seed} increment ${identity.step} minvalue ${least(identity)} maxvalue ${most(identity)}`;
  const sequence = bounds
    ? `create ${node.temp ? 'temp ' : ''}sequence ${exists}${identitySequence(table)} ${bounds}; `
    : '';
  return `${sequence}create ${node.temp ? 'temp ' : ''}table ${exists}${sql} (${list.join(', ')})`;
}

const least = ({ seed, step }: IdentityColumn) => (step > 0 ? seed : -(2 ** 53));
const most = ({ seed, step }: IdentityColumn) => (step > 0 ? 2 ** 53 : seed);

export function translateCreateTable(node: Node<'create-table'>, context: Context): Statement {
  const { name, sql } = createdName(node.table, node.temp, context);
  const primary = new Set(
    node.keys
      .filter(({ kind }) => kind === 'primary')
      .flatMap((key) => key.columns.map((column) => context.fold(column))),
  );
  const columns = node.columns.map((column) => {
    const described = tableColumn(column, context);
    return primary.has(described.name) ? { ...described, notNull: true } : described;
  });
  requireUnique(columns, context, node.at);
  const named = node.keys.flatMap((key) => key.columns);
  checkKeys(node.attributes, columns, context, named);
  for (const key of node.keys) checkForeignKey(key, name, context);
  for (const { name: column, type, distkey, sortkey } of node.columns) {
    if ((distkey || sortkey) && type.name === 'super')
      throw context.source.error(`column "${column.text}" of type super cannot be a key`, column.at);
  }
  if (columns.filter(({ identity }) => identity).length > 1)
    throw context.source.error('a table has one identity column at most', node.at);
  const duckdb = tableSql(node, name, sql, columns);
  const constraints = constraintsOf(node.keys, name, context);
  const keys = { ...keysOf(node.attributes, context, node.columns), ...(constraints.length > 0 && { constraints }) };
  return { kind: 'create-table', table: name, temp: node.temp, ifNotExists: node.ifNotExists, columns, keys, duckdb };
}

/** The keys for the catalog. They change no result. */
function keysOf(
  { diststyle, distkey, sortkey }: TableAttributes,
  context: Context,
  columns: readonly ColumnDefinition[] = [],
): StoredKeys {
  const named = (identifier: Identifier | undefined) => identifier && context.fold(identifier);
  const own = columns.find((column) => column.distkey)?.name;
  const sorted = sortkey.length > 0 ? sortkey : columns.filter((column) => column.sortkey).map(({ name }) => name);
  const encoded = columns.flatMap(({ name, encoding }) =>
    encoding && encoding !== 'auto' ? [[context.fold(name), encoding === 'raw' ? 'none' : encoding] as const] : [],
  );
  return {
    diststyle,
    distkey: named(distkey ?? own),
    sortkey: sorted.map((identifier) => context.fold(identifier)),
    ...(encoded.length > 0 && { encodings: Object.fromEntries(encoded) }),
  };
}

/**
 * Names, types and NOT NULL are copied from the parent, and defaults on request. Keys are not copied
 * (r_CREATE_TABLE_NEW).
 */
export function translateCreateTableLike(node: Node<'create-table-like'>, context: Context): Statement {
  const { name, sql } = createdName(node.table, node.temp, context);
  const parent = targetOf(node.like, context, 'create a table like');
  const columns = parent.columns.map(({ name: column, type, notNull = false, defaultValue, identity }): TableColumn => {
    if (identity) throw context.source.unsupported('LIKE of a table with an identity column', node.like[0]!.at);
    return { name: column, type, notNull, defaultValue: node.includingDefaults ? defaultValue : undefined };
  });
  const duckdb = tableSql(node, name, sql, columns);
  return { kind: 'create-table', table: name, temp: node.temp, ifNotExists: node.ifNotExists, columns, duckdb };
}

export function translateCreateTableAs(node: Node<'create-table-as'>, context: Context): Statement {
  const { name, sql } = createdName(node.table, node.temp, context);
  const query = resolveQuery(node.query, context);
  if (node.columns.length > 0 && node.columns.length !== query.columns.length) {
    throw context.source.error(
      `CREATE TABLE AS names ${node.columns.length} columns, its query has ${query.columns.length}`,
      node.at,
    );
  }
  const columns = toColumns(query.columns).map((column, i) => ({
    ...column,
    name: node.columns[i] ? context.fold(node.columns[i]!) : column.name,
  }));
  requireUnique(columns, context, node.at);
  checkKeys(node.attributes, columns, context);
  const given = query.columns.map((_, i) => `"c${i + 1}"`);
  // The casts give the table the declared types. Without them DuckDB would choose its own.
  const list = columns.map(
    ({ name: column, type }, i) => `cast(${given[i]} as ${duckdbType(type)}) as ${quoteIdentifier(column)}`,
  );
  const same = query.columns.every(
    ({ type, name: column }, i) => type.name === columns[i]!.type.name && column === columns[i]!.name,
  );
  const exact =
    same &&
    query.columns.every(({ type }) =>
      ['varchar', 'char', 'super', 'varbyte', 'boolean', 'date', 'timestamp'].includes(type.name),
    );
  const selected = exact ? query.sql : `select ${list.join(', ')} from (${query.sql}) as "new"(${given.join(', ')})`;
  return {
    kind: 'create-table-as',
    table: name,
    temp: node.temp,
    columns,
    keys: keysOf(node.attributes, context),
    duckdb: `create ${node.temp ? 'temp ' : ''}table ${sql} as ${selected}`,
  };
}

/** @param reference one of the statement's names */
export function translateDrop(node: Node<'drop'>, reference: Reference, context: Context): Statement {
  const { schema, name } = splitName(reference, context);
  const relation = context.catalog.find(schema, name);
  const kinds: Readonly<Record<typeof node.what, readonly Relation['kind'][]>> = {
    table: ['table', 'temp-table'],
    view: ['view'],
    'materialized view': ['materialized-view'],
  };
  if (!relation && !node.ifExists)
    throw context.source.error(`${node.what} "${name}" does not exist`, reference[0]!.at);
  if (relation && !kinds[node.what].includes(relation.kind))
    throw context.source.error(`"${name}" is not a ${node.what}`, reference[0]!.at);
  const dropped: Name = relation ? (relation.kind === 'temp-table' ? { name } : nameOf(relation)) : { schema, name };
  return { kind: 'drop', what: node.what, name: dropped, ifExists: node.ifExists, cascade: node.cascade };
}

export function translateCreateView(node: Node<'create-view'>, context: Context): Statement {
  if (node.late) return translateLateView(node, context);
  const query = resolveQuery(node.query, context);
  if (node.columns.length > query.columns.length)
    throw context.source.error(`view has ${query.columns.length} columns, got ${node.columns.length} names`, node.at);
  const columns = toColumns(query.columns).map((column, i) => ({
    ...column,
    name: node.columns[i] ? context.fold(node.columns[i]!) : column.name,
  }));
  requireUnique(columns, context, node.at);
  if (context.stream) throw context.source.unsupported('a view over a stream', node.at);
  if (context.traits.found.has('temporary table'))
    throw context.source.error('a view cannot read a temporary table', context.traits.found.get('temporary table')!);
  const renamed = `select * from (${query.sql}) as "view"(${uniqueNames(columns.map(({ name }) => name))
    .map(quoteIdentifier)
    .join(', ')})`;
  return {
    kind: 'create-view',
    view: newName(node.view, context),
    orReplace: node.orReplace,
    columns,
    reads: context.traits.reads,
    query: node.columns.length > 0 ? renamed : query.sql,
    text: context.source.text.slice(node.at, node.end),
  };
}

/** A late-binding view is stored as written. Whether it can be read is checked when it is read (r_CREATE_VIEW). */
function translateLateView(node: Node<'create-view'>, context: Context): Statement {
  const bare = unqualified(node.query, new Set());
  if (bare)
    throw context.source.error(
      `a view with no schema binding must name the schema of each relation it reads, "${bare.text}" has none`,
      bare.at,
    );
  if (node.columns.length > 0) throw context.source.unsupported('column names of a late-binding view', node.at);
  return {
    kind: 'create-view',
    view: newName(node.view, context),
    orReplace: node.orReplace,
    columns: [],
    reads: [],
    query: '',
    lateQuery: context.source.text.slice(node.queryAt, node.queryEnd),
    text: context.source.text.slice(node.at, node.end),
  };
}

/** The first relation without a schema that is not a common table. */
function unqualified(part: unknown, tables: ReadonlySet<string>): Identifier | undefined {
  if (typeof part !== 'object' || part === null) return undefined;
  if (Array.isArray(part)) {
    for (const each of part) {
      const found = unqualified(each, tables);
      if (found) return found;
    }
    return undefined;
  }
  const node = part as { kind?: string; name?: unknown; with?: readonly { name: Identifier }[] };
  if (node.kind === 'relation' && Array.isArray(node.name) && node.name.length === 1) {
    const [name] = node.name as Identifier[];
    return tables.has(folded(name!.text)) ? undefined : name;
  }
  const known = node.with?.length ? new Set([...tables, ...node.with.map(({ name }) => folded(name.text))]) : tables;
  return unqualified(Object.values(part), known);
}
