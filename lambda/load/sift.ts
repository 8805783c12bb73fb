import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import { type LoadSource, versionPrefix } from './contract';
import { idOf } from './groups';
import type { LoadHost } from './host';
import type { HistoryObject } from './notification';
import { payloadOf, problemOf } from './payload';
import { type FileRecord, recordsOf, UnreadableError } from './records';
import { type File, runIdOf, writeManifest } from './transaction';

/** Lines that COPY said it cannot read, with its words, by the id of their object. */
export type Named = ReadonlyMap<string, ReadonlyMap<number, string>>;

/** A line that is a reject. */
export interface Refused {
  /** `s3://…` of the object. */
  readonly object_key: string;
  readonly line: number;
  readonly message: string;
  /** Base64; left out where it would not fit the column. */
  readonly bytes?: string;
}

/** What objects hold, in files that nobody changes. */
export interface Sifted {
  readonly files: readonly File[];
  /** How many records the files have. */
  readonly records: number;
  /** URL of the manifest of the lines that the files do not have. */
  readonly refused: string;
  /** Tells other contents of the same objects apart. */
  readonly version: string;
}

/** Records of the files, in bytes before compression: one file at a time is in memory. */
const partBytes = 16 * 1024 ** 2;
/** COPY takes no longer record. */
const maxRecordBytes = 20_000_000;
/** A varchar takes 65,535 bytes of base64. */
const maxKeptBytes = 49_000;
/** A message fits the reason of a reject. */
const maxMessageBytes = 480;
const reserveMs = 60_000;

/** An object that cannot be sifted. */
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
 * Reads the very bytes of the objects, and writes the records that COPY can read into files and the others into a list, each record into one of both.
 * Undefined where time runs out.
 * @throws UnsiftableError naming an object that is gone or is not of its compression
 */
export async function sift(
  host: LoadHost,
  source: LoadSource,
  objects: readonly HistoryObject[],
  named: Named,
  remainingMs: () => number,
): Promise<Sifted | undefined> {
  const lines = JSON.stringify(objects.map((object) => [...(named.get(idOf(object)) ?? [])]));
  const version = createHash('sha256').update(lines).digest('hex').slice(0, 8);
  const writer = new SiftWriter(host, source, `${versionPrefix}${host.plan.pipeline}/${runIdOf(objects)}-${version}`);
  for (const object of objects) {
    try {
      if (!(await siftOne(host, source, object, named.get(idOf(object)), writer, remainingMs))) return undefined;
    } catch (error) {
      if (error instanceof UnreadableError) throw new UnsiftableError(object, error.message, { cause: error });
      throw error;
    }
  }
  const { files, records, refusedFile } = await writer.end();
  const refused = await writeManifest(host, `${runIdOf(objects)}-${version}-refused`, [refusedFile]);
  return { files, records, refused, version };
}

async function siftOne(
  host: LoadHost,
  { shape }: LoadSource,
  object: HistoryObject,
  named: ReadonlyMap<number, string> | undefined,
  writer: SiftWriter,
  remainingMs: () => number,
): Promise<boolean> {
  const isCsv = shape.format === 'csv';
  const url = `s3://${object.bucket}/${object.key}`;
  const body = await bytesOf(host, object);
  let read = 0;
  for await (const record of recordsOf(body, {
    compression: shape.compression,
    quoted: isCsv,
    maxBytes: maxRecordBytes,
  })) {
    read += 1;
    if (read % 5000 === 0 && remainingMs() < reserveMs) return false;
    if (isCsv && read === 1) await writer.begin(record.bytes);
    else if (!isBlank(record.bytes)) {
      const message = messageOf(record, named) ?? wrongIn(record.bytes, shape);
      if (message === undefined) await writer.keep(record.bytes);
      else writer.refuse(url, record, message);
    }
  }
  return remainingMs() >= reserveMs;
}

const wrongIn = (bytes: Buffer, shape: LoadSource['shape']) =>
  payloadOf(bytes, shape) === undefined ? problemOf(bytes, shape) : undefined;

async function bytesOf({ objects }: LoadHost, object: HistoryObject): Promise<AsyncIterable<Uint8Array>> {
  const { bucket, key, etag, versionId } = object;
  const body =
    (await objects.bytes(versionId ? { bucket, key, versionId } : { bucket, key, etag })) ??
    (await olderBytes(objects, object));
  if (!body) throw new UnsiftableError(object, `the version with etag ${etag} is there no more, or must not be read`);
  return body;
}

async function olderBytes(objects: LoadHost['objects'], { bucket, key, etag, versionId }: HistoryObject) {
  const found = versionId ? undefined : await objects.find(bucket, key, etag);
  return found === undefined ? undefined : objects.bytes({ bucket, key, versionId: found });
}

/** COPY's words where it named a line of the record. */
function messageOf({ line, lastLine }: FileRecord, named: ReadonlyMap<number, string> | undefined): string | undefined {
  if (!named || named.size === 0) return undefined;
  for (let at = line; at <= lastLine; at += 1) if (named.has(at)) return named.get(at);
  return undefined;
}

const isBlank = (bytes: Buffer) => bytes.every((byte) => byte === 32 || byte === 9 || byte === 13 || byte === 10);
const newline = Buffer.from('\n');

/** Writes files of records, one after the other, and in the end the list of the lines that are in none. */
class SiftWriter {
  private readonly files: File[] = [];
  private readonly refused: Refused[] = [];
  private header: Buffer | undefined;
  private parts: Buffer[] = [];
  private size = 0;
  private records = 0;

  constructor(
    private readonly host: LoadHost,
    private readonly source: LoadSource,
    private readonly key: string,
  ) {}

  /** Records that follow stand below this header. */
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
    const kept = bytes.length <= maxKeptBytes ? { bytes: bytes.toString('base64') } : {};
    this.refused.push({ object_key, line, message: cut(message), ...kept });
  }

  async end(): Promise<{ files: readonly File[]; records: number; refusedFile: File }> {
    await this.flush();
    // COPY needs a file, also where no record can be read.
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
    const body = packed(Buffer.concat(parts), this.source.shape.compression);
    this.files.push(await this.put(`${this.key}-${this.files.length + 1}`, body));
  }

  private async put(key: string, body: Buffer): Promise<File> {
    await this.host.objects.put(this.host.workBucket, key, body);
    return { url: `s3://${this.host.workBucket}/${key}`, size: body.length };
  }
}

function packed(bytes: Buffer, compression: LoadSource['shape']['compression']): Buffer {
  if (compression === 'none') return bytes;
  if (compression === 'gzip') return zlib.gzipSync(bytes);
  const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer };
  // Node 22.15 and later, which could read the object in the first place.
  if (!zstdCompressSync) throw new UnreadableError(`zstd cannot be written by Node ${process.version}`);
  return zstdCompressSync(bytes);
}

function cut(message: string): string {
  const bytes = Buffer.from(message.replaceAll('\0', ''));
  return bytes.length <= maxMessageBytes
    ? bytes.toString()
    : bytes
        .subarray(0, maxMessageBytes - 3)
        .toString()
        .replace(/\uFFFD+$/, '');
}
