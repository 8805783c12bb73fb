import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { finished } from 'node:stream/promises';
import zlib from 'node:zlib';
import { JsonLines } from './copy-json-objects';
import type { SourceFile } from './copy-sources';
import { WarehouseError } from './errors';

/** A line, or a record of several lines, that was not loaded. */
export interface LineError {
  readonly file: string;
  /** From 1, as an editor counts. */
  readonly line: number;
  readonly column?: string;
  readonly type?: string;
  /** https://docs.aws.amazon.com/redshift/latest/dg/r_Load_Error_Reference.html */
  readonly code: number;
  readonly message: string;
}

/** Above Redshift's 16,000,000 bytes for a SUPER value. Lines of up to twice as many are read where they fit into the reader's buffer. */
export const maxLineBytes = 20_000_000;

/** What is left of a file without the lines that no reader takes: plain text at `path`. */
export interface Repaired {
  readonly source: SourceFile;
  readonly path: string;
  /** Line in the object of each line, or record, that was kept. */
  readonly lineOf: readonly number[];
  /** Lines of the file that hold something. */
  readonly lines: number;
  readonly errors: readonly LineError[];
}

/** Says for the records of a file, which may span lines, whether they can be read. */
export interface RecordRules {
  /** Lines from the file's start that are no records. */
  readonly skip: number;
  /** The records are JSON objects: see JsonLines. */
  readonly objects?: boolean;
  /** The quote in which a line end is part of a value. */
  readonly quote?: string;
  /** The delimiter and the number of fields that a record must have, or may have at most where it has at least `least`. */
  readonly fields?: { readonly delimiter: string; readonly count: number; readonly least?: number };
}

/** Copies a file without its blank lines and those that are not UTF-8 text, or of the wrong number of fields. */
export async function repair(source: SourceFile, path: string, rules: RecordRules): Promise<Repaired> {
  const output = createWriteStream(path);
  const lineOf: number[] = [];
  const errors: LineError[] = [];
  const counted = { lines: 0 };
  for await (const [record, line] of recordsOf(source, rules, counted)) {
    const problem = problemOf(record, rules);
    if (problem) errors.push({ file: source.url, line, ...problem });
    else {
      lineOf.push(line);
      const text = record.at(-1) === 13 ? record.subarray(0, -1) : record;
      if (!output.write(Buffer.concat([text, newline]))) await once(output, 'drain');
    }
  }
  output.end();
  await finished(output);
  return { source, path, lineOf, errors, lines: counted.lines };
}

/** @throws WarehouseError for a file that is not of its compression, or has a line longer than `maxLineBytes` */
export async function requireReadable(source: SourceFile, rules: RecordRules): Promise<void> {
  for await (const [record, line] of recordsOf(source, rules))
    if (record.length > maxLineBytes)
      throw new WarehouseError(`line ${line} of ${source.url} is longer than ${maxLineBytes} bytes`);
}

/** The records that hold something, and the line at which each begins. */
async function* recordsOf(
  source: SourceFile,
  rules: RecordRules,
  counted = { lines: 0 },
): AsyncGenerator<[record: Buffer, line: number]> {
  const objects = rules.objects ? new JsonLines() : undefined;
  for await (const found of allRecords(source, rules)) {
    if (isBlank(found[0])) continue;
    counted.lines += 1;
    if (!objects) yield found;
    else for (const { bytes, line } of objects.push(...found)) yield [bytes, line];
  }
  for (const { bytes, line } of objects?.end() ?? []) yield [bytes, line];
}

/** @throws WarehouseError for a file with a blank line, which is a record unless IGNOREBLANKLINES is given */
export async function requireNoBlankLines(source: SourceFile, rules: RecordRules): Promise<void> {
  for await (const [record, line] of allRecords(source, rules))
    if (isBlank(record))
      throw new WarehouseError(
        `line ${line} of ${source.url} is blank: without IGNOREBLANKLINES that is not modelled by the local warehouse`,
      );
}

/** Copies a file with each byte that is no part of UTF-8 text replaced by a character (https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html#acceptinvchars). */
export async function replaceInvalid(source: SourceFile, path: string, replacement: string): Promise<void> {
  const output = createWriteStream(path);
  const mark = Buffer.from(replacement);
  for await (const [record] of allRecords(source, { skip: 0 })) {
    const line = Buffer.concat([isUtf8(record) ? record : Buffer.concat(validParts(record, mark)), newline]);
    if (!output.write(line)) await once(output, 'drain');
  }
  output.end();
  await finished(output);
}

/** The characters of a line that is not UTF-8 text, and a mark for each byte that is none. */
function validParts(line: Buffer, mark: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < line.length; ) {
    const length = [1, 2, 3, 4].find((bytes) => at + bytes <= line.length && isUtf8(line.subarray(at, at + bytes)));
    parts.push(length === undefined ? mark : line.subarray(at, at + length));
    at += length ?? 1;
  }
  return parts;
}

