/** One level more than SUPER allows (1,000), so that a file of opening brackets does not become one record. */
const maxLevels = 1001;

const word = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y;
const escaped = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;

/** The kind of token that may come next. */
type Expected = 'value' | 'first value' | 'name' | 'first name' | 'colon' | 'comma';

/** Receives the tokens of an object or array in their order. A token is a part of the text of the current line. */
export interface JsonTokens {
  /** `{` or `[`. */
  opened(sign: '{' | '['): void;
  closed(): void;
  /** The name of an attribute, with its quotation marks. */
  name(token: string): void;
  /** A string with its quotation marks, a number, `true`, `false` or `null`. */
  value(token: string): void;
}

/**
 * Finds where an object or array ends, line by line, since no token spans lines. Texts have one character per byte. The
 * scanner checks only the grammar, neither UTF-8 nor attributes.
 */
export class JsonScanner {
  /** The missing closing brackets, outermost first. */
  private levels: string[] = [];
  private expected: Expected = 'value';
  private text = '';
  private at = 0;

  /** @param tokens @default - the tokens are only checked */
  constructor(private readonly tokens?: JsonTokens) {}

  reset(): void {
    this.levels = [];
    this.expected = 'value';
  }

  /**
   * Scans the next line, or part of a line.
   * @returns the position after the object; `open` if it does not end here; `broken` if the text is not JSON, or not an
   * object or array
   */
  scan(text: string, from: number): number | 'open' | 'broken' {
    this.text = text;
    this.at = from;
    for (;;) {
      while (' \t\r'.includes(text[this.at] ?? 'end')) this.at += 1;
      if (this.at >= text.length) return 'open';
      if (!this.token()) {
        this.reset();
        return 'broken';
      }
      if (this.levels.length === 0) {
        this.reset();
        return this.at;
      }
    }
  }

  private token(): boolean {
    const sign = this.text[this.at]!;
    const { expected } = this;
    if (sign === '{' || sign === '[') return this.mayBeValue() && this.opens(sign);
    if (this.levels.length === 0) return false;
    if (sign === '}' || sign === ']') return this.closes(sign);
    if (sign === ',' || sign === ':') {
      this.at += 1;
      if (sign === ':') this.expected = 'value';
      else this.expected = this.levels.at(-1) === '}' ? 'name' : 'value';
      return expected === (sign === ',' ? 'comma' : 'colon');
    }
    const from = this.at;
    if (expected === 'name' || expected === 'first name') {
      this.expected = 'colon';
      const isName = sign === '"' && this.string();
      if (isName) this.tokens?.name(this.text.slice(from, this.at));
      return isName;
    }
    if (!this.mayBeValue()) return false;
    this.expected = 'comma';
    const isValue = sign === '"' ? this.string() : this.matches(word);
    if (isValue) this.tokens?.value(this.text.slice(from, this.at));
    return isValue;
  }

  private mayBeValue(): boolean {
    return this.expected === 'value' || this.expected === 'first value';
  }

  private opens(sign: '{' | '['): boolean {
    this.at += 1;
    this.levels.push(sign === '{' ? '}' : ']');
    this.expected = sign === '{' ? 'first name' : 'first value';
    this.tokens?.opened(sign);
    return this.levels.length <= maxLevels;
  }

  private closes(sign: '}' | ']'): boolean {
    const { expected } = this;
    this.at += 1;
    this.expected = 'comma';
    this.tokens?.closed();
    const mayClose = expected === 'comma' || expected === (sign === '}' ? 'first name' : 'first value');
    return this.levels.pop() === sign && mayClose;
  }

  /** Scans a string from its opening quotation mark. */
  private string(): boolean {
    for (this.at += 1; this.at < this.text.length; ) {
      const code = this.text.charCodeAt(this.at);
      if (code < 0x20) return false;
      this.at += 1;
      if (code === 0x22) return true;
      if (code === 0x5c && !this.matches(escaped)) return false;
    }
    return false;
  }

  private matches(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }
}
