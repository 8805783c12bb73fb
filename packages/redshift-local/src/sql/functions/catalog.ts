import { catalogIds, encodingNames, idOf } from '../object-ids';
import { isList, itemsOf, type List, listOf } from '../resolve/lists';
import { relationSql } from '../resolve/relation-sql';
import { quoteLiteral, type Value } from '../resolve/value';
import { boolean, integer, isInteger, varchar } from '../types';

import type { Call, FunctionEntry } from './call';
import { conditionalFunctions } from './number';

/**
 * Functions over the catalog that clients ask for when they list databases, relations and columns. They run on the leader
 * node only (https://docs.aws.amazon.com/redshift/latest/dg/c_SQL_functions_leader_node_only.html).
 */

const name = varchar(128);
const maxText = varchar(65_535);

/** The rows of a catalog view. */
function rowsOf(call: Call, view: string): string {
  const found = call.environment.context.catalog.find('pg_catalog', view);
  if (!found) throw call.unsupported(`function ${call.name} without ${view}`);
  return relationSql(found);
}

/** A column of the catalog view's row with this number. */
const lookup = (call: Call, view: string, column: string, oid: string, key = 'oid') =>
  `(select any_value(k.${column}) from ${rowsOf(call, view)} as k where k.${key} = ${oid})`;

/** An object's number: a number, or a number as text. */
function oid(call: Call, i: number): string {
  const { type, constant } = call.value(i);
  if (isInteger(type) || typeof constant === 'string') return call.integer(i);
  if (constant === null) return 'null';
  throw call.wrongType(i);
}

const entry = (
  count: readonly [number, number],
  emit: (call: Call) => { readonly sql: string; readonly type: Value['type'] },
): FunctionEntry => ({ arguments: count, node: 'leader', emit });

/** `'schema.name'::regclass` is the number of an object, and a number is the object's name. */
function named(view: string, column: string, shown: (call: Call, number: string) => string): FunctionEntry {
  return entry([1, 1], (call) => {
    const { constant } = call.value(0);
    if (typeof constant !== 'string' || /^\d+$/.test(constant))
      return { sql: `coalesce(${shown(call, oid(call, 0))}, cast(${oid(call, 0)} as varchar))`, type: name };
    const last = constant.replaceAll('"', '').split('.').at(-1)!;
    if (view === 'pg_class' && Object.hasOwn(catalogIds, last)) return { sql: String(catalogIds[last]), type: integer };
    return { sql: lookup(call, view, 'oid', quoteLiteral(last), column), type: integer };
  });
}

const isVisible = (call: Call) =>
  `exists (select 1 from ${rowsOf(call, 'pg_class')} as k join ${rowsOf(call, 'pg_namespace')} as n on n.oid = k.relnamespace
     where k.oid = ${oid(call, 0)} and (n.nspname in ('pg_catalog', 'pg_temp_1') or list_contains(getvariable('millrace_search_path'), n.nspname)))`;

const always = (sql: string, type: Value['type'], count: readonly [number, number] = [1, 1]): FunctionEntry =>
  entry(count, () => ({ sql, type }));

/** Type and length of a column as FORMAT_TYPE spells them. */
function formatType(call: Call): string {
  const number = oid(call, 0);
  const modifier = oid(call, 1);
  return `(case when ${number} is null then null else case ${number} when 16 then 'boolean' when 20 then 'bigint' when 21 then 'smallint' when 23 then 'integer' when 700 then 'real'
    when 701 then 'double precision' when 1082 then 'date' when 1083 then 'time without time zone' when 1114 then 'timestamp without time zone'
    when 1184 then 'timestamp with time zone' when 4000 then 'super' when 6551 then 'binary varying' when 26 then 'oid' when 19 then 'name'
    when 1042 then 'character' || coalesce('(' || (nullif(${modifier}, -1) - 4) || ')', '')
    when 1043 then 'character varying' || coalesce('(' || (nullif(${modifier}, -1) - 4) || ')', '')
    when 1700 then 'numeric' || coalesce('(' || (((nullif(${modifier}, -1) - 4) >> 16) & 65535) || ',' || ((nullif(${modifier}, -1) - 4) & 65535) || ')', '')
    else '???' end end)`;
}

