import { NEWLINE } from './bytes';

/** Whole lines of a file. The last byte is a line break. */
export interface Block {
  readonly bytes: Buffer;
  /** Number of the first line, from 1. */
  readonly line: number;
}

/** A longer line is not kept. Its number is reported. */
const longestLine = 4 * 1024 * 1024;

/** Divides a file into blocks of whole lines. Lines of more than 4 MiB are left out and reported. */
export async function* blocksOf(
  chunks: AsyncIterable<Buffer>,
  onLongLine: (line: number) => void,
): AsyncGenerator<Block> {
  let carried: Buffer[] = [];
  let carriedBytes = 0;
  let isSkipping = false;
  let line = 1;
  const keep = (rest: Buffer) => {
    if (isSkipping || rest.length === 0) return;
    carried.push(rest);
    carriedBytes += rest.length;
    if (carriedBytes <= longestLine) return;
    isSkipping = true;
    carried = [];
    carriedBytes = 0;
  };
  for await (const chunk of chunks) {
    let start = 0;
    if (isSkipping) {
      const end = chunk.indexOf(NEWLINE);
      if (end < 0) continue;
      onLongLine(line);
      line += 1;
      start = end + 1;
      isSkipping = false;
    }
    const last = chunk.lastIndexOf(NEWLINE);
    if (last >= start) {
      const whole = chunk.subarray(start, last + 1);
      const bytes = carriedBytes > 0 ? Buffer.concat([...carried, whole]) : whole;
      yield { bytes, line };
      line += linesOf(bytes);
      carried = [];
      carriedBytes = 0;
    }
    keep(chunk.subarray(Math.max(start, last + 1)));
  }
  if (isSkipping) onLongLine(line);
  else if (carriedBytes > 0) yield { bytes: Buffer.concat([...carried, Buffer.from('\n')]), line };
}

function linesOf(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

/** How much of a file is read, and what is read of a longer one. */
export interface SampleSizes {
  /** Files of up to so many bytes are read as a whole. */
  readonly most: number;
}

/** What a sample left out. */
export interface SampleReport {
  bytes: number;
  /** Bytes that were passed on. */
  read: number;
}

export const mostBytes = 1024 ** 3;

/**
 * Passes on every block of up to `most` bytes. Of a longer file it passes on the head, which is half of that, and at the
 * end an even sample of the middle and the tail. All lines keep their numbers.
 */
export async function* sampled(
  blocks: AsyncIterable<Block>,
  { most }: SampleSizes,
  report: SampleReport,
): AsyncGenerator<Block> {
  const share = most / 4;
  const middle = new Reservoir(share);
  let tail: Block[] = [];
  let tailBytes = 0;
  for await (const block of blocks) {
    report.bytes += block.bytes.length;
    if (report.read + block.bytes.length <= most / 2) {
      report.read += block.bytes.length;
      yield block;
      continue;
    }
    // The buffer of a stream may be used again.
    tail.push({ bytes: Buffer.from(block.bytes), line: block.line });
    tailBytes += block.bytes.length;
    while (tailBytes > share && tail.length > 1) {
      const oldest = tail[0]!;
      tail = tail.slice(1);
      tailBytes -= oldest.bytes.length;
      middle.add(oldest);
    }
  }
  for (const block of [...middle.kept(), ...tail]) {
    report.read += block.bytes.length;
    yield block;
  }
}

/** Keeps an even sample of blocks: each came with the same probability. */
class Reservoir {
  private readonly blocks: Block[] = [];
  private bytes = 0;
  private seen = 0;
  private state = 0x2545f491;

  constructor(private readonly room: number) {}

  add(block: Block): void {
    this.seen += 1;
    if (this.bytes + block.bytes.length <= this.room) {
      this.blocks.push(block);
      this.bytes += block.bytes.length;
      return;
    }
    const place = this.below(this.seen);
    const replaced = this.blocks[place];
    if (replaced === undefined) return;
    this.bytes += block.bytes.length - replaced.bytes.length;
    this.blocks[place] = block;
  }

  kept(): readonly Block[] {
    return this.blocks.sort((one, other) => one.line - other.line);
  }

  /** The sample is the same in each reading of a file, so that all of them see the same records. */
  private below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return Math.floor(((this.state >>> 0) / 0x1_0000_0000) * limit);
  }
}
