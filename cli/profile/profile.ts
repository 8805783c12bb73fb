import { isUtf8 } from 'node:buffer';
import type { Block } from './blocks';
import * as bytesOf from './bytes';
import { CsvReader, cellText, delimiterOf, type Row } from './csv-reader';
import * as fieldOf from './field';
import { Field } from './field';
import { type IdentityCandidate, IdentitySearch } from './identity';
import { Journal } from './journal';
import { JsonScanner } from './json-scanner';

// Constants of this module: an import is looked up at each use, which would take most of the time.
const { hashOf, NEWLINE } = bytesOf;
const { CELL } = fieldOf;

export type Format = 'ndjson' | 'csv';

/** A stream takes no larger record: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html */
export const mostRecordBytes = 1_048_576;
const mostLines = 1_000_000;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** Records that will be no events, for one reason. */
export interface Faulty {
  readonly reason: string;
  count: number;
  /** The first lines. */
  readonly lines: number[];
}

export interface ProfileOptions {
  readonly format: Format;
  /** Ends after so many records. */
  readonly mostRecords?: number;
  /** Paths or columns of the identity to judge. @default - sets are looked for */
  readonly identity?: readonly string[];
  readonly onProgress?: (records: number, bytes: number) => void;
  readonly signal?: AbortSignal;
}

/** What the records of a sample are made of. */
export interface Profile {
  readonly format: Format;
  readonly root: Field;
  /** Lines or rows that are not empty. */
  readonly records: number;
  /** Records that can be events. */
  readonly sound: number;
  readonly faults: readonly Faulty[];
  /** Lines of all records that can be no events. */
  readonly faultyLines: ReadonlySet<number>;
  readonly candidates: readonly IdentityCandidate[];
  /** Records that share a wanted identity without being copies. */
  readonly clashes?: { readonly count: number; readonly lines: readonly [number, number] };
  readonly header?: readonly string[];
  readonly delimiter?: string;
  /** Sentences about the file as a whole. */
  readonly notes: readonly string[];
}

/** Reads all blocks and returns what it learned of the fields. It keeps no records. */
export async function profile(blocks: AsyncIterable<Block>, options: ProfileOptions): Promise<Profile> {
  const profiler = options.format === 'csv' ? new CsvProfiler(options) : new NdjsonProfiler(options);
  for await (const block of blocks) {
    options.signal?.throwIfAborted();
    profiler.read(block);
    options.onProgress?.(profiler.records, profiler.bytes);
    if (profiler.isDone) break;
  }
  return profiler.end();
}

abstract class Profiler {
  records = 0;
  sound = 0;
  bytes = 0;
  protected readonly notes: string[] = [];
  protected readonly search: IdentitySearch;
  private readonly faults = new Map<string, Faulty>();
  private readonly faultyLines = new Set<number>();
  private readonly mostRecords: number;
  private hasBegun = false;
  private returns = false;

  constructor(protected readonly options: ProfileOptions) {
    this.search = new IdentitySearch(options.identity);
    this.mostRecords = options.mostRecords ?? Infinity;
  }

  abstract readonly root: Field;

  get isDone(): boolean {
    return this.records >= this.mostRecords;
  }

  read(block: Block): void {
    this.bytes += block.bytes.length;
    if (this.hasBegun) {
      this.readBlock(block.bytes, block);
      return;
    }
    this.hasBegun = true;
    const begins = block.bytes.subarray(0, 3).equals(byteOrderMark);
    if (begins) this.notes.push('the file begins with a byte order mark, which is left out');
    const bytes = begins ? block.bytes.subarray(3) : block.bytes;
    this.returns = bytes[bytes.indexOf(NEWLINE) - 1] === 0x0d;
    if (this.returns) this.notes.push('lines end in CR LF, which is read as a line end');
    this.readBlock(bytes, { bytes, line: block.line });
  }

  end(): Profile {
    const candidates = this.options.identity === undefined ? this.search.found() : [];
    return {
      format: this.options.format,
      root: this.root,
      records: this.records,
      sound: this.sound,
      faults: [...this.faults.values()].sort((one, other) => other.count - one.count),
      faultyLines: this.faultyLines,
      candidates,
      ...(this.options.identity && { clashes: this.search.clashes() }),
      notes: this.notes,
    };
  }

  protected abstract readBlock(bytes: Buffer, block: Block): void;

  /** Takes a sound record. */
  protected take(journal: Journal, bytes: Buffer, start: number, end: number, line: number): void {
    const row = this.sound;
    this.sound += 1;
    journal.apply(bytes, row, line, this.search.isHashed);
    this.search.add(journal.fields, journal.length, row, line, this.search.isOpen ? hashOf(bytes, start, end) : 0);
  }

