import { pipeline, Readable } from 'node:stream';
import zlib from 'node:zlib';
import type { FileShape } from './contract';

/** A line of a file, or several lines that a quoted line end joins. */
export interface FileRecord {
  /** From 1: the line at which it begins. */
  readonly line: number;
  /** The line at which it ends. */
  readonly lastLine: number;
  /** Without its line end. */
  readonly bytes: Buffer;
}

/** The contents of an object do not match its name or its source. */
export class UnreadableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UnreadableError';
  }
}

export interface RecordOptions {
  readonly compression: FileShape['compression'];
  /** A line end between quotes is part of a value, as in CSV. */
  readonly quoted: boolean;
  /** A longer record throws UnreadableError. */
  readonly maxBytes: number;
}

const [newline, quote] = [10, 34];

/** The records of an object in their order. Throws UnreadableError for bytes that are not of the compression. */
export async function* recordsOf(
  body: AsyncIterable<Uint8Array>,
  { compression, quoted, maxBytes }: RecordOptions,
): AsyncGenerator<FileRecord> {
  let parts: Buffer[] = [];
  let [size, line, start, open] = [0, 1, 1, false];
  const keep = (bytes: Buffer) => {
    size += bytes.length;
    if (size > maxBytes) throw new UnreadableError(`the record at line ${start} is longer than ${maxBytes} bytes`);
    parts.push(bytes);
  };
  const take = (lastLine: number): FileRecord => {
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    const record = { line: start, lastLine, bytes: bytes.at(-1) === 13 ? bytes.subarray(0, -1) : bytes };
    [parts, size, start, open] = [[], 0, line, false];
    return record;
  };
  for await (const chunk of plainBytes(body, compression)) {
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) {
      line += 1;
      const piece = chunk.subarray(from, at);
      if (quoted && isOdd(piece)) open = !open;
      keep(open ? chunk.subarray(from, at + 1) : piece);
      from = at + 1;
      if (!open) yield take(line - 1);
    }
    const rest = chunk.subarray(from);
    if (quoted && isOdd(rest)) open = !open;
    if (rest.length > 0) keep(rest);
  }
  if (size > 0) yield take(line);
}

/** Whether there is an odd number of quotes. */
function isOdd(bytes: Buffer): boolean {
  let odd = false;
  for (let at = bytes.indexOf(quote); at >= 0; at = bytes.indexOf(quote, at + 1)) odd = !odd;
  return odd;
}

/** The bytes of an object without its compression. */
export async function* plainBytes(
  body: AsyncIterable<Uint8Array>,
  compression: FileShape['compression'],
): AsyncGenerator<Buffer> {
  const unpack = compression === 'none' ? undefined : unpackerOf(compression);
  const source = body instanceof Readable ? body : Readable.from(body);
  try {
    // A reader that stops early also ends the first stream, which is no error.
    for await (const chunk of unpack ? pipeline(source, unpack, () => undefined) : source) yield Buffer.from(chunk);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith('Z_') || code?.startsWith('ZSTD_'))
      throw new UnreadableError(`${compression}: ${message}`, { cause: error });
    throw error;
  }
}

function unpackerOf(compression: 'gzip' | 'zstd'): zlib.Gunzip {
  if (compression === 'gzip') return zlib.createGunzip();
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => zlib.Gunzip };
  // Node 22.15 and later; the deployed functions run on a later one.
  if (!createZstdDecompress) throw new UnreadableError(`Node ${process.version} cannot read zstd`);
  return createZstdDecompress();
}

/** The fields of a CSV record. Undefined where a quote is not closed, or text follows the closing quote. */
export function csvFields(text: string, delimiter: string): string[] | undefined {
  const fields: string[] = [];
  for (let at = 0; ; at += 1) {
    if (text[at] === '"') {
      const [value, after] = quotedField(text, at) ?? [];
      if (value === undefined || (after! < text.length && text[after!] !== delimiter)) return undefined;
      fields.push(value);
      at = after!;
    } else {
      const next = text.indexOf(delimiter, at);
      const end = next < 0 ? text.length : next;
      fields.push(text.slice(at, end));
      at = end;
    }
    if (at >= text.length) return fields;
  }
}

/** The value of the field whose quote opens at `at`, and the position after its closing quote. */
function quotedField(text: string, at: number): [value: string, after: number] | undefined {
  for (let end = at + 1; ; end += 2) {
    end = text.indexOf('"', end);
    if (end < 0) return undefined;
    if (text[end + 1] !== '"') return [text.slice(at + 1, end).replaceAll('""', '"'), end + 1];
  }
}
