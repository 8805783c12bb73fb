import type { Pipeline } from '../../pipelines/definition';
import { eventsViewColumns, tableShapes } from '../tables/columns';
import { castAt, isAliased, ownName } from '../text/select-item';
import { closing, find, isName, isWord, split } from '../text/token-walk';
import { significant, type Token, tokenize } from '../text/tokens';
import { readableTables } from './compiled-views';
import { isInteger, resultOf, spelledType } from './function-types';

/** A column of a query's result. */
export interface OutputColumn {
  /** Undefined for an expression without a name. */
  readonly name: string | undefined;
  /** As in DDL, with its size if that is known: `decimal(12,2)`. Undefined if the query does not determine it. */
  readonly type: string | undefined;
  /** As written, for messages. */
  readonly text: string;
}

/** A relation of a FROM clause. Its columns are empty if synthesis does not know them. */
export interface Relation {
  readonly name: string | undefined;
  readonly columns: readonly OutputColumn[];
  /** True for an array, whose elements can have attributes of any name. */
  readonly isArray?: boolean;
}

/** One SELECT of a query, without the SELECTs inside it. */
export interface Block {
  /** The tokens of the SELECT, from the keyword to its end. */
  readonly select: readonly Token[];
  readonly relations: readonly Relation[];
  /** The relations of the enclosing queries. */
  readonly outer: readonly Relation[];
  /** The names of its result columns. */
  readonly aliases: ReadonlySet<string>;
}

type Known = ReadonlyMap<string, readonly OutputColumn[]>;

/**
 * The columns of a query over a pipeline's tables and views, in order. Types come from the tables' columns, from
 * casts and from the functions of `function-types.ts`. The query is not checked in any other way.
 */
export function outputColumns(pipeline: Pipeline, query: string): OutputColumn[] {
  return new Reader(pipeline).query(
    significant(tokenize(query)).filter(({ text }) => text !== ';'),
    new Map(),
  );
}

/** Returns every SELECT of a query, with the relations that it reads. */
export function readBlocks(pipeline: Pipeline, tokens: readonly Token[]): Block[] {
  const blocks: Block[] = [];
  new Reader(pipeline, (block) => blocks.push(block)).query(tokens, new Map());
  return blocks;
}

class Reader {
  private readonly relations = new Map<string, readonly OutputColumn[]>();

  /** @param onBlock receives each SELECT of the query, but none of the views that it reads. @default - not called */
  constructor(
    private readonly pipeline: Pipeline,
    private readonly onBlock?: (block: Block) => void,
  ) {
    const shapes = { ...tableShapes(pipeline), events: eventsViewColumns(pipeline) };
    for (const table of readableTables)
      this.relations.set(
        table,
        shapes[table].map(({ name, type }) => ({ name, type: spelledType(type), text: name })),
      );
  }

  /** A view is read when it is first needed, so that the order of views does not matter. */
  private relation(name: string): readonly OutputColumn[] {
    const known = this.relations.get(name);
    if (known) return known;
    const view = this.pipeline.views.find((candidate) => candidate.name === name);
    this.relations.set(name, []);
    const columns = view
      ? new Reader(this.pipeline).query(
          significant(tokenize(view.query)).filter(({ text }) => text !== ';'),
          new Map(),
        )
      : [];
    this.relations.set(name, columns);
    return columns;
  }

  query(tokens: readonly Token[], outer: Known, around: readonly Relation[] = []): OutputColumn[] {
    if (tokens[0]?.text === '(' && closing(tokens, 0) === tokens.length - 1)
      return this.query(tokens.slice(1, -1), outer, around);
    if (tokens[0]?.value === 'with' && tokens[0].kind === 'word') return this.withQuery(tokens, outer, around);
    const end = find(tokens, 1, (token) => isWord(token, 'union', 'intersect', 'except', 'minus'));
    const select = tokens.slice(0, end);
    const from = find(select, 1, (token) => isWord(token, 'from'));
    const until = find(select, from + 1, (token) =>
      isWord(token, 'where', 'group', 'having', 'order', 'limit', 'qualify', 'connect'),
    );
    const relations = this.from(select.slice(from + 1, until), outer);
    let at = 1;
    if (isWord(select[at], 'distinct', 'all')) at += 1;
    if (isWord(select[at], 'top')) at += 2;
    const items = split(select.slice(at, from));
    const columns = items.flatMap((item) => this.item(item, relations));
    if (this.onBlock) {
      const aliases = new Set(items.filter(isAliased).map((item) => item.at(-1)!.value));
      this.onBlock({ select, relations, outer: around, aliases });
      this.queriesWithin([...select.slice(1, from), ...select.slice(until)], outer, [...relations, ...around]);
      let next = end + 1;
      if (isWord(tokens[next], 'all', 'distinct')) next += 1;
      if (next < tokens.length) this.query(tokens.slice(next), outer, around);
    }
    return columns;
  }

