import { significant, type Token, tokenize } from '../text/tokens';
import { arrayStarts } from './relations';

/**
 * Reasons why Redshift cannot refresh a materialized view incrementally, or cannot create it: one phrase each.
 * @param recomputed true lists only the reasons why Redshift cannot create it
 * Source: "Refreshing a materialized view" and "CREATE MATERIALIZED VIEW" in the Redshift database developer guide.
 */
export function incrementalProblems(tokens: readonly Token[], recomputed = false): string[] {
  const found = new Set<string>();
  const arrays = arrayStarts(tokens);
  for (const [index, token] of tokens.entries()) {
    if (arrays.has(index) && !recomputed) found.add(`reads an array in FROM (${token.text}.…), ${notIncremental}`);
    const problem = token.kind === 'word' ? problemAt(tokens, index) : undefined;
    if (problem && isBanned(tokens, index)) found.add(`${problem}, which no materialized view may have`);
    else if (problem && !recomputed) found.add(`${problem}, ${notIncremental}`);
    if (token.text === '*' && isWildcard(tokens, index))
      found.add('selects *: name the columns, so that a new column of a table does not change the view');
  }
  return [...found];
}

/** What makes Redshift recompute a view at every refresh: the line of the query and a phrase, each phrase once. */
export function recomputeReasons(query: string): { readonly line: number; readonly phrase: string }[] {
  const tokens = significant(tokenize(query));
  const arrays = arrayStarts(tokens);
  const lines = new Map<string, number>();
  for (const [index, token] of tokens.entries()) {
    const array = arrays.has(index) ? `reads an array in FROM (${token.text}.…)` : undefined;
    const phrase = array ?? (token.kind === 'word' ? problemAt(tokens, index) : undefined);
    // Only a window, an aggregate or a subquery has an ORDER BY that is allowed, and each is a reason itself.
    if (phrase !== undefined && phrase !== 'uses order by' && !isBanned(tokens, index) && !lines.has(phrase))
      lines.set(phrase, query.slice(0, token.at).split('\n').length);
  }
  return [...lines].map(([phrase, line]) => ({ line, phrase }));
}

const notIncremental =
  'so it cannot be refreshed incrementally (allowed with `recomputed: true`, and then recomputed at every refresh)';

const aggregates = new Set(['count', 'sum', 'min', 'max', 'avg']);
const refusedAggregates = new Set([
  'median',
  'percentile_cont',
  'percentile_disc',
  'listagg',
  'stddev',
  'stddev_samp',
  'stddev_pop',
  'variance',
  'var_samp',
  'var_pop',
  'approximate',
  'any_value',
  'bool_and',
  'bool_or',
  'bit_and',
  'bit_or',
  'hll',
  'array_agg',
]);
const mutableFunctions = new Set([
  'getdate',
  'sysdate',
  'now',
  'current_date',
  'current_time',
  'current_timestamp',
  'localtime',
  'localtimestamp',
  'timeofday',
  'random',
  'current_user',
  'session_user',
  'current_schema',
  'pg_backend_pid',
  'pg_last_copy_id',
]);
const setOperators = new Set(['union', 'intersect', 'except', 'minus']);
const outerJoins = new Set(['left', 'right', 'full', 'outer']);

function problemAt(tokens: readonly Token[], index: number): string | undefined {
  const { value } = tokens[index]!;
  const next = tokens[index + 1];
  const call = next?.text === '(';
  if (setOperators.has(value)) return `uses ${value}`;
  if (outerJoins.has(value) && !call) return `uses an outer join (${value})`;
  if (value === 'over' && call) return 'uses a window function';
  if (value === 'order' && next?.value === 'by') return 'uses order by';
  if (value === 'limit' || value === 'offset' || value === 'qualify' || value === 'top') return `uses ${value}`;
  if (value === 'with' && index === 0) return 'uses with';
  if ((value === 'pivot' || value === 'unpivot') && next?.kind !== 'symbol') return `uses ${value}`;
  if ((value === 'pivot' || value === 'unpivot') && call) return `uses ${value}`;
  if ((value === 'rollup' || value === 'cube') && call) return `uses ${value}`;
  if (value === 'grouping' && next?.value === 'sets') return 'uses grouping sets';
  if (value === 'distinct') return 'uses distinct';
  if (value === 'select' && index > 0) return 'uses a subquery';
  if (refusedAggregates.has(value) && (call || value === 'approximate'))
    return `uses ${value}, where only ${[...aggregates].join(', ')} are kept up to date`;
  if (mutableFunctions.has(value) && tokens[index - 1]?.text !== '.')
    return `uses ${value}, whose value changes by itself`;
  return undefined;
}

/** ORDER BY of the query itself, LIMIT, OFFSET and TOP. */
function isBanned(tokens: readonly Token[], index: number): boolean {
  const { value } = tokens[index]!;
  if (value === 'limit' || value === 'offset' || value === 'top') return true;
  if (value !== 'order') return false;
  const depth = tokens.slice(0, index).reduce((sum, { text }) => sum + (text === '(' ? 1 : text === ')' ? -1 : 0), 0);
  return depth === 0;
}

/** `select *`, `, *` or `e.*`, but neither `count(*)` nor a multiplication. */
function isWildcard(tokens: readonly Token[], index: number): boolean {
  const before = tokens[index - 1];
  return before?.value === 'select' || before?.text === ',' || before?.text === '.';
}
