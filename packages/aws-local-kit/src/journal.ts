import fs from 'node:fs';
import path from 'node:path';
import { appendBlock, FullDiskError, replaceFile, storing } from './disk';

/** Fewer lines than this are not worth a compaction. */
const fewestLines = 1000;

/**
 * An append-only file of JSON lines that is read back at the start. A last line without its newline was cut off by a
 * kill and never acknowledged, so it is dropped. An append reaches the operating system before the call returns, but
 * not necessarily the disk.
 */
export class Journal<T> {
  #descriptor: number | undefined;
  #lines = 0;
  /** Lines from which a compaction is worth another attempt. */
  #nextCompaction = fewestLines;

  /** @param store what the journal belongs to, for errors: `the queue letters` */
  constructor(
    private readonly file: string,
    private readonly store = 'a journal',
    private readonly mode = 0o644,
  ) {}

  /** Returns the entries in order. @throws Error naming file and line if a complete line is not JSON */
  read(): T[] {
    let text: string;
    try {
      text = fs.readFileSync(this.file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    const complete = text.lastIndexOf('\n') + 1;
    if (complete < text.length) fs.truncateSync(this.file, Buffer.byteLength(text.slice(0, complete)));
    const lines = text.slice(0, complete).split('\n').slice(0, -1);
    this.#lines = lines.length;
    return lines.map((line, i) => {
      try {
        return JSON.parse(line) as T;
      } catch (cause) {
        throw new Error(`${this.file} line ${i + 1} is not JSON`, { cause });
      }
    });
  }

  /** Appends all entries or none. @throws FullDiskError if the disk is full */
  append(...entries: readonly T[]): void {
    this.appendThen(entries, () => undefined);
  }

  /**
   * Appends the entries and carries them out. If that fails, the entries are removed again.
   * @throws FullDiskError if the disk is full, or what `carryOut` throws
   */
  appendThen<R>(entries: readonly T[], carryOut: () => R): R {
    if (entries.length === 0) return carryOut();
    const descriptor = this.#open();
    const before = fs.fstatSync(descriptor).size;
    const block = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    appendBlock(this.store, this.file, descriptor, block, before);
    const result = storing(this.store, this.file, carryOut, () => fs.ftruncateSync(descriptor, before));
    this.#lines += entries.length;
    return result;
  }

  /**
   * Rewrites the file with the live entries only, once it holds at least four times as many lines. If the disk is full,
   * the journal stays as it is, since it is complete.
   */
  compact(live: () => Iterable<T>, liveCount: number): void {
    if (this.#lines < this.#nextCompaction || this.#lines < liveCount * 4) return;
    const entries = [...live()];
    try {
      const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
      replaceFile(this.store, this.file, text, { mode: this.mode });
    } catch (error) {
      if (!(error instanceof FullDiskError)) throw error;
      this.#nextCompaction = this.#lines + fewestLines;
      return;
    }
    // The old descriptor belongs to the file that was replaced.
    this.close();
    this.#lines = entries.length;
    this.#nextCompaction = fewestLines;
  }

  close(): void {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #open(): number {
    this.#descriptor ??= storing(this.store, this.file, () => {
      fs.mkdirSync(path.dirname(this.file), { recursive: true });
      return fs.openSync(this.file, 'a', this.mode);
    });
    return this.#descriptor;
  }
}
