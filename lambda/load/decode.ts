import { gunzipSync, inflateSync } from 'node:zlib';
import { deaggregate } from 'kinesis-reader/aggregation';
import { plainJson } from '../shared/plain-json';
import type { RecordForm } from './contract';
import { JsonScanner } from './json-scanner';

/** A part of a record, with the end of its position. */
export interface DecodedPart {
  /**
   * `:n` for user record n of an aggregate, then `/n` for object n of several. Both count from 0, and 0 is left out, so
   * that the first part has the position of the record.
   */
  readonly suffix: string;
  /** One JSON object or array. Bytes that cannot be decoded are as they were. */
  readonly bytes: Buffer;
}

/** Most bytes of a decompressed record. SUPER has 16 MB, and a small record may decompress to gigabytes. */
export const maxDecodedBytes = 16_000_000;
/** Most objects in a record: each becomes a row. */
export const maxObjects = 10_000;
/** Most bytes of an object: COPY takes lines of 4 MB for certain, and a line has the position too. */
const maxObjectBytes = 3_999_000;
/** Most bytes that the merge can take in place of JSON: see sql/merge/parsing.ts. */
const maxUnparsedBytes = 2 ** 20;

/**
 * Takes a record apart: an aggregate into user records, then each of them decompressed, then divided into objects. The
 * result depends on nothing but the bytes and the forms, so every path to the merge has the same parts. What cannot be
 * decoded as a whole is one part.
 */
export function decodeRecord(bytes: Buffer, forms: readonly RecordForm[]): DecodedPart[] {
  const users = forms.includes('aggregate') ? deaggregate(bytes) : undefined;
  if (!users?.length) return decodeUserRecord(bytes, forms, '');
  return users.flatMap(({ data }, index) => decodeUserRecord(Buffer.from(data), forms, index > 0 ? `:${index}` : ''));
}

function decodeUserRecord(bytes: Buffer, forms: readonly RecordForm[], suffix: string): DecodedPart[] {
  const plain = decompressed(bytes, forms);
  const parts = plain && partsOf(plain, forms);
  if (plain === undefined || parts?.some(({ length }) => length > maxObjectBytes)) return [{ suffix, bytes }];
  if (parts) return parts.map((part, index) => ({ suffix: index > 0 ? `${suffix}/${index}` : suffix, bytes: part }));
  // The warehouse says what is wrong with text that looks like JSON.
  const isText = plain.length <= maxUnparsedBytes && /^[\s{[]/.test(plain.toString('latin1', 0, 1));
  return [{ suffix, bytes: isText ? plain : bytes }];
}

function partsOf(bytes: Buffer, forms: readonly RecordForm[]): readonly Buffer[] | undefined {
  if (plainJson(bytes) !== undefined) return [bytes];
  return forms.includes('objects') ? objectsIn(bytes) : undefined;
}

/** Undefined if the bytes have a form and cannot be decompressed within the bound. */
function decompressed(bytes: Buffer, forms: readonly RecordForm[]): Buffer | undefined {
  const inflate = inflaterOf(bytes, forms);
  if (!inflate) return bytes;
  try {
    return inflate(bytes, { maxOutputLength: maxDecodedBytes });
  } catch {
    return undefined;
  }
}

function inflaterOf(bytes: Buffer, forms: readonly RecordForm[]): typeof gunzipSync | undefined {
  if (bytes.length < 2) return undefined;
  if (forms.includes('gzip') && bytes.readUInt16BE() === 0x1f8b) return gunzipSync;
  return forms.includes('zlib') && [0x7801, 0x785e, 0x789c, 0x78da].includes(bytes.readUInt16BE())
    ? inflateSync
    : undefined;
}

/** The objects and arrays in the bytes. Undefined if there is anything else, or nothing. */
function objectsIn(bytes: Buffer): Buffer[] | undefined {
  const scanner = new JsonScanner();
  // The scanner reads single lines. A line break is white space between tokens, and an error in a string, as \r is.
  const text = bytes.toString('latin1').replaceAll('\n', '\r');
  const objects: Buffer[] = [];
  for (let at = afterBlanks(text, 0); at < text.length; at = afterBlanks(text, at)) {
    const end = scanner.scan(text, at);
    if (typeof end === 'string' || objects.length === maxObjects) return undefined;
    objects.push(bytes.subarray(at, end));
    at = end;
  }
  return objects.length > 0 ? objects : undefined;
}

function afterBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r'.includes(text[at]!)) at += 1;
  return at;
}
