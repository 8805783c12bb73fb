import { quoteLiteral } from '../shared/quote';
import type { Row } from '../shared/warehouse';
import type { ColumnSpec } from './contract';
import type { WarehouseObject } from './request';

/** The columns of a table as the catalog has them; no row when there is no such table. */
export function columnsQuery(name: string): string {
  const [schema, table] = splitName(name);
  return (
    'select column_name, data_type, character_maximum_length, numeric_precision, numeric_scale from svv_columns ' +
    `where table_schema = ${quoteLiteral(schema)} and table_name = ${quoteLiteral(table)}`
  );
}

/** Options of an external schema: JSON text with `IAM_ROLE`. */
export const externalSchemaQuery = (name: string) =>
  `select esoptions from svv_external_schemas where schemaname = ${quoteLiteral(name)}`;

export function splitName(name: string): [string, string] {
  const parts = name.split('.');
  if (parts.length !== 2 || parts.includes('')) throw new Error(`name must be <schema>.<table>, got ${name}`);
  return parts as [string, string];
}

/** Which of the columns the table lacks. Throws if one is there with another type, since only a new table could change that. */
export function missingColumns(name: string, wanted: readonly ColumnSpec[], catalog: readonly Row[]): ColumnSpec[] {
  const present = new Map(catalog.map((row) => [String(row.column_name), row]));
  const changed = wanted.flatMap(({ name: column, type }) => {
    const row = present.get(column);
    return row && !sameType(row, type) ? [`${column} is ${spell(row)}, not ${type}`] : [];
  });
  if (changed.length > 0)
    throw new Error(
      `table ${name} exists with other columns: ${changed.join('; ')}. A column keeps its type: add one under a new name instead`,
    );
  return wanted.filter(({ name: column }) => !present.has(column));
}

/** Where the catalog tells no length or precision, the name of the type decides. */
const sameType = (row: Row, wanted: string) =>
  spell(row) === wanted.toLowerCase() ||
  (spell(row) === String(row.data_type) && wanted.toLowerCase().split('(')[0]!.trim() === row.data_type);

function spell({
  data_type,
  character_maximum_length: length,
  numeric_precision: precision,
  numeric_scale: scale,
}: Row): string {
  const type = String(data_type).toLowerCase();
  if (/^(character varying|character|binary varying)$/.test(type) && length !== null && length !== undefined)
    return `${type}(${length})`;
  if (type === 'numeric' && precision !== null && precision !== undefined) return `${type}(${precision},${scale ?? 0})`;
  return type;
}

/** Throws unless the external schema's role is the one that the object's create statement names. */
export function checkExternalSchema({ name, create }: WarehouseObject, [row]: readonly Row[]): void {
  const options = JSON.parse(String(row?.esoptions ?? '{}')) as { IAM_ROLE?: unknown };
  const role = String(options.IAM_ROLE ?? 'none');
  if (create.some(({ statements }) => statements.some((sql) => sql.includes(quoteLiteral(role))))) return;
  throw new Error(
    `external schema ${name} exists with another definition: its role is ${role}. Drop it and what reads from it, or keep the role`,
  );
}
