import { reservedWords } from '../reserved-words';
import { type Place, SqlError } from '../statement';

/**
 * A `word` is unquoted and already lower case. A `quoted` name keeps its case. The `value` of a string is unescaped.
 */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'parameter' | 'operator' | 'end';
  readonly value: string;
  /** Offset of the token's first character in the source. */
  readonly at: number;
  readonly end: number;
}

/** The source text of a statement, with lines and columns for its positions. */
export class Source {
  private readonly lineStarts: number[] = [0];

  /** @param maxBytes longest text that is accepted */
  constructor(
    readonly text: string,
    readonly maxBytes = maxSqlBytes,
  ) {
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) this.lineStarts.push(i + 1);
  }

  error(message: string, at: number): SqlError {
    const { line, column } = this.place(at);
    return new SqlError(message, line, column);
  }

  place(at: number): Place {
    let low = 0;
    let high = this.lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.lineStarts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - this.lineStarts[low]! + 1 };
  }

  unsupported(what: string, at: number): SqlError {
    return this.error(`${what} is not supported by the local warehouse`, at);
  }
}

/** The Data API's limit for the text of a statement. */
export const maxSqlBytes = 200 * 1024;

const operators = [
  '::',
  '||/',
  '|/',
  '!~*',
  '!~',
  '~*',
  '~',
  '||',
  '<<',
  '>>',
  '<>',
  '!=',
  '<=',
  '>=',
  '=',
  '<',
  '>',
  '+',
  '-',
  '*',
  '/',
  '%',
  '(',
  ')',
  '[',
  ']',
  '@',
  '^',
  '&',
  '|',
  '#',
  ',',
  '.',
  ';',
];
const escapes: Readonly<Record<string, string>> = { '\\': '\\', "'": "'", n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };
/**
 * A name that begins with # is the name of a temporary table
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_names.html).
 */
const word = /#?[a-z_\u0080-\uffff][a-z0-9_$\u0080-\uffff]*/iy;
const number = /(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?/iy;
const parameter = /:([a-z_][a-z0-9_]*)/iy;
const position = /\$[1-9]\d{0,4}/y;
const blank = /[ \t\r\n\f\v]+/y;

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function skipComment(source: Source, at: number): number {
  const { text } = source;
  let depth = 0;
  let i = at;
  do {
    if (text.startsWith('/*', i)) {
      depth++;
      i += 2;
    } else if (text.startsWith('*/', i)) {
      depth--;
      i += 2;
    } else i++;
    if (i > text.length) throw source.error('comment is not closed', at);
  } while (depth > 0);
  return i;
}

/** Only ASCII letters are folded (https://docs.aws.amazon.com/redshift/latest/dg/r_names.html). */
export const folded = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/**
 * Reads a string literal. Redshift resolves backslash escapes in every string literal. A backslash before any other sign
 * gives the sign (https://www.postgresql.org/docs/8.0/sql-syntax.html#SQL-SYNTAX-CONSTANTS).
 */
function readString(source: Source, at: number): Token {
  const { text } = source;
  let value = '';
  for (let i = at + 1; i < text.length; i++) {
    const char = text[i]!;
    if (char === "'") {
      if (text[i + 1] !== "'") return { kind: 'string', value, at, end: i + 1 };
      value += "'";
      i++;
    } else if (char === '\\') {
      const next = text[i + 1] ?? '';
      const escaped = escapes[next] ?? (/[^a-z0-9\s]/i.test(next) ? next : undefined);
      if (escaped === undefined) throw source.unsupported(`escape \\${text[i + 1] ?? ''} in a string literal`, i);
      value += escaped;
      i++;
    } else value += char;
  }
  throw source.error('string literal is not closed', at);
}

function readQuoted(source: Source, at: number): Token {
  const { text } = source;
  let value = '';
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] !== '"') value += text[i];
    else if (text[i + 1] === '"') {
      value += '"';
      i++;
    } else {
      if (value === '') throw source.error('quoted identifier is empty', at);
      return { kind: 'quoted', value, at, end: i + 1 };
    }
  }
  throw source.error('quoted identifier is not closed', at);
}

