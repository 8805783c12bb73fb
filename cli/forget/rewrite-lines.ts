import { jsonRecords } from '../../lambda/load/json-records';
import { type FileRecord, plainBytes, UnreadableError } from '../../lambda/load/records';

/** Longest record that is read as one. COPY takes 4 MB, so a longer one is no record that was loaded. */
export const longestRecord = 16 * 1024 * 1024;

/** Says what takes the place of a record. Undefined keeps it. */
export type Judge = (record: Buffer) => Buffer | undefined;

interface RawLine extends FileRecord {
  /** `\n`, `\r\n`, or nothing at the end of the file. */
  readonly end: Buffer;
}

const newline = 10;
const carriageReturn = 13;

/**
 * Reads a file of JSON records and yields it with some of them replaced. All other bytes stay as they are: line ends, blank
 * lines, text that is not JSON, a last line without an end. The number of lines stays the same too. It keeps one record
 * in memory.
 * @throws UnreadableError for bytes that are not of the compression, and for a record longer than `longestRecord`
 */
export async function* rewritten(
  body: AsyncIterable<Uint8Array>,
  compression: 'gzip' | 'none',
  judge: Judge,
): AsyncGenerator<Buffer> {
  const waiting = new WaitingLines();
  const lines = waiting.of(rawLines(body, compression));
  for await (const record of jsonRecords(lines, longestRecord)) {
    const replacement = judge(record.bytes);
    if (replacement === undefined) yield* waiting.before(record.line);
    else yield* waiting.replace(record, replacement);
  }
  yield* waiting.rest();
}

/** The lines that were read and not written yet. */
class WaitingLines {
  private lines: RawLine[] = [];
  /** How much of the first line is written. */
  private written = 0;

  async *of(lines: AsyncIterable<RawLine>): AsyncGenerator<RawLine> {
    for await (const line of lines) {
      this.lines.push(line);
      yield line;
    }
  }

  /** Takes the lines before one. */
  *before(line: number): Generator<Buffer> {
    while (this.lines.length > 0 && this.lines[0]!.line < line) {
      const { bytes, end } = this.lines.shift()!;
      if (this.written < bytes.length) yield bytes.subarray(this.written);
      this.written = 0;
      yield end;
    }
  }

  *rest(): Generator<Buffer> {
    yield* this.before(Number.POSITIVE_INFINITY);
  }

  *replace(record: FileRecord, replacement: Buffer): Generator<Buffer> {
    yield* this.before(record.line);
    const [first] = this.lines;
    const { from, to } = placeOf(record, first!);
    if (from > this.written) yield first!.bytes.subarray(this.written, from);
    yield replacement;
    // The line ends in a record that spans lines stay, so that later lines keep their numbers.
    while (this.lines[0]!.line < record.lastLine) yield this.lines.shift()!.end;
    this.written = to;
  }
}

/** Where a record begins in its first line, and where it ends in its last one. */
function placeOf({ bytes, line, lastLine }: FileRecord, first: RawLine): { from: number; to: number } {
  if (line === lastLine) {
    const from = bytes.byteOffset - first.bytes.byteOffset;
    return { from, to: from + bytes.length };
  }
  // A record that spans lines has the rest of its first line, whole lines, and the beginning of its last one.
  return { from: first.bytes.length - bytes.indexOf(newline), to: bytes.length - bytes.lastIndexOf(newline) - 1 };
}

async function* rawLines(body: AsyncIterable<Uint8Array>, compression: 'gzip' | 'none'): AsyncGenerator<RawLine> {
  let parts: Buffer[] = [];
  let [size, line] = [0, 1];
  const keep = (part: Buffer) => {
    size += part.length;
    if (size > longestRecord) throw new UnreadableError(`line ${line} is longer than ${longestRecord} bytes`);
    parts.push(part);
  };
  const take = (end: Buffer): RawLine => {
    const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    [parts, size] = [[], 0];
    const hasReturn = whole.at(-1) === carriageReturn;
    const number = line++;
    return {
      line: number,
      lastLine: number,
      bytes: hasReturn ? whole.subarray(0, -1) : whole,
      end: hasReturn ? Buffer.concat([whole.subarray(-1), end]) : end,
    };
  };
  for await (const chunk of plainBytes(body, compression)) {
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      keep(chunk.subarray(from, at));
      yield take(chunk.subarray(at, at + 1));
      from = at + 1;
    }
    if (from < chunk.length) keep(chunk.subarray(from));
  }
  if (parts.length > 0) yield take(Buffer.alloc(0));
}