  /** Reads the subqueries in expressions. */
  private queriesWithin(tokens: readonly Token[], known: Known, around: readonly Relation[]): void {
    for (let at = 0; at < tokens.length; at += 1) {
      if (tokens[at]!.text !== '(' || !isWord(tokens[at + 1], 'select', 'with')) continue;
      const end = closing(tokens, at);
      this.query(tokens.slice(at + 1, end), known, around);
      at = end;
    }
  }

  private withQuery(tokens: readonly Token[], outer: Known, around: readonly Relation[]): OutputColumn[] {
    const known = new Map(outer);
    let at = 1;
    if (isWord(tokens[at], 'recursive')) at += 1;
    for (;;) {
      const name = tokens[at]!.value;
      at += 1;
      let names: string[] | undefined;
      if (tokens[at]?.text === '(') {
        const end = closing(tokens, at);
        names = tokens
          .slice(at + 1, end)
          .filter(({ text }) => text !== ',')
          .map(({ value }) => value);
        at = end + 1;
      }
      const open = at + 1;
      const end = closing(tokens, open);
      known.set(name, renamed(this.query(tokens.slice(open + 1, end), known), names));
      at = end + 1;
      if (tokens[at]?.text !== ',') break;
      at += 1;
    }
    return this.query(tokens.slice(at), known, around);
  }

  private from(tokens: readonly Token[], known: Known): Relation[] {
    const relations: Relation[] = [];
    let at = 0;
    while (at < tokens.length) {
      const token = tokens[at]!;
      if (
        token.text === ',' ||
        isWord(token, 'unpivot', 'join', 'inner', 'left', 'right', 'full', 'outer', 'cross', 'natural')
      ) {
        at += 1;
        continue;
      }
      if (isWord(token, 'on', 'using')) {
        at = find(
          tokens,
          at + 1,
          (next) => next.text === ',' || isWord(next, 'join', 'inner', 'left', 'right', 'full', 'cross', 'natural'),
        );
        continue;
      }
      let columns: readonly OutputColumn[];
      let name: string | undefined;
      if (token.text === '(') {
        const end = closing(tokens, at);
        columns = this.query(tokens.slice(at + 1, end), known);
        at = end + 1;
      } else {
        const parent = relations.some(
          ({ name: own, columns: elements }) =>
            own === token.value || (own === undefined && elements[0]?.name === token.value),
        );
        if (parent) {
          at = this.array(tokens, at, relations);
          continue;
        }
        const qualified = tokens[at + 1]?.text === '.';
        name = (qualified ? tokens[at + 2] : token)?.value ?? '';
        columns = qualified ? this.relation(name) : (known.get(name) ?? this.relation(name));
        at += qualified ? 3 : 1;
      }
      if (isWord(tokens[at], 'as')) at += 1;
      if (
        isName(tokens[at]) &&
        !isWord(tokens[at], 'on', 'using', 'join', 'inner', 'left', 'right', 'full', 'outer', 'cross', 'natural')
      ) {
        name = tokens[at]!.value;
        at += 1;
      }
      if (tokens[at]?.text === '(') {
        const end = closing(tokens, at);
        columns = renamed(
          columns,
          tokens
            .slice(at + 1, end)
            .filter(({ text }) => text !== ',')
            .map(({ value }) => value),
        );
        at = end + 1;
      }
      relations.push({ name, columns });
    }
    return relations;
  }

  /** Reads an array of an earlier relation: its elements and their index. Returns the index after it. */
  private array(tokens: readonly Token[], start: number, relations: Relation[]): number {
    let at = start + 1;
    while (tokens[at]?.text === '.' || tokens[at]?.text === '[')
      at = tokens[at]!.text === '.' ? at + 2 : tokens.findIndex(({ text }, index) => index > at && text === ']') + 1;
    if (isWord(tokens[at], 'as')) at += 1;
    const name = tokens[at]?.value;
    const columns = [{ name, type: 'super', text: name ?? '' }];
    at += 1;
    if (isWord(tokens[at], 'at')) {
      columns.push({ name: tokens[at + 1]?.value, type: 'bigint', text: tokens[at + 1]?.text ?? '' });
      at += 2;
    }
    // The array's own name means the element, whose attributes are not columns.
    relations.push({ name: undefined, columns });
    return at;
  }