function readNumber(source: Source, at: number): Token {
  const found = match(number, source.text, at)!;
  const end = at + found[0].length;
  const glued = match(word, source.text, end)?.[0];
  // A word of syntax may follow without a blank, as in `then 1when` of redshift_connector.
  if (glued !== undefined && !reservedWords.has(folded(glued)))
    throw source.unsupported(`number with the suffix ${source.text[end]}`, at);
  return { kind: 'number', value: found[0], at, end };
}

function readToken(source: Source, at: number): Token {
  const { text } = source;
  const char = text[at]!;
  if (char === "'") return readString(source, at);
  if (char === '"') return readQuoted(source, at);
  if (/\d/.test(char) || (char === '.' && /\d/.test(text[at + 1] ?? ''))) return readNumber(source, at);
  if (text.startsWith('$$', at)) {
    const close = text.indexOf('$$', at + 2);
    if (close < 0) throw source.error('$$ literal is not closed', at);
    return { kind: 'string', value: text.slice(at + 2, close), at, end: close + 2 };
  }
  // An E before the quote changes nothing here, where every literal has escapes.
  if (/[eE]/.test(char) && text[at + 1] === "'") return { ...readString(source, at + 1), at };
  const name = match(word, text, at);
  if (name) return { kind: 'word', value: folded(name[0]), at, end: at + name[0].length };
  if (char === ':' && text[at + 1] !== ':') {
    const bound = match(parameter, text, at);
    if (bound) return { kind: 'parameter', value: bound[1]!, at, end: at + bound[0].length };
  }
  const numbered = char === '$' ? match(position, text, at) : undefined;
  if (numbered) return { kind: 'parameter', value: numbered[0], at, end: at + numbered[0].length };
  const operator = operators.find((candidate) => text.startsWith(candidate, at));
  if (operator) return { kind: 'operator', value: operator, at, end: at + operator.length };
  if (/[!?`$\\{}]/.test(char)) throw source.unsupported(`the character ${char}`, at);
  throw source.error(`syntax error at or near "${char}"`, at);
}

export function tokenize(source: Source): Token[] {
  const { text } = source;
  if (Buffer.byteLength(text) > source.maxBytes)
    throw new SqlError(`statement text must be at most ${source.maxBytes} bytes, got ${Buffer.byteLength(text)}`);
  const zero = text.indexOf('\0');
  if (zero >= 0) throw source.error('a statement must not hold a zero byte', zero);
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const space = match(blank, text, at);
    if (space) at += space[0].length;
    else if (text.startsWith('--', at)) {
      const newline = text.indexOf('\n', at);
      at = newline < 0 ? text.length : newline + 1;
    } else if (text.startsWith('/*', at)) at = skipComment(source, at);
    else {
      const token = readToken(source, at);
      tokens.push(token);
      at = token.end;
    }
  }
  tokens.push({ kind: 'end', value: '', at: text.length, end: text.length });
  return plainOperators(tokens);
}

const operatorWords = ['operator', '(', 'pg_catalog', '.'];

/** Writes `operator(pg_catalog.~)` as `~`. */
function plainOperators(tokens: Token[]): Token[] {
  if (!tokens.some(({ kind, value }) => kind === 'word' && value === 'operator')) return tokens;
  const plain: Token[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const [operator, close] = [tokens[i + 4], tokens[i + 5]];
    const found =
      operatorWords.every((value, j) => tokens[i + j]?.value === value) &&
      operator?.kind === 'operator' &&
      close?.value === ')';
    plain.push(found ? { ...operator, at: tokens[i]!.at, end: close.end } : tokens[i]!);
    if (found) i += 5;
  }
  return plain;
}
