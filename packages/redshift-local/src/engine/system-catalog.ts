import {
  columnComment,
  columnPart,
  comment,
  database,
  eachColumn,
  empty,
  encoding,
  isDistkey,
  isolationLevel,
  isTable,
  namespaces,
  part,
  relationId,
  sortPlace,
  style,
  view,
} from './catalog-parts';
import { clientViews } from './client-views';
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
} from './system-parts';

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
const shownStyle = `case ${style} when 'key' then 'KEY(' || ${part('keys.distkey')} || ')' when 'auto' then 'AUTO(ALL)' else upper(${style}) end`;

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
  columns: columns({ ...columnsByCatalog, domain_name: text(), remarks: text(256) }),
  query: `${columnsByCatalogQuery}, null::varchar as domain_name, remarks from (${allColumns})`,
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
  ...clientViews,
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
    'information_schema.routines',
    empty({
      specific_catalog: text(),
      specific_schema: text(),
      specific_name: text(),
      routine_catalog: text(),
      routine_schema: text(),
      routine_name: text(),
      routine_type: text(),
      data_type: text(),
      routine_body: text(),
      routine_definition: text(65_535),
      external_name: text(),
      external_language: text(),
    }),
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
        sortkey1_enc: char(32),
        sortkey_num: integer,
        size: bigint,
        pct_used: { name: 'decimal', precision: 10, scale: 4 },
        unsorted: { name: 'decimal', precision: 5, scale: 2 },
        stats_off: { name: 'decimal', precision: 5, scale: 2 },
        tbl_rows: { name: 'decimal', precision: 38, scale: 0 },
        skew_sortkey1: { name: 'decimal', precision: 19, scale: 2 },
        skew_rows: { name: 'decimal', precision: 19, scale: 2 },
      },
      `select ${database} as database, ${part('schema')} as schema, ${relationId()} as table_id, ${part('name')} as "table", 'Y, AUTO(ENCODE)' as encoded,
        ${shownStyle} as diststyle, ${part('keys.sortkey[0]')} as sortkey1,
        (select coalesce(max((v.value->>'$.type.length')::integer), 0) from json_each(r.body, '$.columns') as v where (v.value->>'$.type.name') = 'varchar') as max_varchar,
        null::varchar as sortkey1_enc, coalesce(json_array_length(r.body, '$.keys.sortkey'), 0)::integer as sortkey_num, null::bigint as size, null::decimal(10, 4) as pct_used,
        null::decimal(5, 2) as unsorted, null::decimal(5, 2) as stats_off, t.estimated_size::decimal(38, 0) as tbl_rows,
        null::decimal(19, 2) as skew_sortkey1, null::decimal(19, 2) as skew_rows
        from ${visibleRelations} as r join duckdb_tables() as t on t.schema_name = ${part('schema')} and t.table_name = ${part('name')}
        where ${part('kind')} <> 'view' and t.estimated_size > 0 and (${superuser} or ${part('owner')} = ${user})`,
    ),
  ],
  [
    'stv_mv_info',
    view(
      {
        db_name: char(128),
        schema: char(128),
        name: char(128),
        is_stale: char(1),
        owner_user_name: char(128),
        state: integer,
        autorewrite: char(1),
        autorefresh: char(1),
      },
      `select database_name as db_name, schema_name as schema, name, is_stale, user_name as owner_user_name, state, autorewrite, autorefresh from ${systemSchema}.svv_mv_info`,
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
