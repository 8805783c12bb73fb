import type { Block } from './blocks';
import * as bytesOf from './bytes';

// Constants of this module: an import is looked up at each use, which would take most of the time.
const { COMMA, NEWLINE, QUOTE, RETURN, TAB, textOf } = bytesOf;

const SEMICOLON = 0x3b;
const PIPE = 0x7c;
const delimiters = [COMMA, SEMICOLON, TAB, PIPE];

/** The cells of one row, as places in `bytes`. */
export interface Row {
  bytes: Buffer;
  count: number;
  starts: Int32Array;
  ends: Int32Array;
  /** Line in which the row begins. */
  line: number;
  /** A quotation mark is where RFC 4180 has none. */
  isBroken: boolean;
}

/** A row may not be longer: a quotation mark that is never closed would take the rest of the file. */
const longestRow = 4 * 1024 * 1024;

/** Reads CSV as RFC 4180 has it: cells in quotation marks may hold delimiters, line breaks and doubled quotation marks. */
export class CsvReader {
  private rest: Buffer | undefined;
  private restLine = 1;
  private readonly row: Row = {
    bytes: Buffer.alloc(0),
    count: 0,
    starts: new Int32Array(64),
    ends: new Int32Array(64),
    line: 1,
    isBroken: false,
  };
  /** Line of a quotation mark that is not closed. */
  unclosed: number | undefined;

  constructor(private readonly delimiter: number) {}

  /** Calls `onRow` for each row that ends in the block. The row is valid during the call. Empty lines are no rows. */
  read(block: Block, onRow: (row: Row) => void): void {
    const { rest } = this;
    const bytes = rest === undefined ? block.bytes : Buffer.concat([rest, block.bytes]);
    let line = rest === undefined ? block.line : this.restLine;
    this.rest = undefined;
    let at = 0;
    while (at < bytes.length) {
      const start = at;
      const next = this.parse(bytes, start, line);
      if (next < 0) {
        if (bytes.length - start > longestRow) {
          this.unclosed ??= line;
          return;
        }
        this.rest = Buffer.from(bytes.subarray(start));
        this.restLine = line;
        return;
      }
      const isEmpty = this.row.count === 1 && this.row.starts[0] === this.row.ends[0] && bytes[start] !== QUOTE;
      if (!isEmpty) onRow(this.row);
      line += this.lines;
      at = next;
    }
  }

  /** Call it after the last block. */
  end(): void {
    if (this.rest !== undefined) this.unclosed ??= this.restLine;
  }

  private lines = 1;
  /** Cells of the row that have doubled quotation marks. They are changed only once the row is known to be whole. */
  private readonly doubled: number[] = [];

  /** Reads one row. Returns where the next one begins, or -1 if the row does not end. */
  private parse(bytes: Buffer, from: number, line: number): number {
    const { row, delimiter } = this;
    row.bytes = bytes;
    row.count = 0;
    row.line = line;
    row.isBroken = false;
    this.lines = 1;
    this.doubled.length = 0;
    let at = from;
    for (;;) {
      const next = bytes[at] === QUOTE ? this.quoted(bytes, at) : this.plain(bytes, at);
      if (next < 0) return -1;
      if (bytes[next] === delimiter) {
        at = next + 1;
        continue;
      }
      for (const cell of this.doubled) this.unescape(cell);
      return next + 1;
    }
  }

  /** Makes doubled quotation marks single, in place. */
  private unescape(cell: number): void {
    const { bytes, starts, ends } = this.row;
    let to = starts[cell]!;
    for (let at = to; at < ends[cell]!; at += 1) {
      if (bytes[at] === QUOTE) at += 1;
      bytes[to] = bytes[at]!;
      to += 1;
    }
    ends[cell] = to;
  }

  private plain(bytes: Buffer, from: number): number {
    const { delimiter } = this;
    let at = from;
    for (; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (byte === delimiter || byte === NEWLINE) break;
      if (byte === QUOTE) this.row.isBroken = true;
    }
    if (at === bytes.length) return -1;
    const end = bytes[at] === NEWLINE && at > from && bytes[at - 1] === RETURN ? at - 1 : at;
    this.cell(from, end);
    return at;
  }

  private quoted(bytes: Buffer, from: number): number {
    let at = from + 1;
    let breaks = 0;
    let isDoubled = false;
    for (; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (byte === NEWLINE) breaks += 1;
      else if (byte === QUOTE) {
        if (bytes[at + 1] !== QUOTE) break;
        isDoubled = true;
        at += 1;
      }
    }
    if (at >= bytes.length) return -1;
    const end = at;
    at += 1;
    if (bytes[at] === RETURN) at += 1;
    while (at < bytes.length && bytes[at] !== this.delimiter && bytes[at] !== NEWLINE) {
      this.row.isBroken = true;
      at += 1;
    }
    if (at === bytes.length) return -1;
    this.lines += breaks;
    if (isDoubled) this.doubled.push(this.row.count);
    this.cell(from + 1, end);
    return at;
  }

  private cell(start: number, end: number): void {
    const { row } = this;
    if (row.count === row.starts.length) {
      row.starts = grown(row.starts);
      row.ends = grown(row.ends);
    }
    row.starts[row.count] = start;
    row.ends[row.count] = end;
    row.count += 1;
  }
}

function grown(from: Int32Array): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2);
  to.set(from);
  return to;
}

/** The sign that divides the cells of a header: the most frequent one outside of quotation marks. */
export function delimiterOf(header: Buffer): number {
  const counts = new Map(delimiters.map((sign) => [sign, 0]));
  let isQuoted = false;
  for (const byte of header) {
    if (byte === QUOTE) isQuoted = !isQuoted;
    else if (byte === NEWLINE && !isQuoted) break;
    else if (!isQuoted && counts.has(byte)) counts.set(byte, counts.get(byte)! + 1);
  }
  return delimiters.reduce((best, sign) => (counts.get(sign)! > counts.get(best)! ? sign : best));
}

export const cellText = ({ bytes, starts, ends }: Row, index: number): string =>
  textOf(bytes, starts[index]!, ends[index]!);
