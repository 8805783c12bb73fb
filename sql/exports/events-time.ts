import type { Pipeline } from '../../pipelines/definition';
import { identifier } from '../text/identifier';
import { closing, find, isName, isWord, split } from '../text/token-walk';
import { significant, type Token, tokenize } from '../text/tokens';

/** Keywords of queries that are not analysed, most of them because a row may depend on rows of other times. */
const opaque = [
  ...[
    'with',
    'union',
    'intersect',
    'except',
    'minus',
    'distinct',
    'over',
    'limit',
    'top',
    'qualify',
    'join',
    'connect',
  ],
  ...['pivot', 'unpivot'],
];

/**
 * The time of a query's rows as an expression over `events e`. The query has to read only events, or one view that
 * does the same, and its time has to be a column or a DATE_TRUNC of one: then each row depends on events of its own
 * time alone. Undefined for any other query.
 */
export function eventsTime(pipeline: Pipeline, query: string, column: string): string | undefined {
  const tokens = significant(tokenize(query)).filter(({ text }) => text !== ';');
  if (!isWord(tokens[0], 'select') || tokens.slice(1).some((token) => isWord(token, 'select', ...opaque)))
    return undefined;
  const from = find(tokens, 1, (token) => isWord(token, 'from'));
  const until = find(tokens, from + 1, (token) => isWord(token, 'where', 'group', 'having', 'order'));
  const base = baseOf(pipeline, tokens.slice(from + 1, until));
  if (base === undefined) return undefined;
  const items = split(tokens.slice(1, from));
  const found = timeIn(items, column);
  if (found === undefined) return undefined;
  const inner =
    base === 'events'
      ? eventsColumn(pipeline, found.column)
      : eventsTime(pipeline, viewQuery(pipeline, base), found.column);
  return inner === undefined || found.unit === undefined ? inner : `date_trunc(${found.unit}, ${inner})`;
}

/** The only relation, with or without an alias. Undefined if there are more, or if it belongs to another pipeline. */
function baseOf({ name, views }: Pipeline, tokens: readonly Token[]): string | undefined {
  const [schema, dot, relation, ...rest] = tokens;
  if (!isName(schema) || schema.value !== name || dot?.text !== '.' || !isName(relation)) return undefined;
  const alias = isWord(rest[0], 'as') ? rest.slice(1) : rest;
  if (alias.length > 1 || (alias.length === 1 && !isName(alias[0]))) return undefined;
  return relation.value === 'events' || views.some((view) => view.name === relation.value) ? relation.value : undefined;
}

const viewQuery = ({ views }: Pipeline, name: string) => views.find((view) => view.name === name)!.query;

/** The column behind a result's name, and the unit as written if DATE_TRUNC rounds it. */
function timeIn(items: readonly (readonly Token[])[], name: string): { column: string; unit?: string } | undefined {
  for (const item of items) {
    if (item.length === 1 && item[0]!.text === '*') return { column: name };
    const last = item.at(-1);
    if (!isName(last) || last.value !== name) continue;
    const plain = columnOf(item);
    if (plain !== undefined) return { column: plain };
    const aliased = item.slice(0, isWord(item.at(-2), 'as') ? -2 : -1);
    return truncated(aliased) ?? wrapped(columnOf(aliased));
  }
  return undefined;
}

const wrapped = (column: string | undefined) => (column === undefined ? undefined : { column });

/** `column` or `alias.column`. */
function columnOf(tokens: readonly Token[]): string | undefined {
  if (tokens.length === 1 && isName(tokens[0])) return tokens[0].value;
  if (tokens.length === 3 && isName(tokens[0]) && tokens[1]!.text === '.' && isName(tokens[2])) return tokens[2].value;
  return undefined;
}

function truncated(tokens: readonly Token[]): { column: string; unit: string } | undefined {
  if (!isWord(tokens[0], 'date_trunc') || tokens[1]?.text !== '(' || closing(tokens, 1) !== tokens.length - 1)
    return undefined;
  const [unit, argument, ...more] = split(tokens.slice(2, -1));
  const column = argument && columnOf(argument);
  if (more.length > 0 || unit?.length !== 1 || unit[0]!.kind !== 'string' || column === undefined) return undefined;
  return { column, unit: unit[0]!.text };
}

/** A time that never changes after the merge. */
function eventsColumn({ columns }: Pipeline, name: string): string | undefined {
  if (name === 'arrived_at') return 'e.arrived_at';
  const column = columns.find((candidate) => candidate.name === name && candidate.type === 'timestamp');
  return column && `e.${identifier(column.name)}`;
}
