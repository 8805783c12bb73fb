import type { ColumnInfo, RedshiftType } from '../statement';

/** Schema of the DuckDB file that holds the catalog and the logs. */
export const systemSchema = 'millrace_system';

export interface SystemView {
  readonly columns: readonly ColumnInfo[];
  /** DuckDB SELECT. A log has a table instead, named `log_<name>`. */
  readonly query?: string;
  /** True if the query replaces the view's name in a statement, so that no view is created when a warehouse starts. */
  readonly inline?: true;
  /** Columns of the log's table that the view does not show. */
  readonly hidden?: readonly ColumnInfo[];
}

export const text = (length = 128): RedshiftType => ({ name: 'varchar', length });
/** An array, which is its text here. */
export const list = (items: 'integer' | 'name'): RedshiftType => ({ name: 'varchar', length: 65_535, items });
export const char = (length: number): RedshiftType => ({ name: 'char', length });
export const flag = char(1);
export const integer: RedshiftType = { name: 'integer' };
export const bigint: RedshiftType = { name: 'bigint' };
export const timestamp: RedshiftType = { name: 'timestamp' };
export const boolean: RedshiftType = { name: 'boolean' };
export const columns = (types: Record<string, RedshiftType>): ColumnInfo[] =>
  Object.entries(types).map(([name, type]) => ({ name, type }));

export const objects = (kind: string) => `(select body from ${systemSchema}.objects where kind = '${kind}')`;
/** The brackets are needed, because the arrow binds more loosely than a comparison. */
export const member = (path: string) => `(body->>'$.${path}')`;

/** The variable with the session's temporary tables, as a JSON list of catalog entries. */
export const temporaryVariable = 'millrace_temporary';
/** Schema in which the system views show the temporary tables of a session. */
export const temporaryName = 'pg_temp_1';
export const isSuperuser = `getvariable('millrace_superuser')`;
export const user = `getvariable('millrace_user')`;
const isGranted = (type: string, object: string) =>
  `exists (select 1 from ${systemSchema}.objects as g where g.kind = 'grant' and (g.body->>'$.type') = '${type}' and (g.body->>'$.object') = ${object}
    and (g.body->>'$.grantee') in (${user}, 'public'))`;
const ownsSchema = (schema: string) =>
  `exists (select 1 from ${systemSchema}.objects as s where s.kind = 'schema' and s.name = ${schema} and (s.body->>'$.owner') = ${user})`;
/**
 * Relations that the user sees. A regular user sees the relations that it owns, those in its schemas, and those
 * that it has any privilege on.
 */
export const visibleRelations = `(select o.body from ${systemSchema}.objects as o where o.kind = 'relation' and (${isSuperuser} or (o.body->>'$.owner') = ${user}
  or ${ownsSchema(`(o.body->>'$.schema')`)} or ${isGranted('table', 'o.name')})
  union all select t.value from json_each(getvariable('${temporaryVariable}')::json) as t)`;
export const visibleSchemas = `(select o.body from ${systemSchema}.objects as o where o.kind = 'schema' and (${isSuperuser} or (o.body->>'$.owner') = ${user}
  or o.name = 'public' or ${isGranted('schema', 'o.name')}))`;
