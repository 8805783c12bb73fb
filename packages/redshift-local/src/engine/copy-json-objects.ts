import { JsonScanner } from './copy-json-scanner';

/** A record on one line. `line` is the line of the file at which the record ends. */
export interface JsonRecord {
  /** Without its line end. */
  readonly bytes: Buffer;
  readonly line: number;
}

/**
 * Puts each object of a JSON file on one line. COPY reads objects, not lines: an object may span lines, and a line may
 * hold several (https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-json.html). AWS does not
 * document where COPY continues after invalid JSON. Here it continues on the next line. A line with an object and
 * something else is one record.
 */
export class JsonLines {
  private readonly scanner = new JsonScanner();
  private open: JsonRecord[] = [];
  private read = 0;
  private readAgain = 0;

  /** True if an object has begun and not ended. */
  get isOpen(): boolean {
    return this.open.length > 0;
  }

  /** Reads the next line, given without its line end. Returns the records that end with it. */
  push(bytes: Buffer, line: number): JsonRecord[] {
    const found: JsonRecord[] = [];
    this.read += 1;
    this.add({ bytes, line }, found);
    return found;
  }

  /** Completes the file. Returns the remaining records. */
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

  /** Handles open lines that are not an object. The first line becomes a record, and the others are read again. */
  private fail(found: JsonRecord[]): void {
    const [first, ...rest] = this.open;
    this.open = [];
    this.scanner.reset();
    found.push(first!);
    this.readAgain += rest.length;
    // This bound keeps brackets that never close from taking longer than other lines.
    if (this.readAgain > mostAgain + this.read) found.push(...rest);
    else for (const line of rest) this.add(line, found);
  }
}

/** Most lines of a file that are read again, in addition to one for each line. */
const mostAgain = 20_000;

/** Replaces a line end between two tokens. */
const blank = Buffer.from(' ');

function isBlank(text: string, from: number): boolean {
  for (let at = from; at < text.length; at += 1) if (!' \t\r'.includes(text[at]!)) return false;
  return true;
}