async function* allRecords(source: SourceFile, rules: RecordRules): AsyncGenerator<[record: Buffer, line: number]> {
  const reader = new RecordReader(rules);
  const chunks = plainBytes(source)[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await chunks.next().catch((error: Error) => {
      throw new WarehouseError(`${source.url} cannot be read: ${error.message}`);
    });
    yield* done ? reader.end() : reader.push(value);
    if (done) return;
  }
}

function isBlank(record: Buffer): boolean {
  return record.every((byte) => byte === 32 || byte === 9 || byte === 13);
}

const newline = Buffer.from('\n');

/** An error of either stream is one of the last. */
const ignore = () => undefined;

/** @throws WarehouseError for a compression that this Node cannot undo */
function plainBytes({ path, compression }: SourceFile): AsyncIterable<Buffer> {
  const file = createReadStream(path);
  if (compression === 'none') return file;
  if (compression === 'gzip') return pipeline(file, zlib.createGunzip(), ignore);
  const unpack = (zlib as { createZstdDecompress?: () => NodeJS.ReadWriteStream }).createZstdDecompress;
  if (compression === 'zstd' && unpack) return pipeline(file, unpack(), ignore) as unknown as AsyncIterable<Buffer>;
  throw new WarehouseError(
    `bad lines in ${compression.toUpperCase()} are not modelled by the local warehouse on Node ${process.version}`,
  );
}

function problemOf(record: Buffer, { quote, fields }: RecordRules): { code: number; message: string } | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(record);
  } catch {
    return { code: 1220, message: 'String contains invalid or unsupported UTF8 codepoints' };
  }
  if (!fields) return undefined;
  const count = quote === undefined ? text.split(fields.delimiter).length : countFields(text, fields.delimiter, quote);
  if (count === undefined) return { code: 1216, message: 'Invalid quote formatting for CSV' };
  if (count > fields.count) return { code: 1202, message: 'Extra column(s) found' };
  if (count < (fields.least ?? fields.count)) return { code: 1214, message: 'Delimiter not found' };
  return undefined;
}

/** Undefined where a quote is not closed, or something follows it. */
function countFields(record: string, delimiter: string, quote: string): number | undefined {
  const text = record.replace(/\r$/, '');
  let count = 1;
  for (let at = 0; at <= text.length; at += 1) {
    if (text[at] === quote) {
      for (at += 1; ; at += 2) {
        at = text.indexOf(quote, at);
        if (at < 0) return undefined;
        if (text[at + 1] !== quote) break;
      }
      at += 1;
      if (at < text.length && text[at] !== delimiter) return undefined;
    } else {
      const end = text.indexOf(delimiter, at);
      const field = text.slice(at, end < 0 ? undefined : end);
      if (field.includes(quote)) return undefined;
      at += field.length;
    }
    if (at < text.length) count += 1;
  }
  return count;
}

/** Cuts bytes at the line ends that stand outside quotes. */
class RecordReader {
  /** Of a record that has not ended. */
  private parts: Buffer[] = [];
  private quoted = false;
  private line = 1;
  private start = 1;
  private skipped = 0;

  constructor(private readonly rules: RecordRules) {}

  *push(chunk: Buffer): Generator<[record: Buffer, line: number]> {
    const quote = this.rules.quote?.charCodeAt(0);
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) {
      this.line += 1;
      if (quote !== undefined && this.opens(chunk.subarray(from, at), quote)) {
        this.parts.push(chunk.subarray(from, at + 1));
        from = at + 1;
        continue;
      }
      this.parts.push(chunk.subarray(from, at));
      yield* this.record();
      from = at + 1;
    }
    const rest = chunk.subarray(from);
    if (quote !== undefined) this.opens(rest, quote);
    if (rest.length > 0) this.parts.push(rest);
  }

  *end(): Generator<[record: Buffer, line: number]> {
    if (this.parts.length > 0) yield* this.record();
  }

  /** Whether a quote is open behind these bytes; a header has no quotes that matter. */
  private opens(bytes: Buffer, quote: number): boolean {
    if (this.skipped < this.rules.skip) return false;
    for (let at = bytes.indexOf(quote); at >= 0; at = bytes.indexOf(quote, at + 1)) this.quoted = !this.quoted;
    return this.quoted;
  }

  private *record(): Generator<[record: Buffer, line: number]> {
    if (this.skipped < this.rules.skip) this.skipped += 1;
    else yield [this.parts.length === 1 ? this.parts[0]! : Buffer.concat(this.parts), this.start];
    this.parts = [];
    this.start = this.line;
    this.quoted = false;
  }
}