  private item(tokens: readonly Token[], relations: readonly Relation[]): OutputColumn[] {
    const text = tokens
      .map((token) => token.text)
      .join(' ')
      .replace(/ ?(\.|::) ?/g, '$1')
      .replace(/ ?\( ?/g, '(')
      .replace(/ \)/g, ')');
    if (tokens.length === 1 && text === '*') return relations.flatMap(({ columns }) => [...columns]);
    if (tokens.length === 3 && tokens[1]!.text === '.' && tokens[2]!.text === '*')
      return [...(relations.find(({ name }) => name === tokens[0]!.value)?.columns ?? [])];
    const aliased = isAliased(tokens);
    const expression = aliased ? tokens.slice(0, isWord(tokens.at(-2), 'as') ? -2 : -1) : tokens;
    const name = aliased ? tokens.at(-1)!.value : ownName(expression);
    return [{ name, type: typeOf(expression, relations), text }];
  }
}

function typeOf(given: readonly Token[], relations: readonly Relation[]): string | undefined {
  let tokens = given;
  while (tokens[0]?.text === '(' && closing(tokens, 0) === tokens.length - 1) tokens = tokens.slice(1, -1);
  if (tokens.length === 0 || isWord(tokens[0], 'select')) return undefined;
  const isCase = isWord(tokens[0], 'case') && isWord(tokens.at(-1), 'end') && caseEnd(tokens) === tokens.length - 1;
  if (isCase) return caseType(tokens, relations);
  const operator = operatorType(tokens, relations);
  if (operator.found) return operator.type;
  const cast = castAt(tokens);
  if (cast !== undefined)
    return spelledType(
      tokens
        .slice(cast + 1)
        .map(({ text }) => text)
        .join(' '),
    );
  return primaryType(tokens, relations);
}

function primaryType(tokens: readonly Token[], relations: readonly Relation[]): string | undefined {
  const [first, second] = tokens as [Token, Token | undefined];
  if (isWord(first, 'approximate') && second) return primaryType(tokens.slice(1), relations);
  if (tokens.length === 1) {
    if (first.kind === 'string') return `varchar(${Math.max(1, Buffer.byteLength(first.text) - 2)})`;
    if (first.kind === 'number')
      return /[.e]/i.test(first.text) ? 'decimal' : first.text.length < 10 ? 'integer' : 'bigint';
    if (isWord(first, 'true', 'false')) return 'boolean';
    if (isWord(first, 'current_date')) return 'date';
    if (isWord(first, 'sysdate', 'current_timestamp')) return resultOf('getdate', []);
  }
  if (isWord(first, 'interval') || (isWord(first, 'timestamp', 'date') && second?.kind === 'string'))
    return first.value === 'interval' ? 'interval' : first.value;
  if (isName(first) && second?.text === '(') return callType(tokens, relations);
  if (isName(first)) return columnType(tokens, relations);
  return undefined;
}

function callType(tokens: readonly Token[], relations: readonly Relation[]): string | undefined {
  const name = tokens[0]!.value;
  const end = closing(tokens, 1);
  const inside = tokens.slice(2, end);
  if (name === 'cast' || name === 'convert') {
    const as = find(inside, 0, (token) => isWord(token, 'as'));
    return name === 'cast'
      ? spelledType(
          inside
            .slice(as + 1)
            .map(({ text }) => text)
            .join(' '),
        )
      : undefined;
  }
  if (name === 'percentile_cont' || name === 'percentile_disc') {
    const by = find(
      tokens.slice(end + 1).filter(({ text }) => text !== '(' && text !== ')'),
      0,
      (token) => isWord(token, 'by'),
    );
    const sorted = tokens.slice(end + 1).filter(({ text }) => text !== '(' && text !== ')');
    const type = typeOf(
      sorted.slice(by + 1).filter((token) => !isWord(token, 'asc', 'desc')),
      relations,
    );
    return name === 'percentile_cont' ? resultOf('median', [type]) : type;
  }
  const parts = split(isWord(inside[0], 'distinct') ? inside.slice(1) : inside);
  return resultOf(
    name,
    parts.map((part) => typeOf(part, relations)),
  );
}

function columnType(tokens: readonly Token[], relations: readonly Relation[]): string | undefined {
  const [first, dot, second] = tokens;
  const relation = dot?.text === '.' ? relations.find(({ name }) => name === first!.value) : undefined;
  const name = relation ? second?.value : first!.value;
  const found = (relation ? [relation] : relations)
    .flatMap(({ columns }) => columns)
    .find((column) => column.name === name);
  // Any further step leads into a SUPER value.
  const steps = tokens.length - (relation ? 3 : 1);
  return steps > 0 ? (found?.type === 'super' ? 'super' : undefined) : found?.type;
}

