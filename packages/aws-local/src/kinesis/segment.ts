import fs from 'node:fs';
import path from 'node:path';
import { appendBlock, storing } from 'aws-local-kit';

/** One record as stored in a line of a segment. */
export interface StoredRecord {
  readonly shard_id: string;
  readonly sequence_number: string;
  readonly partition_key: string;
  readonly arrival_ms: number;
  /** Base64. */
  readonly data: string;
}

/** Number of records between two remembered byte offsets. */
const indexStep = 256;

/** A file of consecutive records of one shard, one JSON line each, ASCII only. */
export class Segment {
  count = 0;
  bytes = 0;
  firstArrival = 0;
  lastArrival = 0;
  sealed = false;
  readonly #offsets: number[] = [];
  #descriptor: number | undefined;

  /** @param first counter of the first record */
  constructor(
    readonly file: string,
    readonly first: number,
  ) {}

  /** The counter after that of the last record. */
  get end(): number {
    return this.first + this.count;
  }

  /** Reads the file to find its records. An incomplete last line is removed: its record was never acknowledged. */
  static open(file: string, first: number): Segment {
    const segment = new Segment(file, first);
    const content = fs.readFileSync(file);
    let start = 0;
    for (let eol = content.indexOf(10, start); eol >= 0; eol = content.indexOf(10, start)) {
      segment.#note(start);
      start = eol + 1;
    }
    if (start < content.length) fs.truncateSync(file, start);
    segment.bytes = start;
    if (segment.count > 0) {
      const lastStart = content.lastIndexOf(10, start - 2) + 1;
      segment.firstArrival = parse(content.toString('latin1', 0, content.indexOf(10))).arrival_ms;
      segment.lastArrival = parse(content.toString('latin1', lastStart, start - 1)).arrival_ms;
    }
    return segment;
  }

  /**
   * Appends lines that arrived at the same moment. Each line includes its newline. On failure the file stays as before.
   */
  append(lines: readonly string[], arrival: number): void {
    const store = `a record of ${path.basename(path.dirname(this.file))}`;
    this.#descriptor ??= storing(store, this.file, () => fs.openSync(this.file, 'a'));
    const block = Buffer.from(lines.length === 1 ? lines[0]! : lines.join(''), 'latin1');
    appendBlock(store, this.file, this.#descriptor, block, this.bytes);
    if (this.count === 0) this.firstArrival = arrival;
    this.lastArrival = arrival;
    let offset = this.bytes;
    for (const line of lines) {
      this.#note(offset);
      offset += line.length;
    }
    this.bytes = offset;
  }

  /** Reads records from a counter on, until `take` returns false. */
  read(from: number, take: (record: StoredRecord, counter: number) => boolean): void {
    let block = Math.floor((from - this.first) / indexStep);
    const descriptor = fs.openSync(this.file, 'r');
    try {
      for (; block < this.#offsets.length; block++) {
        const start = this.#offsets[block]!;
        const bytes = Buffer.alloc((this.#offsets[block + 1] ?? this.bytes) - start);
        fs.readSync(descriptor, bytes, 0, bytes.length, start);
        let counter = this.first + block * indexStep;
        for (const line of bytes.toString('latin1').split('\n')) {
          if (line !== '' && counter >= from && !take(parse(line), counter)) return;
          counter++;
        }
      }
    } finally {
      fs.closeSync(descriptor);
    }
  }

  seal(): void {
    this.sealed = true;
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #note(offset: number): void {
    if (this.count % indexStep === 0) this.#offsets.push(offset);
    this.count++;
  }
}

function parse(line: string): StoredRecord {
  return JSON.parse(line) as StoredRecord;
}
