import { JsonScanner } from './copy-json-scanner';

/** A record on one line, and the line of the file at which it ends. */
export interface JsonRecord {
  /** Without its line end. */
  readonly bytes: Buffer;
  readonly line: number;
}

/**
 * Makes one line of each object of a JSON file. COPY reads objects, not lines: an object may span lines, and a line may hold several
 * (https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-json.html). No page says where COPY goes on behind a text that is no JSON; here
 * that is the next line. A line with an object and something else is one record.
 */
export class JsonLines {
  private readonly scanner = new JsonScanner();
  private open: JsonRecord[] = [];
  private read = 0;
  private readAgain = 0;

  /** An object has begun and not ended. */
  get isOpen(): boolean {
    return this.open.length > 0;
  }

  /** Takes the next line, without its end. Returns the records that end with it. */
  push(bytes: Buffer, line: number): JsonRecord[] {
    const found: JsonRecord[] = [];
    this.read += 1;
    this.add({ bytes, line }, found);
    return found;
  }

  /** Takes the end of the file. */
  end(): JsonRecord[] {
    const found: JsonRecord[] = [];
    while (this.isOpen) this.fail(found);
    return found;
  }

  private add(given: JsonRecord, found: JsonRecord[]): void {
    const text = given.bytes.toString('latin1');
    const { line } = given;
    const whole: JsonRecord[] = [];
    let from = 0;
    while (this.isOpen || !isBlank(text, from)) {
      const end = this.scanner.scan(text, from);
      if (end === 'broken' && !this.isOpen) {
        found.push(given);
        return;
      }
      this.open.push({ bytes: given.bytes.subarray(from, end === 'open' || end === 'broken' ? undefined : end), line });
      if (end === 'open') break;
      if (end === 'broken') {
        this.fail(found);
        return;
      }
      whole.push(this.joined());
      from = end;
    }
    found.push(...whole);
  }

  private joined(): JsonRecord {
    const { line } = this.open.at(-1)!;
    const parts = this.open.flatMap(({ bytes }, index) => (index === 0 ? [bytes] : [blank, bytes]));
    this.open = [];
    return { bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts), line };
  }

  /** The first of the open lines is no part of an object. The others are read again. */
  private fail(found: JsonRecord[]): void {
    const [first, ...rest] = this.open;
    this.open = [];
    this.scanner.reset();
    found.push(first!);
    this.readAgain += rest.length;
    // Brackets that never close take no longer than other lines.
    if (this.readAgain > mostAgain + this.read) found.push(...rest);
    else for (const line of rest) this.add(line, found);
  }
}

/** Lines that a file may have read again, besides one for each line. */
const mostAgain = 20_000;

/** A line end between two tokens. */
const blank = Buffer.from(' ');

function isBlank(text: string, from: number): boolean {
  for (let at = from; at < text.length; at += 1) if (!' \t\r'.includes(text[at]!)) return false;
  return true;
}
