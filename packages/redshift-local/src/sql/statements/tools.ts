import type { Statement } from '../../statement';
import type { StatementNode } from '../ast';
import { Source } from '../lexer';
import { openText } from '../parser/open';
import { parseQuery } from '../parser/query';
import { findRelation } from '../resolve/from';
import { resolveQuery } from '../resolve/query';
import { Context } from '../resolve/scope';
import { quoteLiteral } from '../resolve/value';
import { settings } from '../settings';
import { varchar } from '../types';
import { columnOf, nameOf } from './change';
import { toColumns } from './shared';

type Node<K extends StatementNode['kind']> = StatementNode & { kind: K };

export function translateComment({ relation, column, text }: Node<'comment'>, context: Context): Statement {
  const found = findRelation(relation, context);
  if (found.kind === 'system-view' || found.kind === 'temp-table')
    throw context.source.unsupported(`COMMENT ON a ${found.kind.replace('-', ' ')}`, relation[0]!.at);
  const name = column && columnOf(found, column, context).name;
  return { kind: 'comment', relation: nameOf(found), column: name, text };
}

/** ANALYZE and VACUUM change no result. Only the objects that they name must exist. */
export function translateMaintain({ verb, table, columns }: Node<'maintain'>, context: Context): Statement {
  if (!table) return { kind: 'maintain', verb };
  const found = findRelation(table, context);
  if (found.kind === 'view' || found.kind === 'system-view')
    throw context.source.error(`cannot ${verb} "${found.name}": it is not a table`, table[0]!.at);
  for (const column of columns) columnOf(found, column, context);
  return { kind: 'maintain', verb, table: nameOf(found) };
}

/** The value of a setting, as a query (https://docs.aws.amazon.com/redshift/latest/dg/r_SHOW.html). */
export function translateShow({ name, at }: Node<'show'>, context: Context): Statement {
  const value = context.catalog.setting?.(name) ?? settings[name]?.standard;
  if (value === undefined || !Object.hasOwn(settings, name)) throw context.source.unsupported(`setting ${name}`, at);
  return { kind: 'query', duckdb: `select ${quoteLiteral(value)}`, columns: [{ name, type: varchar(256) }] };
}

const pattern = (column: string, like: string | undefined) =>
  like === undefined ? '' : ` and ${column} like '${like.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

/** SHOW DATABASES and related statements, as queries of the system views that their pages name. */
export function translateShowObjects(node: Node<'show-objects'>, context: Context): Statement {
  const sql = queryOf(node, context);
  const inner = new Context(context.catalog, new Source(sql), {}, context.depth);
  const { sql: duckdb, columns } = resolveQuery(parseQuery(openText(inner.source)), inner);
  return { kind: 'query', duckdb, columns: toColumns(columns) };
}

function queryOf({ what, in: parts, like, limit }: Node<'show-objects'>, context: Context): string {
  const names = parts.map((part) => context.fold(part));
  const { source, catalog } = context;
  const at = parts[0]?.at ?? 0;
  const ofDatabase = (database: string | undefined) => {
    if (database !== undefined && database !== catalog.database)
      throw source.unsupported('SHOW of another database', at);
  };
  const text = (name: string) => `'${name.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
  const most = limit === undefined ? '' : ` limit ${limit}`;
  switch (what) {
    case 'databases':
      return `select database_name, database_owner, database_type, database_acl, null::varchar as parameters from svv_redshift_databases where true${pattern('database_name', like)} order by 1${most}`;
    case 'schemas':
      ofDatabase(names[0]);
      return `select database_name, schema_name, schema_owner, schema_type, null::varchar as schema_acl from svv_all_schemas where true${pattern('schema_name', like)} order by 1, 2${most}`;
    case 'tables': {
      if (names.length === 2) ofDatabase(names[0]);
      return `select database_name, schema_name, table_name, table_type, table_acl, remarks from svv_all_tables where schema_name = ${text(names.at(-1)!)}${pattern('table_name', like)} order by 1, 2, 3${most}`;
    }
    case 'columns': {
      if (names.length === 3) ofDatabase(names[0]);
      if (names.length < 2) throw source.error('SHOW COLUMNS FROM TABLE needs a schema and a table', at);
      const [schema, table] = names.slice(-2);
      return `select database_name, schema_name, table_name, column_name, ordinal_position, column_default, is_nullable, data_type, character_maximum_length, numeric_precision, remarks from svv_all_columns where schema_name = ${text(schema!)} and table_name = ${text(table!)}${pattern('column_name', like)} order by 5${most}`;
    }
    case 'view': {
      const { kind, schema, name } = findRelation(parts, context);
      if (kind !== 'view' && kind !== 'materialized-view') throw source.error(`"${name}" is not a view`, at);
      return `select view_definition as "Show View DDL statement" from information_schema.views where table_schema = ${text(schema)} and table_name = ${text(name)}`;
    }
  }
}

/** A user's sessions can begin with one setting that changes results here. */
export function settingOfUser(node: Node<'set'>, context: Context): { caseSensitive: boolean | undefined } {
  const { name, value } = translateSet(node, context);
  if (name !== 'enable_case_sensitive_identifier')
    throw context.source.unsupported(`ALTER USER SET ${name}`, node.nameAt);
  return { caseSensitive: node.values === undefined ? undefined : value === 'on' };
}

/** Checks the new value of a setting and returns it as SHOW displays it. */
export function translateSet(
  { name, values, nameAt, valueAt }: Node<'set'>,
  context: Context,
): Extract<Statement, { kind: 'set' }> {
  const { source } = context;
  if (name === 'all') return { kind: 'set', name, value: '' };
  const setting = Object.hasOwn(settings, name) ? settings[name] : undefined;
  if (!setting) throw source.unsupported(`setting ${name}`, nameAt);
  if (values === undefined) return { kind: 'set', name, value: setting.standard };
  const given = values.join(', ');
  const low = given.toLowerCase();
  if (setting.taken === 'any') return { kind: 'set', name, value: name === 'search_path' ? low : given };
  if (setting.taken === 'number') {
    if (!/^\d{1,9}$/.test(given)) throw source.error(`parameter "${name}" requires an integer value`, valueAt);
    return { kind: 'set', name, value: given };
  }
  const word =
    ({ true: 'on', false: 'off', yes: 'on', no: 'off', 1: 'on', 0: 'off' } as Record<string, string>)[low] ?? low;
  if (setting.taken === 'switch') {
    if (word !== 'on' && word !== 'off') throw source.error(`parameter "${name}" requires a Boolean value`, valueAt);
    return { kind: 'set', name, value: word };
  }
  if (!setting.taken.includes(word)) throw source.unsupported(`setting ${name} to ${given}`, valueAt);
  return { kind: 'set', name, value: name === 'timezone' ? 'UTC' : setting.standard };
}
