import type { Pipeline } from '../../pipelines/definition';
import { isReserved } from '../text/identifier';
import { closing, find, isName, isWord } from '../text/token-walk';
import { significant, type Token, tokenize } from '../text/tokens';
import { type Block, type Relation, readBlocks } from './output-columns';

/** A name in a query that is not a column of any relation it reads. */
export interface UnknownColumn {
  readonly name: string;
  /** Offset in the query. */
  readonly at: number;
  /** The columns that the name could have meant. */
  readonly known: readonly string[];
}

/**
 * Finds names in a query that should be columns but do not exist. A block is skipped if it reads a relation whose
 * columns synthesis does not know, such as a pivot.
 */
export function unknownColumns(pipeline: Pipeline, query: string): UnknownColumn[] {
  const tokens = significant(tokenize(query)).filter(({ text }) => text !== ';');
  const found = new Map<number, UnknownColumn>();
  for (const block of readBlocks(pipeline, tokens))
    for (const unknown of unknownIn(pipeline.name, block)) found.set(unknown.at, unknown);
  return [...found.values()].sort((one, other) => one.at - other.at);
}

function unknownIn(schema: string, { select, relations, outer, aliases }: Block): UnknownColumn[] {
  const scope = [...relations, ...outer];
  if (scope.some(({ columns }) => columns.length === 0)) return [];
  const found: UnknownColumn[] = [];
  const check = (tokens: readonly Token[]) => {
    for (let index = 0; index < tokens.length; index += 1) {
      const skipped = nestedEnd(tokens, index);
      if (skipped !== undefined) index = skipped;
      else if (mayBeColumn(tokens, index)) found.push(...problemAt(schema, tokens, index, scope, aliases));
    }
  };
  const from = find(select, 1, (token) => isWord(token, 'from'));
  const until = find(select, from + 1, (token) =>
    isWord(token, 'where', 'group', 'having', 'order', 'limit', 'qualify', 'connect'),
  );
  check(select.slice(0, from));
  for (const condition of joinConditions(select.slice(from + 1, until))) check(condition);
  check(select.slice(until));
  return found;
}

/** Returns the index of the end of a subquery that begins here. A subquery is a separate block. */
function nestedEnd(tokens: readonly Token[], index: number): number | undefined {
  return tokens[index]!.text === '(' && isWord(tokens[index + 1], 'select', 'with')
    ? closing(tokens, index)
    : undefined;
}

const joins = ['join', 'inner', 'left', 'right', 'full', 'cross', 'natural'];

function joinConditions(tokens: readonly Token[]): Token[][] {
  const found: Token[][] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    if (!isWord(tokens[at], 'on')) continue;
    const end = find(tokens, at + 1, (token) => token.text === ',' || isWord(token, ...joins));
    found.push(tokens.slice(at + 1, end));
    at = end - 1;
  }
  return found;
}

/** Words that are not reserved but have a syntactic meaning, so they are not taken for columns. */
const soft = new Set(
  `approximate at by date day days dayofweek dayofyear dow doy epoch escape exclude filter first following hour hours ilike ignore
  interval last microsecond microseconds millisecond milliseconds minute minutes month months of over partition preceding precision
  quarter quarters range respect rollup row rows second seconds sets similar sysdate time timestamp timestamptz timetz unbounded
  unknown varying week weeks within without year years zone cube level prior start current groups`.split(/\s+/),
);
/** Functions whose first argument is a unit of time. */
const takesUnit = new Set(['dateadd', 'datediff', 'date_add', 'date_diff', 'date_part', 'extract', 'datepart']);

function mayBeColumn(tokens: readonly Token[], index: number): boolean {
  const [before, token, next] = [tokens[index - 1], tokens[index]!, tokens[index + 1]];
  if (!isName(token) || before?.text === '.' || before?.text === '::' || next?.text === '(') return false;
  if (token.kind === 'word' && (isReserved(token.value) || soft.has(token.value))) return false;
  // The word is a type or an alias after AS, or a type before a literal.
  if (isWord(before, 'as') || next?.kind === 'string') return false;
  if (before?.text === '(' && takesUnit.has(tokens[index - 2]?.value ?? '')) return false;
  if (isTypeName(tokens, index)) return false;
  return true;
}

/** True for the second word of a type after `::`, as in `::double precision` or `::character varying`. */
function isTypeName(tokens: readonly Token[], index: number): boolean {
  return tokens[index - 2]?.text === '::' && tokens[index - 1]?.kind === 'word';
}

function problemAt(
  schema: string,
  tokens: readonly Token[],
  index: number,
  scope: readonly Relation[],
  aliases: ReadonlySet<string>,
): UnknownColumn[] {
  const first = tokens[index]!;
  const second = tokens[index + 2];
  const columns = (of: readonly Relation[]) =>
    of.flatMap((relation) => relation.columns.flatMap(({ name }) => name ?? []));
  const missing = (token: Token, of: readonly Relation[]): UnknownColumn[] =>
    columns(of).includes(token.value) ? [] : [{ name: token.value, at: token.at, known: columns(of) }];
  if (tokens[index + 1]?.text !== '.' || second === undefined)
    return aliases.has(first.value) ? [] : missing(first, scope);
  const alias = scope.find(({ name }) => name === first.value);
  if (alias) return second.text === '*' || alias.isArray ? [] : missing(second, [alias]);
  const whole = first.value === schema && scope.find(({ name }) => name === second.value);
  const third = tokens[index + 4];
  if (whole) return tokens[index + 3]?.text === '.' && isName(third) ? missing(third, [whole]) : [];
  return aliases.has(first.value) ? [] : missing(first, scope);
}
