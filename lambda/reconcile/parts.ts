import { gzipSync } from 'node:zlib';
import type { ListedObject } from '../shared/objects';
import { formatTimestamp } from '../shared/timestamp';

/** Of the text before it is compressed. Bounds the memory: one part is held at a time. */
const maxPartBytes = 16 * 1024 ** 2;

/** Writes objects as gzipped NDJSON, part by part. */
export class PartWriter {
  private lines: string[] = [];
  private bytes = 0;
  private readonly written: { key: string; bytes: number }[] = [];
  objects = 0;

  /** @param put stores a part under a key of its own */
  constructor(
    private readonly prefix: string,
    private readonly put: (key: string, body: Uint8Array) => Promise<void>,
    private readonly partBytes = maxPartBytes,
  ) {}

  async add({ key, etag, size, lastModified }: ListedObject): Promise<void> {
    const line = JSON.stringify({ object_key: key, etag, size, last_modified: formatTimestamp(lastModified) });
    this.lines.push(line, '\n');
    this.bytes += line.length + 1;
    this.objects += 1;
    if (this.bytes >= this.partBytes) await this.flush();
  }

  /** Writes what is left. Returns the parts in the order of their keys. */
  async end(): Promise<readonly { key: string; bytes: number }[]> {
    if (this.lines.length > 0) await this.flush();
    return this.written;
  }

  private async flush(): Promise<void> {
    const body = gzipSync(this.lines.join(''), { level: 1 });
    this.lines = [];
    this.bytes = 0;
    const key = `${this.prefix}${String(this.written.length).padStart(6, '0')}.ndjson.gz`;
    await this.put(key, body);
    this.written.push({ key, bytes: body.length });
  }
}
