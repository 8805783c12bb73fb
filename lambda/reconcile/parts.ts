import { once } from 'node:events';
import { createGzip, type Gzip } from 'node:zlib';
import type { ListedObject } from '../shared/objects';
import { formatTimestamp } from '../shared/timestamp';

/** Text of a part before compression. Compressed, about a tenth of it, the part stays in memory until it is written. */
const maxPartBytes = 16 * 1024 ** 2;
/** Lines are compressed in pieces of this size. Larger pieces would only need memory. */
const maxWaitingBytes = 64 * 1024;

/** Writes objects as gzipped NDJSON, in parts. */
export class PartWriter {
  private part: Part | undefined;
  private readonly written: { key: string; bytes: number }[] = [];
  objects = 0;

  /** @param put stores a part under its key */
  constructor(
    private readonly prefix: string,
    private readonly put: (key: string, body: Uint8Array) => Promise<void>,
    private readonly partBytes = maxPartBytes,
  ) {}

  async add(objects: readonly ListedObject[]): Promise<void> {
    for (const { key, etag, size, lastModified } of objects) {
      this.part ??= new Part();
      this.objects += 1;
      const waiting = this.part.add(
        `${JSON.stringify({ object_key: key, etag, size, last_modified: formatTimestamp(lastModified) })}\n`,
      );
      if (waiting >= maxWaitingBytes) await this.part.compress();
      if (this.part.bytes >= this.partBytes) await this.flush(this.part);
    }
  }

  /** Writes the last part. Returns all parts in the order of their keys. */
  async end(): Promise<readonly { key: string; bytes: number }[]> {
    if (this.part) await this.flush(this.part);
    return this.written;
  }

  private async flush(part: Part): Promise<void> {
    const body = await part.end();
    this.part = undefined;
    const key = `${this.prefix}${String(this.written.length).padStart(6, '0')}.ndjson.gz`;
    await this.put(key, body);
    this.written.push({ key, bytes: body.length });
  }
}

/** A part that is being filled. */
class Part {
  private readonly gzip: Gzip = createGzip({ level: 1 });
  private readonly compressed: Buffer[] = [];
  private waiting = '';
  /** Length of the text. */
  bytes = 0;

  constructor() {
    this.gzip.on('data', (chunk: Buffer) => this.compressed.push(chunk));
  }

  /** Returns the length of the text that is not compressed yet. */
  add(line: string): number {
    this.waiting += line;
    this.bytes += line.length;
    return this.waiting.length;
  }

  async compress(): Promise<void> {
    const text = this.waiting;
    this.waiting = '';
    await new Promise<void>((resolve, reject) => this.gzip.write(text, (error) => (error ? reject(error) : resolve())));
  }

  async end(): Promise<Buffer> {
    const ended = once(this.gzip, 'end');
    this.gzip.end(this.waiting);
    await ended;
    return Buffer.concat(this.compressed);
  }
}
