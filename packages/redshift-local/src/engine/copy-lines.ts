import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import zlib from 'node:zlib';
import { JsonLines } from './copy-json-objects';
import type { SourceFile } from './copy-sources';
import { WarehouseError } from './errors';
import { writeCopy } from './file-copy';

/** A line, or a record of several lines, that was not loaded. */
export interface LineError {
  readonly file: string;
  /** Line number, starting at 1. */
  readonly line: number;
  readonly column?: string;
  readonly type?: string;
  /** https://docs.aws.amazon.com/redshift/latest/dg/r_Load_Error_Reference.html */
  readonly code: number;
  readonly message: string;
}

/**
 * Longest line, above Redshift's 16,000,000 bytes for a SUPER value. DuckDB's reader accepts lines of up to twice this
 * size if they fit into its buffer.
 */
export const maxLineBytes = 20_000_000;

/** A plain copy of a file at `path`, without the lines that no reader accepts. */
export interface Repaired {
  readonly source: SourceFile;
  readonly path: string;
  /** Line number in the object of each line, or record, that was kept. */
  readonly lineOf: readonly number[];
  /** Number of lines in the file that are not blank. */
  readonly lines: number;
  readonly errors: readonly LineError[];
}

/** Rules that say whether a file's records can be read. A record may span lines. */
export interface RecordRules {
  /** Number of header lines, which are not records. */
  readonly skip: number;
  /** True if the records are JSON objects: see JsonLines. */
  readonly objects?: boolean;
  /** The quote character. A line end inside quotes is part of the value. */
  readonly quote?: string;
  /** The error of a value whose quote is not closed. @default - that of CSV */
  readonly brokenQuote?: { readonly code: number; readonly message: string };
  /**
   * The delimiter, and the number of fields that a record must have. With `least`, a record may have from `least` to
   * `count` fields.
   */
  readonly fields?: { readonly delimiter: string; readonly count: number; readonly least?: number };
}

/**
 * Copies a file without its blank lines, its lines that are not UTF-8 text, and its records with a wrong number of
 * fields.
 */
export async function repair(source: SourceFile, path: string, rules: RecordRules): Promise<Repaired> {
  const output = writeCopy(path);
  const lineOf: number[] = [];
  const errors: LineError[] = [];
  const counted = { lines: 0 };
  for await (const [record, line] of recordsOf(source, rules, counted)) {
    const problem = problemOf(record, rules);
    if (problem) errors.push({ file: source.url, line, ...problem });
    else {
      lineOf.push(line);
      const text = record.at(-1) === 13 ? record.subarray(0, -1) : record;
      await output.write(Buffer.concat([text, newline]));
    }
  }
  await output.end();
  return { source, path, lineOf, errors, lines: counted.lines };
}

/** @throws WarehouseError if the file does not have its compression, or has a line longer than `maxLineBytes` */
export async function requireReadable(source: SourceFile, rules: RecordRules): Promise<void> {
  for await (const [record, line] of recordsOf(source, rules))
    if (record.length > maxLineBytes)
      throw new WarehouseError(`line ${line} of ${source.url} is longer than ${maxLineBytes} bytes`);
}

/** Yields the records that are not blank, with their lines. */
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

/** @throws WarehouseError if the file has a blank line, which is a record unless IGNOREBLANKLINES is given */
export async function requireNoBlankLines(source: SourceFile, rules: RecordRules): Promise<void> {
  for await (const [record, line] of allRecords(source, rules))
    if (isBlank(record))
      throw new WarehouseError(
        `line ${line} of ${source.url} is blank: without IGNOREBLANKLINES that is not modelled by the local warehouse`,
      );
}

/**
 * Copies a file and replaces each byte that is not part of UTF-8 text
 * (https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html#acceptinvchars).
 */
export async function replaceInvalid(source: SourceFile, path: string, replacement: string): Promise<void> {
  const output = writeCopy(path);
  const mark = Buffer.from(replacement);
  for await (const [record] of allRecords(source, { skip: 0 })) {
    const line = Buffer.concat([isUtf8(record) ? record : Buffer.concat(validParts(record, mark)), newline]);
    await output.write(line);
  }
  await output.end();
}

/** True if the header of a file has a quote that is not closed, which DuckDB's reader takes for the start of a value. */
export async function opensQuote(source: SourceFile, { skip, quote }: RecordRules): Promise<boolean> {
  if (quote === undefined || skip === 0) return false;
  let read = 0;
  for await (const [record] of allRecords(source, { skip: 0 })) {
    read += 1;
    if (read > skip) return false;
    if (record.toString('latin1').split(quote).length % 2 === 0) return true;
  }
  return false;
}

/** Copies a file with blank lines in place of its header. */
export async function blankHeader(source: SourceFile, path: string, { skip }: RecordRules): Promise<void> {
  const output = writeCopy(path);
  let read = 0;
  for await (const [record] of allRecords(source, { skip: 0 })) {
    read += 1;
    const line = read > skip ? Buffer.concat([record, newline]) : newline;
    await output.write(line);
  }
  await output.end();
}

/** Returns the valid characters of a line, with a mark in place of each invalid byte. */
function validParts(line: Buffer, mark: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < line.length; ) {
    const length = [1, 2, 3, 4].find((bytes) => at + bytes <= line.length && isUtf8(line.subarray(at, at + bytes)));
    parts.push(length === undefined ? mark : line.subarray(at, at + length));
    at += length ?? 1;
  }
  return parts;
}

/** Yields the records of a file, whatever their bytes. */
export async function* allRecords(
  source: SourceFile,
  rules: RecordRules,
): AsyncGenerator<[record: Buffer, line: number]> {
  const reader = new RecordReader(rules);
  const chunks = plainBytes(source)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await chunks.next().catch((error: Error) => {
        throw new WarehouseError(`${source.url} cannot be read: ${error.message}`);
      });
      yield* done ? reader.end() : reader.push(value);
      if (done) return;
    }
  } finally {
    await chunks.return?.();
  }
}

function isBlank(record: Buffer): boolean {
  return record.every((byte) => byte === 32 || byte === 9 || byte === 13);
}

const newline = Buffer.from('\n');

/** Ignores the error, because the last stream of the pipeline throws it too. */
const ignore = () => undefined;

/** @throws WarehouseError if this Node cannot undo the compression */
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

function problemOf(
  record: Buffer,
  { quote, fields, brokenQuote }: RecordRules,
): { code: number; message: string } | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(record);
  } catch {
    return { code: 1220, message: 'String contains invalid or unsupported UTF8 codepoints' };
  }
  if (!fields) return undefined;
  const count = quote === undefined ? text.split(fields.delimiter).length : countFields(text, fields.delimiter, quote);
  if (count === undefined) return brokenQuote ?? { code: 1216, message: 'Invalid quote formatting for CSV' };
  if (count > fields.count) return { code: 1202, message: 'Extra column(s) found' };
  if (count < (fields.least ?? fields.count)) return { code: 1214, message: 'Delimiter not found' };
  return undefined;
}

/**
 * Counts the fields of a record. Returns undefined if a quote is not closed, or is followed by anything but a
 * delimiter.
 */
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

/** Splits bytes into records, at the line ends outside quotes. */
class RecordReader {
  /** Bytes of the record that has not ended. */
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

  /** Says whether a quote is open after these bytes. Quotes in a header are ignored. */
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
