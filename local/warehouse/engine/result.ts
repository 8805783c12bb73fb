import type { DuckDBValue } from '@duckdb/node-api';
import { DuckDBBlobValue } from '@duckdb/node-api';
import type { ColumnInfo, RedshiftType } from '../statement';
import { type Connection, identifier, TooManyRows } from './database';
import { WarehouseError } from './errors';

/** A value as the Data API writes it; blobs as base64. */
export type Field =
  | { readonly isNull: true }
  | { readonly booleanValue: boolean }
  | { readonly longValue: number | bigint }
  | { readonly doubleValue: number | 'NaN' | 'Infinity' | '-Infinity' }
  | { readonly stringValue: string }
  | { readonly blobValue: string };

/** Takes the rows of a query instead of memory. */
export interface ResultSink {
  /** A result begins; one that began before is forgotten. */
  begin(): void;
  rows(records: readonly (readonly Field[])[]): void;
}

export interface ResultSet {
  readonly columns: readonly ColumnInfo[];
  readonly rows: number;
  /** Empty when a sink took them. */
  readonly records: readonly (readonly Field[])[];
  /** About what the answer weighs. */
  readonly bytes: number;
}

/** Redshift's limit is for the compressed result: this one is reached earlier, and a result is refused rather than cut. */
export const maxResultBytes = 500 * 2 ** 20;
/** What is kept in memory, for want of a sink. */
const maxRecordsBytes = 100 * 2 ** 20;
/** What a value weighs at least where the number of rows is limited, before any of them is looked at. */
const leastFieldBytes = 8;
/** Redshift's limit for a row of a result. */
const maxRowBytes = 64 * 1024;

export async function runQuery(
  connection: Connection,
  duckdb: string,
  columns: readonly ColumnInfo[],
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

/** SUPER leaves the database as JSON text. */
export function readable(duckdb: string, columns: readonly ColumnInfo[]): string {
  const list = columns.map((column, index) =>
    column.type.name === 'super' ? `c${index}::json::varchar as c${index}` : `c${index}`,
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
    case 'varbyte':
      if (value instanceof DuckDBBlobValue) return { blobValue: Buffer.from(value.bytes).toString('base64') };
      return { stringValue: String(value) };
    default:
      return { stringValue: String(value) };
  }
}

function sizeOf(field: Field): number {
  if ('stringValue' in field) return Buffer.byteLength(field.stringValue);
  if ('blobValue' in field) return (field.blobValue.length * 3) / 4;
  return 8;
}

/** A field as a JSON scalar. */
export function scalarOf(field: Field): string | number | boolean | null {
  if ('isNull' in field) return null;
  const value: string | number | boolean | bigint = Object.values(field)[0];
  return typeof value === 'bigint' ? String(value) : value;
}
