import { aliasesAfterAs, reservedWords } from '../../reserved-words';
import type { Expression, Identifier, Query } from '../ast';
import { type Source, type Token, tokenize } from '../lexer';

/** Deeper nesting is refused, so that no statement overflows the stack here or in DuckDB. */
export const maxDepth = 60;
const maxParts = 100;

/**
 * Words that Redshift does not reserve, but that this parser always reads as syntax. As names they need double quotes.
 */
const syntax = new Set(['exists', 'over', 'try_cast', 'window']);

/** Rules that refer to each other: an expression contains calls and queries, which contain expressions. */
export interface Grammar {
  expression(cursor: Cursor): Expression;
  /** An operand of `||`, which stops before IN. */
  concatenation(cursor: Cursor): Expression;
  query(cursor: Cursor): Query;
}

/** Reads tokens one after the other. Every error is reported at the token that caused it. */
export class Cursor {
  private readonly tokens: readonly Token[];
  private index = 0;
  private depth = 0;

  constructor(
    readonly source: Source,
    readonly grammar: Grammar,
  ) {
    this.tokens = tokenize(source);
  }

  /** Names of all placeholders of the text. */
  get placeholders(): readonly string[] {
    return this.tokens.filter(({ kind }) => kind === 'parameter').map(({ value }) => value);
  }

  get token(): Token {
    return this.tokens[this.index]!;
  }
  get at(): number {
    return this.token.at;
  }
  /** End of the last token that was read. */
  get previousEnd(): number {
    return this.index === 0 ? 0 : this.tokens[this.index - 1]!.end;
  }
  peek(ahead = 1): Token {
    return this.tokens[Math.min(this.index + ahead, this.tokens.length - 1)]!;
  }
  next(): Token {
    const token = this.token;
    if (token.kind !== 'end') this.index++;
    return token;
  }

  isWord(...words: string[]): boolean {
    return this.token.kind === 'word' && words.includes(this.token.value);
  }
  isOperator(...operators: string[]): boolean {
    return this.token.kind === 'operator' && operators.includes(this.token.value);
  }
  /** Consumes the words if all of them come next. */
  takeWords(...words: string[]): boolean {
    for (let i = 0; i < words.length; i++) {
      const token = this.peek(i);
      if (token.kind !== 'word' || token.value !== words[i]) return false;
    }
    this.index += words.length;
    return true;
  }
  takeOperator(operator: string): boolean {
    if (!this.isOperator(operator)) return false;
    this.index++;
    return true;
  }
  expectWord(...words: string[]): Token {
    if (!this.isWord(...words)) throw this.syntaxError(words.map((word) => word.toUpperCase()).join(' or '));
    return this.next();
  }
  expectOperator(operator: string): Token {
    if (!this.isOperator(operator)) throw this.syntaxError(operator);
    return this.next();
  }
  expectString(what: string): Token {
    if (this.token.kind !== 'string') throw this.syntaxError(what);
    return this.next();
  }
  expectInteger(what: string): number {
    const value = Number(this.token.value);
    if (this.token.kind !== 'number' || !/^\d+$/.test(this.token.value) || !Number.isSafeInteger(value))
      throw this.syntaxError(what);
    this.next();
    return value;
  }

  isIdentifier(): boolean {
    const { kind, value } = this.token;
    return kind === 'quoted' || (kind === 'word' && !reservedWords.has(value) && !syntax.has(value));
  }
  identifier(what: string): Identifier {
    if (this.isIdentifier()) return this.anyIdentifier(what);
    throw this.syntaxError(this.token.kind === 'word' ? `${what}: reserved words need double quotes` : what);
  }
  /**
   * A name that may be a reserved word: after AS in a select list (`trim(a.name) as table` in table_info.sql of
   * awslabs/amazon-redshift-utils), and after the dot of a column or an attribute.
   */
  anyIdentifier(what: string): Identifier {
    const { kind, value, at } = this.token;
    if (kind !== 'quoted' && kind !== 'word') throw this.syntaxError(what);
    this.next();
    return { text: value, quoted: kind === 'quoted', at };
  }
  /**
   * The alias of a relation, with or without AS. Without AS, a word from `following` continues the statement and is no
   * alias.
   */
  relationAlias(...following: string[]): Identifier | undefined {
    if (this.takeWords('as')) return this.identifier('an alias');
    if (!this.isIdentifier() || this.isWord(...following)) return undefined;
    if (this.token.kind === 'word' && aliasesAfterAs.has(this.token.value))
      throw this.syntaxError(`AS or double quotes for the alias`);
    return this.identifier('an alias');
  }
  identifiers(what: string): Identifier[] {
    this.expectOperator('(');
    const names = this.list(() => this.identifier(what));
    this.expectOperator(')');
    return names;
  }
  /** `name` or `schema.name`. The resolver checks a third part, the database. */
  reference(what: string): Identifier[] {
    return this.parts(what, () => this.identifier(what));
  }
  /** A column, optionally qualified with its table and schema. */
  column(what: string): Identifier[] {
    return this.parts(what, () => this.anyIdentifier(what));
  }
  private parts(what: string, part: () => Identifier): Identifier[] {
    const parts = [this.identifier(what)];
    while (this.takeOperator('.')) {
      if (parts.length === maxParts) throw this.unsupported(`a name of more than ${maxParts} parts`);
      parts.push(part());
    }
    return parts;
  }
  list<T>(item: () => T): T[] {
    const items = [item()];
    while (this.takeOperator(',')) items.push(item());
    return items;
  }

  nested<T>(read: () => T): T {
    if (++this.depth > maxDepth) throw this.source.unsupported(`nesting deeper than ${maxDepth} levels`, this.at);
    const value = read();
    this.depth--;
    return value;
  }

  syntaxError(expected: string): Error {
    const { kind, at, end } = this.token;
    if (kind === 'end') return this.source.error(`syntax error at end of input, expected ${expected}`, at);
    const near = this.source.text.slice(at, Math.min(end, at + 40));
    return this.source.error(`syntax error at or near "${near}", expected ${expected}`, at);
  }
  unsupported(what: string, at = this.at): Error {
    return this.source.unsupported(what, at);
  }
}
