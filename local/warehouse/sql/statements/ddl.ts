import type { Name, Relation, Statement, TableColumn } from '../../statement';
import type { ColumnDefinition, Identifier, StatementNode, TableAttributes } from '../ast';
import { Caster } from '../resolve/cast';
import { relationSql, splitName, uniqueNames } from '../resolve/from';
import { environmentOf, resolveQuery } from '../resolve/query';
import { type Context, Scope } from '../resolve/scope';
import { quoteIdentifier } from '../resolve/value';
import { duckdbType } from '../types';
import { nameOf, targetOf } from './change';
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

/** Keys are checked and then forgotten: they change no result. */
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

function tableColumn(column: ColumnDefinition, context: Context): TableColumn {
  const { type, notNull } = column;
  let defaultValue: string | undefined;
  if (column.defaultValue) {
    const environment = environmentOf(context, new Scope(), 'DEFAULT');
    defaultValue = new Caster(context.source).cast(
      environment.resolve(column.defaultValue, environment),
      type,
      'assignment',
      column.defaultValue.at,
    ).sql;
  }
  return { name: context.fold(column.name), type, notNull, defaultValue };
}

const columnSql = ({ name, type, notNull, defaultValue }: TableColumn) =>
  `${quoteIdentifier(name)} ${duckdbType(type)}${defaultValue ? ` default (${defaultValue})` : ''}${notNull ? ' not null' : ''}`;

export function translateCreateTable(node: Node<'create-table'>, context: Context): Statement {
  const { name, sql } = createdName(node.table, node.temp, context);
  const keys = new Set(node.keys.map((key) => context.fold(key)));
  const columns = node.columns.map((column) => {
    const described = tableColumn(column, context);
    return keys.has(described.name) ? { ...described, notNull: true } : described;
  });
  requireUnique(columns, context, node.at);
  checkKeys(node.attributes, columns, context, node.keys);
  for (const { name: column, type, distkey, sortkey } of node.columns) {
    if ((distkey || sortkey) && type.name === 'super')
      throw context.source.error(`column "${column.text}" of type super cannot be a key`, column.at);
  }
  const duckdb = `create ${node.temp ? 'temp ' : ''}table ${node.ifNotExists ? 'if not exists ' : ''}${sql} (${columns.map(columnSql).join(', ')})`;
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
  // The declared types make the table; without them DuckDB would choose its own.
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
    duckdb: `create ${node.temp ? 'temp ' : ''}table ${sql} as ${selected}`,
  };
}

export function translateAddColumn(node: Node<'add-column'>, context: Context): Statement {
  const relation = targetOf(node.table, context, 'alter');
  const column = tableColumn(node.column, context);
  requireUnique([...relation.columns, column], context, node.column.name.at);
  // Redshift wants a default for a column that may not be null; DuckDB cannot add such a column at all.
  if (column.notNull) throw context.source.unsupported('ADD COLUMN with NOT NULL', node.column.name.at);
  const duckdb = `alter table ${relationSql(relation)} add column ${columnSql(column)}`;
  return { kind: 'add-column', table: nameOf(relation), column, duckdb };
}

export function translateDrop(node: Node<'drop'>, context: Context): Statement {
  const { schema, name } = splitName(node.name, context);
  const relation = context.catalog.find(schema, name);
  const kinds: Readonly<Record<typeof node.what, readonly Relation['kind'][]>> = {
    table: ['table', 'temp-table'],
    view: ['view'],
    'materialized view': ['materialized-view'],
  };
  if (!relation && !node.ifExists)
    throw context.source.error(`${node.what} "${name}" does not exist`, node.name[0]!.at);
  if (relation && !kinds[node.what].includes(relation.kind))
    throw context.source.error(`"${name}" is not a ${node.what}`, node.name[0]!.at);
  const dropped: Name = relation ? (relation.kind === 'temp-table' ? { name } : nameOf(relation)) : { schema, name };
  return { kind: 'drop', what: node.what, name: dropped, ifExists: node.ifExists, cascade: node.cascade };
}

/** A materialized view is created from a query that can be maintained; `why` it can't be maintained incrementally is Redshift's own list. */
export function translateCreateView(node: Node<'create-view'>, context: Context): Statement {
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