/** An operator on bits. Its edges over the columns of tables are not modelled. */
const bits = (operator: string) =>
  entry([2, 2], (call) => {
    const { relations } = call.environment.scope;
    if (relations.length === 0 || relations.some(({ system }) => system === undefined))
      throw call.unsupported(`operator ${operator}`);
    return { sql: `(${call.integer(0)} ${operator} ${call.integer(1)})`, type: integer };
  });

const has = (type: string, column: string) =>
  entry([2, 3], (call) => {
    const isNamed = call.count === 3;
    const [user, object, privilege] = isNamed
      ? [call.text(0).sql, call.literal(1), call.literal(2)]
      : ["getvariable('millrace_user')", call.literal(0), call.literal(1)];
    return { sql: hasPrivilege(call, type, column, user, object, privilege.toLowerCase().trim()), type: boolean };
  });

/** True for a superuser, an owner, and who was granted the privilege, as the engine checks it. */
function hasPrivilege(
  call: Call,
  type: string,
  column: string,
  user: string,
  object: string,
  privilege: string,
): string {
  const objects = 'millrace_system.objects';
  const { catalog, source } = call.environment.context;
  let full = object.replaceAll('"', '').toLowerCase();
  if (type === 'table') {
    const [schema, relation] = full.includes('.') ? (full.split('.').slice(-2) as [string, string]) : [undefined, full];
    const found = catalog.find(schema, relation!);
    if (!found) throw source.error(`relation "${object}" does not exist`, call.node.at);
    if (found.kind === 'system-view') return privilege === 'select' ? 'true' : 'false';
    full = `${found.schema}.${found.name}`;
  }
  const key = quoteLiteral(full);
  return `(exists (select 1 from ${objects} as u where u.kind = 'user' and u.name = ${user} and (u.body->>'$.superuser') = 'true')
    or exists (select 1 from ${objects} as o where o.kind = '${column}' and o.name = ${key} and (o.body->>'$.owner') = ${user})
    or exists (select 1 from ${objects} as g where g.kind = 'grant' and (g.body->>'$.type') = '${type}' and (g.body->>'$.object') = ${key}
      and (g.body->>'$.privilege') = ${quoteLiteral(privilege)} and (g.body->>'$.grantee') in (${user}, 'public')))`;
}

/** An argument that is an array, as DuckDB list. */
function list(call: Call, i: number): { readonly sql: string; readonly type: List } {
  const { type, sql } = call.typed(i);
  if (!isList(type)) throw call.unsupported(`function ${call.name} of anything but an array of the catalog`);
  return { sql: itemsOf(sql, type), type };
}

/** `value = any (list)` */
function anyOf(call: Call): { readonly sql: string; readonly type: Value['type'] } {
  const { type } = call.value(1);
  if (!isList(type)) throw call.unsupported('ANY of anything but a query');
  const value = type.items === 'integer' ? call.integer(0) : call.text(0).sql;
  return { sql: `list_contains(${list(call, 1).sql}, ${value})`, type: boolean };
}

/** A constraint as ALTER TABLE ADD takes it. */
const constraintText = (call: Call) =>
  `(select any_value(k.millrace_definition) from ${rowsOf(call, 'pg_constraint')} as k where k.oid = ${oid(call, 0)})`;

