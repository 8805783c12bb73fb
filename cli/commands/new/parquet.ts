import { Readable } from 'node:stream';
import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { Failure } from '../../failure';
import type { ColumnShape } from '../../profile';
import { grouped } from '../../terminal';

/** A Parquet file as NDJSON, each value in the spelling that COPY gives it in a payload. */
export interface ParquetRows {
  readonly lines: Readable;
  /** Types that the file declares, by path. Values alone do not show that a number is a double. */
  readonly declared: ReadonlyMap<string, ColumnShape>;
  readonly notes: string[];
}

/** @param mostBytes rows are read until their JSON has so many bytes */
export async function readParquet(path: string, label: string, mostBytes: number): Promise<ParquetRows> {
  // Loaded late: only Parquet needs it.
  const duckdb = require('@duckdb/node-api') as typeof import('@duckdb/node-api');
  const instance = await duckdb.DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const close = () => {
    connection.closeSync();
    instance.closeSync();
  };
  try {
    const from = `read_parquet('${path.replaceAll("'", "''")}')`;
    const total = Number((await connection.runAndReadAll(`select count(*) from ${from}`)).getRows()[0]![0]);
    const result = await connection.stream(`select * from ${from}`);
    const names = result.columnNames();
    const types = result.columnTypes();
    const declared = new Map<string, ColumnShape>();
    for (const [index, name] of names.entries()) declare(declared, name, types[index]!);
    const binary = names.filter((_, index) => ['BLOB', 'BIT'].includes(String(types[index])));
    const notes = binary.length > 0 ? [`columns of bytes are left out: ${binary.join(', ')}`] : [];
    async function* lines() {
      let [bytes, rows] = [0, 0];
      try {
        for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
          const texts = chunk.getRows().map((row) => lineOf(names, row));
          const text = texts.join('');
          yield text;
          bytes += Buffer.byteLength(text);
          rows += texts.length;
          if (bytes >= mostBytes && rows < total) {
            notes.push(`the first ${grouped(rows)} of ${grouped(total)} rows were read: they have 1 GiB as JSON`);
            return;
          }
        }
      } finally {
        close();
      }
    }
    return { lines: Readable.from(lines()), declared, notes };
  } catch (error) {
    close();
    throw new Failure(`${label} cannot be read as Parquet: ${(error as Error).message.split('\n')[0]}`, 1, {
      cause: error,
    });
  }
}

function declare(declared: Map<string, ColumnShape>, path: string, type: DuckDBType): void {
  const name = String(type);
  const [, precision, scale] = /^DECIMAL\((\d+),(\d+)\)$/.exec(name) ?? [];
  if (name === 'DOUBLE' || name === 'FLOAT') declared.set(path, { type: 'double' });
  else if (precision !== undefined)
    declared.set(path, { type: 'decimal', precision: Number(precision), scale: Number(scale) });
  else if ('entryNames' in type)
    for (const [index, entry] of type.entryNames.entries())
      declare(declared, `${path}.${entry}`, type.entryTypes[index]!);
}

/** A row as one line. Nulls are left out. */
function lineOf(names: readonly string[], row: readonly DuckDBValue[]): string {
  const members = names.flatMap((name, index) => {
    const json = jsonOf(row[index]!);
    return json === undefined ? [] : [`${JSON.stringify(name)}:${json}`];
  });
  return `{${members.join(',')}}\n`;
}

/** The JSON of a value. Undefined for null, for bytes, and for numbers that JSON does not have. */
function jsonOf(value: DuckDBValue): string | undefined {
  if (value === null) return undefined;
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  if (typeof value !== 'object') return String(value);
  if ('items' in value && Array.isArray(value.items))
    return `[${value.items.map((item) => jsonOf(item) ?? 'null').join(',')}]`;
  if ('entries' in value && Array.isArray(value.entries)) {
    const entries = value.entries as readonly { readonly key: DuckDBValue; readonly value: DuckDBValue }[];
    return objectOf(entries.map((entry) => [String(entry.key), entry.value]));
  }
  if ('entries' in value) return objectOf(Object.entries(value.entries as Readonly<Record<string, DuckDBValue>>));
  return scalarOf(value);
}

const objectOf = (entries: readonly (readonly [string, DuckDBValue])[]) =>
  `{${entries
    .flatMap(([name, inner]) => {
      const json = jsonOf(inner);
      return json === undefined ? [] : [`${JSON.stringify(name)}:${json}`];
    })
    .join(',')}}`;

function scalarOf(value: object): string | undefined {
  const kind = value.constructor.name;
  if (kind === 'DuckDBDecimalValue') return String(value);
  if (kind === 'DuckDBBlobValue' || kind === 'DuckDBBitValue') return undefined;
  // `2026-01-01 10:00:00+00` is 2026-01-01T10:00:00Z: values with a zone are in UTC.
  if (kind.startsWith('DuckDBTimestamp'))
    return JSON.stringify(
      String(value)
        .replace(' ', 'T')
        .replace(/\+00(:00)?$/, 'Z'),
    );
  return JSON.stringify(String(value));
}
