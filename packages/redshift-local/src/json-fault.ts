/**
 * Most levels of arrays and objects in a SUPER value
 * (https://docs.aws.amazon.com/redshift/latest/dg/limitations-super.html).
 */
export const mostJsonLevels = 1000;

/** Why JSON_PARSE refuses a text. */
export type JsonFault = 'not JSON' | 'an object has an attribute twice' | 'nested deeper than 1,000 levels';

const [quote, backslash, firstPrintable] = [0x22, 0x5c, 0x20];
const escaped = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;
const word = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y;

/**
 * Returns the first fault of a text, or undefined if JSON_PARSE accepts it. It reads the text once. Time and memory are
 * linear in the text's length.
 */
export function jsonFault(text: string): JsonFault | undefined {
  return new Scanner(text).fault();
}

class Scanner {
  /**
   * The open arrays and objects, outermost first. An object's entry holds its attribute names so far. An array's entry
   * is undefined.
   */
  private readonly open: (Set<string> | undefined)[] = [];
  private at = 0;

  constructor(private readonly text: string) {}

  fault(): JsonFault | undefined {
    for (;;) {
      const fault = this.begin();
      if (fault === 'value ended') {
        const next = this.afterValue();
        if (next === 'next value') continue;
        return next === 'text ended' ? undefined : next;
      }
      if (fault !== undefined) return fault;
    }
  }

  /** Reads the start of a value: a scalar, or an opening bracket and the name of an object's first member. */
  private begin(): JsonFault | 'value ended' | undefined {
    this.skipBlanks();
    const sign = this.text[this.at];
    if (sign !== '{' && sign !== '[')
      return (sign === '"' ? this.string() : this.matches(word)) ? 'value ended' : 'not JSON';
    if (this.open.length === mostJsonLevels) return 'nested deeper than 1,000 levels';
    this.at += 1;
    const names = sign === '{' ? new Set<string>() : undefined;
    this.open.push(names);
    this.skipBlanks();
    if (this.text[this.at] === closing(names)) return 'value ended';
    return names && this.name(names);
  }

  /** Reads what follows a value, up to the start of the next value. */
  private afterValue(): JsonFault | 'next value' | 'text ended' {
    for (;;) {
      this.skipBlanks();
      if (this.open.length === 0) return this.at === this.text.length ? 'text ended' : 'not JSON';
      const names = this.open.at(-1);
      const sign = this.text[this.at];
      this.at += 1;
      if (sign === ',') return (names && this.name(names)) ?? 'next value';
      if (sign !== closing(names)) return 'not JSON';
      this.open.pop();
    }
  }

  private name(names: Set<string>): JsonFault | undefined {
    this.skipBlanks();
    const from = this.at;
    if (this.text[from] !== '"' || !this.string()) return 'not JSON';
    const written = this.text.slice(from + 1, this.at - 1);
    const spelled = written.includes('\\') ? (JSON.parse(`"${written}"`) as string) : written;
    if (names.has(spelled)) return 'an object has an attribute twice';
    names.add(spelled);
    this.skipBlanks();
    if (this.text[this.at] !== ':') return 'not JSON';
    this.at += 1;
    return undefined;
  }

  /** Reads a string from its opening quotation mark. */
  private string(): boolean {
    for (this.at += 1; this.at < this.text.length; ) {
      const code = this.text.charCodeAt(this.at);
      if (code < firstPrintable) return false;
      this.at += 1;
      if (code === quote) return true;
      if (code === backslash && !this.matches(escaped)) return false;
    }
    return false;
  }

  private matches(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  private skipBlanks(): void {
    while (' \t\r\n'.includes(this.text[this.at] ?? 'end')) this.at += 1;
  }
}

const closing = (names: Set<string> | undefined) => (names ? '}' : ']');
