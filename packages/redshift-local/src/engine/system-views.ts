import { queryViews } from './query-history';
import { catalogViews, svvColumns } from './system-catalog';
import {
  bigint,
  boolean,
  char,
  columns,
  flag,
  integer,
  member,
  objects,
  type SystemView,
  isSuperuser as superuser,
  systemSchema,
  text,
  timestamp,
  user,
  visibleRelations,
  visibleSchemas,
} from './system-parts';

export { type SystemView, systemSchema } from './system-parts';

/** The user of a row, for views whose documented columns do not name it. */
const hiddenUser = columns({ user_id: integer });

/**
 * The system views of the local warehouse, after the Redshift developer guide. Columns without a meaning here are left
 * out, so that a query for them is refused. A regular user sees its own rows of the logs, and the entries of the
 * catalog that concern it ("Visibility of data in system tables and views" there).
 */
export const systemViews: ReadonlyMap<string, SystemView> = new Map<string, SystemView>([
  [
    'svv_tables',
    {
      columns: columns({
        table_catalog: text(),
        table_schema: text(),
        table_name: text(),
        table_type: text(),
        remarks: text(),
      }),
      query: `select getvariable('millrace_database')::varchar as table_catalog, ${member('schema')} as table_schema, ${member('name')} as table_name,
        case ${member('kind')} when 'table' then 'BASE TABLE' else 'VIEW' end as table_type, ${member('comment')} as remarks from ${visibleRelations}`,
    },
  ],
  ['svv_columns', svvColumns],
  [
    'svv_mv_info',
    {
      columns: columns({
        database_name: char(128),
        schema_name: char(128),
        user_name: char(128),
        name: char(128),
        is_stale: flag,
        state: integer,
        autorewrite: flag,
        autorefresh: flag,
      }),
      query: `with recursive versions as (select name, max((body->>'$.value')::bigint) as value from ${systemSchema}.objects where kind = 'version' group by name),
          views as (select name as id, body from ${systemSchema}.objects where kind = 'relation' and (body->>'$.kind') = 'materialized-view'),
          bases as (select v.id, b.key as base, b.value::bigint as seen from views as v, lateral (select key, value from json_each(v.body, '$.seen')) as b),
          stale(id) as (
            select b.id from bases as b left join versions as n on n.name = b.base where coalesce(n.value, 0) <> b.seen
            union select b.id from bases as b join stale as s on s.id = b.base)
        select getvariable('millrace_database')::varchar as database_name, ${member('schema')} as schema_name, ${member('owner')} as user_name, ${member('name')} as name,
          case when id in (select id from stale) or ${member('mutable')} = 'true' then 't' else 'f' end as is_stale,
          coalesce(${member('broken')}::integer, case when ${member('recomputeReason')} is null then 1 else 0 end)::integer as state, 'f' as autorewrite,
          case when ${member('autoRefresh')} = 'true' then 't' else 'f' end as autorefresh from views where ${superuser} or ${member('owner')} = ${user}`,
    },
  ],
  [
    'stv_mv_deps',
    {
      columns: columns({
        db_name: char(128),
        schema: char(128),
        name: char(128),
        ref_schema: char(128),
        ref_name: char(128),
        ref_database_name: char(128),
      }),
      query: `select getvariable('millrace_database')::varchar as db_name, ${member('schema')} as schema, ${member('name')} as name,
          (b.value->>'$.schema') as ref_schema, (b.value->>'$.name') as ref_name, getvariable('millrace_database')::varchar as ref_database_name
        from ${visibleRelations} as r, lateral (select value from json_each(r.body, '$.reads')) as b
        where ${member('kind')} = 'materialized-view' and exists (select 1 from ${systemSchema}.objects as m where m.kind = 'relation'
          and (m.body->>'$.kind') = 'materialized-view' and (m.body->>'$.schema') = (b.value->>'$.schema') and (m.body->>'$.name') = (b.value->>'$.name'))`,
    },
  ],
  [
    'svl_mv_refresh_status',
    {
      columns: columns({
        db_name: char(128),
        userid: bigint,
        schema_name: char(128),
        mv_name: char(128),
        xid: bigint,
        starttime: timestamp,
        endtime: timestamp,
        status: text(512),
        refresh_type: { name: 'char', length: 32 },
      }),
      query: `select database_name as db_name, user_id::bigint as userid, schema_name, mv_name, transaction_id as xid, start_time as starttime,
          end_time as endtime, status, refresh_type from ${systemSchema}.log_sys_mv_refresh_history
        where user_id = getvariable('millrace_user_id') or getvariable('millrace_superuser')`,
    },
  ],
  [
    'svv_external_schemas',
    {
      columns: columns({ schemaname: text(), databasename: text(), esoptions: text(4096) }),
      query: `select ${member('name')} as schemaname, null::varchar as databasename, json_object('IAM_ROLE', ${member('streamRoleArn')})::varchar as esoptions
        from ${visibleSchemas} where ${member('streamRoleArn')} is not null`,
    },
  ],
  [
    'svv_all_schemas',
    {
      columns: columns({ database_name: text(), schema_name: text(), schema_owner: integer, schema_type: text() }),
      query: `select getvariable('millrace_database')::varchar as database_name, ${member('name')} as schema_name, (select (u.body->>'$.id')::integer from ${systemSchema}.objects as u where u.kind = 'user' and u.name = (s.body->>'$.owner')) as schema_owner,
        case when ${member('streamRoleArn')} is null then 'local' else 'external' end as schema_type from ${visibleSchemas} as s`,
    },
  ],
  [
    'svv_user_info',
    {
      columns: columns({ user_name: text(), user_id: integer, createdb: boolean, superuser: boolean }),
      query: `select ${member('name')} as user_name, (${member('id')})::integer as user_id, (${member('superuser')})::boolean as createdb,
        (${member('superuser')})::boolean as superuser from ${objects('user')} where ${superuser} or ${member('name')} = ${user}`,
    },
  ],
  [
    'pg_user',
    {
      columns: columns({ usename: text(), usesysid: integer, usecreatedb: boolean, usesuper: boolean }),
      query: `select ${member('name')} as usename, (${member('id')})::integer as usesysid, (${member('superuser')})::boolean as usecreatedb,
        (${member('superuser')})::boolean as usesuper from ${objects('user')}`,
    },
  ],
  [
    'svv_relation_privileges',
    {
      columns: columns({
        namespace_name: text(),
        relation_name: text(),
        privilege_type: text(),
        identity_name: text(),
        identity_type: text(),
        admin_option: boolean,
      }),
      query: `select split_part(${member('object')}, '.', 1) as namespace_name, split_part(${member('object')}, '.', 2) as relation_name,
        upper(${member('privilege')}) as privilege_type, ${member('grantee')} as identity_name,
        case ${member('grantee')} when 'public' then 'public' else 'user' end as identity_type, false as admin_option
        from ${objects('grant')} where ${member('type')} = 'table' and (${superuser} or ${member('grantee')} in (${user}, 'public') or ${member('grantor')} = ${user})`,
    },
  ],
  // Grants on single columns are not modelled.
  [
    'svv_column_privileges',
    {
      columns: columns({
        namespace_name: text(),
        relation_name: text(),
        column_name: text(),
        privilege_type: text(),
        identity_name: text(),
        identity_type: text(),
      }),
      query: `select null::varchar as namespace_name, null::varchar as relation_name, null::varchar as column_name, null::varchar as privilege_type,
        null::varchar as identity_name, null::varchar as identity_type where false`,
    },
  ],
  [
    'sys_load_history',
    {
      columns: columns({
        user_id: integer,
        query_id: bigint,
        transaction_id: bigint,
        status: text(),
        database_name: text(),
        table_name: text(),
        start_time: timestamp,
        end_time: timestamp,
        data_source: text(65535),
        file_format: text(),
        loaded_rows: bigint,
        loaded_bytes: bigint,
        source_file_count: integer,
        error_count: bigint,
      }),
    },
  ],
  [
    'sys_load_detail',
    {
      columns: columns({
        user_id: integer,
        query_id: bigint,
        file_name: { name: 'char', length: 256 },
        bytes_scanned: integer,
        lines_scanned: integer,
        record_time: timestamp,
        splits_scanned: integer,
        start_time: timestamp,
        end_time: timestamp,
        file_etag: { name: 'char', length: 256 },
        file_last_modified: timestamp,
      }),
    },
  ],
  [
    'sys_load_error_detail',
    {
      columns: columns({
        user_id: integer,
        query_id: bigint,
        transaction_id: bigint,
        database_name: char(64),
        table_id: integer,
        start_time: timestamp,
        file_name: char(256),
        line_number: bigint,
        column_name: char(127),
        column_type: char(10),
        column_length: char(10),
        position: integer,
        error_code: integer,
        error_message: char(512),
      }),
    },
  ],
  [
    'stl_load_errors',
    {
      columns: columns({
        userid: integer,
        starttime: timestamp,
        query: integer,
        filename: { name: 'char', length: 256 },
        line_number: bigint,
        colname: { name: 'char', length: 127 },
        type: { name: 'char', length: 10 },
        err_code: integer,
        err_reason: { name: 'char', length: 100 },
      }),
      query: `select user_id as userid, start_time as starttime, query_id::integer as query, file_name as filename, line_number, column_name as colname,
        column_type as type, error_code as err_code, left(error_message, 100) as err_reason
        from ${systemSchema}.log_sys_load_error_detail where user_id = getvariable('millrace_user_id') or getvariable('millrace_superuser')`,
    },
  ],
  [
    'sys_unload_history',
    {
      columns: columns({
        user_id: integer,
        query_id: bigint,
        transaction_id: bigint,
        status: text(),
        database_name: text(),
        start_time: timestamp,
        end_time: timestamp,
        file_format: text(),
        compression_type: text(),
        unloaded_location: text(65535),
        unloaded_rows: bigint,
        unloaded_files_count: bigint,
        unloaded_files_size: bigint,
        error_message: text(512),
      }),
    },
  ],
  [
    'sys_mv_refresh_history',
    {
      columns: columns({
        user_id: integer,
        transaction_id: bigint,
        database_name: char(128),
        schema_name: char(128),
        mv_name: char(128),
        refresh_type: char(32),
        status: text(512),
        start_time: timestamp,
        end_time: timestamp,
        duration: bigint,
      }),
    },
  ],
  [
    'sys_stream_scan_states',
    {
      columns: columns({
        external_schema_name: char(128),
        stream_name: char(255),
        mv_name: char(128),
        transaction_id: bigint,
        query_id: bigint,
        record_time: timestamp,
        partition_id: char(128),
        latest_position: char(128),
        scanned_rows: bigint,
        skipped_rows: bigint,
        scanned_bytes: bigint,
        stream_record_time_min: timestamp,
        stream_record_time_max: timestamp,
      }),
      hidden: hiddenUser,
    },
  ],
  [
    'sys_stream_scan_errors',
    {
      columns: columns({
        external_schema_name: char(128),
        stream_name: char(255),
        mv_name: char(128),
        transaction_id: bigint,
        query_id: bigint,
        stream_timestamp: timestamp,
        record_time: timestamp,
        partition_id: char(128),
        position: char(128),
        error_code: integer,
        error_reason: char(128),
      }),
      hidden: hiddenUser,
    },
  ],
  ...catalogViews,
  ...queryViews,
]);