  /** Notes a record that can be no event. */
  fault(reason: string, line: number): void {
    const known = this.faults.get(reason) ?? { reason, count: 0, lines: [] };
    this.faults.set(reason, known);
    known.count += 1;
    if (known.lines.length < 5) known.lines.push(line);
    if (this.faultyLines.size < mostLines) this.faultyLines.add(line);
  }
}

class NdjsonProfiler extends Profiler {
  private readonly scanner = new JsonScanner();

  get root(): Field {
    return this.scanner.root;
  }

  protected readBlock(bytes: Buffer, block: Block): void {
    const isText = isUtf8(bytes);
    let { line } = block;
    let start = 0;
    while (start < bytes.length && !this.isDone) {
      const end = bytes.indexOf(NEWLINE, start);
      if (!isBlank(bytes, start, end)) this.record(bytes, start, end, line, isText);
      start = end + 1;
      line += 1;
    }
  }

  private record(bytes: Buffer, start: number, end: number, line: number, isText: boolean): void {
    this.records += 1;
    const fault = bytesFault(bytes, start, end, isText) ?? this.scanner.scan(bytes, start, end);
    if (fault === undefined) this.take(this.scanner.journal, bytes, start, end, line);
    else this.fault(fault, line);
  }
}

/** Why a record can be no event, whatever it says. */
function bytesFault(bytes: Buffer, start: number, end: number, isText: boolean): string | undefined {
  if (end - start > mostRecordBytes) return 'longer than 1 MiB, which a stream refuses';
  return isText || isUtf8(bytes.subarray(start, end)) ? undefined : 'not UTF-8';
}

/** True for a line of white space alone. */
function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!;
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  }
  return true;
}

class CsvProfiler extends Profiler {
  readonly root = new Field('', undefined);
  private readonly journal = new Journal();
  private reader: CsvReader | undefined;
  private delimiter = ',';
  private columns: Field[] | undefined;
  private isText = true;
  private wasText = true;

  protected readBlock(bytes: Buffer, { line }: Block): void {
    if (this.reader === undefined) {
      const sign = delimiterOf(bytes);
      this.delimiter = String.fromCharCode(sign);
      this.reader = new CsvReader(sign);
    }
    const isText = isUtf8(bytes);
    // A row can begin in the block before.
    this.isText = isText && this.wasText;
    this.wasText = isText;
    this.reader.read({ bytes, line }, (row) => {
      if (this.columns === undefined) this.columns = this.headed(row);
      else if (!this.isDone) this.record(row, this.columns);
    });
  }

  override end(): Profile {
    this.reader?.end();
    const line = this.reader?.unclosed;
    if (line !== undefined)
      this.notes.push(`a quotation mark in the row of line ${line} is not closed: nothing after it was read`);
    return { ...super.end(), header: this.columns?.map(({ name }) => name) ?? [], delimiter: this.delimiter };
  }

  private headed(row: Row): Field[] {
    const names = headerNames(row, this.notes);
    return names.map((name) => this.root.add(name, Buffer.from(name))!);
  }

  private record(row: Row, columns: readonly Field[]): void {
    this.records += 1;
    const { bytes, count, starts, ends, line } = row;
    const [start, end] = [starts[0]!, ends[count - 1]!];
    const fault = rowFault(row, columns.length) ?? bytesFault(bytes, start, end, this.isText);
    if (fault !== undefined) {
      this.fault(fault, line);
      return;
    }
    const { journal } = this;
    journal.clear();
    for (let cell = 0; cell < count; cell += 1)
      if (ends[cell]! > starts[cell]!) journal.add(columns[cell]!, CELL, starts[cell]!, ends[cell]!);
    this.take(journal, bytes, start, end, line);
  }
}

/** Why a row can be no event. */
export function rowFault({ isBroken, count }: Row, columns: number): string | undefined {
  if (isBroken) return 'a quotation mark in a cell that is not quoted';
  return count === columns ? undefined : `${count} cells where the header has ${columns}`;
}

/** The names of a header, each of them once. */
export function headerNames(row: Row, notes: string[] = []): string[] {
  const names: string[] = [];
  for (let cell = 0; cell < row.count; cell += 1) {
    const written = cellText(row, cell).trim();
    const given = written === '' ? `column_${cell + 1}` : written;
    let name = given;
    for (let copy = 2; names.includes(name); copy += 1) name = `${given}_${copy}`;
    if (written === '') notes.push(`column ${cell + 1} has no name: it is read as ${name}`);
    else if (name !== given) notes.push(`the header has ${given} twice: the second one is read as ${name}`);
    names.push(name);
  }
  if (names.length > 0 && names.every((name) => /^-?[\d.]+$/.test(name)))
    notes.push('the header has numbers only: is the first line a row of data?');
  return names;
}
