import type { ColumnInfo, RedshiftType } from '../statement';
import {
  bigint,
  boolean,
  char,
  columns,
  integer,
  type SystemView,
  isSuperuser as superuser,
  systemSchema,
  text,
  user,
  visibleRelations,
  visibleSchemas,
} from './system-parts';
import { typeIds } from './type-ids';

const smallint: RedshiftType = { name: 'smallint' };

/** Returns an object's number. It is made from the name, because the catalog has no other numbers. */
const idOf = (kind: string, name: string) => `cast(hash('${kind}/' || ${name}) % 1000000000 as integer) + 100000`;
const database = `getvariable('millrace_database')::varchar`;
/** https://docs.aws.amazon.com/redshift/latest/dg/r_STV_DB_ISOLATION_LEVEL.html */
const isolationLevel = `case when exists (select 1 from ${systemSchema}.objects as i where i.kind = 'database' and i.name = getvariable('millrace_database')
    and (i.body->>'$.isolation') = 'serializable') then 'Serializable' else 'Snapshot Isolation' end`;
const part = (path: string, of = 'r.body') => `(${of}->>'$.${path}')`;
const userId = (name: string) =>
  `(select (u.body->>'$.id')::integer from ${systemSchema}.objects as u where u.kind = 'user' and u.name = ${name})`;
const schemaId = (name: string) => idOf('schema', name);
const relationId = (of = 'r.body') => idOf('relation', `${part('schema', of)} || '.' || ${part('name', of)}`);
const eachColumn = (relations = visibleRelations) =>
  `${relations} as r, lateral (select key::integer + 1 as place, value as body from json_each(r.body, '$.columns')) as c`;
const columnPart = (path: string) => part(path, 'c.body');

/** A type as FORMAT_TYPE spells it. */
const spelledType = `case ${columnPart('type.name')} when 'varchar' then 'character varying(' || ${columnPart('type.length')} || ')'
  when 'char' then 'character(' || ${columnPart('type.length')} || ')' when 'varbyte' then 'binary varying(' || ${columnPart('type.length')} || ')'
  when 'decimal' then 'numeric(' || ${columnPart('type.precision')} || ',' || ${columnPart('type.scale')} || ')'
  when 'time' then 'time without time zone' when 'timestamp' then 'timestamp without time zone' when 'timestamptz' then 'timestamp with time zone' else ${columnPart('type.name')} end`;

/** A type as INFORMATION_SCHEMA spells it. */
const typeName = `case ${columnPart('type.name')} when 'varchar' then 'character varying' when 'char' then 'character' when 'decimal' then 'numeric'
  when 'varbyte' then 'binary varying' when 'time' then 'time without time zone' when 'timestamp' then 'timestamp without time zone' when 'timestamptz' then 'timestamp with time zone'
  else ${columnPart('type.name')} end`;
const precision = `coalesce(${columnPart('type.precision')}::integer, case ${columnPart('type.name')} when 'smallint' then 16 when 'integer' then 32 when 'bigint' then 64 end)`;
const scale = `coalesce(${columnPart('type.scale')}::integer, case when ${columnPart('type.name')} in ('smallint', 'integer', 'bigint') then 0 end)`;
const nullable = `case when ${columnPart('notNull')} = 'true' then 'NO' else 'YES' end`;
const isTable = `${part('kind')} = 'table'`;
const comment = part('comment');
const columnComment = `json_extract_string(r.body, '$.columnComments."' || ${columnPart('name')} || '"')`;

/**
 * A column's encoding: the given one, or Redshift's default
 * (https://docs.aws.amazon.com/redshift/latest/dg/c_Compression_encodings.html).
 */
const encoding = `coalesce(json_extract_string(r.body, '$.keys.encodings."' || ${columnPart('name')} || '"'),
  case when coalesce(list_contains(cast(r.body->'$.keys.sortkey' as varchar[]), ${columnPart('name')}), false) then 'none'
    when ${columnPart('type.name')} in ('boolean', 'real', 'double precision') then 'none'
    when ${columnPart('type.name')} in ('smallint', 'integer', 'bigint', 'decimal', 'date', 'timestamp', 'timestamptz') then 'az64'
    when ${columnPart('type.name')} in ('char', 'varchar', 'varbyte') then 'lzo' else 'zstd' end)`;
