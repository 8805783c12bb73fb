import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline as pump } from 'node:stream/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { putAt, recordsOfShape, textPayload } from '../../../lambda/load/payload';
import { UnreadableError as UnreadableObjectError } from '../../../lambda/load/records';
import type { Column } from '../../../pipelines/definition';
import { type Compression, json, linesOf, UnreadableError } from './lines';

/** Format of a source's objects. */
export interface FileShape {
  readonly format: string;
  readonly compression: Compression;
  /** Columns of a CSV or Parquet file, in their order. `path` is the place of the values in the payload. */
  readonly columns?: readonly { readonly name: string; readonly path?: readonly string[] }[];
  /** Delimiter of CSV. @default , */
  readonly delimiter?: string;
}

/** A record, and the line on which it begins, or its row, from 1. */
export interface FileRecord {
  readonly line: number;
  /** Payload as the merge sees it; undefined if the line is no record. */
  readonly value: unknown;
}

type Bytes = AsyncIterable<Uint8Array>;
type Reader = (bytes: Bytes, shape: FileShape, columns: readonly Column[]) => AsyncGenerator<FileRecord>;

const readers: Readonly<Record<string, Reader>> = {
  ndjson: readObjects,
  firehose: readObjects,
  text: readTexts,
  csv: csvRecords,
  parquet: parquetRecords,
};

/** Returns the word for a place in a file of the format. */
export const unitOf = (format: string) => (format === 'parquet' ? 'row' : 'line');

/**
 * Yields the records of an object in order.
 * @throws UnreadableError if the bytes do not match the shape
 */
export function recordsOf(bytes: Bytes, shape: FileShape, columns: readonly Column[]): AsyncGenerator<FileRecord> {
  const reader = readers[shape.format];
  if (reader === undefined) throw new UnreadableError(`this command cannot read the format ${shape.format}`);
  return reader(bytes, shape, columns);
}

async function* readObjects(bytes: Bytes, { compression }: FileShape): AsyncGenerator<FileRecord> {
  try {
    for await (const record of recordsOfShape(bytes, { format: 'ndjson', compression }, maxRecordBytes))
      yield { line: record.line, value: json(record.bytes.toString('utf8')) };
  } catch (error) {
    if (error instanceof UnreadableObjectError) throw new UnreadableError(error.message, { cause: error });
    throw error;
  }
}

async function* readTexts(bytes: Bytes, { compression }: FileShape): AsyncGenerator<FileRecord> {
  try {
    for await (const record of recordsOfShape(bytes, { format: 'text', compression }, maxRecordBytes))
      if (record.bytes.length > 0) yield { line: record.line, value: textPayload(record.bytes) };
  } catch (error) {
    if (error instanceof UnreadableObjectError) throw new UnreadableError(error.message, { cause: error });
    throw error;
  }
}

/** The longest record that COPY accepts. */
const maxRecordBytes = 20_000_000;

/** Reads CSV by RFC 4180: a quoted field may contain delimiters, doubled quotes and line ends. */
async function* csvRecords(bytes: Bytes, shape: FileShape, columns: readonly Column[]): AsyncGenerator<FileRecord> {
  const { compression, delimiter = ',' } = shape;
  let header: string[] | undefined;
  let open: { line: number; text: string } | undefined;
  for await (const { line, text } of linesOf(bytes, compression)) {
    if (open === undefined && text === '') continue;
    const begun: { line: number; text: string } =
      open === undefined
        ? { line, text: line === 1 ? text.replace(/^\uFEFF/, '') : text }
        : { line: open.line, text: `${open.text}\n${text}` };
    const fields = fieldsOf(begun.text, delimiter);
    open = fields === undefined ? begun : undefined;
    if (fields === undefined) continue;
    if (header === undefined) header = checkedHeader(fields, shape);
    else if (fields.length !== header.length) yield { line: begun.line, value: undefined };
    else {
      const values = fields.map((text, n) => typed(text, pathOf(shape.columns, n, header![n]!), columns));
      yield { line: begun.line, value: payloadOf(header, values, shape) };
    }
  }
  if (open !== undefined) throw new UnreadableError(`the quote that opens in line ${open.line} is never closed`);
}

function checkedHeader(header: string[], { columns }: FileShape): string[] {
  const names = columns?.map(({ name }) => name) ?? header;
  if (header.length === names.length && names.every((name, n) => name === header[n])) return header;
  throw new UnreadableError(`its header is ${header.join(', ')}, the source declares ${names.join(', ')}`);
}

/** Splits a line into fields. Undefined while a quote is open. */
function fieldsOf(text: string, delimiter: string): string[] | undefined {
  const fields: string[] = [];
  for (let at = 0; ; at++) {
    let field = '';
    if (text[at] === '"') {
      for (at++; ; at++) {
        if (at >= text.length) return undefined;
        if (text[at] !== '"') field += text[at];
        else if (text[at + 1] === '"') field += text[at++];
        else break;
      }
      at++;
    }
    const end = text.indexOf(delimiter, at);
    field += text.slice(at, end < 0 ? undefined : end);
    fields.push(field);
    if (end < 0) return fields;
    at = end;
  }
}

async function* parquetRecords(bytes: Bytes, shape: FileShape): AsyncGenerator<FileRecord> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-why-'));
  const path = join(folder, 'object.parquet');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await pump(bytes, createWriteStream(path));
    const rows = await connection
      .stream('select file_row_number + 1, to_json(f)::varchar from read_parquet($1, file_row_number = true) f', [path])
      .catch((cause: Error) => {
        throw new UnreadableError(cause.message, { cause });
      });
    for await (const chunk of rows)
      for (const [row, text] of chunk.getRows()) {
        const value = JSON.parse(String(text)) as Record<string, unknown>;
        const names =
          shape.columns?.map(({ name }) => name) ?? Object.keys(value).filter((name) => name !== 'file_row_number');
        yield {
          line: Number(row),
          value: payloadOf(
            names,
            names.map((name) => value[name]),
            shape,
          ),
        };
      }
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(folder, { recursive: true });
  }
}

/** Builds a payload from the columns of a file. */
function payloadOf(names: readonly string[], values: readonly unknown[], { columns }: FileShape): object {
  const payload: Record<string, unknown> = {};
  for (const [n, name] of names.entries()) putAt(payload, pathOf(columns, n, name), values[n]);
  return payload;
}

const pathOf = (columns: FileShape['columns'], n: number, name: string) => columns?.[n]?.path ?? [name];

/**
 * Types a CSV text: it becomes a number or a boolean if a column at its path has such a type and the text is one. An
 * empty field is null.
 */
function typed(text: string, path: readonly string[], columns: readonly Column[]): unknown {
  if (text === '') return null;
  const type = columns.find((column) => column.path.join('\n') === path.join('\n'))?.type;
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  const isNumber = type === 'integer' || type === 'bigint' || type === 'decimal' || type === 'double';
  if (type === 'super') return jsonOr(text);
  return isNumber && /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : text;
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
