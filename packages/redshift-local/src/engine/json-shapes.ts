/**
 * A regular expression for the usual records of a stream: the names of their attributes in order, and the kind of each
 * value. A text that parses and matches needs no further check. It is JSON to Redshift too, and no object in it has an
 * attribute twice.
 */

/** Most shapes in the expression. Rarer shapes take the slow check. */
const mostShapes = 16;
/** Longest expression in characters. The bound lets DuckDB compile it and keep its states. */
const mostLetters = 8000;
const mostLevels = 20;

const token = /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\]|\\.)*")|(?:-?[0-9][-+.0-9eE]*|true|false|null))/y;

/** Parts from which a pattern is built. */
export interface ShapeWords {
  /** Pattern of any value that is neither an object nor an array. */
  readonly scalar: string;
  readonly literally: (text: string) => string;
  /**
   * Returns the pattern of an attribute's value. The result is true if the sample's value determines the pattern, and
   * undefined if nothing can be learned from the text.
   * @param name as written, in its quotes
   * @param depth 0 in the outermost object
   */
  readonly attribute?: (name: string, depth: number) => string | true | undefined;
  /** True for a backtracking engine. It tries every way in which a text matches, so there must be only one. */
  readonly oneWay?: boolean;
}

const forRe2: ShapeWords = {
  scalar: '(?:"(?:[^"\\\\]|\\\\.)*"|-?[0-9][-+.0-9eE]*|true|false|null)',
  literally: (text) => text.replace(/[^\w" -]/gu, (letter) => `\\x{${letter.codePointAt(0)!.toString(16)}}`),
};

/**
 * Returns the pattern of one text, which may be anything. Returns undefined if the text is not a JSON object, or has
 * content that a pattern cannot describe.
 */
export const shapeOf = (sample: string, words: ShapeWords): string | undefined => new Shape(sample, words).whole();

/** The shapes of recent texts. */
export class KnownShapes {
  private shapes: readonly string[] = [];

  /** @param samples texts, of which some may not be JSON */
  learn(samples: readonly string[]): void {
    this.shapes = fitting(new Set([...mostUsual(samples), ...this.shapes]));
  }

  /** Pattern of the known shapes, as `shapesOf` returns it. */
  get pattern(): string | undefined {
    return patternOf(this.shapes);
  }
}

/**
 * Returns an RE2 pattern for whole texts that parse as JSON, trailing commas or not. A match has no such comma, no NaN,
 * no Infinity, and no object with an attribute twice.
 * @param samples texts, of which some may not be JSON
 * @returns undefined if no sample has a shape of its own
 */
export const shapesOf = (samples: readonly string[]): string | undefined => patternOf(fitting(mostUsual(samples)));

const patternOf = (shapes: readonly string[]) => (shapes.length > 0 ? `(?:${shapes.join('|')})` : undefined);

function mostUsual(samples: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const sample of samples) {
    const shape = shapeOf(sample, forRe2);
    if (shape !== undefined) counts.set(shape, (counts.get(shape) ?? 0) + 1);
  }
  return [...counts].sort(([, one], [, other]) => other - one).map(([shape]) => shape);
}

function fitting(shapes: Iterable<string>): string[] {
  const kept: string[] = [];
  let room = mostLetters;
  for (const shape of shapes) {
    if (kept.length === mostShapes) break;
    if (shape.length > room) continue;
    kept.push(shape);
    room -= shape.length;
  }
  return kept;
}

/** Builds the pattern of one text. */
class Shape {
  private at = 0;
  private depth = 0;

  constructor(
    private readonly text: string,
    private readonly words: ShapeWords,
  ) {}

  whole(): string | undefined {
    if (this.next() !== '{') return undefined;
    const pattern = this.object();
    return this.text.slice(this.at).trim() === '' ? pattern : undefined;
  }

  private next(): string | undefined {
    token.lastIndex = this.at;
    const found = token.exec(this.text);
    if (!found) return undefined;
    this.at = token.lastIndex;
    return found[0].trim();
  }

  private object(): string | undefined {
    const members = new Map<string, string>();
    for (let name = this.next(); ; name = this.next()) {
      if (name === '}' && members.size === 0) return '\\{ ?\\}';
      if (!name?.startsWith('"') || name.includes('\\') || members.has(name) || this.next() !== ':') return undefined;
      const value = this.member(name);
      if (value === undefined) return undefined;
      members.set(name, value);
      const end = this.next();
      if (end === '}') break;
      if (end !== ',') return undefined;
    }
    const pairs = [...members].map(([name, value]) => `${this.words.literally(name)} ?: ?${value}`);
    return `\\{ ?${pairs.join(' ?, ?')} ?\\}`;
  }

  private member(name: string): string | undefined {
    const as = this.words.attribute ? this.words.attribute(name, this.depth) : true;
    const value = as === undefined ? undefined : this.value(this.next());
    if (as === undefined || as === true || value === undefined) return value;
    return value === this.words.scalar ? as : undefined;
  }

  private array(): string | undefined {
    const elements = new Set([this.words.scalar]);
    for (let first = this.next(); first !== ']'; first = this.next()) {
      const element = this.value(first);
      if (element === undefined) return undefined;
      elements.add(element);
      const end = this.next();
      if (end === ']') break;
      if (end !== ',') return undefined;
    }
    if (this.words.oneWay && elements.size > 2) return undefined;
    const element = `(?:${[...elements].join('|')})`;
    const pattern = `\\[ ?(?:${element}(?: ?, ?${element})* ?)?\\]`;
    return pattern.length > mostLetters ? undefined : pattern;
  }

  private value(first: string | undefined): string | undefined {
    if (first !== '{' && first !== '[')
      return first === undefined || /^[}\],:]$/.test(first) ? undefined : this.words.scalar;
    if (this.depth === mostLevels) return undefined;
    this.depth += 1;
    const pattern = first === '{' ? this.object() : this.array();
    this.depth -= 1;
    return pattern;
  }
}
