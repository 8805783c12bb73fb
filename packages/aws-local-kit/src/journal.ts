import fs from 'node:fs';
import path from 'node:path';

/**
 * An append-only file of JSON lines that is read back at the start. A last line without its newline was cut off by a
 * kill and never acknowledged, so it is dropped. An append reaches the operating system before the call returns, but
 * not necessarily the disk.
 */
export class Journal<T> {
  #descriptor: number | undefined;
  #lines = 0;

  constructor(
    private readonly file: string,
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

  append(...entries: readonly T[]): void {
    if (entries.length === 0) return;
    const descriptor = this.#open();
    const before = fs.fstatSync(descriptor).size;
    try {
      const block = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
      for (let written = 0; written < block.length; ) written += fs.writeSync(descriptor, block, written);
    } catch (error) {
      // A full disk can leave half a line, which would corrupt the next one.
      fs.ftruncateSync(descriptor, before);
      throw error;
    }
    this.#lines += entries.length;
  }

  /** Rewrites the file with the live entries only, once it holds at least four times as many lines. */
  compact(live: () => Iterable<T>, liveCount: number): void {
    if (this.#lines < 1000 || this.#lines < liveCount * 4) return;
    const entries = [...live()];
    const replacement = `${this.file}.new`;
    fs.mkdirSync(path.dirname(this.file), { recursive: true });
    fs.writeFileSync(replacement, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''), { mode: this.mode });
    this.close();
    fs.renameSync(replacement, this.file);
    this.#lines = entries.length;
  }

  close(): void {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #open(): number {
    if (this.#descriptor === undefined) {
      fs.mkdirSync(path.dirname(this.file), { recursive: true });
      this.#descriptor = fs.openSync(this.file, 'a', this.mode);
    }
    return this.#descriptor;
  }
}
