import { isPlainName } from '../text/identifier';
import { isWord } from '../text/token-walk';
import { type Token, TokenError, tokenize } from '../text/tokens';

/** Something wrong with an endpoint's file. `at` is the offset in the file. */
export interface TemplateProblem {
  readonly at: number;
  readonly text: string;
}

/** A parameter where the query uses it: `:since`. */
export interface ParamUse {
  readonly name: string;
  readonly at: number;
  readonly end: number;
  /** The optional clause that holds it. @default - no clause does */
  readonly clause?: Clause;
}

/** An optional clause: `[[ and product_id = :product_id ]]`. */
export interface Clause {
  /** Offsets of the first bracket and after the last one. */
  readonly at: number;
  readonly end: number;
  /** Names of its parameters, in their order. */
  readonly params: readonly string[];
}

/** An endpoint's query, as its file has it. */
export interface Template {
  readonly query: string;
  readonly tokens: readonly Token[];
  readonly uses: readonly ParamUse[];
  readonly clauses: readonly Clause[];
  readonly problems: readonly TemplateProblem[];
}

/** Reads a query with parameters and optional clauses. A query that cannot be divided into tokens has one problem. */
export function readTemplate(query: string): Template {
  try {
    return new Reader(query, tokenize(query)).template();
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    // The message has the place.
    return { query, tokens: [], uses: [], clauses: [], problems: [{ at: -1, text: error.message }] };
  }
}

class Reader {
  private readonly uses: ParamUse[] = [];
  private readonly clauses: Clause[] = [];
  private readonly problems: TemplateProblem[] = [];
  private open: { at: number; params: Set<string>; uses: ParamUse[] } | undefined;
  /** Open subscripts, as in `items[0]`, and open parentheses of the clause. */
  private subscripts = 0;
  private parentheses = 0;

  constructor(
    private readonly query: string,
    private readonly tokens: readonly Token[],
  ) {}

  template(): Template {
    for (let index = 0; index < this.tokens.length; index += 1) index = this.read(index);
    if (this.open) {
      this.problem(this.open.at, 'opens an optional clause with [[ that is not closed with ]]');
      this.uses.push(...this.open.uses);
    }
    const { query, tokens, uses, clauses, problems } = this;
    return { query, tokens, uses, clauses, problems };
  }

  /** Returns the index of the last token that it has read. */
  private read(index: number): number {
    const token = this.tokens[index]!;
    const next = this.tokens[index + 1];
    const isPair = next?.text === token.text;
    if (token.kind !== 'symbol') return index;
    if (token.text === '[' && isPair && this.subscripts === 0) {
      this.begin(token);
      return index + 1;
    }
    if (token.text === ']' && isPair && this.subscripts === 0) {
      this.end(token);
      return index + 1;
    }
    if (token.text === '[') this.subscripts += 1;
    if (token.text === ']') this.subscripts = Math.max(0, this.subscripts - 1);
    if (token.text === ':') return this.param(index);
    if (this.open && token.text === '(') this.parentheses += 1;
    if (this.open && token.text === ')') this.parentheses -= 1;
    if (this.parentheses < 0) {
      this.problem(token.at, 'closes a parenthesis that the optional clause does not open');
      this.parentheses = 0;
    }
    return index;
  }

  private begin({ at }: Token): void {
    if (this.open) {
      this.problem(at, 'opens an optional clause inside another one, which is not supported');
      return;
    }
    this.open = { at, params: new Set(), uses: [] };
    this.parentheses = 0;
  }

  private end({ at }: Token): void {
    if (!this.open) {
      this.problem(at, 'has ]] without an optional clause that [[ opens');
      return;
    }
    const { params, uses } = this.open;
    if (this.parentheses > 0) this.problem(at, 'ends an optional clause that has an open parenthesis');
    if (params.size === 0)
      this.problem(this.open.at, 'has an optional clause without a parameter, so nothing decides whether it is used');
    const clause: Clause = { at: this.open.at, end: at + 2, params: [...params] };
    this.clauses.push(clause);
    this.uses.push(...uses.map((use) => ({ ...use, clause })));
    this.open = undefined;
    this.parentheses = 0;
  }

  private param(index: number): number {
    const [colon, name] = [this.tokens[index]!, this.tokens[index + 1]];
    if (name?.kind !== 'word') {
      this.problem(colon.at, 'has a colon without the name of a parameter after it, as in :since');
      return index;
    }
    if (!isPlainName(name.text))
      this.problem(colon.at, `has the parameter :${name.text}: its name must be lower-case snake_case`);
    if (isWord(this.tokens[index + 2], 'from') || this.tokens[index + 2]?.text === '.')
      this.problem(colon.at, `uses :${name.text} as a name: a parameter can only be a value`);
    const use = { name: name.text, at: colon.at, end: name.at + name.text.length };
    if (this.open) {
      this.open.params.add(use.name);
      this.open.uses.push(use);
    } else this.uses.push(use);
    return index + 1;
  }

  private problem(at: number, text: string): void {
    this.problems.push({ at, text });
  }
}

/**
 * The query as text of the same length, so that offsets stay: all clauses without their brackets, a number in place of
 * each parameter.
 */
export function plainText({ query, uses, clauses }: Template): string {
  // Offsets count code units.
  const units = query.split('');
  const blank = (at: number, end: number) => units.fill(' ', at, end);
  for (const { at, end } of clauses) {
    blank(at, at + 2);
    blank(end - 2, end);
  }
  for (const { at, end } of uses) {
    blank(at, end);
    units[at] = '0';
  }
  return units.join('');
}

/** The sets of parameters that decide about clauses. Clauses with the same parameters share one. */
export function paramSets({ clauses }: Pick<Template, 'clauses'>): string[][] {
  const sets = new Map<string, string[]>();
  for (const { params } of clauses) {
    const sorted = [...params].sort();
    const key = sorted.join(' ');
    if (!sets.has(key)) sets.set(key, sorted);
  }
  return [...sets.values()];
}

/** Adds white space after white space, as clauses and comments leave it, once. A line's end is kept. */
function pushSpace(parts: string[], space: string): void {
  const last = parts.at(-1);
  if (last === undefined || last.trim() !== '') parts.push(space);
  else if (space.includes('\n')) parts[parts.length - 1] = space;
}

/** The query with some of its clauses, without comments and closing semicolon. */
export function textWith(
  { tokens, uses, clauses }: Template,
  includes: (clause: Clause) => boolean,
  written: (name: string) => string,
): string {
  const useAt = new Map(uses.map((use) => [use.at, use]));
  const hidden = clauses.filter((clause) => !includes(clause));
  const brackets = new Set(clauses.flatMap(({ at, end }) => [at, at + 1, end - 2, end - 1]));
  const parts: string[] = [];
  let after = 0;
  for (const token of tokens) {
    const use = useAt.get(token.at);
    if (token.at < after || brackets.has(token.at) || hidden.some(({ at, end }) => token.at >= at && token.at < end))
      continue;
    if (use) {
      parts.push(written(use.name));
      after = use.end;
    } else if (token.kind === 'space') pushSpace(parts, token.text.replace(/^[^\n]*\n[\s\S]*\n/, '\n'));
    else if (token.kind !== 'comment') parts.push(token.text);
  }
  return parts
    .join('')
    .trim()
    .replace(/[\s;]*$/, '');
}
