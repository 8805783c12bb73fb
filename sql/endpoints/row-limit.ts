import type { EndpointParam } from '../../pipelines/definition';
import { identifier } from '../text/identifier';
import { indent } from '../text/indent';
import { find, isWord, split } from '../text/token-walk';
import { significant, type Token, tokenize } from '../text/tokens';

/** A column of the result. */
interface Named {
  readonly name: string | undefined;
}

/** A query, divided at its own ORDER BY, LIMIT and OFFSET. */
interface Divided {
  readonly body: string;
  readonly order?: readonly Token[];
  readonly limit?: Count;
  readonly offset?: Count;
}

/** What LIMIT or OFFSET has: a number or the name of a parameter. Neither for anything else. */
interface Count {
  readonly number?: number;
  readonly param?: string;
}

/** Adds what bounds the number of rows, and keeps the order of the rows. */
export interface Bounded {
  readonly sql: string;
  readonly problems: readonly string[];
}

/** Numbers the rows of a page. No column of a result may have the name. */
export const rowNumber = 'millrace_row';

/**
 * Bounds a query to `maxRows + 1` rows; the last one shows that there are more. A LIMIT of the query stays if it is
 * small enough. LIMIT and OFFSET take no parameter in Redshift unless its driver sends it as a four-byte integer
 * (https://github.com/aws/amazon-redshift-jdbc-driver/issues/43), so that rows are numbered in that case.
 * @param sql with `:name` for its parameters, without casts
 */
export function boundedQuery(
  sql: string,
  columns: readonly Named[],
  params: Readonly<Record<string, EndpointParam>>,
  maxRows: number,
): Bounded {
  const { body, order, limit, offset } = divided(sql);
  const problems = [
    ...countProblems('limit', limit, params, maxRows),
    ...countProblems('offset', offset, params, maxRows),
    ...(order === undefined && (limit ?? offset)
      ? ['has limit or offset without order by, so that equal requests may have different rows']
      : []),
  ];
  if (problems.length > 0) return { sql, problems };
  const orderText = order === undefined ? '' : `\norder by ${textOf(sql, order)}`;
  if (limit?.param === undefined && offset?.param === undefined) {
    const rows = limit?.number ?? maxRows + 1;
    const skipped = offset === undefined ? '' : `\noffset ${offset.number}`;
    return { sql: `${body}${orderText}\nlimit ${rows}${skipped}`, problems: [] };
  }
  const items = orderItems(sql, order!, significant(tokenize(body)), columns);
  if (items.problems.length > 0) return { sql, problems: items.problems };
  const count = ({ number, param }: Count) => (param === undefined ? `${number}` : `:${param}`);
  const first = offset === undefined ? undefined : count(offset);
  // A difference instead of a sum of two parameters, which could be too large for an integer.
  const place = first === undefined ? rowNumber : `${rowNumber} - ${first}`;
  const conditions = [
    ...(first === undefined ? [] : [`${rowNumber} > ${first}`]),
    `${place} <= ${limit === undefined ? maxRows + 1 : count(limit)}`,
  ];
  const list = columns.map(({ name }) => identifier(name!)).join(', ');
  return {
    sql: `select ${list}
from (
  select ${list}, row_number() over (order by ${items.sql.join(', ')}) as ${rowNumber}
  from (
${indent(body, 4)}
  ) as millrace_result
) as millrace_numbered
where ${conditions.join(' and ')}
order by ${rowNumber}
limit ${maxRows + 1}`,
    problems: [],
  };
}

function divided(sql: string): Divided {
  const tokens = significant(tokenize(sql));
  const at = (word: string, start = 1) => find(tokens, start, (token) => isWord(token, word));
  const [limitAt, offsetAt] = [at('limit'), at('offset')];
  const ends = Math.min(limitAt, offsetAt);
  const lastOrder = orderAt(tokens, ends);
  const end = Math.min(lastOrder, ends);
  const countAfter = (start: number) => {
    if (start >= tokens.length) return undefined;
    const until = [limitAt, offsetAt].filter((other) => other > start).concat(tokens.length);
    return countOf(tokens.slice(start + 1, Math.min(...until)));
  };
  const [limit, offset] = [countAfter(limitAt), countAfter(offsetAt)];
  return {
    body: sql.slice(0, tokens[end]?.at ?? sql.length).trimEnd(),
    ...(lastOrder < ends ? { order: tokens.slice(lastOrder + 2, ends) } : {}),
    ...(limit ? { limit } : {}),
    ...(offset ? { offset } : {}),
  };
}

