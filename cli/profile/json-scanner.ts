import * as bytesOf from './bytes';
import * as codes from './field';
import { Field } from './field';
import { Journal } from './journal';

// Constants of this module: an import is looked up at each use, which would take most of the time.
const {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  isDigit,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  PLUS,
  POINT,
  QUOTE,
  RETURN,
  SPACE,
  TAB,
  textOf,
  ZERO,
} = bytesOf;
const { ARRAY, ESCAPED, FALSE, NULL, NUMBER, OBJECT, STRING, TRUE } = codes;

/** Why the warehouse takes a line for no event. */
export type LineFault =
  | 'not JSON'
  | 'not an object'
  | 'an attribute twice in an object'
  | 'nested deeper than 1,000 levels'
  | 'half a surrogate pair';

/** Most levels of a SUPER value: https://docs.aws.amazon.com/redshift/latest/dg/limitations-super.html */
const mostLevels = 1000;
const LOWER_E = 0x65;
const UPPER_E = 0x45;
const LOWER_U = 0x75;
const escapes = new Set([...'"\\/bfnrt'].map((sign) => sign.charCodeAt(0)));
const words = [
  { bytes: Buffer.from('null'), code: NULL },
  { bytes: Buffer.from('true'), code: TRUE },
  { bytes: Buffer.from('false'), code: FALSE },
];

/**
 * Reads lines of JSON without making values of them. It checks the grammar and notes where the values are. Records of a
 * stream resemble each other, so the scanner guesses each name from the record before and compares bytes.
 */
export class JsonScanner {
  readonly root = new Field('', undefined);
  readonly journal = new Journal();
  private bytes: Uint8Array = new Uint8Array(0);
  private at = 0;
  private end = 0;
  private visits = 0;
  private fault: LineFault | undefined;
  /** True if an object of this line has become a map while it was read. The line is then read again. */
  private becameMap = false;

  /**
   * Reads one line into the journal. The byte at `end` has to be a line break.
   * @returns why the line is no event
   */
  scan(bytes: Uint8Array, start: number, end: number): LineFault | undefined {
    this.bytes = bytes;
    this.end = end;
    for (;;) {
      this.fault = undefined;
      this.becameMap = false;
      this.journal.clear();
      this.at = this.skip(start);
      const isObject = bytes[this.at] === OPEN_BRACE;
      const isSound = isObject ? this.object(this.root, 1) : this.value(this.root.element, 0);
      // What the journal has of the map's former fields is worth nothing.
      if (this.becameMap) continue;
      if (!isSound) return this.fault ?? 'not JSON';
      if (this.skip(this.at) !== end) return 'not JSON';
      return isObject ? undefined : 'not an object';
    }
  }

  private skip(from: number): number {
    const { bytes } = this;
    let at = from;
    for (;;) {
      const byte = bytes[at];
      if (byte !== SPACE && byte !== TAB && byte !== RETURN) return at;
      at += 1;
    }
  }

  private fails(fault: LineFault): false {
    this.fault ??= fault;
    return false;
  }

  private object(field: Field, level: number): boolean {
    if (level > mostLevels) return this.fails('nested deeper than 1,000 levels');
    const { bytes } = this;
    const visit = ++this.visits;
    let names: Set<string> | undefined;
    let previous: Field | undefined;
    this.at = this.skip(this.at + 1);
    if (bytes[this.at] === CLOSE_BRACE) {
      this.at += 1;
      return true;
    }
    for (;;) {
      if (bytes[this.at] !== QUOTE) return this.fails('not JSON');
      this.at += 1;
      let child: Field | undefined;
      if (field.isMap) {
        names ??= new Set();
        if (!this.isNew(names)) return false;
      } else {
        child = this.guessed(previous === undefined ? field.first : previous.next) ?? this.known(field, previous);
        if (child === undefined) return false;
        if (child.visit === visit) return this.fails('an attribute twice in an object');
        child.visit = visit;
      }
      this.at = this.skip(this.at);
      if (bytes[this.at] !== COLON) return this.fails('not JSON');
      this.at = this.skip(this.at + 1);
      if (!this.value(child ?? field.element, level)) return false;
      previous = child;
      this.at = this.skip(this.at);
      const byte = bytes[this.at];
      this.at += 1;
      if (byte === CLOSE_BRACE) return true;
      if (byte !== COMMA) return this.fails('not JSON');
      this.at = this.skip(this.at);
    }
  }

  /** The field, if the name at this place is its. */
  private guessed(guess: Field | undefined): Field | undefined {
    if (guess === undefined) return undefined;
    const { bytes, at } = this;
    const { key } = guess;
    const { length } = key;
    if (length === 0 || bytes[at + length] !== QUOTE) return undefined;
    for (let index = 0; index < length; index += 1) if (bytes[at + index] !== key[index]) return undefined;
    this.at = at + length + 1;
    return guess;
  }

