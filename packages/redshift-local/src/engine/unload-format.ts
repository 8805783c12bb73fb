import { decimalText, floatText } from '../decimal';
import { compactJson } from '../json-text';
import { failure } from '../sql/failure';
import type { ColumnInfo, RedshiftType, Statement } from '../statement';
import { identifier, literal } from './database';

export type Unload = Extract<Statement, { kind: 'unload' }>;

/** Returns the name of the query's column at an index, in the relation that is written. */
export const columnAt = (index: number): string => `c${index}`;

/** Returns the query with its columns named by their position. */
export function unloaded({ duckdb, columns }: Unload): string {
  const result = `(${duckdb}) as result(${columns.map((_, index) => columnAt(index)).join(', ')})`;
  if (!columns.some(({ type }) => type.name === 'char')) return result;
  const list = columns.map((column, index) => `${wholeChar(column, columnAt(index))} as ${columnAt(index)}`);
  return `(select ${list.join(', ')} from ${result}) as result`;
}

/** Refuses a CHAR value with trailing blanks, because AWS does not document whether files have them. */
function wholeChar({ name, type }: ColumnInfo, value: string): string {
  if (type.name !== 'char') return value;
  const words = `UNLOAD of a value of column "${name}" that a CHAR fills up with blanks is not modelled by the local warehouse (cast it to varchar)`;
  return `case when length(${value}) < ${type.length} then ${failure(words)} else ${value} end`;
}

/** Returns the columns of the files. Those of PARTITION BY are omitted, unless INCLUDE is given. */
export function fileColumns({ columns, partitionBy, includePartitionColumns }: Unload): readonly ColumnInfo[] {
  return includePartitionColumns ? columns : columns.filter(({ name }) => !partitionBy.includes(name));
}

/** Returns a SELECT of the files' content for DuckDB's writer. The relation must be one that `unloaded` returns. */
export function outputSql(statement: Unload, relation: string): string {
  const { columns, format } = statement;
  const kept = fileColumns(statement).map((column) => ({ column, from: columnAt(columns.indexOf(column)) }));
  if (format === 'json') {
    const members = kept.map(
      ({ column, from }) => `${literal(`${JSON.stringify(column.name)}:`)} || ${jsonOf(column.type, from)}`,
    );
    return `select '{' || ${members.join(` || ',' || `)} || '}' as line from ${relation}`;
  }
  const list = kept.map(({ column, from }) => {
    const value = format === 'parquet' ? parquetOf(column.type, from) : textOf(column.type, from, statement);
    return `${value} as ${identifier(headOf(column.name, statement))}`;
  });
  return `select ${list.join(', ')} from ${relation}`;
}

/**
 * In Parquet, TIMESTAMPTZ loses its zone and SUPER is text
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html#unload-parquet-usage).
 */
function parquetOf(type: RedshiftType, value: string): string {
  if (type.name === 'super') return `cast(${value} as varchar)`;
  return type.name === 'timestamptz' ? `cast(${value} as timestamp)` : value;
}

/**
 * In text, SUPER is JSON, and its NULL is `null` whatever NULL AS says. Booleans are t and f. VARBYTE is hexadecimal.
 */
function textOf(type: RedshiftType, value: string, statement: Unload): string {
  switch (type.name) {
    case 'real':
    case 'double precision':
      return floatText(value, type.name);
    case 'super':
      return `coalesce(cast(${value} as varchar), 'null')`;
    case 'boolean':
      return `case when ${value} then 't' when not ${value} then 'f' end`;
    case 'varbyte':
      return `lower(hex(${value}))`;
    case 'decimal':
      return type.precision === type.scale ? decimalText(value, type) : value;
    case 'char':
    case 'varchar':
      return statement.escape ? escaped(value, statement.delimiter) : value;
    default:
      return value;
  }
}

const marksOf = (delimiter: string) => ['\\', '\n', '\r', delimiter];

/** Applies ESCAPE: puts a backslash before the line ends, delimiters and backslashes of CHAR and VARCHAR. */
function escaped(value: string, delimiter: string): string {
  return marksOf(delimiter).reduce(
    (text, mark) => `replace(${text}, ${literal(mark)}, ${literal(`\\${mark}`)})`,
    value,
  );
}

function headOf(name: string, statement: Unload): string {
  if (!statement.escape) return name;
  return marksOf(statement.delimiter).reduce((text, mark) => text.replaceAll(mark, `\\${mark}`), name);
}

/** Returns a member's JSON value. SUPER is written as results show it, so that it has no line end. */
function jsonOf(type: RedshiftType, value: string): string {
  return `coalesce(${presentJson(type, value)}, 'null')`;
}

function presentJson(type: RedshiftType, value: string): string {
  const text = `cast(${value} as varchar)`;
  switch (type.name) {
    case 'super':
      return compactJson(text);
    case 'smallint':
    case 'integer':
    case 'bigint':
      return text;
    case 'decimal':
      return decimalText(value, type);
    case 'real':
    case 'double precision':
      return `case when not isfinite(${value}) then ${failure(notJson)} else ${floatText(value, type.name)} end`;
    default:
      return `cast(to_json(${text}) as varchar)`;
  }
}

const notJson = 'UNLOAD of NaN or infinity in JSON format is not modelled by the local warehouse';

/** Returns the options of DuckDB's COPY for the format. */
export function writerOptions(statement: Unload): string {
  const { format, compression, delimiter, nullAs, header } = statement;
  if (format === 'parquet') {
    // DuckDB's row group of 122,880 rows represents the default of 32 MB. ROWGROUPSIZE is a multiple of that default.
    const rows = Math.round((122_880 * (statement.rowGroupBytes ?? 32 * 2 ** 20)) / (32 * 2 ** 20) / 2048) * 2048;
    return `format parquet, compression snappy, parquet_version v1, row_group_size ${rows}`;
  }
  const shape =
    format === 'json'
      ? // The query writes whole lines. JSON text cannot hold this delimiter, so they stay whole.
        `header false, quote '', escape '', delimiter '\x01'`
      : `header ${header}, delimiter ${literal(delimiter)}, nullstr ${literal(nullAs ?? '')}${format === 'text' ? `, quote '', escape ''` : ''}`;
  return `format csv, ${shape}, compression ${compression}`;
}
