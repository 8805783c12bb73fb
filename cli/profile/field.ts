import * as bytesOf from './bytes';
import { Numbers } from './numbers';
import { Texts } from './texts';

// Constants of this module: an import is looked up at each use, which would take most of the time.
const { hashOf, POINT, textOf, ZERO } = bytesOf;

export const kinds = ['null', 'string', 'number', 'boolean', 'object', 'array'] as const;
export type Kind = (typeof kinds)[number];

/** Codes of values in a journal. */
export const NULL = 0;
export const STRING = 1;
/** A string with escapes: its bytes are not its text. */
export const ESCAPED = 2;
export const NUMBER = 3;
export const TRUE = 4;
export const FALSE = 5;
export const OBJECT = 6;
export const ARRAY = 7;
/** A field of CSV. It can be any text, and a number too. */
export const CELL = 8;

const kindOf: readonly Kind[] = [
  'null',
  'string',
  'string',
  'number',
  'boolean',
  'boolean',
  'object',
  'array',
  'string',
];
const kindIndex = Uint8Array.from(kindOf.map((kind) => kinds.indexOf(kind)));

/** Values beyond so many different ones are no list of values. */
const mostValues = 40;
/** An object with more names is a map: its names are data. */
export const mostNames = 100;
const longestExample = 80;

/** One value of a list, and how often it came. */
interface Value {
  readonly text: string;
  count: number;
}

/** A place in the records, by its path, and what is known of its values. */
export class Field {
  readonly children = new Map<string, Field>();
  /** Bytes of the name as records write it. Empty for a name with escapes. */
  readonly key: Uint8Array;
  readonly depth: number;
  /** The child that most recently came first, and the sibling that came after this one: a guess for the next record. */
  first: Field | undefined;
  next: Field | undefined;
  /** The object in which the name was seen last. */
  visit = 0;
  /** True if the names of the object are data. Its children are not kept. */
  isMap = false;
  private anyElement: Field | undefined;

  /** Number of the record with the last value. */
  row = -1;
  /** Hashes of that value. */
  low = 0;
  high = 0;
  readonly counts = new Float64Array(kinds.length);
  readonly lines: (number | undefined)[] = [];
  readonly numbers = new Numbers();
  readonly texts = new Texts();
  example: string | undefined;
  private seen: Map<number, Value> | undefined = new Map();

  constructor(
    readonly name: string,
    readonly parent: Field | undefined,
    /** True for what is inside an array or a map: only its form is checked. */
    readonly isQuiet = false,
    key: Uint8Array = new Uint8Array(0),
  ) {
    this.key = key;
    this.depth = parent === undefined ? 0 : parent.depth + 1;
  }

  get path(): string[] {
    return this.parent === undefined ? [] : [...this.parent.path, this.name];
  }

  /** Records with a value that is not null. */
  get present(): number {
    return this.counts.reduce((sum, count, index) => (index === 0 ? sum : sum + count), 0);
  }

  countOf(kind: Kind): number {
    return this.counts[kinds.indexOf(kind)]!;
  }

  lineOf(kind: Kind): number | undefined {
    return this.lines[kinds.indexOf(kind)];
  }

  /** Kinds of values that came, without null. */
  get kinds(): Kind[] {
    return kinds.filter((kind) => kind !== 'null' && this.countOf(kind) > 0);
  }

  /** The values with their counts, most frequent first. Undefined if there are too many. */
  get values(): readonly Value[] | undefined {
    return this.seen && [...this.seen.values()].sort((one, other) => other.count - one.count);
  }

  /** The field of all elements of an array, or of all values of a map. */
  get element(): Field {
    this.anyElement ??= new Field('*', this, true);
    return this.anyElement;
  }

  /** Adds a child. An object that has too many becomes a map. */
  add(name: string, key: Uint8Array): Field | undefined {
    const most = this.depth === 0 ? mostFields : mostNames;
    if (this.children.size >= most) {
      this.isMap = true;
      this.children.clear();
      this.first = undefined;
      return undefined;
    }
    const child = new Field(name, this, this.isQuiet, key);
    this.children.set(name, child);
    return child;
  }

  /** Takes a value of a record. `isHashed` computes the hashes for the identity. */
  observe(
    code: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    row: number,
    line: number,
    isHashed: boolean,
  ): void {
    const kind = kindIndex[code]!;
    if (this.counts[kind] === 0) this.lines[kind] = line;
    this.counts[kind]! += 1;
    if (code === NULL || code === OBJECT || code === ARRAY) return;
    this.row = row;
    if (code === ESCAPED) this.escaped(bytes, start, end, line, isHashed);
    else this.scalar(code, bytes, start, end, line, isHashed);
  }

  private scalar(code: number, bytes: Uint8Array, start: number, end: number, line: number, isHashed: boolean): void {
    if (code === STRING) this.texts.add(bytes, start, end, line);
    else if (code === CELL) {
      if (this.texts.add(bytes, start, end, line)) this.numbers.add(bytes, start, end, line);
    } else if (code === NUMBER) this.numbers.add(bytes, start, end, line);
    if (isHashed || this.seen !== undefined) this.hash(code, bytes, start, end, isHashed);
    this.example ??= exampleOf(bytes, start, end);
  }

  /** A string with escapes is the text that it spells: the same text without escapes is the same value. */
  private escaped(bytes: Uint8Array, start: number, end: number, line: number, isHashed: boolean): void {
    const text = JSON.parse(`"${textOf(bytes, start, end)}"`) as string;
    if (text.includes('\0')) this.texts.zeros += 1;
    const spelled = Buffer.from(text);
    this.scalar(STRING, spelled, 0, spelled.length, line, isHashed);
  }

  private hash(code: number, bytes: Uint8Array, start: number, end: number, isHashed: boolean): void {
    const last = code === NUMBER ? withoutZeros(bytes, start, end) : end;
    this.low = hashOf(bytes, start, last);
    if (isHashed) this.high = hashOf(bytes, start, last, 0x9e3779b9 ^ code);
    if (this.seen === undefined) return;
    const value = this.seen.get(this.low);
    if (value !== undefined) value.count += 1;
    else if (this.seen.size >= mostValues || end - start > longestExample) this.seen = undefined;
    else this.seen.set(this.low, { text: textOf(bytes, start, end), count: 1 });
  }
}

/** Most names of the outermost object. Records with more are read as maps. */
export const mostFields = 20_000;

/** The end of a number without zeros behind the point: 1.50 and 1.5 are the same value, 1.0 and 1 too. */
function withoutZeros(bytes: Uint8Array, start: number, end: number): number {
  let last = end;
  while (last > start && bytes[last - 1] === ZERO) last -= 1;
  if (last > start && bytes[last - 1] === POINT) return last - 1;
  for (let at = start; at < last; at += 1) if (bytes[at] === POINT) return last;
  return end;
}

function exampleOf(bytes: Uint8Array, start: number, end: number): string {
  const text = textOf(bytes, start, Math.min(end, start + longestExample));
  return end - start > longestExample ? `${text.replace(/\ufffd$/, '')}…` : text;
}
