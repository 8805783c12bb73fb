/**
 * What most records of a stream look like, as one regular expression: the names of their attributes in their order, and what kind of value each has. Of a text that
 * parses and matches it, it is known without another look that it is JSON to Redshift too and that no object in it has an attribute twice.
 */

/** Shapes that are tried; rarer ones are looked at the long way. */
const mostShapes = 16;
/** Of the whole expression, so that the engine can compile it and keep its states. */
const mostLetters = 8000;
const mostLevels = 20;

const token = /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\]|\\.)*")|(?:-?[0-9][-+.0-9eE]*|true|false|null))/y;

/** How the patterns of one use are written. */
export interface ShapeWords {
  /** For any value that is no object and no array. */
  readonly scalar: string;
  readonly literally: (text: string) => string;
  /**
   * For the value of an attribute; true for what its sample looks like, undefined where nothing is to be learnt of the text.
   * @param name as it is written, in its quotes
   * @param depth 0 in the outermost object
   */
  readonly attribute?: (name: string, depth: number) => string | true | undefined;
  /** An engine that goes back tries every way in which a text matches: there must be one only. */
  readonly oneWay?: boolean;
}

const forRe2: ShapeWords = {
  scalar: '(?:"(?:[^"\\\\]|\\\\.)*"|-?[0-9][-+.0-9eE]*|true|false|null)',
  literally: (text) => text.replace(/[^\w" -]/gu, (letter) => `\\x{${letter.codePointAt(0)!.toString(16)}}`),
};

/** The pattern of one text that may be anything; undefined for what is no JSON object, or has what the pattern could not say. */
export const shapeOf = (sample: string, words: ShapeWords): string | undefined => new Shape(sample, words).whole();

/** The shapes of the texts that came last. */
export class KnownShapes {
  private shapes: readonly string[] = [];

  /** @param samples JSON texts of which some may be anything */
  learn(samples: readonly string[]): void {
    this.shapes = fitting(new Set([...mostUsual(samples), ...this.shapes]));
  }

  /** As `shapesOf`. */
  get pattern(): string | undefined {
    return patternOf(this.shapes);
  }
}

/**
 * A pattern of RE2 for whole texts that parse as JSON, trailing commas or not. None of its matches has such a comma, NaN, Infinity, or an object with an attribute twice.
 * @param samples JSON texts of which some may be anything
 * @returns undefined where no sample has a shape of its own
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

/** The pattern of one text. */
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