const sortPlace = `coalesce(list_position(cast(r.body->'$.keys.sortkey' as varchar[]), ${columnPart('name')}), 0)::integer`;
const isDistkey = `coalesce(${part('keys.distkey')} = ${columnPart('name')}, false)`;

const typeId = `case ${columnPart('type.name')} ${typeIds.map(([oid, , type]) => `when '${type}' then ${oid}`).join(' ')} end`;

const ownSchemas = `select 'pg_catalog' as name union all select 'information_schema'`;
const namespaces = `(select ${part('name', 's.body')} as name, ${userId(part('owner', 's.body'))} as owner from ${visibleSchemas} as s
  union all select name, 1 from (${ownSchemas}))`;
const style = `coalesce(${part('keys.diststyle')}, case when ${part('keys.distkey')} is not null then 'key' else 'auto' end)`;
const shownStyle = `case ${style} when 'key' then 'KEY(' || ${part('keys.distkey')} || ')' when 'auto' then 'AUTO(ALL)' else upper(${style}) end`;

const view = (types: Record<string, RedshiftType>, query: string): SystemView => ({
  columns: columns(types),
  query,
  inline: true,
});
const empty = (types: Record<string, RedshiftType>): SystemView => {
  const list = Object.entries(types).map(([name, type]) => `null::${duckdbName(type)} as "${name}"`);
  return view(types, `select ${list.join(', ')} where false`);
};
const duckdbName = (type: ColumnInfo['type']) =>
  type.name === 'varchar' || type.name === 'char' ? 'varchar' : type.name;

const allTables = (
  kind: (of: string) => string,
) => `select ${database} as database_name, ${part('schema')} as schema_name, ${part('name')} as table_name,
  ${kind(part('kind'))} as table_type, null::varchar as table_acl, ${comment} as remarks`;
const allColumns = `select ${database} as database_name, ${part('schema')} as schema_name, ${part('name')} as table_name, ${columnPart('name')} as column_name,
  c.place as ordinal_position, ${columnPart('defaultValue')} as column_default, ${nullable} as is_nullable, ${typeName} as data_type,
  ${columnPart('type.length')}::integer as character_maximum_length, ${precision}::integer as numeric_precision, ${scale}::integer as numeric_scale, ${columnComment} as remarks
  from ${eachColumn()}`;
/** What all system views of columns say of one, beside the names of its database and schema. */
const columnFacts = {
  table_name: text(),
  column_name: text(),
  ordinal_position: integer,
  column_default: text(4000),
  is_nullable: text(3),
  data_type: text(),
  character_maximum_length: integer,
  numeric_precision: integer,
  numeric_scale: integer,
};
const columnsOfAll = { database_name: text(), schema_name: text(), ...columnFacts, remarks: text(256) };
const columnsByCatalog = { table_catalog: text(), table_schema: text(), ...columnFacts };
const columnsByCatalogQuery = `select database_name as table_catalog, schema_name as table_schema, table_name, column_name, ordinal_position, column_default, is_nullable, data_type,
  character_maximum_length, numeric_precision, numeric_scale`;
/** SVV_COLUMNS, with the facts that the other views of columns have. */
export const svvColumns: SystemView = {
  columns: columns({ ...columnsByCatalog, remarks: text(256) }),
  query: `${columnsByCatalogQuery}, remarks from (${allColumns})`,
};
const tableOrView = (kind: string) => `case ${kind} when 'table' then 'TABLE' else 'VIEW' end`;

/**
 * The catalog views that tools read: PG_*, INFORMATION_SCHEMA and the SVV views of relations. They are queries over the
 * engine's catalog, and are built when they are read.
 */
