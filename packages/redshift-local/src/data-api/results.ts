import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AwsError, storing } from 'aws-local-kit';
import type { Field, ResultSet, ResultSink } from '../engine/result';
import type { ResultColumn } from '../statement';

/** Approximate size of a page. */
const pageBytes = 2 ** 20;
const bufferedBytes = 2 ** 18;

/**
 * A result of at most this size is in the record of its statement. To create a file takes longer than a short query, and
 * sometimes ten times as long.
 */
const recordBytes = 2 ** 11;

/** A page of at most this size is read without a switch of threads, which would take longer than the read. */
const smallBytes = 2 ** 16;

/** Description of a stored result, and the positions of its pages. */
export interface StoredResult {
  readonly columns: readonly ResultColumn[];
  readonly rows: number;
  /** Approximate size of the values. */
  readonly bytes: number;
  /** Byte at which each page begins. The last entry is the end of the file. */
  readonly pages: readonly number[];
  /** The lines of a small result, which has no file. */
  readonly lines?: string;
}

/**
 * Stores results in files with one JSON line per row. The files outlive the process. They are read one page at a time,
 * so that a thousand results use no memory.
 */
export class ResultFiles {
  constructor(private readonly folder: string) {}

  /** @param index of the statement in its batch */
  writer(id: string, index: number, signal: AbortSignal): ResultWriter {
    return new ResultWriter(this.file(id, index), signal);
  }

  /** Reads the rows of a page. @throws AwsError ResourceNotFoundException if the file was deleted */
  async page(id: string, index: number, result: StoredResult, page: number): Promise<Field[][]> {
    const [start, end] = [result.pages[page]!, result.pages[page + 1]!];
    if (start === end) return [];
    if (result.lines !== undefined) return rowsOf(result.lines);
    const bytes = Buffer.alloc(end - start);
    try {
      const read = bytes.length <= smallBytes ? readSmall : readLarge;
      await read(this.file(id, index), bytes, start);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new AwsError('ResourceNotFoundException', `the result of statement ${id} is gone from the data folder`);
    }
    return rowsOf(bytes.toString('utf8'));
  }

  remove(id: string, statements: number): void {
    for (let index = 0; index < statements; index++) rmSync(this.file(id, index), { force: true });
  }

  /** Removes the files of unknown statements. */
  keepOnly(ids: ReadonlySet<string>): void {
    if (!existsSync(this.folder)) return;
    for (const name of readdirSync(this.folder))
      if (!ids.has(name.slice(0, name.lastIndexOf('.')))) rmSync(join(this.folder, name), { force: true });
  }

  private file(id: string, index: number): string {
    return join(this.folder, `${id}.${index + 1}`);
  }
}

function readSmall(file: string, bytes: Buffer, start: number): void {
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, bytes, 0, bytes.length, start);
  } finally {
    closeSync(descriptor);
  }
}

async function readLarge(path: string, bytes: Buffer, start: number): Promise<void> {
  const file = await open(path);
  try {
    await file.read(bytes, 0, bytes.length, start);
  } finally {
    await file.close();
  }
}

/** Writes the rows of one statement as they arrive. The file is created when they are too many for the record. */
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

  /** @throws the signal's reason if the statement was cancelled */
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

  complete(): void {
    if (this.written > 0 || this.buffered > recordBytes) this.flush();
  }

  /** Closes the result, after `complete`. */
  end({ columns, rows, bytes }: ResultSet): StoredResult {
    this.close();
    if (this.buffered > 0) return { columns, rows, bytes, pages: [0, this.buffered], lines: this.buffer.join('') };
    if (this.pages.at(-1) !== this.written || this.pages.length === 1) this.pages.push(this.written);
    return { columns, rows, bytes, pages: this.pages };
  }

  /** Deletes the rows written so far. */
  discard(): void {
    if (this.descriptor === undefined) return;
    this.close();
    rmSync(this.file, { force: true });
  }

  /** @throws FullDiskError if the disk is full. The rows are discarded with the statement. */
  private flush(): void {
    if (this.buffered === 0) return;
    const bytes = Buffer.from(this.buffer.join(''));
    storing('the result of a statement', this.file, () => {
      this.descriptor ??= this.create();
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.descriptor, bytes, done, bytes.length - done, this.written + done);
    });
    this.written += bytes.length;
    this.buffer = [];
    this.buffered = 0;
  }

  private create(): number {
    mkdirSync(dirname(this.file), { recursive: true });
    return openSync(this.file, 'w');
  }

  private close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }
}

/** Serializes a row. An integer that does not fit a JavaScript number is stored as text. */
function lineOf(record: readonly Field[]): string {
  const large = record.some((field) => 'longValue' in field && typeof field.longValue === 'bigint');
  return JSON.stringify(record, large ? (_, value) => (typeof value === 'bigint' ? String(value) : value) : undefined);
}

const rowsOf = (lines: string): Field[][] => lines.trimEnd().split('\n').map(rowOf);

function rowOf(line: string): Field[] {
  const fields = JSON.parse(line) as Field[];
  return fields.map((field) =>
    'longValue' in field && typeof field.longValue === 'string' ? { longValue: BigInt(field.longValue) } : field,
  );
}
