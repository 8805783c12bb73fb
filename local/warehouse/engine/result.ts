import type { DuckDBValue } from '@duckdb/node-api';
import { DuckDBBlobValue } from '@duckdb/node-api';
import type { ColumnInfo, RedshiftType } from '../statement';
import { type Connection, identifier } from './database';
import { WarehouseError } from './errors';

/** A value as the Data API writes it; blobs as base64. */
export type Field =
  | { readonly isNull: true }
  | { readonly booleanValue: boolean }
  | { readonly longValue: number }
  | { readonly doubleValue: number | 'NaN' | 'Infinity' | '-Infinity' }
  | { readonly stringValue: string }
  | { readonly blobValue: string };

export interface ResultSet {
  readonly columns: readonly ColumnInfo[];
  readonly records: readonly (readonly Field[])[];
  /** About what the answer weighs. */
  readonly bytes: number;
}

/** A result is kept in memory until it expires: far below Redshift's 500 MB, and refused rather than cut. */
export const maxResultBytes = 100 * 2 ** 20;
/** Redshift's limit for a row of a result. */
const maxRowBytes = 64 * 1024;

export async function runQuery(
  connection: Connection,
  duckdb: string,
  columns: readonly ColumnInfo[],
): Promise<ResultSet> {
  const records: Field[][] = [];
  let bytes = 0;
  for await (const rows of connection.chunks(readable(duckdb, columns))) {
    for (const row of rows) {
      const fields = row.map((value, index) => fieldOf(value, columns[index]!.type));
      const size = fields.reduce((sum, field) => sum + sizeOf(field), 0);
      if (size > maxRowBytes)
        throw new WarehouseError(
          `a row of the result has ${size} bytes, more than the ${maxRowBytes} that the Data API returns`,
        );
      bytes += size;
      if (bytes > maxResultBytes)
        throw new WarehouseError(
          `the result is larger than the ${maxResultBytes} bytes that the local warehouse keeps`,
        );
      records.push(fields);
    }
  }
  return { columns, records, bytes };
}

/** SUPER leaves the database as JSON text. */
export function readable(duckdb: string, columns: readonly ColumnInfo[]): string {
  if (!columns.some((column) => column.type.name === 'super')) return duckdb;
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
      return { longValue: Number(value) };
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
  return 'isNull' in field ? null : (Object.values(field)[0] as string | number | boolean);
}
