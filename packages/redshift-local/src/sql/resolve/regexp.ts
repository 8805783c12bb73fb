import type { Expression } from '../ast';
import type { Environment } from './environment';

const posixClass = /\[:[a-z]+:\]/g;
/**
 * Perl's classes that Redshift's POSIX operators support
 * (https://docs.aws.amazon.com/redshift/latest/dg/pattern-matching-conditions-posix.html).
 */
const perlClass = /\\[dDsSwW]/g;

/** The checks of a pattern take time that grows with the square of its length. */
const longestPattern = 4000;

/**
 * A POSIX pattern that means the same to DuckDB: a literal of plain characters, classes, groups and greedy quantifiers.
 * For `substring`, the length of a match matters: POSIX takes the longest alternative, Perl and DuckDB the first. So
 * alternatives are accepted only if `alternated` can put each of them first.
 */
export function regularExpression(
  node: Expression,
  environment: Environment,
  use: 'match' | 'substring' | 'perl',
): string {
  const { source } = environment.context;
  const pattern = environment.resolve(node, environment).constant;
  if (typeof pattern !== 'string') throw source.unsupported('a regular expression that is not a literal', node.at);
  if (pattern.length > longestPattern)
    throw source.unsupported(`a regular expression of more than ${longestPattern} characters`, node.at);
  const outside = pattern
    .replace(perlClass, 'x')
    .replace(/\\[^a-z0-9]/gi, '')
    .replace(/\[\^?\]?(?:\[:[a-z]+:\]|[^\]\\])*\]/g, 'x');
  // DuckDB supports Perl's lazy quantifiers.
  const chained = use === 'perl' ? /[*+?}][*+]/ : /[*+?}][*+?]/;
  if (
    /[\\]|\(\?|[[\]]/.test(outside) ||
    chained.test(outside) ||
    (use === 'substring' && outside.includes('|') && alternated(pattern) === undefined)
  ) {
    throw source.unsupported(`regular expression '${pattern}'`, node.at);
  }
  if (use !== 'match' && matchesNothing(pattern))
    throw source.unsupported(`regular expression '${pattern}', which an empty text matches,`, node.at);
  if (!isPattern(pattern)) throw source.error(`invalid regular expression '${pattern}'`, node.at);
  return pattern;
}

/** More alternatives would take too long. */
const mostOrders = 8;

/**
 * The pattern with each alternative first in turn. If all of these find the same match, it is also the longest.
 * Undefined if alternatives are nested or too many.
 */
export function alternated(pattern: string): string[] | undefined {
  const parts: string[] = [''];
  let depth = 0;
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!;
    const set = char === '[' ? /^\[\^?\]?(?:\[:[a-z]+:\]|[^\]\\])*\]/.exec(pattern.slice(i))?.[0] : undefined;
    const piece = set ?? (char === '\\' ? pattern.slice(i, i + 2) : char);
    if (piece === '(') depth++;
    if (piece === ')') depth--;
    if (piece === '|' && depth > 0) return undefined;
    if (piece === '|') parts.push('');
    else parts[parts.length - 1] += piece;
    i += piece.length - 1;
  }
  if (parts.length > mostOrders) return undefined;
  return parts.map((first, i) => [first, ...parts.filter((_, other) => other !== i)].join('|'));
}

/** Whether the pattern matches an empty text. Engines find such matches at different positions. */
function matchesNothing(pattern: string): boolean {
  try {
    return new RegExp(`^(?:${pattern.replace(posixClass, 'a')})$`).test('');
  } catch {
    return false;
  }
}

/**
 * Whether the pattern is valid within the limits of DuckDB's matcher: repetitions of at most 1000, and ASCII class
 * names that it knows.
 */
function isPattern(pattern: string): boolean {
  const repetitions = [...pattern.matchAll(/\{(\d*),?(\d*)\}/g)].flatMap(([, least, most]) => [
    Number(least),
    Number(most),
  ]);
  if (repetitions.some((count) => count > 1000)) return false;
  const names = 'alnum|alpha|blank|cntrl|digit|graph|lower|print|punct|space|upper|xdigit';
  for (const [name] of pattern.matchAll(posixClass)) if (!new RegExp(`^\\[:(?:${names}):\\]$`).test(name)) return false;
  try {
    new RegExp(pattern.replace(posixClass, 'a'));
    return true;
  } catch {
    return false;
  }
}

/**
 * Translates a pattern of SIMILAR TO, which matches the whole text. `%` and `_` mean the same as in LIKE; `|`, `*`,
 * `+`, `?`, `{}`, `()` and `[]` the same as in a regular expression. A full stop is an ordinary character.
 * https://docs.aws.amazon.com/redshift/latest/dg/pattern-matching-conditions-similar-to.html
 */
export function similarPattern(pattern: string, escapedBy: string): string | undefined {
  let result = '';
  const characters = [...pattern];
  for (let i = 0; i < characters.length; i++) {
    const char = characters[i]!;
    if (char === escapedBy) {
      const escaped = characters[++i];
      if (escaped === undefined || /[a-z0-9]/i.test(escaped)) return undefined;
      result += /\w/.test(escaped) ? escaped : `\\${escaped}`;
    } else if (char === '%') result += '.*';
    else if (char === '_') result += '.';
    else if (char === '[') {
      const close = characters.indexOf(']', i + 2);
      const inside = characters.slice(i + 1, close).join('');
      if (close < 0 || /[\\[]/.test(inside)) return undefined;
      result += `[${inside}]`;
      i = close;
    } else if ('.^$\\'.includes(char)) result += `\\${char}`;
    else result += char;
  }
  return /(?<!\\)[*+?}][*+?]|\(\?/.test(result) || !isPattern(result) ? undefined : result;
}
