import type { EndpointParam } from '../../pipelines/definition';
import { identifier } from '../text/identifier';
import { indent } from '../text/indent';
import { find, isWord, split } from '../text/token-walk';
import { significant, type Token, tokenize } from '../text/tokens';

/** A column of the result. */
interface Named {
  readonly name: string | undefined;
  readonly type: string | undefined;
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

/** Begins the names of columns that a statement adds to the query's. */
export const reservedPrefix = 'millrace_';
const result = 'millrace_result';
const rowNumber = 'millrace_row';

/**
 * Bounds a query to `maxRows + 1` rows; the last one shows that there are more. A LIMIT of the query stays if it is
 * small enough. Two things need a query around it, which keeps the order:
 * - LIMIT and OFFSET take no parameter in Redshift unless its driver sends it as a four-byte integer
 *   (https://github.com/aws/amazon-redshift-jdbc-driver/issues/43), so rows are numbered instead.
 * - Clients of the Data API round whole numbers beyond 53 bits, so bigint columns become texts.
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
  const isNumbered = limit?.param !== undefined || offset?.param !== undefined;
  const rows = `limit ${limit?.number ?? maxRows + 1}${offset === undefined ? '' : `\noffset ${offset.number}`}`;
  if (!isNumbered && !columns.some(({ type }) => type === 'bigint')) {
    const orderText = order === undefined ? '' : `\norder by ${textOf(sql, order)}`;
    return { sql: `${body}${orderText}\n${rows}`, problems: [] };
  }
  const items = orderItems(sql, order ?? [], body, columns);
  if (items.problems.length > 0) return { sql, problems: items.problems };
  if (isNumbered) return { sql: numbered(items, columns, limit, offset, maxRows), problems: [] };
  const orderText = items.sql.length === 0 ? '' : `\norder by ${items.sql.join(', ')}`;
  return { sql: `${around(items.body, outputList(columns, result))}${orderText}\n${rows}`, problems: [] };
}

const around = (body: string, list: string) => `select ${list}\nfrom (\n${indented(body)}\n) as ${result}`;

/** A literal of several lines keeps its lines as they are. */
const indented = (sql: string) =>
  tokenize(sql).some(({ kind, text }) => (kind === 'string' || kind === 'identifier') && text.includes('\n'))
    ? sql
    : indent(sql);

const outputList = (columns: readonly Named[], from: string) =>
  columns
    .map(({ name, type }) => {
      const column = identifier(name!);
      return type === 'bigint' ? `cast(${from}.${column} as varchar(20)) as ${column}` : `${from}.${column}`;
    })
    .join(', ');

function numbered(
  items: Ordered,
  columns: readonly Named[],
  limit: Count | undefined,
  offset: Count | undefined,
  maxRows: number,
): string {
  const count = ({ number, param }: Count) => (param === undefined ? `${number}` : `:${param}`);
  const first = offset === undefined ? undefined : count(offset);
  // A difference instead of a sum of two parameters, which could be too large for an integer.
  const place = first === undefined ? rowNumber : `${rowNumber} - ${first}`;
  const conditions = [
    ...(first === undefined ? [] : [`${rowNumber} > ${first}`]),
    `${place} <= ${limit === undefined ? maxRows + 1 : count(limit)}`,
  ];
  const list = columns.map(({ name }) => `${result}.${identifier(name!)}`).join(', ');
  const inner = around(items.body, `${list}, row_number() over (order by ${items.sql.join(', ')}) as ${rowNumber}`);
  return `select ${outputList(columns, 'millrace_numbered')}
from (
${indented(inner)}
) as millrace_numbered
where ${conditions.join(' and ')}
order by ${rowNumber}
limit ${maxRows + 1}`;
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

/** A query without its order, and the items of that order over its columns. */
interface Ordered {
  readonly body: string;
  readonly sql: readonly string[];
  readonly problems: readonly string[];
}

/**
 * Moves the items of ORDER BY to a query around it. An item that is no column of the result becomes one of the inner
 * query.
 */
function orderItems(sql: string, order: readonly Token[], body: string, columns: readonly Named[]): Ordered {
  const tokens = significant(tokenize(body));
  const { items: selected, from, mayGrow } = selectOf(tokens);
  const problems: string[] = [];
  const added: string[] = [];
  const written = (order.length === 0 ? [] : split(order)).map((item) => {
    const end = find(item, 0, (token) => isWord(token, 'asc', 'desc', 'nulls'));
    const expression = item.slice(0, end);
    let name = columnOf(expression, selected, columns);
    if (name === undefined && mayGrow) {
      name = `${reservedPrefix}order_${added.length + 1}`;
      added.push(`, ${textOf(sql, expression)} as ${name}`);
    }
    if (name === undefined) problems.push(`orders by ${textOf(sql, expression)}, which is no column of its result`);
    return [`${result}.${identifier(name ?? 'unknown')}`, ...item.slice(end).map(({ value }) => value)].join(' ');
  });
  const at = tokens[from]?.at ?? body.length;
  const grown = added.length === 0 ? body : `${body.slice(0, at).trimEnd()}${added.join('')}\n${body.slice(at)}`;
  return { body: grown, sql: written, problems };
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

interface Selected {
  readonly items: Token[][];
  /** Index of FROM. */
  readonly from: number;
  /** Whether a column may be added: neither DISTINCT nor a set operator compares rows. */
  readonly mayGrow: boolean;
}

function selectOf(body: readonly Token[]): Selected {
  const start = find(body, 0, (token) => isWord(token, 'select'));
  const from = find(body, start + 1, (token) => isWord(token, 'from'));
  const isDistinct = isWord(body[start + 1], 'distinct');
  const combines = find(body, start + 1, (token) => isWord(token, 'union', 'intersect', 'except', 'minus'));
  const first = isDistinct || isWord(body[start + 1], 'all') ? start + 2 : start + 1;
  return { items: split(body.slice(first, from)), from, mayGrow: !isDistinct && combines === body.length };
}

/** The tokens as written. */
function textOf(sql: string, tokens: readonly Token[]): string {
  const last = tokens.at(-1);
  return last === undefined ? '' : sql.slice(tokens[0]!.at, last.at + last.text.length);
}