function caseType(tokens: readonly Token[], relations: readonly Relation[]): string | undefined {
  const types: (string | undefined)[] = [];
  let depth = 0;
  for (let at = 1; at < tokens.length; at += 1) {
    const token = tokens[at]!;
    if (token.text === '(' || isWord(token, 'case')) depth += 1;
    if (token.text === ')' || (isWord(token, 'end') && depth > 0)) depth -= 1;
    if (depth > 0 || !isWord(token, 'then', 'else')) continue;
    const end = find(tokens, at + 1, (next) => isWord(next, 'when', 'else', 'end'));
    types.push(typeOf(tokens.slice(at + 1, end), relations));
  }
  return widest(types);
}

/** Index of the END of the CASE at the beginning. */
function caseEnd(tokens: readonly Token[]): number {
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    if (isWord(token, 'case')) depth += 1;
    if (isWord(token, 'end')) depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

const comparisons = new Set(['=', '<', '>', '<=', '>=', '<>', '!=', '~']);
const arithmetic = new Set(['+', '-', '*', '/', '%']);

/** The result type of the weakest operator outside of all parentheses. */
function operatorType(
  tokens: readonly Token[],
  relations: readonly Relation[],
): { readonly found: boolean; readonly type?: string } {
  const at = (matches: (token: Token) => boolean) => {
    const first = find(tokens, 0, matches);
    const index = first === 0 ? find(tokens, 1, matches) : first;
    return index < tokens.length ? index : undefined;
  };
  const isLogic = (token: Token) =>
    isWord(token, 'and', 'or', 'is', 'in', 'like', 'ilike', 'between', 'similar') || comparisons.has(token.text);
  if (isWord(tokens[0], 'not', 'exists') || at(isLogic) !== undefined) return { found: true, type: 'boolean' };
  const zone = at((token) => isWord(token, 'at'));
  if (zone !== undefined && isWord(tokens[zone + 1], 'time') && isWord(tokens[zone + 2], 'zone'))
    return {
      found: true,
      type: typeOf(tokens.slice(0, zone), relations) === 'timestamptz' ? 'timestamp' : 'timestamptz',
    };
  if (at(({ text }) => text === '||') !== undefined) return { found: true, type: 'varchar' };
  const operator = at(({ text, kind }) => kind === 'symbol' && arithmetic.has(text));
  if (operator === undefined) {
    const signed = ['-', '+'].includes(tokens[0]!.text);
    return signed ? { found: true, type: typeOf(tokens.slice(1), relations) } : { found: false };
  }
  const sides = [typeOf(tokens.slice(0, operator), relations), typeOf(tokens.slice(operator + 1), relations)];
  return { found: true, type: computed(sides) };
}

function computed([left, right]: readonly (string | undefined)[]): string | undefined {
  if (left === undefined || right === undefined) return undefined;
  if (left === 'interval' || right === 'interval') {
    const other = left === 'interval' ? right : left;
    if (isInteger(other) || /^(decimal|real|double|interval)/.test(other)) return 'interval';
  }
  const moment = [left, right].find((type) => /^(timestamp|timestamptz|date)$/.test(type));
  if (moment)
    return [left, right].includes('interval')
      ? moment === 'date'
        ? 'timestamp'
        : moment
      : left === right
        ? undefined
        : moment;
  return widest([left, right], true);
}

/** The common type of several types. The size of a computed decimal is left to Redshift. */
function widest(types: readonly (string | undefined)[], isComputed = false): string | undefined {
  const known = types.filter((type) => type !== undefined);
  const [first] = known;
  if (first === undefined || (isComputed && known.length < types.length)) return undefined;
  if (known.every((type) => type === first) && !(isComputed && first.startsWith('decimal'))) return first;
  if (known.every((type) => /^(var)?char/.test(type))) return 'varchar';
  if (!known.every((type) => isInteger(type) || /^(decimal|real|double)/.test(type))) return undefined;
  if (known.some((type) => /^(real|double)/.test(type))) return 'double precision';
  if (known.some((type) => type.startsWith('decimal'))) return 'decimal';
  return known.includes('bigint') ? 'bigint' : 'integer';
}

const renamed = (columns: readonly OutputColumn[], names: readonly string[] | undefined): OutputColumn[] =>
  columns.map((column, i) => ({ ...column, name: names?.[i] ?? column.name }));
