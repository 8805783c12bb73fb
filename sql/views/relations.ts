import { isName, isWord } from '../text/token-walk';
import { significant, type Token, tokenize } from '../text/tokens';

/** A reference to a relation in a query: `schema.name` and its tokens. */
export interface RelationReference {
  readonly schema: string | undefined;
  readonly name: string;
  readonly first: Token;
  readonly last: Token;
}

/**
 * Finds every relation that a query names after FROM, JOIN or a comma of a FROM list. An array of a relation is not a
 * relation itself: `t.items` in `from t, t.items i`.
 */
export function relationReferences(sql: string): RelationReference[] {
  const tokens = significant(tokenize(sql));
  const references: RelationReference[] = [];
  const arrays = arrayStarts(tokens);
  for (const index of tokens.keys()) {
    const at = relationAt(tokens, index);
    if (at !== undefined && !arrays.has(at)) references.push(referenceAt(tokens, at));
  }
  return references;
}

/** Returns the index of a relation's name, if the token is directly before one. */
function relationAt(tokens: readonly Token[], index: number): number | undefined {
  if (isWord(tokens[index + 1], 'unpivot')) return undefined;
  if (!isName(tokens[index + 1])) return undefined;
  if (startsRelation(tokens, index)) return index + 1;
  return tokens[index]!.value === ',' && inFromList(tokens, index) ? index + 1 : undefined;
}

/** Finds the indexes in FROM that name an array or an object of an earlier relation. */
export function arrayStarts(tokens: readonly Token[]): ReadonlySet<number> {
  const found = new Set<number>();
  const aliases = new Set<string>();
  for (const index of tokens.keys()) {
    const at = relationAt(tokens, index);
    if (at === undefined) continue;
    if (aliases.has(tokens[at]!.value)) found.add(at);
    let end = at;
    while (tokens[end + 1]?.text === '.' && isName(tokens[end + 2])) end += 2;
    const next = tokens[end + 1];
    const alias = isWord(next, 'as') ? tokens[end + 2] : next;
    aliases.add(isName(alias) && !isWord(alias, ...notAnAlias) ? alias.value : tokens[end]!.value);
  }
  return found;
}

/** Words that can follow a relation but are not its alias. */
export const notAnAlias = [
  ...['on', 'using', 'join', 'inner', 'left', 'right', 'full', 'outer', 'cross', 'natural', 'at', 'pivot', 'unpivot'],
  ...['where', 'group', 'having', 'order', 'limit', 'offset', 'union', 'intersect', 'except', 'minus', 'qualify'],
  'connect',
];

function startsRelation(tokens: readonly Token[], index: number): boolean {
  const token = tokens[index]!;
  if (token.kind !== 'word' || (token.value !== 'from' && token.value !== 'join')) return false;
  return token.value === 'join' || !isFunctionFrom(tokens, index);
}

/** `extract(hour from x)`, `trim(both from x)`: a FROM within a call that has no SELECT. */
function isFunctionFrom(tokens: readonly Token[], index: number): boolean {
  const opening = openingParenthesis(tokens, index);
  return opening !== undefined && tokens[opening + 1]?.value !== 'select' && isName(tokens[opening - 1]);
}

function openingParenthesis(tokens: readonly Token[], index: number): number | undefined {
  let depth = 0;
  for (let at = index - 1; at >= 0; at -= 1) {
    if (tokens[at]!.text === ')') depth += 1;
    else if (tokens[at]!.text === '(') {
      if (depth === 0) return at;
      depth -= 1;
    }
  }
  return undefined;
}

const clauses = new Set([
  'select',
  'from',
  'where',
  'group',
  'having',
  'order',
  'limit',
  'on',
  'union',
  'set',
  'values',
]);

function inFromList(tokens: readonly Token[], index: number): boolean {
  let depth = 0;
  for (let at = index - 1; at >= 0; at -= 1) {
    const token = tokens[at]!;
    if (token.text === ')') depth += 1;
    else if (token.text === '(') {
      if (depth === 0) return false;
      depth -= 1;
    } else if (depth === 0 && token.kind === 'word' && clauses.has(token.value)) return token.value === 'from';
  }
  return false;
}

function referenceAt(tokens: readonly Token[], index: number): RelationReference {
  const first = tokens[index]!;
  const second = tokens[index + 2];
  if (tokens[index + 1]?.text === '.' && isName(second))
    return { schema: first.value, name: second.value, first, last: second };
  return { schema: undefined, name: first.value, first, last: first };
}
