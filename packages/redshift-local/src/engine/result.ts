import type { DuckDBValue } from '@duckdb/node-api';
import { DuckDBBlobValue } from '@duckdb/node-api';
import type { ColumnInfo, RedshiftType, ResultColumn } from '../statement';
import { type Connection, identifier, TooManyRows } from './database';
import { WarehouseError } from './errors';

/** A value as the Data API returns it. Blobs are base64. */
export type Field =
  | { readonly isNull: true }
  | { readonly booleanValue: boolean }
  | { readonly longValue: number | bigint }
  | { readonly doubleValue: number | 'NaN' | 'Infinity' | '-Infinity' }
  | { readonly stringValue: string }
  | { readonly blobValue: string };

/** Receives the rows of a query, which are then not kept in memory. */
export interface ResultSink {
  /** Begins a result. An earlier one is discarded. */
  begin(): void;
  rows(records: readonly (readonly Field[])[]): void;
  /** Stores what it received, before the transaction is committed. */
  complete(): void;
}

export interface ResultSet {
  readonly columns: readonly ResultColumn[];
  readonly rows: number;
  /** Empty if a sink received the rows. */
  readonly records: readonly (readonly Field[])[];
  /** Approximate size of the values. */
  readonly bytes: number;
}

/**
 * Largest result. Redshift's limit is for the compressed result, so this one is reached earlier. A larger result is
 * refused, not cut.
 */
export const maxResultBytes = 500 * 2 ** 20;
/** Largest result in memory, without a sink. */
const maxRecordsBytes = 100 * 2 ** 20;
/** Assumed minimum size of a value. It limits the number of rows before any value is read. */
const leastFieldBytes = 8;
/** Redshift's limit for a row of a result. */
const maxRowBytes = 64 * 1024;

/** The rows of a query that has ended. They are converted when they are read. */
export interface RowCursor {
  readonly columns: readonly ResultColumn[];
  readonly rows: number;
  chunks(): AsyncIterable<Field[][]>;
}

/** Runs a query whose rows a client reads at its own pace, after the query has left its place. */
export async function openCursor(
  connection: Connection,
  duckdb: string,
  columns: readonly ResultColumn[],
): Promise<RowCursor> {
  const mostRows = Math.floor(maxResultBytes / (leastFieldBytes * Math.max(1, columns.length)));
  try {
    const ended = await connection.ended(readable(duckdb, columns), mostRows);
    return {
      columns,
      rows: ended.rows,
      async *chunks() {
        for await (const rows of ended.chunks())
          yield rows.map((row) => row.map((value, index) => fieldOf(value, columns[index]!.type)));
      },
    };
  } catch (error) {
    throw error instanceof TooManyRows ? tooLarge(maxResultBytes) : error;
  }
}

export async function runQuery(
  connection: Connection,
  duckdb: string,
  columns: readonly ResultColumn[],
  sink?: ResultSink,
): Promise<ResultSet> {
  const records: Field[][] = [];
  const most = sink ? maxResultBytes : maxRecordsBytes;
  let bytes = 0;
  let count = 0;
  const mostRows = Math.floor(most / (leastFieldBytes * columns.length));
  sink?.begin();
  try {
    for await (const rows of connection.chunks(readable(duckdb, columns), mostRows)) {
      const chunk: Field[][] = sink ? [] : records;
      count += rows.length;
      for (const row of rows) {
        const fields = row.map((value, index) => fieldOf(value, columns[index]!.type));
        bytes += checkedSize(fields);
        if (bytes > most) throw tooLarge(most);
        chunk.push(fields);
      }
      sink?.rows(chunk);
    }
    sink?.complete();
  } catch (error) {
    throw error instanceof TooManyRows ? tooLarge(most) : error;
  }
  return { columns, rows: count, records, bytes };
}

const tooLarge = (most: number) =>
  new WarehouseError(`Database response exceeded size limit: the result is larger than ${most} bytes`);

function checkedSize(fields: readonly Field[]): number {
  const size = fields.reduce((sum, field) => sum + sizeOf(field), 0);
  if (size <= maxRowBytes) return size;
  throw new WarehouseError(
    `Packet for query is too large (${size} > ${maxRowBytes}): the Data API returns rows of at most 64 KB`,
  );
}

/** Returns the query with its SUPER and TIMESTAMPTZ columns as text. */
export function readable(duckdb: string, columns: readonly ColumnInfo[]): string {
  const list = columns.map((column, index) =>
    column.type.name === 'super'
      ? `c${index}::json::varchar as c${index}`
      : column.type.name === 'timestamptz'
        ? `c${index}::varchar as c${index}`
        : `c${index}`,
  );
  return `select ${list.join(', ')} from (${duckdb}) as result(${columns.map((_, index) => identifier(`c${index}`)).join(', ')})`;
}

function fieldOf(value: DuckDBValue, type: RedshiftType): Field {
  if (value === null || value === undefined) return { isNull: true };
  switch (type.name) {
    case 'smallint':
    case 'integer':
    case 'bigint':
      return { longValue: Number.isSafeInteger(Number(value)) ? Number(value) : BigInt(value as bigint) };
    case 'real':
    case 'double precision': {
      const number = Number(value);
      return { doubleValue: Number.isFinite(number) ? number : (String(number) as 'NaN') };
    }
    case 'boolean':
      return { booleanValue: Boolean(value) };
    case 'super':
      return { stringValue: compactJson(String(value)) };
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return { stringValue: afterChrist(String(value)) };
    case 'varbyte':
      if (value instanceof DuckDBBlobValue) return { blobValue: Buffer.from(value.bytes).toString('base64') };
      return { stringValue: String(value) };
    default:
      return { stringValue: String(value) };
  }
}

/**
 * Formats a SUPER value. SUPER is not a text: results show it without blanks between its tokens and without the escapes
 * of its strings (https://docs.aws.amazon.com/redshift/latest/dg/r_SUPER_type.html). Numbers keep their spelling.
 */
function compactJson(json: string): string {
  if (!/[\s\\]/.test(json)) return json;
  return json.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|\s+/g, (token) => {
    if (token[0] !== '"') return '';
    return token.includes('\\') ? JSON.stringify(JSON.parse(token)) : token;
  });
}

/** Refuses a date before the year 1. DuckDB writes year 0 and negative years, where Redshift writes BC. */
function afterChrist(time: string): string {
  if (!/^(?:-|0+-)|BC/.test(time)) return time;
  throw new WarehouseError('a date before the year 1 is not supported by the local warehouse');
}

function sizeOf(field: Field): number {
  if ('stringValue' in field) return Buffer.byteLength(field.stringValue);
  if ('blobValue' in field) return (field.blobValue.length * 3) / 4;
  return 8;
}

/** Returns a field as a JSON scalar. */
export function scalarOf(field: Field): string | number | boolean | null {
  if ('isNull' in field) return null;
  const value: string | number | boolean | bigint = Object.values(field)[0];
  return typeof value === 'bigint' ? String(value) : value;
}