export const catalogFunctions: Readonly<Record<string, FunctionEntry>> = {
  regclass: named('pg_class', 'relname', (call, number) => lookup(call, 'pg_class', 'relname', number)),
  /** The number of a function is made from its name, because none is listed. */
  regproc: entry([1, 1], (call) => {
    const name = call.literal(0).replaceAll('"', '').split('.').at(-1)!;
    return { sql: idOf('function', quoteLiteral(name)), type: integer };
  }),
  regtype: named('pg_type', 'typname', (call, number) => lookup(call, 'pg_type', 'typname', number)),
  regnamespace: named('pg_namespace', 'nspname', (call, number) => lookup(call, 'pg_namespace', 'nspname', number)),
  pg_get_userbyid: entry([1, 1], (call) => ({
    sql: `coalesce(${lookup(call, 'pg_user', 'usename', oid(call, 0), 'usesysid')}, 'unknown (OID=' || ${oid(call, 0)} || ')')`,
    type: name,
  })),
  pg_table_is_visible: entry([1, 1], (call) => ({ sql: isVisible(call), type: boolean })),
  pg_type_is_visible: always('true', boolean),
  pg_function_is_visible: always('true', boolean),
  pg_get_function_result: always('cast(null as varchar)', name),
  pg_get_function_arguments: always('cast(null as varchar)', name),
  pg_encoding_to_char: always(`'UTF8'`, name),
  pg_is_other_temp_schema: always('false', boolean),
  format_type: entry([2, 2], (call) => ({ sql: formatType(call), type: name })),
  /** Defaults are kept as text. */
  pg_get_expr: entry([2, 3], (call) => ({ sql: call.text(0).sql, type: maxText })),
  pg_get_viewdef: entry([1, 2], (call) => ({
    sql: `(select any_value(d.definition) from ${rowsOf(call, 'pg_views')} as d join ${rowsOf(call, 'pg_class')} as k on k.relname = d.viewname
      join ${rowsOf(call, 'pg_namespace')} as n on n.oid = k.relnamespace and n.nspname = d.schemaname where k.oid = ${oid(call, 0)})`,
    type: maxText,
  })),
  /** The column at a place of an index. The definition of the whole is not modelled. */
  pg_get_indexdef: entry([3, 3], (call) => ({
    sql: lookup(call, 'pg_attribute', 'attname', `${oid(call, 0)} and k.attnum = ${call.integer(1)}`, 'attrelid'),
    type: maxText,
  })),
  pg_get_constraintdef: entry([1, 2], (call) => ({ sql: constraintText(call), type: maxText })),
  /** The name of an encoding, which is its own number here. */
  format_encoding: entry([1, 1], (call) => ({
    sql: `list_extract([${encodingNames.map(quoteLiteral).join(', ')}], ${call.integer(0)} + 1)`,
    type: name,
  })),
  obj_description: entry([1, 2], (call) => ({
    sql: `(select any_value(k.description) from ${rowsOf(call, 'pg_description')} as k where k.objoid = ${oid(call, 0)} and k.objsubid = 0)`,
    type: maxText,
  })),
  col_description: entry([2, 2], (call) => ({
    sql: `(select any_value(k.description) from ${rowsOf(call, 'pg_description')} as k where k.objoid = ${oid(call, 0)} and k.objsubid = ${oid(call, 1)})`,
    type: maxText,
  })),
  /** An array is its text here, with braces around its items. */
  array_to_string: entry([2, 2], (call) => {
    return { sql: `array_to_string(${list(call, 0).sql}, ${call.text(1).sql})`, type: maxText };
  }),
  array_upper: entry([2, 2], (call) => {
    call.literalInteger(1, 1, 1);
    return { sql: `cast(nullif(len(${list(call, 0).sql}), 0) as integer)`, type: integer };
  }),
  'operator any': entry([2, 2], anyOf),
  /** NVL of two values. AWS does not document it, but its JDBC driver sends it in queries of the catalog. */
  isnull: entry([2, 2], (call) => conditionalFunctions.nvl!.emit(call)),
  current_schemas: entry([1, 1], (call) => {
    const implicit = `case when ${call.of(0, 'boolean').sql} then 'pg_catalog,' else '' end`;
    return {
      sql: `'{' || ${implicit} || array_to_string(getvariable('millrace_search_path'), ',') || '}'`,
      type: listOf('name'),
    };
  }),
  'operator >>': bits('>>'),
  'operator &': bits('&'),
  has_table_privilege: has('table', 'relation'),
  has_schema_privilege: has('schema', 'schema'),
  has_database_privilege: has('database', 'database'),
};
