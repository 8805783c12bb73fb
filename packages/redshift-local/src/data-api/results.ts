import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { AwsError } from 'aws-local-kit';
import type { Field, ResultSet, ResultSink } from '../engine/result';
import type { ResultColumn } from '../statement';

/** A page holds about so many bytes. */
const pageBytes = 2 ** 20;
const bufferedBytes = 2 ** 18;

/** Where a result lies, and what is said of it. */
export interface StoredResult {
  readonly columns: readonly ResultColumn[];
  readonly rows: number;
  /** About what the values weigh. */
  readonly bytes: number;
  /** Byte at which each page begins; the last entry is the end of the file. */
  readonly pages: readonly number[];
}

/**
 * Results of statements as files, a line of JSON for each row: they outlive the process and are read a page at a time, so that
 * a thousand of them cost no memory.
 */
export class ResultFiles {
  constructor(private readonly folder: string) {}

  /** @param index of the statement in its batch */
  writer(id: string, index: number, signal: AbortSignal): ResultWriter {
    mkdirSync(this.folder, { recursive: true });
    return new ResultWriter(this.file(id, index), signal);
  }

  /** The rows of a page. @throws AwsError ResourceNotFoundException when somebody took the file away */
  async page(id: string, index: number, result: StoredResult, page: number): Promise<Field[][]> {
    const [start, end] = [result.pages[page]!, result.pages[page + 1]!];
    if (start === end) return [];
    const bytes = Buffer.alloc(end - start);
    try {
      const file = await open(this.file(id, index));
      try {
        await file.read(bytes, 0, bytes.length, start);
      } finally {
        await file.close();
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new AwsError('ResourceNotFoundException', `the result of statement ${id} is gone from the data folder`);
    }
    return bytes.toString('utf8').trimEnd().split('\n').map(rowOf);
  }

  remove(id: string, statements: number): void {
    for (let index = 0; index < statements; index++) rmSync(this.file(id, index), { force: true });
  }

  /** Removes what belongs to no statement that is known. */
  keepOnly(ids: ReadonlySet<string>): void {
    if (!existsSync(this.folder)) return;
    for (const name of readdirSync(this.folder))
      if (!ids.has(name.slice(0, name.lastIndexOf('.')))) rmSync(join(this.folder, name), { force: true });
  }

  private file(id: string, index: number): string {
    return join(this.folder, `${id}.${index + 1}`);
  }
}

/** Takes the rows of one statement while they come. The file is made with the first row. */
export class ResultWriter implements ResultSink {
  private descriptor: number | undefined;
  private buffer: string[] = [];
  private buffered = 0;
  private written = 0;
  private pages: number[] = [0];

  constructor(
    private readonly file: string,
    private readonly signal: AbortSignal,
  ) {}

  begin(): void {
    if (this.descriptor !== undefined) truncateSync(this.file);
    this.buffer = [];
    this.buffered = 0;
    this.written = 0;
    this.pages = [0];
  }

  /** @throws the reason of a cancellation */
  rows(records: readonly (readonly Field[])[]): void {
    this.signal.throwIfAborted();
    for (const record of records) {
      const line = `${lineOf(record)}\n`;
      this.buffer.push(line);
      this.buffered += Buffer.byteLength(line);
      if (this.written + this.buffered - this.pages.at(-1)! >= pageBytes) this.pages.push(this.written + this.buffered);
      if (this.buffered >= bufferedBytes) this.flush();
    }
  }

  /** Keeps what was written as the result. */
  end({ columns, rows, bytes }: ResultSet): StoredResult {
    this.flush();
    this.close();
    if (this.pages.at(-1) !== this.written || this.pages.length === 1) this.pages.push(this.written);
    return { columns, rows, bytes, pages: this.pages };
  }

  /** Forgets what was written. */
  discard(): void {
    if (this.descriptor === undefined) return;
    this.close();
    rmSync(this.file, { force: true });
  }

  private flush(): void {
    if (this.buffered === 0) return;
    this.descriptor ??= openSync(this.file, 'w');
    const bytes = Buffer.from(this.buffer.join(''));
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.descriptor, bytes, done, bytes.length - done, this.written + done);
    this.written += bytes.length;
    this.buffer = [];
    this.buffered = 0;
  }

  private close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }
}

/** An integer that a number of JavaScript cannot hold lies in the file as text. */
function lineOf(record: readonly Field[]): string {
  const large = record.some((field) => 'longValue' in field && typeof field.longValue === 'bigint');
  return JSON.stringify(record, large ? (_, value) => (typeof value === 'bigint' ? String(value) : value) : undefined);
}

function rowOf(line: string): Field[] {
  const fields = JSON.parse(line) as Field[];
  return fields.map((field) =>
    'longValue' in field && typeof field.longValue === 'string' ? { longValue: BigInt(field.longValue) } : field,
  );
}
