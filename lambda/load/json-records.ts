import { JsonScanner } from './json-scanner';
import { type FileRecord, UnreadableError } from './records';

/**
 * Reads the objects of a JSON file from its lines. COPY reads objects, not lines: an object may span lines, and a line
 * may hold several (https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-json.html). A record that
 * is not JSON ends before the next line that begins with a bracket, so it damages no other record. Its bytes are
 * yielded unchanged.
 * @throws UnreadableError for a record longer than `maxBytes`
 */
export async function* jsonRecords(lines: AsyncIterable<FileRecord>, maxBytes: number): AsyncGenerator<FileRecord> {
  const reader = new JsonReader(maxBytes);
  for await (const line of lines) yield* reader.push(line);
  yield* reader.end();
}

class JsonReader {
  private readonly scanner = new JsonScanner();
  /** The lines of a record that has begun but not ended. */
  private open: FileRecord[] = [];
  private openBytes = 0;
  /** True if the open record is not JSON. */
  private isBroken = false;
  private linesRead = 0;
  private linesReadAgain = 0;

  constructor(private readonly maxBytes: number) {}

  *push(line: FileRecord): Generator<FileRecord> {
    this.linesRead += 1;
    yield* this.add(line);
  }

  private *add(line: FileRecord): Generator<FileRecord> {
    if (this.isBroken && !beginsWith(line, '{[')) {
      this.keep(line);
      if (beginsWith(line, '}]')) yield this.take();
      return;
    }
    if (this.isBroken) yield this.take();
    yield* this.read(line);
  }

  *end(): Generator<FileRecord> {
    while (this.open.length > 0) {
      if (!this.isBroken) yield* this.fail();
      if (this.isBroken) yield this.take();
    }
  }

  private *read(line: FileRecord): Generator<FileRecord> {
    const text = line.bytes.toString('latin1');
    const part = (from: number, to?: number) => ({ ...line, bytes: line.bytes.subarray(from, to) });
    const whole: [from: number, to: number][] = [];
    for (let at = 0; ; ) {
      if (this.open.length === 0) at = afterBlanks(text, at);
      if (at === text.length && this.open.length === 0) break;
      const end = this.scanner.scan(text, at);
      if (end === 'open') {
        for (const [from, to] of whole) yield part(from, to);
        this.keep(part(at));
        return;
      }
      if (end === 'broken') {
        const isNew = this.open.length === 0;
        // No page says how COPY reads objects before text that is not JSON, so the whole line is one record, as on the
        // stream.
        this.keep(part(whole[0]?.[0] ?? at));
        if (!isNew) yield* this.fail();
        else if (isUnclosed(text)) this.isBroken = true;
        else yield this.take();
        return;
      }
      if (this.open.length > 0) {
        this.keep(part(at, end));
        yield this.take();
      } else whole.push([at, end]);
      at = end;
    }
    for (const [from, to] of whole) yield part(from, to);
  }

  /**
   * Ends an open record that is not JSON. It ends before its next line that begins like a record. The lines from there
   * on are read again.
   */
  private *fail(): Generator<FileRecord> {
    this.scanner.reset();
    const next = this.open.findIndex((line, index) => index > 0 && beginsWith(line, '{['));
    if (next < 0) {
      this.isBroken = true;
      if (beginsWith(this.open.at(-1)!, '}]')) yield this.take();
      return;
    }
    const rest = this.isAgainTooOften(this.open.length - next) ? [] : this.open.splice(next);
    yield this.take();
    for (const line of rest) yield* this.add(line);
  }

  /** Bounds the time for a file of brackets that never close. Beyond the bound, all lines of an open record are one. */
  private isAgainTooOften(lines: number): boolean {
    this.linesReadAgain += lines;
    return this.linesReadAgain > maxAgain + this.linesRead;
  }

  private keep(line: FileRecord): void {
    this.open.push(line);
    this.openBytes += line.bytes.length + 1;
    if (this.openBytes > this.maxBytes)
      throw new UnreadableError(`the record at line ${this.open[0]!.line} is longer than ${this.maxBytes} bytes`);
  }

  private take(): FileRecord {
    while (this.isBroken && this.open.length > 1 && isBlank(this.open.at(-1)!)) this.open.pop();
    const [first, last] = [this.open[0]!, this.open.at(-1)!];
    const bytes = this.open.flatMap((line, index) => (index === 0 ? [line.bytes] : [newline, line.bytes]));
    [this.open, this.openBytes, this.isBroken] = [[], 0, false];
    this.scanner.reset();
    return { line: first.line, lastLine: last.lastLine, bytes: bytes.length === 1 ? bytes[0]! : Buffer.concat(bytes) };
  }
}

/** Most lines of a file that are read again, besides one per line. */
const maxAgain = 20_000;

const newline = Buffer.from('\n');

const beginsWith = ({ bytes }: FileRecord, brackets: string) =>
  bytes.length > 0 && brackets.includes(String.fromCharCode(bytes[0]!));

/** True if a line that is not JSON begins with a bracket and opens more brackets than it closes. */
function isUnclosed(text: string): boolean {
  if (!/^[{[]/.test(text)) return false;
  let levels = 0;
  for (const sign of text) {
    if (sign === '{' || sign === '[') levels += 1;
    else if (sign === '}' || sign === ']') levels -= 1;
  }
  return levels > 0;
}

const isBlank = ({ bytes }: FileRecord) => bytes.every((byte) => byte === 32 || byte === 9 || byte === 13);

function afterBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r'.includes(text[at]!)) at += 1;
  return at;
}
