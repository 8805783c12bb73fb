import { fingerprint, textOf } from '../exports/fingerprint';
import type { ResolvedPipeline } from '../resolve';
import { eventsViewColumns, type TableColumn, tableShapes } from '../tables/columns';
import type { TableName } from '../tables/names';
import { identifier } from '../text/identifier';

/** What a full export has of each pipeline, in this order. `rejects_large` holds rows of `rejects`. */
export const fullTableNames = [
  'events',
  'duplicates',
  'rejects',
  'rejects_large',
  'skipped',
  'ledger',
  'runs',
  'conversions',
  'parked',
  'gaps',
  'exports',
  'checkpoints',
] as const;
export type FullTableName = (typeof fullTableNames)[number];

/** A column of a full export's table. */
export interface FullColumn {
  readonly name: string;
  /** In the warehouse, as in DDL. */
  readonly type: string;
  /** The type with which COPY reads the files, as in DDL. */
  readonly fileType: string;
  /** Its name in the warehouse's table, if that differs. */
  readonly stored: string;
  /** SQL for the value in the file. */
  readonly toFile: string;
  /** SQL for the value in the warehouse, of a value that COPY has read. */
  fromFile(value: string): string;
}

export interface FullTable {
  readonly name: FullTableName;
  /** The warehouse's table. */
  readonly table: TableName;
  readonly format: 'parquet' | 'csv';
  readonly columns: readonly FullColumn[];
  /** SELECT of the rows, as the files hold them. */
  readonly query: string;
}

/** Hexadecimal digits of so many bytes fit a text of Redshift. */
const mostHexBytes = 32_767;

/**
 * UNLOAD writes bytes as text alone, and a text has at most 65,535 bytes. Longer ones go to a CSV file, which has no such
 * limit. A record has a payload or bytes, never both.
 */
const isLarge = `coalesce(octet_length(unparsed), 0) > ${mostHexBytes} and payload is null`;

/** Stands for NULL in CSV files, where an empty field is an empty text. */
export const csvNull = '<null>';

export const fullTables = (pipeline: ResolvedPipeline): FullTable[] =>
  fullTableNames.map((name) => fullTable(pipeline, name));

function fullTable(pipeline: ResolvedPipeline, name: FullTableName): FullTable {
  const table: TableName = name === 'rejects_large' ? 'rejects' : name;
  const isCsv = name === 'rejects_large';
  const columns = shapeOf(pipeline, table)
    .filter((column) => !(isCsv && column.type === 'super'))
    .map((column) => fullColumn(column, isCsv));
  const where = table === 'rejects' ? `\nwhere ${isCsv ? isLarge : `not (${isLarge})`}` : '';
  return {
    name,
    table,
    format: isCsv ? 'csv' : 'parquet',
    columns,
    query: `select ${columns.map((column) => `${column.toFile} as ${identifier(column.name)}`).join(', ')}\nfrom ${pipeline.publicTables[table]}${where}`,
  };
}

const shapeOf = (
  { definition }: ResolvedPipeline,
  table: TableName,
): readonly (TableColumn & { readonly stored?: string })[] =>
  table === 'events' ? eventsViewColumns(definition) : tableShapes(definition)[table];

/**
 * TIMESTAMPTZ loses its zone in Parquet, and UNLOAD writes no VARBYTE there (Redshift developer guide, "UNLOAD"). Times
 * without a day and CHAR are texts, which every reader takes.
 */
function fullColumn(
  { name, type, stored = name }: TableColumn & { readonly stored?: string },
  isCsv: boolean,
): FullColumn {
  const sql = identifier(name);
  const column = { name, type, stored };
  if (type === 'timestamptz')
    return {
      ...column,
      fileType: 'timestamp',
      toFile: `${sql} at time zone 'UTC'`,
      fromFile: (value) => `${value} at time zone 'UTC'`,
    };
  if (type.startsWith('varbyte') && !isCsv)
    return {
      ...column,
      fileType: 'varchar(65535)',
      toFile: `from_varbyte(${sql}, 'hex')::varchar(65535)`,
      fromFile: (value) => `to_varbyte(${value}, 'hex')`,
    };
  if (type === 'time')
    return { ...column, fileType: 'varchar(32)', toFile: `${sql}::varchar(32)`, fromFile: (value) => `${value}::time` };
  const [, length] = /^char\((\d+)\)$/.exec(type) ?? [];
  if (length !== undefined)
    return {
      ...column,
      fileType: `varchar(${length})`,
      toFile: `${sql}::varchar(${length})`,
      fromFile: (value) => value,
    };
  return { ...column, fileType: type, toFile: sql, fromFile: (value) => value };
}

/**
 * How COPY gives a SUPER back that UNLOAD wrote as JSON: as the value, which Redshift's guide suggests, or as a text with
 * the JSON in it. An import finds out which by the fingerprint.
 */
export type SuperForm = 'value' | 'text';

/** SQL for the SUPER in a column that COPY has read. */
export const superOf = (form: SuperForm, value: string) =>
  form === 'value' ? value : `json_parse(${value}::varchar(65535))`;

/**
 * SELECT of the number of rows and of their fingerprint: `row_count`, `fingerprint`. Of a SUPER only the kind of its
 * value counts, since a text of Redshift could not hold every SUPER.
 * @param relation a query in parentheses, or a table that COPY has filled
 */
export function fullCount({ columns }: FullTable, relation: string, form: SuperForm = 'value'): string {
  const given = columns.map(({ name, fileType: type }) => ({ name, type }));
  const digested = fingerprint(given, (column) => {
    const value = `exported.${identifier(column.name)}`;
    if (column.type === 'super') return `json_typeof(${superOf(form, value)})`;
    if (column.type.startsWith('varbyte'))
      return `octet_length(${value})::varchar || ':' || from_varbyte(substring(${value}, 1, ${(mostHexBytes - 7) / 2}), 'hex')`;
    return textOf(column);
  });
  return `select count(*) as row_count, ${digested} as fingerprint\nfrom ${relation} as exported`;
}
