import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import { type Base64, base64Of } from '../shared/base64';
import { plainJson } from '../shared/plain-json';
import { type LoadSource, versionPrefix } from './contract';
import { decodedLines, decodes } from './decoded-lines';
import { goneReason } from './failure';
import { idOf } from './groups';
import type { LoadCall } from './host';
import type { HistoryObject } from './notification';
import { payloadOf, problemOf, recordsOfShape } from './payload';
import { type FileRecord, UnreadableError } from './records';
import { type File, runIdOf, writeManifest } from './transaction';

/** By object id: the lines that COPY reported as unreadable, with its messages. */
export type ReportedLines = ReadonlyMap<string, ReadonlyMap<number, string>>;

/** A line that becomes a reject. */
interface RefusedLine {
  /** `s3://…` of the object. */
  readonly object_key: string;
  readonly line: number;
  readonly message: string;
  readonly bytes: Base64;
}

/** The records of objects that COPY can read, in files that nobody changes. */
export interface Sifted {
  readonly files: readonly File[];
  /** How many records the files have. */
  readonly records: number;
  /** URL of a manifest: the other lines of the objects, which become rejects. */
  readonly refused: string;
  /** Differs when the same objects are sifted with other reported lines. */
  readonly version: string;
}

/** Size of a file before compression: it is built in memory. */
const partBytes = 16 * 1024 ** 2;
/** Longest record that COPY takes. */
const maxRecordBytes = 20_000_000;
/** A record of the stream has at most 16 MB, and two characters for each byte. */
const maxUndecodedBytes = 34_000_000;
const maxBytesOf = ({ format }: LoadSource['shape']) => (format === 'undecoded' ? maxUndecodedBytes : maxRecordBytes);
/** Longest message that fits the reason of a reject. */
const maxMessageBytes = 480;
const reserveMs = 60_000;

/** The object is gone, or its bytes are not of its compression. */
export class UnsiftableError extends Error {
  constructor(
    readonly object: HistoryObject,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'UnsiftableError';
  }
}

/**
 * Reads the exact bytes of the objects. Writes each record that COPY can read into a file, and each other one into the list of refused lines.
 * Undefined when time runs out.
 * @throws UnsiftableError
 */
export async function sift(
  call: LoadCall,
  source: LoadSource,
  objects: readonly HistoryObject[],
  reported: ReportedLines,
): Promise<Sifted | undefined> {
  const lines = JSON.stringify(objects.map((object) => [...(reported.get(idOf(object)) ?? [])]));
  const version = createHash('sha256').update(lines).digest('hex').slice(0, 8);
  const writer = new SiftWriter(call, source, `${versionPrefix}${call.plan.pipeline}/${runIdOf(objects)}-${version}`);
  for (const object of objects) {
    try {
      if (!(await siftOne(call, source, object, reported.get(idOf(object)), writer))) return undefined;
    } catch (error) {
      if (error instanceof UnreadableError) throw new UnsiftableError(object, error.message, { cause: error });
      throw error;
    }
  }
  const { files, records, refusedFile } = await writer.end();
  const refused = await writeManifest(call, `${runIdOf(objects)}-${version}-refused`, [refusedFile]);
  return { files, records, refused, version };
}

async function siftOne(
  call: LoadCall,
  { shape }: LoadSource,
  object: HistoryObject,
  reported: ReadonlyMap<number, string> | undefined,
  writer: SiftWriter,
): Promise<boolean> {
  const url = `s3://${object.bucket}/${object.key}`;
  // An empty object has no records, whatever its compression.
  if (object.size === 0) return call.remainingMs() >= reserveMs;
  const body = await bytesOf(call, object);
  let read = 0;
  for await (const record of recordsOfShape(body, shape, maxBytesOf(shape))) {
    read += 1;
    if (read % 5000 === 0 && call.remainingMs() < reserveMs) return false;
    if (shape.format === 'csv' && read === 1) await writer.begin(record.bytes);
    else if (decodes(shape)) for (const line of decodedLines(record, shape)) await writer.keep(line);
    else if (!isEmpty(record.bytes, shape)) {
      const message = messageOf(record, reported) ?? unreadableReason(record.bytes, shape);
      if (message === undefined) await writer.keep(oneLine(record, shape));
      else writer.refuse(url, record, message);
    }
  }
  return call.remainingMs() >= reserveMs;
}

/** Returns why a record is not written for COPY. The warehouse itself parses bytes that are not plain JSON. */
function unreadableReason(bytes: Buffer, shape: LoadSource['shape']): string | undefined {
  const isReadable = hasLines(shape) ? payloadOf(bytes, shape) !== undefined : plainJson(bytes) !== undefined;
  return isReadable ? undefined : problemOf(bytes, shape);
}

const hasLines = ({ format }: LoadSource['shape']) => format === 'csv' || format === 'text';