export const catalogViews: readonly (readonly [name: string, view: SystemView])[] = [
  [
    'pg_table_def',
    view(
      {
        schemaname: text(),
        tablename: text(),
        column: text(),
        type: text(),
        encoding: char(32),
        distkey: boolean,
        sortkey: integer,
        notnull: boolean,
      },
      `select ${part('schema')} as schemaname, ${part('name')} as tablename, ${columnPart('name')} as "column", ${spelledType} as type,
        ${encoding} as encoding, ${isDistkey} as distkey, ${sortPlace} as sortkey, coalesce(${columnPart('notNull')} = 'true', false) as notnull
        from ${eachColumn()} where ${isTable} and list_contains(getvariable('millrace_search_path'), ${part('schema')})`,
    ),
  ],
  [
    'pg_tables',
    view(
      {
        schemaname: text(),
        tablename: text(),
        tableowner: text(),
        tablespace: text(),
        hasindexes: boolean,
        hasrules: boolean,
        hastriggers: boolean,
      },
      `select ${part('schema')} as schemaname, ${part('name')} as tablename, ${part('owner')} as tableowner, null::varchar as tablespace,
        false as hasindexes, false as hasrules, false as hastriggers from ${visibleRelations} as r where ${isTable}`,
    ),
  ],
  [
    'pg_views',
    view(
      { schemaname: text(), viewname: text(), viewowner: text(), definition: text(65535) },
      `select ${part('schema')} as schemaname, ${part('name')} as viewname, ${part('owner')} as viewowner, ${part('text')} as definition
        from ${visibleRelations} as r where not ${isTable}`,
    ),
  ],
  [
    'pg_namespace',
    view(
      { oid: integer, nspname: text(), nspowner: integer },
      `select ${schemaId('n.name')} as oid, n.name as nspname, n.owner as nspowner from ${namespaces} as n`,
    ),
  ],
  [
    'pg_class',
    view(
      { oid: integer, relname: text(), relnamespace: integer, relowner: integer, relkind: char(1), relnatts: smallint },
      `select ${relationId()} as oid, ${part('name')} as relname, ${schemaId(part('schema'))} as relnamespace, ${userId(part('owner'))} as relowner,
        case ${part('kind')} when 'table' then 'r' else 'v' end as relkind, json_array_length(r.body, '$.columns')::smallint as relnatts from ${visibleRelations} as r`,
    ),
  ],
  [
    'pg_attribute',
    view(
      {
        attrelid: integer,
        attname: text(),
        atttypid: integer,
        attnum: smallint,
        attnotnull: boolean,
        atthasdef: boolean,
        attisdropped: boolean,
      },
      `select ${relationId()} as attrelid, ${columnPart('name')} as attname, ${typeId} as atttypid, c.place::smallint as attnum,
        coalesce(${columnPart('notNull')} = 'true', false) as attnotnull, ${columnPart('defaultValue')} is not null as atthasdef, false as attisdropped from ${eachColumn()}`,
    ),
  ],
  [
    'pg_type',
    view(
      { oid: integer, typname: text() },
      `select * from (values ${typeIds.map(([oid, name]) => `(${oid}, '${name}')`).join(', ')}) as t(oid, typname)`,
    ),
  ],
  [
    'pg_database',
    view({ oid: integer, datname: text() }, `select ${idOf('database', database)} as oid, ${database} as datname`),
  ],
  [
    'pg_description',
    view(
      { objoid: integer, objsubid: integer, description: text(65535) },
      `select ${relationId()} as objoid, 0 as objsubid, ${comment} as description from ${visibleRelations} as r where ${comment} is not null
        union all select ${relationId()}, c.place, ${columnComment} from ${eachColumn()} where ${columnComment} is not null`,
    ),
  ],
  ['pg_group', empty({ groname: text(), grosysid: integer })],
  [
    'information_schema.schemata',
    view(
      { catalog_name: text(), schema_name: text(), schema_owner: text() },
      `select ${database} as catalog_name, n.name as schema_name, coalesce((select u.name from ${systemSchema}.objects as u where u.kind = 'user' and (u.body->>'$.id')::integer = n.owner), 'rdsdb') as schema_owner
        from ${namespaces} as n`,
    ),
  ],
  [
    'information_schema.tables',
    view(
      { table_catalog: text(), table_schema: text(), table_name: text(), table_type: text() },
      `select ${database} as table_catalog, ${part('schema')} as table_schema, ${part('name')} as table_name,
        case ${part('kind')} when 'table' then 'BASE TABLE' else 'VIEW' end as table_type from ${visibleRelations} as r`,
    ),
  ],
  ['information_schema.columns', view(columnsByCatalog, `${columnsByCatalogQuery} from (${allColumns})`)],
  [
    'information_schema.views',
    view(
      { table_catalog: text(), table_schema: text(), table_name: text(), view_definition: text(65535) },
      `select ${database} as table_catalog, ${part('schema')} as table_schema, ${part('name')} as table_name, ${part('text')} as view_definition
        from ${visibleRelations} as r where not ${isTable}`,
    ),
  ],
  [
    'svv_all_tables',
    view(
      {
        database_name: text(),
        schema_name: text(),
        table_name: text(),
        table_type: text(),
        table_acl: text(),
        remarks: text(),
      },
      `${allTables(tableOrView)} from ${visibleRelations} as r`,
    ),
  ],
  ['svv_all_columns', view(columnsOfAll, allColumns)],
  [
    'svv_redshift_tables',
    view(
      {
        database_name: text(),
        schema_name: text(),
        table_name: text(),
        table_type: text(),
        table_acl: text(),
        remarks: text(),
        table_owner: text(),
      },
      `${allTables(tableOrView)}, ${part('owner')} as table_owner from ${visibleRelations} as r`,
    ),
  ],
  ['svv_redshift_columns', view(columnsOfAll, allColumns)],
  [
    'svv_redshift_schemas',
    view(
      { database_name: text(), schema_name: text(), schema_owner: integer, schema_type: text() },
      `select ${database} as database_name, n.name as schema_name, n.owner as schema_owner, 'local' as schema_type from ${namespaces} as n`,
    ),
  ],
  [
    'svv_redshift_databases',
    view(
      {
        database_name: text(),
        database_owner: integer,
        database_type: text(),
        database_acl: text(),
        database_options: text(),
        database_isolation_level: text(),
      },
      `select ${database} as database_name, (select min((u.body->>'$.id')::integer) from ${systemSchema}.objects as u where u.kind = 'user' and (u.body->>'$.superuser') = 'true') as database_owner,
        'local' as database_type, null::varchar as database_acl, null::varchar as database_options, ${isolationLevel} as database_isolation_level`,
    ),
  ],
  [
    'stv_db_isolation_level',
    view(
      { db_name: char(128), isolation_level: char(20) },
      `select ${database} as db_name, ${isolationLevel} as isolation_level`,
    ),
  ],
  [
    'svv_table_info',
    view(
      {
        database: text(),
        schema: text(),
        table_id: integer,
        table: text(),
        encoded: text(),
        diststyle: text(),
        sortkey1: text(),
        max_varchar: integer,
        sortkey_num: integer,
        size: bigint,
        pct_used: { name: 'decimal', precision: 10, scale: 4 },
        unsorted: { name: 'decimal', precision: 5, scale: 2 },
        stats_off: { name: 'decimal', precision: 5, scale: 2 },
        tbl_rows: { name: 'decimal', precision: 38, scale: 0 },
      },
      `select ${database} as database, ${part('schema')} as schema, ${relationId()} as table_id, ${part('name')} as "table", 'Y, AUTO(ENCODE)' as encoded,
        ${shownStyle} as diststyle, ${part('keys.sortkey[0]')} as sortkey1,
        (select coalesce(max((v.value->>'$.type.length')::integer), 0) from json_each(r.body, '$.columns') as v where (v.value->>'$.type.name') = 'varchar') as max_varchar,
        coalesce(json_array_length(r.body, '$.keys.sortkey'), 0)::integer as sortkey_num, null::bigint as size, null::decimal(10, 4) as pct_used,
        null::decimal(5, 2) as unsorted, null::decimal(5, 2) as stats_off, t.estimated_size::decimal(38, 0) as tbl_rows
        from ${visibleRelations} as r join duckdb_tables() as t on t.schema_name = ${part('schema')} and t.table_name = ${part('name')}
        where ${part('kind')} <> 'view' and t.estimated_size > 0 and (${superuser} or ${part('owner')} = ${user})`,
    ),
  ],
  [
    'svv_external_tables',
    empty({ schemaname: text(), tablename: text(), location: text(), input_format: text(), output_format: text() }),
  ],
  [
    'svv_external_columns',
    empty({
      schemaname: text(),
      tablename: text(),
      columnname: text(),
      external_type: text(),
      columnnum: integer,
      part_key: integer,
    }),
  ],
];
