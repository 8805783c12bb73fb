import fs from 'node:fs';
import path from 'node:path';
import { replaceFile, storing } from 'aws-local-kit';
import { Segment, type StoredRecord } from './segment';

/** Description of a shard, as stored with its stream. */
export interface ShardDescription {
  readonly id: string;
  /** First and last MD5 of the partition keys that the shard accepts, 32 hexadecimal digits. */
  readonly startHash: string;
  readonly endHash: string;
  readonly parentId?: string;
  readonly adjacentParentId?: string;
  readonly createdAt: number;
  /** Every sequence number of the shard starts with these 21 digits. A counter of 35 digits follows. */
  readonly sequencePrefix: string;
  /** Time of the split or merge. The shard then accepts no more records. */
  readonly closedAt?: number;
}

const counterDigits = 35;
const segmentBytes = 32 * 1024 * 1024;
const segmentSpanMs = 3_600_000;

/**
 * The sequence prefix of a shard: 49 as on AWS, the creation time and the shard's number. Children sort after parents.
 */
export function sequencePrefix(createdAt: number, number: number): string {
  return `49${String(createdAt).padStart(13, '0')}${String(number).padStart(6, '0')}`;
}

/** The records of one shard, stored on disk in segments. */
export class Shard {
  readonly #segments: Segment[] = [];
  #next = 0;
  #lastArrival = 0;

  private constructor(
    readonly description: ShardDescription,
    private readonly folder: string,
  ) {}

  /** Opens the shard with its stored records. Segments that expired before `oldest` are deleted. */
  static open(description: ShardDescription, folder: string, oldest: number): Shard {
    storing(`the shard ${description.id}`, folder, () => fs.mkdirSync(folder, { recursive: true }));
    const shard = new Shard(description, folder);
    const names = fs
      .readdirSync(folder)
      .filter((name) => name.endsWith('.ndjson'))
      .sort();
    for (const [i, name] of names.entries()) {
      const file = path.join(folder, name);
      const segment = Segment.open(file, Number.parseInt(name, 10));
      const following = names[i + 1] === undefined ? undefined : Number.parseInt(names[i + 1]!, 10);
      // A segment that overlaps the next one was replaced by it when its oldest records expired.
      const replaced = following !== undefined && following < segment.end;
      const expired = following !== undefined && segment.lastArrival < oldest;
      if (replaced || expired) {
        fs.rmSync(file);
        continue;
      }
      segment.sealed = true;
      if (segment.count > 0) shard.#segments.push(segment);
      shard.#next = Math.max(shard.#next, segment.end);
      shard.#lastArrival = Math.max(shard.#lastArrival, segment.lastArrival);
    }
    return shard;
  }

  get id(): string {
    return this.description.id;
  }

  /** Number of records ever accepted. It is the counter of the next record. */
  get accepted(): number {
    return this.#next;
  }

  sequenceNumber(counter: number): string {
    return this.description.sequencePrefix + String(counter).padStart(counterDigits, '0');
  }

  /** The sequence number just before that of a counter. For counter 0 it belongs to no record. */
  sequenceNumberBefore(counter: number): string {
    return String(BigInt(this.sequenceNumber(counter)) - 1n);
  }

  /**
   * The counter of a sequence number of this shard. It is -1 for the number before the first record, and undefined for
   * any other text.
   */
  counterOf(sequenceNumber: string): number | undefined {
    if (sequenceNumber === this.sequenceNumberBefore(0)) return -1;
    const { sequencePrefix: prefix } = this.description;
    if (!sequenceNumber.startsWith(prefix) || sequenceNumber.length !== prefix.length + counterDigits) return undefined;
    const counter = Number(sequenceNumber.slice(prefix.length));
    return Number.isSafeInteger(counter) ? counter : undefined;
  }

  /**
   * Appends records in order.
   * @returns their sequence numbers
   */
  append(records: readonly { readonly key: string; readonly data: string }[], now: number): string[] {
    const arrival = Math.max(now, this.#lastArrival);
    const head = `{"shard_id":"${this.id}","sequence_number":"`;
    const middle = `,"arrival_ms":${arrival},"data":"`;
    const numbers: string[] = [];
    const lines: string[] = [];
    for (const [i, { key, data }] of records.entries()) {
      const number = this.sequenceNumber(this.#next + i);
      numbers.push(number);
      lines.push(`${head}${number}","partition_key":${asciiJson(key)}${middle}${data}"}\n`);
    }
    const segment = this.#writable(arrival);
    segment.append(lines, arrival);
    if (this.#segments.at(-1) !== segment) this.#segments.push(segment);
    this.#next += records.length;
    this.#lastArrival = arrival;
    return numbers;
  }

  /** Files with every retained record from a counter on, and possibly earlier records. The files no longer change. */
  seal(from: number, oldest: number): string[] {
    this.#segments.at(-1)?.seal();
    const files: string[] = [];
    for (const [i, segment] of this.#segments.entries()) {
      if (segment.end <= from || segment.lastArrival < oldest) continue;
      files.push((segment.firstArrival < oldest ? this.#retained(i, oldest) : segment).file);
    }
    return files;
  }

  /** Reads records from a counter on that are not older than `oldest`, until `take` returns false. */
  read(from: number, oldest: number, take: (record: StoredRecord, counter: number) => boolean): void {
    let going = true;
    for (const segment of this.#segments) {
      if (!going) return;
      if (segment.end <= from || segment.lastArrival < oldest) continue;
      segment.read(Math.max(from, segment.first), (record, counter) => {
        going = record.arrival_ms < oldest || take(record, counter);
        return going;
      });
    }
  }

  /**
   * Counter of the first record that arrived at the moment or later. If there is none, the counter of the next record.
   */
  counterAt(moment: number): number {
    let found = this.#next;
    this.read(0, moment, (_, counter) => {
      found = counter;
      return false;
    });
    return found;
  }

  /** True if a retained record has this counter or a later one. */
  hasFrom(from: number, oldest: number): boolean {
    return from < this.#next && this.#lastArrival >= oldest;
  }

  close(): void {
    this.#segments.at(-1)?.seal();
  }

  /** The segment for the next records. A new one is not yet among the segments. */
  #writable(arrival: number): Segment {
    const last = this.#segments.at(-1);
    if (last && !last.sealed && last.bytes < segmentBytes && arrival - last.firstArrival < segmentSpanMs) return last;
    last?.seal();
    return new Segment(this.#fileOf(this.#next), this.#next);
  }

  /** Replaces a segment whose first records have expired by one without them. Current readers keep the old file. */
  #retained(index: number, oldest: number): Segment {
    const segment = this.#segments[index]!;
    const lines: string[] = [];
    let first: number | undefined;
    segment.read(segment.first, (record, counter) => {
      if (record.arrival_ms < oldest) return true;
      first ??= counter;
      lines.push(`${asciiOnly(JSON.stringify(record))}\n`);
      return true;
    });
    const file = this.#fileOf(first!);
    replaceFile(`a segment of ${this.id}`, file, Buffer.from(lines.join(''), 'latin1'));
    const rest = Segment.open(file, first!);
    rest.sealed = true;
    this.#segments[index] = rest;
    return rest;
  }

  #fileOf(first: number): string {
    return path.join(this.folder, `${String(first).padStart(16, '0')}.ndjson`);
  }
}

/** A JSON string in ASCII, so that its numbers of characters and bytes are equal. */
function asciiJson(text: string): string {
  return /^[ !#-[\]-~]*$/.test(text) ? `"${text}"` : asciiOnly(JSON.stringify(text));
}

function asciiOnly(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
