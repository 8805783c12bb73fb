import { isUtf8 } from 'node:buffer';
import type { Usual } from './copy-fields';
import { mostUsualBytes } from './copy-usual';

/** Lines that hold something, with their ends. */
export interface Lines {
  readonly bytes: Buffer;
  readonly records: number;
}

const newline = 10;
/** Of a block is made a text at once: little enough to stay near the processor. */
const partBytes = 2 ** 16;
/** Shapes that are tried, and lines of which none was learnt until no more are looked at. */
const mostShapes = 16;
const mostFailures = 256;

/** Parts the usual lines of a COPY from the others. It learns what they look like from the first of each shape. */
export class LineSorter {
  private readonly shapes: RegExp[] = [];
  private failures = 0;

  /** @param usual of the COPY; without, no line is usual */
  constructor(private readonly usual: Usual | undefined) {}

  /** @param block whole lines */
  sort(block: Buffer): { usual: Lines; others: Lines } {
    if (!this.usual || !isUtf8(block)) return { usual: none, others: { bytes: block, records: countRecords(block) } };
    const usual = new Gathered(block);
    const others = new Gathered(block);
    for (let start = 0, stop = 0; start < block.length; start = stop) {
      stop = lastEnd(block, start);
      this.sortPart(block, start, stop, usual, others);
    }
    return { usual: usual.lines(), others: others.lines() };
  }

  private sortPart(block: Buffer, from: number, to: number, usual: Gathered, others: Gathered): void {
    const text = block.toString('latin1', from, to);
    for (let start = from, end = from; start < to; start = end) {
      end = block.indexOf(newline, start) + 1;
      if (end - start <= mostUsualBytes && this.isUsual(text, start - from, end - from)) usual.add(start, end);
      else if (!isBlank(block, start, end - 1)) others.add(start, end);
    }
  }

  private isUsual(text: string, start: number, end: number): boolean {
    for (let index = 0; index < this.shapes.length; index += 1) {
      const shape = this.shapes[index]!;
      if (!matches(shape, text, start, end)) continue;
      // The next line is likely to be like this one.
      if (index > 0) this.shapes.unshift(...this.shapes.splice(index, 1));
      return true;
    }
    if (this.shapes.length === mostShapes || this.failures === mostFailures) return false;
    const learnt = this.usual!.like(text.slice(start, end));
    if (learnt && matches(learnt, text, start, end)) {
      this.shapes.unshift(learnt);
      return true;
    }
    this.failures += 1;
    return false;
  }
}

/** Where the part of a block that begins at `start` ends: behind a line end. */
function lastEnd(block: Buffer, start: number): number {
  if (block.length - start <= partBytes) return block.length;
  const last = block.lastIndexOf(newline, start + partBytes - 1);
  return (last < start ? block.indexOf(newline, start) : last) + 1;
}

function matches(shape: RegExp, text: string, start: number, end: number): boolean {
  shape.lastIndex = start;
  return shape.test(text) && shape.lastIndex === end;
}

const none: Lines = { bytes: Buffer.alloc(0), records: 0 };

/** Lines of a block; those that follow each other stay one piece. */
class Gathered {
  private readonly pieces: Buffer[] = [];
  private from = 0;
  private to = 0;
  private records = 0;

  constructor(private readonly block: Buffer) {}

  add(start: number, end: number): void {
    this.records += 1;
    if (start !== this.to) {
      this.cut();
      this.from = start;
    }
    this.to = end;
  }

  lines(): Lines {
    this.cut();
    const [only = none.bytes, ...more] = this.pieces;
    return { bytes: more.length > 0 ? Buffer.concat(this.pieces) : only, records: this.records };
  }

  private cut(): void {
    if (this.to > this.from) this.pieces.push(this.block.subarray(this.from, this.to));
  }
}

/** Lines that hold something. */
function countRecords(block: Buffer): number {
  let count = 0;
  let start = 0;
  for (let end = block.indexOf(newline); end >= 0; end = block.indexOf(newline, start)) {
    if (!isBlank(block, start, end)) count += 1;
    start = end + 1;
  }
  return count;
}

function isBlank(block: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = block[at]!;
    if (byte !== 32 && byte !== 9 && byte !== 13) return false;
  }
  return true;
}