/** Writes a record on one line, a text as its payload. Line breaks in JSON are between tokens. */
function oneLine({ line, lastLine, bytes }: FileRecord, shape: LoadSource['shape']): Buffer {
  if (shape.format === 'text') return Buffer.from(JSON.stringify(payloadOf(bytes, shape)));
  if (shape.format === 'csv' || line === lastLine) return bytes;
  return Buffer.from(bytes.toString('latin1').replace(/[\r\n]/g, ' '), 'latin1');
}

async function bytesOf({ objects }: LoadCall, object: HistoryObject): Promise<AsyncIterable<Uint8Array>> {
  const { bucket, key, etag, versionId } = object;
  const body =
    (await objects.bytes(versionId ? { bucket, key, versionId } : { bucket, key, etag })) ??
    (await olderBytes(objects, object));
  if (!body) throw new UnsiftableError(object, goneReason(etag));
  return body;
}

async function olderBytes(objects: LoadCall['objects'], { bucket, key, etag, versionId }: HistoryObject) {
  const found = versionId ? undefined : await objects.find(bucket, key, etag);
  return found === undefined ? undefined : objects.bytes({ bucket, key, versionId: found });
}

/** COPY's message, if it reported a line of the record. */
function messageOf(
  { line, lastLine }: FileRecord,
  reported: ReadonlyMap<number, string> | undefined,
): string | undefined {
  if (!reported || reported.size === 0) return undefined;
  for (let at = line; at <= lastLine; at += 1) if (reported.has(at)) return reported.get(at);
  return undefined;
}

/** Blanks are a text. */
const isEmpty = (bytes: Buffer, { format }: LoadSource['shape']) =>
  format === 'text' ? bytes.length === 0 : isBlank(bytes);

const isBlank = (bytes: Buffer) => bytes.every((byte) => byte === 32 || byte === 9 || byte === 13 || byte === 10);
const newline = Buffer.from('\n');

/** Writes records into files, one file after the other, and in the end the list of refused lines. */
class SiftWriter {
  private readonly files: File[] = [];
  private readonly refused: RefusedLine[] = [];
  private header: Buffer | undefined;
  private parts: Buffer[] = [];
  private size = 0;
  private records = 0;

  constructor(
    private readonly call: LoadCall,
    private readonly source: LoadSource,
    private readonly key: string,
  ) {}

  /** Begins a new file. The records that follow belong to this CSV header. */
  async begin(header: Buffer): Promise<void> {
    await this.flush();
    this.header = header;
  }

  async keep(bytes: Buffer): Promise<void> {
    if (this.parts.length === 0 && this.header) this.parts.push(this.header, newline);
    this.parts.push(bytes, newline);
    this.size += bytes.length + 1;
    this.records += 1;
    if (this.size >= partBytes) await this.flush();
  }

  refuse(object_key: string, { line, bytes }: FileRecord, message: string): void {
    this.refused.push({ object_key, line, message: shorten(message), bytes: base64Of(bytes) });
  }

  async end(): Promise<{ files: readonly File[]; records: number; refusedFile: File }> {
    await this.flush();
    // COPY needs at least one file.
    if (this.files.length === 0) await this.write(this.header ? [this.header, newline] : [newline]);
    const lines = [{ object_key: null }, ...this.refused].map((line) => `${JSON.stringify(line)}\n`);
    const refusedFile = await this.put(`${this.key}-refused.gz`, zlib.gzipSync(lines.join('')));
    return { files: this.files, records: this.records, refusedFile };
  }

  private async flush(): Promise<void> {
    if (this.parts.length > 0) await this.write(this.parts);
    this.parts = [];
    this.size = 0;
  }

  private async write(parts: readonly Buffer[]): Promise<void> {
    const body = compress(Buffer.concat(parts), this.source.shape.compression);
    this.files.push(await this.put(`${this.key}-${this.files.length + 1}`, body));
  }

  private async put(key: string, body: Buffer): Promise<File> {
    await this.call.objects.put(this.call.workBucket, key, body);
    return { url: `s3://${this.call.workBucket}/${key}`, size: body.length };
  }
}

function compress(bytes: Buffer, compression: LoadSource['shape']['compression']): Buffer {
  if (compression === 'none') return bytes;
  if (compression === 'gzip') return zlib.gzipSync(bytes);
  const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer };
  // Node 22.15 and later have it, as they have the function that read the object.
  if (!zstdCompressSync) throw new UnreadableError(`Node ${process.version} cannot write zstd`);
  return zstdCompressSync(bytes);
}

function shorten(message: string): string {
  const bytes = Buffer.from(message.replaceAll('\0', ''));
  return bytes.length <= maxMessageBytes
    ? bytes.toString()
    : bytes
        .subarray(0, maxMessageBytes - 3)
        .toString()
        .replace(/(?<!\uFFFD)\uFFFD+$/, '');
}
