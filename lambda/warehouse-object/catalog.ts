import { quoteLiteral } from '../shared/quote';
import type { Row } from '../shared/warehouse';
import type { ColumnSpec } from './contract';
import type { WarehouseObject } from './properties';

/** The columns of tables. No row of a table that does not exist. */
export function columnsQuery(names: readonly string[]): string {
  const tables = names.map((name) => {
    const [schema, table] = splitName(name);
    return `(table_schema = ${quoteLiteral(schema)} and table_name = ${quoteLiteral(table)})`;
  });
  return (
    'select table_schema, table_name, column_name, data_type, character_maximum_length, numeric_precision, ' +
    `numeric_scale from svv_columns where ${tables.join(' or ')}`
  );
}

/** Options of an external schema: JSON text with `IAM_ROLE`. */
export const externalSchemaQuery = (name: string) =>
  `select esoptions from svv_external_schemas where schemaname = ${quoteLiteral(name)}`;

/**
 * Schemas of this database with their owners. The system view has only the owner's id, and lists the schemas of every database
 * (r_SVV_ALL_SCHEMAS). The owner is the id itself if that user no longer exists.
 */
export const schemasQuery = (names: readonly string[]) =>
  'select s.schema_name, coalesce(u.usename::varchar, s.schema_owner::varchar) as owner, current_user::varchar as asker ' +
  'from svv_all_schemas s left join pg_user u on u.usesysid = s.schema_owner ' +
  `where s.database_name = current_database() and s.schema_name in (${names.map(quoteLiteral).join(', ')})`;

const uncatalogued: ReadonlySet<WarehouseObject['kind']> = new Set(['owner', 'user', 'pipeline', 'environment']);

/**
 * A row if the object exists; of a schema with its owner. Undefined for kinds that the catalog does not have.
 */
export function presenceQuery({ kind, name }: Pick<WarehouseObject, 'kind' | 'name'>): string | undefined {
  if (kind === 'schema') return schemasQuery([name]);
  if (kind === 'external-schema') return externalSchemaQuery(name);
  if (uncatalogued.has(kind)) return undefined;
  const [schema, relation] = splitName(name).map(quoteLiteral);
  return kind === 'materialized-view' || kind === 'landing-view'
    ? `select name from svv_mv_info where schema_name = ${schema} and name = ${relation}`
    : `select table_type from svv_tables where table_schema = ${schema} and table_name = ${relation}`;
}

/** Throws if the schema has another owner, since nothing could be created in it. */
export function checkSchemaOwner(name: string, [row]: readonly Row[]): void {
  if (row && row.owner !== row.asker)
    throw new Error(
      `schema ${name} exists and belongs to ${row.owner}, not to ${row.asker}. Rename the pipeline, or drop the schema if it is not needed`,
    );
}

export function splitName(name: string): [string, string] {
  const parts = name.split('.');
  if (parts.length !== 2 || parts.includes('')) throw new Error(`name must be <schema>.<table>, got ${name}`);
  return parts as [string, string];
}

export interface ColumnChanges {
  /** Columns that the table lacks. */
  readonly add: readonly ColumnSpec[];
  /** Columns of another type, a line each. While there are any, nothing may be changed. */
  readonly refused: readonly string[];
}

/**
 * The changes that give a table the wanted columns; without catalog rows, all of them are added. Other columns stay, and so does a text column that is
 * longer than wanted: it may hold long values, and a rollback cannot shorten it. No type changes in place, because the view `events` reads every
 * column and Redshift cannot alter a column that a view reads.
 */
export function columnChanges(name: string, wanted: readonly ColumnSpec[], catalog: readonly Row[]): ColumnChanges {
  const present = new Map(catalog.map((row) => [String(row.column_name), row]));
  const refused = wanted.flatMap(({ name: column, type }) => {
    const row = present.get(column);
    return row === undefined || sameType(row, type) || isLonger(row, type)
      ? []
      : [`column ${column} of ${name} is ${spell(row)}, not ${type}`];
  });
  return { add: wanted.filter(({ name: column }) => !present.has(column)), refused };
}

/** What to do about a column of another type. */
export const otherTypeAdvice =
  'a stored column keeps its type: give the column in pipeline.ts another `stored` name and `fill: true`, which fills it beside the old one';

/** If the catalog has no length or precision, only the name of the type is compared. */
const sameType = (row: Row, wanted: string) =>
  spell(row) === wanted.toLowerCase() ||
  (spell(row) === String(row.data_type) && wanted.toLowerCase().split('(')[0]!.trim() === row.data_type);

function isLonger(row: Row, wanted: string): boolean {
  const [, type, length] = /^(character varying)\((\d+)\)$/.exec(wanted.toLowerCase()) ?? [];
  return row.data_type === type && Number(row.character_maximum_length) > Number(length);
}

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

/** Throws unless the external schema has the role of the object's create statement. */
export function checkExternalSchema({ name, create }: WarehouseObject, [row]: readonly Row[]): void {
  const options = JSON.parse(String(row?.esoptions ?? '{}')) as { IAM_ROLE?: unknown };
  const role = String(options.IAM_ROLE ?? 'none');
  if (create.some(({ statements }) => statements.some((sql) => sql.includes(quoteLiteral(role))))) return;
  throw new Error(
    `external schema ${name} exists with another definition: its role is ${role}. Drop it and what reads from it, or keep the role`,
  );
}
