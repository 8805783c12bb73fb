import { isUtf8 } from 'node:buffer';
import type { Usual } from './copy-fields';
import { JsonLines } from './copy-json-objects';
import { mostUsualBytes } from './copy-usual';

/** Records, one per line, with line ends. */
export interface Lines {
  readonly bytes: Buffer;
  readonly records: number;
}

/** The lines of a block after sorting. */
export interface Sorted {
  readonly usual: Lines;
  readonly others: Lines;
  /** Number of lines that are not blank. */
  readonly lines: number;
}

const newline = 10;
/** Size of the part of a block that is decoded at once. It is small enough to stay in the processor's cache. */
const partBytes = 2 ** 16;
/** Most shapes to try, and most lines without a learnable shape before learning stops. */
const mostShapes = 16;
const mostFailures = 256;

/** Separates the usual lines of a COPY from the others. It learns each shape from the first line of that shape. */
export class LineSorter {
  private readonly shapes: RegExp[] = [];
  private failures = 0;
  private objects = new JsonLines();

  /** @param usual of the COPY; if it is undefined, no line is usual */
  constructor(private readonly usual: Usual | undefined) {}

  /** @param block whole lines of the file that is being read */
  sort(block: Buffer): Sorted {
    const mayBeUsual = this.usual !== undefined && isUtf8(block);
    const usual = new Gathered(block);
    const others = new Gathered(block);
    let lines = 0;
    for (let start = 0, stop = 0; start < block.length; start = stop) {
      stop = lastEnd(block, start);
      lines += this.sortPart(block, [start, stop], mayBeUsual, usual, others);
    }
    return { usual: usual.lines(), others: others.lines(), lines };
  }

  /** Completes the file. Returns the rest of an object that does not end. */
  end(): Lines {
    const others = new Gathered(none.bytes);
    for (const { bytes } of this.objects.end()) others.put(bytes);
    this.objects = new JsonLines();
    return others.lines();
  }

  private sortPart(
    block: Buffer,
    [from, to]: readonly [number, number],
    mayBeUsual: boolean,
    usual: Gathered,
    others: Gathered,
  ): number {
    const text = mayBeUsual ? block.toString('latin1', from, to) : '';
    let lines = 0;
    for (let start = from, end = from; start < to; start = end) {
      end = block.indexOf(newline, start) + 1;
      const isShort = mayBeUsual && end - start <= mostUsualBytes && !this.objects.isOpen;
      if (isShort && this.isUsual(text, start - from, end - from)) usual.add(start, end);
      else if (isBlank(block, start, end - 1)) continue;
      else this.sortOther(block, start, end, others);
      lines += 1;
    }
    return lines;
  }

  private sortOther(block: Buffer, start: number, end: number, others: Gathered): void {
    const { isOpen } = this.objects;
    const found = this.objects.push(block.subarray(start, end - 1), 0);
    // Nearly every line is one record, which needs no copy.
    if (!isOpen && found.length === 1 && found[0]!.bytes.length === end - 1 - start) others.add(start, end);
    else for (const { bytes } of found) others.put(bytes);
  }

  private isUsual(text: string, start: number, end: number): boolean {
    for (let index = 0; index < this.shapes.length; index += 1) {
      const shape = this.shapes[index]!;
      if (!matches(shape, text, start, end)) continue;
      // The next line is likely to have the same shape.
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

/** Returns the end of the part of a block that begins at `start`, which is after a line end. */
function lastEnd(block: Buffer, start: number): number {
  if (block.length - start <= partBytes) return block.length;
  const last = block.lastIndexOf(newline, start + partBytes - 1);
  return (last < start ? block.indexOf(newline, start) : last) + 1;
}

function matches(shape: RegExp, text: string, start: number, end: number): boolean {
  shape.lastIndex = start;
  return shape.test(text) && shape.lastIndex === end;
}

const lineEnd = Buffer.from('\n');

const none: Lines = { bytes: Buffer.alloc(0), records: 0 };

/** Collects lines of a block. Adjacent lines stay one piece. */
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

  /** Adds a record that is not in the block, or is only a part of a line. */
  put(bytes: Buffer): void {
    this.cut();
    this.from = this.to;
    this.records += 1;
    this.pieces.push(bytes, lineEnd);
  }

  lines(): Lines {
    this.cut();
    this.from = this.to;
    const [only = none.bytes, ...more] = this.pieces;
    return { bytes: more.length > 0 ? Buffer.concat(this.pieces) : only, records: this.records };
  }

  private cut(): void {
    if (this.to > this.from) this.pieces.push(this.block.subarray(this.from, this.to));
  }
}

function isBlank(block: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = block[at]!;
    if (byte !== 32 && byte !== 9 && byte !== 13) return false;
  }
  return true;
}
