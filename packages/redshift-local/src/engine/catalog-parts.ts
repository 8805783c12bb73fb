import { encodingNames, idOf } from '../sql/object-ids';
import type { ColumnInfo, RedshiftType } from '../statement';
import {
  columns,
  type SystemView,
  systemSchema,
  temporaryName,
  temporaryVariable,
  visibleRelations,
  visibleSchemas,
} from './system-parts';
import { typeIds } from './type-ids';

export { idOf };

/** Parts of the queries behind the views of the catalog. Their rows are those of the engine's own catalog. */

export const smallint: RedshiftType = { name: 'smallint' };

export const database = `getvariable('millrace_database')::varchar`;
/** https://docs.aws.amazon.com/redshift/latest/dg/r_STV_DB_ISOLATION_LEVEL.html */
export const isolationLevel = `case when exists (select 1 from ${systemSchema}.objects as i where i.kind = 'database' and i.name = getvariable('millrace_database')
    and (i.body->>'$.isolation') = 'serializable') then 'Serializable' else 'Snapshot Isolation' end`;
export const part = (path: string, of = 'r.body') => `(${of}->>'$.${path}')`;
export const userId = (name: string) =>
  `(select (u.body->>'$.id')::integer from ${systemSchema}.objects as u where u.kind = 'user' and u.name = ${name})`;
export const schemaId = (name: string) => idOf('schema', name);
export const relationId = (of = 'r.body') => idOf('relation', `${part('schema', of)} || '.' || ${part('name', of)}`);
export const eachColumn = (relations = visibleRelations) =>
  `${relations} as r, lateral (select key::integer + 1 as place, value as body from json_each(r.body, '$.columns')) as c`;
export const columnPart = (path: string) => part(path, 'c.body');

export const isTable = `${part('kind')} = 'table'`;
export const comment = part('comment');
export const columnComment = `json_extract_string(r.body, '$.columnComments."' || ${columnPart('name')} || '"')`;

export const sortPlace = `coalesce(list_position(cast(r.body->'$.keys.sortkey' as varchar[]), ${columnPart('name')}), 0)::integer`;
export const isDistkey = `coalesce(${part('keys.distkey')} = ${columnPart('name')}, false)`;

/**
 * A column's encoding: the given one, or Redshift's default
 * (https://docs.aws.amazon.com/redshift/latest/dg/c_Compression_encodings.html).
 */
export const encoding = `coalesce(json_extract_string(r.body, '$.keys.encodings."' || ${columnPart('name')} || '"'),
  case when coalesce(list_contains(cast(r.body->'$.keys.sortkey' as varchar[]), ${columnPart('name')}), false) then 'none'
    when ${columnPart('type.name')} in ('boolean', 'real', 'double precision') then 'none'
    when ${columnPart('type.name')} in ('smallint', 'integer', 'bigint', 'decimal', 'date', 'timestamp', 'timestamptz') then 'az64'
    when ${columnPart('type.name')} in ('char', 'varchar', 'varbyte') then 'lzo' else 'zstd' end)`;
export const encodingId = `coalesce(list_position([${encodingNames.map((name) => `'${name}'`).join(', ')}], ${encoding}) - 1, 0)::integer`;
export const style = `coalesce(${part('keys.diststyle')}, case when ${part('keys.distkey')} is not null then 'key' else 'auto' end)`;

export const typeId = `case ${columnPart('type.name')} ${typeIds.map(([oid, , type]) => `when '${type}' then ${oid}`).join(' ')} end`;

export const ownSchemas = `select 'pg_catalog' as name union all select 'information_schema'`;
export const namespaces = `(select ${part('name', 's.body')} as name, ${userId(part('owner', 's.body'))} as owner from ${visibleSchemas} as s
  union all select name, 1 from (${ownSchemas})
  union all select '${temporaryName}', getvariable('millrace_user_id')::integer where json_array_length(getvariable('${temporaryVariable}')::json) > 0)`;
export const view = (types: Record<string, RedshiftType>, query: string): SystemView => ({
  columns: columns(types),
  query,
  inline: true,
});
export const empty = (types: Record<string, RedshiftType>): SystemView => {
  const list = Object.entries(types).map(([name, type]) => `null::${duckdbName(type)} as "${name}"`);
  return view(types, `select ${list.join(', ')} where false`);
};
export const duckdbName = (type: ColumnInfo['type']) =>
  type.name === 'varchar' || type.name === 'char' ? 'varchar' : type.name;
