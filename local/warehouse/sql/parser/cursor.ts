import type { Identifier } from '../ast';
import { type Source, type Token, tokenize } from '../lexer';

/** Deeper nesting is refused, so that no text overflows the stack here or in the engine. */
const maxDepth = 60;
const maxParts = 100;

/** Words that can't be used as an unquoted alias without AS, or as a bare column name. */
const reserved = new Set(
  `all and any as asc between both case cast check constraint create cross default desc distinct do else end except exists false for foreign from full
  grant group having ilike in inner intersect into is isnull join leading left like limit minus natural not notnull null offset on only or order outer
  over overlaps primary qualify references right select similar some table then to top trailing true try_cast union unique using when where window with
  current_date current_user sysdate user session_user interval`.split(/\s+/),
);

/** Reads tokens one after the other; every mistake is reported at the token where it is. */
export class Cursor {
  private readonly tokens: readonly Token[];
  private index = 0;
  private depth = 0;

  constructor(readonly source: Source) {
    this.tokens = tokenize(source);
  }

  get token(): Token {
    return this.tokens[this.index]!;
  }
  get at(): number {
    return this.token.at;
  }
  /** End of the token read last. */
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
    return this.token.kind === 'quoted' || (this.token.kind === 'word' && !reserved.has(this.token.value));
  }
  identifier(what: string): Identifier {
    if (!this.isIdentifier()) throw this.syntaxError(what);
    return this.anyIdentifier(what);
  }
  /** After AS and after a dot, where reserved words are fine too. */
  anyIdentifier(what: string): Identifier {
    const { kind, value, at } = this.token;
    if (kind !== 'quoted' && kind !== 'word') throw this.syntaxError(what);
    this.next();
    return { text: value, quoted: kind === 'quoted', at };
  }
  identifiers(what: string): Identifier[] {
    this.expectOperator('(');
    const names = this.list(() => this.identifier(what));
    this.expectOperator(')');
    return names;
  }
  /** `name`, `schema.name`; three parts (another database) are refused by the resolver. */
  reference(what: string): Identifier[] {
    const parts = [this.identifier(what)];
    while (this.takeOperator('.')) {
      if (parts.length === maxParts) throw this.unsupported(`a name of more than ${maxParts} parts`);
      parts.push(this.anyIdentifier(what));
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
