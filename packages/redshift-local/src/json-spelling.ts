/**
 * JSON texts in DuckDB's spelling, except that each number keeps its own. All texts must be JSON. These functions serve
 * the values that DuckDB would respell; DuckDB itself reads all others.
 */

/** The text without blanks between tokens and without needless escapes. */
export function compacted(text: string): string {
  if (!blankOrEscape.test(text)) return text;
  return text.replace(stringOrBlanks, (found) => {
    if (!found.startsWith('"')) return '';
    return found.includes('\\') ? JSON.stringify(JSON.parse(found)).replace(escaped, upperCase) : found;
  });
}

/** The value below a path, or undefined if there is none. The first of several attributes of one name counts. */
export function valueBelow(text: string, steps: readonly (string | number)[]): string | undefined {
  const tokens = new Tokens(text);
  for (const step of steps) if (!tokens.enter(step)) return undefined;
  return compacted(tokens.value());
}

const blankOrEscape = /[ \t\r\n\\]/;
const stringOrBlanks = /"(?:[^"\\]|\\.)*"|[ \t\r\n]+/g;
const escaped = /\\(?:u[0-9a-f]{4}|.)/g;
const upperCase = (found: string) => (found.length > 2 ? `\\u${found.slice(2).toUpperCase()}` : found);
const token = /[ \t\r\n]*("(?:[^"\\]|\\.)*"|[{}[\],:]|[^ \t\r\n{}[\],:"]+)/y;

/** The values of an object (`{`) or the elements of an array (`[`), none for anything else. */
export function elementsOf(text: string, open: string): string[] {
  return new Tokens(text).elements(open).map(compacted);
}

class Tokens {
  private at = 0;

  constructor(private readonly text: string) {}

  /** Moves to the value of a member of the object, or to an element of the array, that begins here. */
  enter(step: string | number): boolean {
    const open = this.next();
    if (open !== (typeof step === 'number' ? '[' : '{') || this.atClosing()) return false;
    for (let index = 0; ; index += 1) {
      if (typeof step === 'number' ? index === step : this.name() === step) return true;
      this.skip();
      if (this.next() !== ',') return false;
    }
  }

  elements(open: string): string[] {
    const found: string[] = [];
    if (this.next() !== open || this.atClosing()) return found;
    do {
      if (open === '{') this.name();
      found.push(this.value());
    } while (this.next() === ',');
    return found;
  }

  /** The text of the value that begins here. */
  value(): string {
    const start = this.at;
    this.skip();
    return this.text.slice(start, this.at);
  }

  private name(): unknown {
    const name: unknown = JSON.parse(this.next());
    // The colon.
    this.next();
    return name;
  }

  private atClosing(): boolean {
    const { at } = this;
    const found = this.next();
    this.at = at;
    return found === '}' || found === ']';
  }

  private skip(): void {
    let depth = 0;
    do {
      const found = this.next();
      if (found === '{' || found === '[') depth += 1;
      else if (found === '}' || found === ']') depth -= 1;
    } while (depth > 0);
  }

  private next(): string {
    token.lastIndex = this.at;
    const found = token.exec(this.text);
    if (!found) throw new Error(`not JSON: ${this.text}`);
    this.at = token.lastIndex;
    return found[1]!;
  }
}
