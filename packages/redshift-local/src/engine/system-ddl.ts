import type { RedshiftType } from '../statement';
import { type SystemView, systemSchema, systemViews } from './system-views';

/** Days for which logs are kept (https://docs.aws.amazon.com/redshift/latest/dg/c_intro_STL_tables.html). */
const logDays = 7;

const duckdbType = (type: RedshiftType): string =>
  type.name === 'varchar' || type.name === 'char' ? 'varchar' : type.name;

/** Returns the query of a log's view. A regular user sees only its own rows. */
function logQuery(name: string, { columns: shown, hidden }: SystemView): string {
  const rows = `from ${systemSchema}.log_${name} where (user_id = getvariable('millrace_user_id') or getvariable('millrace_superuser'))`;
  if (!hidden) return `select * ${rows}`;
  const kept = `record_time > getvariable('millrace_statement_now')::timestamp - interval ${logDays} day`;
  return `select ${shown.map((column) => `"${column.name}"`).join(', ')} ${rows} and ${kept}`;
}

/** Returns DuckDB statements that create the catalog's schema. They may run on an existing one. */
export function systemDdl(): string[] {
  const statements = [
    `create schema if not exists ${systemSchema}`,
    `create table if not exists ${systemSchema}.objects (kind varchar not null, name varchar not null, body json not null)`,
  ];
  for (const [name, view] of systemViews) {
    if (view.query !== undefined) continue;
    const list = [...view.columns, ...(view.hidden ?? [])]
      .map((column) => `"${column.name}" ${duckdbType(column.type)}`)
      .join(', ');
    statements.push(`create table if not exists ${systemSchema}.log_${name} (${list})`);
  }
  for (const [name, view] of systemViews)
    if (!view.inline)
      statements.push(`create or replace view ${systemSchema}.${name} as ${view.query ?? logQuery(name, view)}`);
  return statements;
}
