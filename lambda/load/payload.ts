import { type FileShape, maxTextBytes, textProblems } from './contract';
import { jsonRecords } from './json-records';
import { csvFields, type FileRecord, recordsOf } from './records';

/** Reads the records of an object: JSON objects, lines of text, or lines of a CSV, where a line end in quotes is part of a value. */
export function recordsOfShape(
  body: AsyncIterable<Uint8Array>,
  { format, compression }: Pick<FileShape, 'format' | 'compression'>,
  maxBytes: number,
): AsyncGenerator<FileRecord> {
  const isCsv = format === 'csv' || format === 'undecoded';
  const lines = recordsOf(body, { compression, quoted: isCsv, maxBytes });
  return isCsv || format === 'text' ? lines : jsonRecords(lines, maxBytes);
}

/** The payload that COPY and the load's statements make of a record. Undefined for a record that COPY does not read. */
export function payloadOf(bytes: Buffer, shape: FileShape): unknown {
  if (shape.format === 'text') return textPayload(bytes);
  const text = utf8Of(bytes);
  if (text === undefined) return undefined;
  return shape.format === 'csv' ? csvPayload(text, shape) : jsonOf(text);
}

/** Why a record has no payload. */
export function problemOf(bytes: Buffer, shape: FileShape): string {
  if (shape.format === 'text') return bytes.length > maxTextBytes ? textProblems.tooLong : textProblems.noUtf8;
  const text = utf8Of(bytes);
  if (text === undefined) return 'not UTF-8';
  if (shape.format !== 'csv') return 'not plain JSON';
  const { columns = [], delimiter = ',' } = shape;
  const fields = csvFields(text, delimiter);
  if (!fields) return 'not CSV: a quote is not closed, or text follows the closing quote';
  if (fields.length !== columns.length) return `${fields.length} fields instead of ${columns.length}`;
  return `a field is longer than ${maxFieldBytes} bytes`;
}

const unchanged = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The payload of a text without its line end, as the merge makes it: see sql/merge/text.ts. */
export function textPayload(bytes: Buffer): { readonly text: string } | undefined {
  if (bytes.length > maxTextBytes || bytes.includes(0)) return undefined;
  try {
    return { text: unchanged.decode(bytes) };
  } catch {
    return undefined;
  }
}

/** A record of the stream without the line end that a producer may add. */
export function withoutLineEnd(bytes: Buffer): Buffer {
  const line = bytes.at(-1) === 10 ? bytes.subarray(0, -1) : bytes;
  return line.at(-1) === 13 ? line.subarray(0, -1) : line;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function utf8Of(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Longest field that fits a varchar. */
const maxFieldBytes = 65_535;

function csvPayload(text: string, { columns = [], delimiter = ',' }: FileShape): unknown {
  const fields = csvFields(text, delimiter);
  if (fields?.length !== columns.length || fields.some((field) => Buffer.byteLength(field) > maxFieldBytes))
    return undefined;
  const payload = Object.create(null) as Record<string, unknown>;
  for (const [index, { path, spelling }] of columns.entries())
    putAt(payload, path, fieldValue(fields[index]!, spelling));
  return payload;
}

/** Sets the value at a path. Objects on the way are made where they are missing. */
export function putAt(payload: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let node = payload;
  for (const attribute of path.slice(0, -1)) {
    node[attribute] ??= Object.create(null);
    node = node[attribute] as Record<string, unknown>;
  }
  node[path.at(-1)!] = value;
}

const number = /^-?(?:0|[1-9][0-9]{0,99})(?:[.][0-9]{1,99})?(?:[eE][+-]?[0-9]{1,3})?$/;

function fieldValue(field: string, spelling: 'text' | 'number' | 'flag' | 'json'): unknown {
  if (field === '' || field === '\\N') return null;
  if (spelling === 'number' && number.test(field)) return Number(field);
  if (spelling === 'json') {
    const value = jsonOf(field);
    return value === undefined ? field : value;
  }
  if (spelling === 'flag' && /^(?:true|t)$/i.test(field)) return true;
  if (spelling === 'flag' && /^(?:false|f)$/i.test(field)) return false;
  return field;
}

/** Nesting levels that SUPER allows: https://docs.aws.amazon.com/redshift/latest/dg/limitations-super.html */
const maxLevels = 1000;

/** The same text for equal values, whatever the order of attributes and the spelling of numbers and characters. Undefined beyond SUPER's levels. */
export function canonical(value: unknown, levels = maxLevels): string | undefined {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (levels === 0) return undefined;
  const isList = Array.isArray(value);
  const parts: string[] = [];
  for (const [name, item] of isList ? value.entries() : Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = canonical(item, levels - 1);
    if (text === undefined) return undefined;
    parts.push(isList ? text : `${JSON.stringify(name)}:${text}`);
  }
  return isList ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
}