  /** Reads a name that was not guessed. Undefined for a fault, and if the object has become a map. */
  private known(field: Field, previous: Field | undefined): Field | undefined {
    const start = this.at;
    const kind = this.string();
    if (kind === undefined) {
      this.fails('not JSON');
      return undefined;
    }
    const end = this.at - 1;
    const written = textOf(this.bytes, start, end);
    const name = kind === ESCAPED ? (JSON.parse(`"${written}"`) as string) : written;
    const key = kind === ESCAPED ? undefined : this.bytes.slice(start, end);
    const child = field.children.get(name) ?? field.add(name, key ?? new Uint8Array(0));
    if (child === undefined) {
      this.becameMap = true;
      return undefined;
    }
    if (previous === undefined) field.first = child;
    else previous.next = child;
    return child;
  }

  /** Reads a name of a map. */
  private isNew(names: Set<string>): boolean {
    const start = this.at;
    const kind = this.string();
    if (kind === undefined) return this.fails('not JSON');
    const written = textOf(this.bytes, start, this.at - 1);
    const name = kind === ESCAPED ? (JSON.parse(`"${written}"`) as string) : written;
    if (names.has(name)) return this.fails('an attribute twice in an object');
    names.add(name);
    return true;
  }

  private value(field: Field, level: number): boolean {
    const start = this.at;
    const byte = this.bytes[start];
    if (byte === QUOTE) {
      this.at += 1;
      const code = this.string();
      if (code === undefined) return this.fails('not JSON');
      if (!field.isQuiet) this.journal.add(field, code, start + 1, this.at - 1);
      return true;
    }
    if (byte === OPEN_BRACE) {
      if (!field.isQuiet) this.journal.add(field, OBJECT, start, start);
      return this.object(field, level + 1);
    }
    if (byte === OPEN_BRACKET) {
      if (!field.isQuiet) this.journal.add(field, ARRAY, start, start);
      return this.array(field, level + 1);
    }
    if (byte === MINUS || isDigit(byte)) {
      if (!this.number()) return this.fails('not JSON');
      if (!field.isQuiet) this.journal.add(field, NUMBER, start, this.at);
      return true;
    }
    return this.word(field);
  }

  private word(field: Field): boolean {
    const { at, bytes } = this;
    for (const { bytes: word, code } of words) {
      let index = 0;
      while (index < word.length && bytes[at + index] === word[index]) index += 1;
      if (index < word.length) continue;
      this.at = at + index;
      if (!field.isQuiet) this.journal.add(field, code, at, this.at);
      return true;
    }
    return this.fails('not JSON');
  }

  private array(field: Field, level: number): boolean {
    if (level > mostLevels) return this.fails('nested deeper than 1,000 levels');
    this.at = this.skip(this.at + 1);
    if (this.bytes[this.at] === CLOSE_BRACKET) {
      this.at += 1;
      return true;
    }
    const { element } = field;
    for (;;) {
      if (!this.value(element, level)) return false;
      this.at = this.skip(this.at);
      const byte = this.bytes[this.at];
      this.at += 1;
      if (byte === CLOSE_BRACKET) return true;
      if (byte !== COMMA) return this.fails('not JSON');
      this.at = this.skip(this.at);
    }
  }

  /** Reads a string from behind its opening quotation mark. */
  private string(): typeof STRING | typeof ESCAPED | undefined {
    const { bytes, end } = this;
    let at = this.at;
    for (; at < end; at += 1) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.at = at + 1;
        return STRING;
      }
      if (byte === BACKSLASH) return this.escapedString();
      if (byte < SPACE) return undefined;
    }
    return undefined;
  }

  private escapedString(): typeof ESCAPED | undefined {
    const { bytes, end } = this;
    let hasSurrogate = false;
    let at = this.at;
    for (; at < end; at += 1) {
      const byte = bytes[at]!;
      if (byte === QUOTE) break;
      if (byte < SPACE) return undefined;
      if (byte !== BACKSLASH) continue;
      at += 1;
      if (bytes[at] === LOWER_U) {
        const digits = textOf(bytes, at + 1, at + 5);
        if (!/^[0-9a-fA-F]{4}$/.test(digits)) return undefined;
        if (/^d[89a-f]/i.test(digits)) hasSurrogate = true;
        at += 4;
      } else if (!escapes.has(bytes[at]!)) return undefined;
    }
    if (at >= end) return undefined;
    if (hasSurrogate && /\p{Surrogate}/u.test(JSON.parse(`"${textOf(bytes, this.at, at)}"`) as string)) {
      this.fails('half a surrogate pair');
      return undefined;
    }
    this.at = at + 1;
    return ESCAPED;
  }

  private number(): boolean {
    const { bytes } = this;
    let at = this.at;
    if (bytes[at] === MINUS) at += 1;
    if (bytes[at] === ZERO) at += 1;
    else if (isDigit(bytes[at])) at = this.digits(at);
    else return false;
    if (bytes[at] === POINT) {
      if (!isDigit(bytes[at + 1])) return false;
      at = this.digits(at + 1);
    }
    if (bytes[at] === LOWER_E || bytes[at] === UPPER_E) {
      at += 1;
      if (bytes[at] === PLUS || bytes[at] === MINUS) at += 1;
      if (!isDigit(bytes[at])) return false;
      at = this.digits(at);
    }
    this.at = at;
    return true;
  }

  private digits(from: number): number {
    const { bytes } = this;
    let at = from;
    while (isDigit(bytes[at])) at += 1;
    return at;
  }
}