function orderAt(tokens: readonly Token[], end: number): number {
  const at = find(tokens, 1, (token) => isWord(token, 'order'));
  return at < end && isWord(tokens[at + 1], 'by') ? at : tokens.length;
}

function countOf(tokens: readonly Token[]): Count {
  const [first, second] = tokens;
  if (tokens.length === 1 && first!.kind === 'number' && /^\d+$/.test(first!.text))
    return { number: Number(first!.text) };
  if (tokens.length === 2 && first!.text === ':' && second!.kind === 'word') return { param: second!.text };
  return {};
}

function countProblems(
  clause: 'limit' | 'offset',
  count: Count | undefined,
  params: Readonly<Record<string, EndpointParam>>,
  maxRows: number,
): string[] {
  if (count === undefined) return [];
  if (count.number !== undefined)
    return clause === 'limit' && count.number > maxRows
      ? [`has a limit of ${count.number}, which is more than maxRows, ${maxRows}`]
      : [];
  if (count.param === undefined) return [`has ${clause} with something else than a whole number or a parameter`];
  const param = Object.hasOwn(params, count.param) ? params[count.param]! : undefined;
  if (param === undefined) return [];
  if (param.type !== 'integer')
    return [`uses :${count.param} in ${clause}, so its type must be integer, got ${param.type}`];
  const problems: string[] = [];
  if (param.min === undefined || param.min < 0)
    problems.push(`uses :${count.param} in ${clause}, so its min must be at least 0, got ${param.min ?? 'nothing'}`);
  if (clause === 'limit' && (param.max === undefined || param.max > maxRows))
    problems.push(
      `uses :${count.param} in limit, so its max must be at most maxRows, ${maxRows}, got ${param.max ?? 'nothing'}`,
    );
  return problems;
}

/** The items of ORDER BY over the result's columns: a window function takes neither positions nor names of results. */
function orderItems(
  sql: string,
  order: readonly Token[],
  body: readonly Token[],
  columns: readonly Named[],
): { readonly sql: readonly string[]; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const selected = selectItems(body);
  const written = split(order).map((item) => {
    const end = find(item, 0, (token) => isWord(token, 'asc', 'desc', 'nulls'));
    const expression = item.slice(0, end);
    const name = columnOf(expression, selected, columns);
    if (name === undefined)
      problems.push(
        `orders by ${textOf(sql, expression)}, which is no column of its result: limit or offset with a parameter needs one`,
      );
    return [identifier(name ?? 'unknown'), ...item.slice(end).map(({ value }) => value)].join(' ');
  });
  return { sql: written, problems };
}

function columnOf(
  expression: readonly Token[],
  selected: readonly (readonly Token[])[],
  columns: readonly Named[],
): string | undefined {
  const [first] = expression;
  if (expression.length === 1) {
    if (first!.kind === 'number') return columns[Number(first!.text) - 1]?.name;
    if (columns.some(({ name }) => name === first!.value)) return first!.value;
  }
  if (selected.length !== columns.length) return undefined;
  const same = (tokens: readonly Token[]) => tokens.map(({ value }) => value).join(' ');
  const text = same(expression);
  const index = selected.findIndex((item) => same(item) === text || same(item).startsWith(`${text} as `));
  return columns[index]?.name;
}

function selectItems(body: readonly Token[]): Token[][] {
  const start = find(body, 0, (token) => isWord(token, 'select'));
  const from = find(body, start + 1, (token) => isWord(token, 'from'));
  const first = isWord(body[start + 1], 'distinct', 'all') ? start + 2 : start + 1;
  return split(body.slice(first, from));
}

/** The tokens as written. */
function textOf(sql: string, tokens: readonly Token[]): string {
  const last = tokens.at(-1);
  return last === undefined ? '' : sql.slice(tokens[0]!.at, last.at + last.text.length);
}
