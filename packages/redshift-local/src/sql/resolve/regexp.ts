import type { Expression } from '../ast';
import type { Environment } from './environment';

const posixClass = /\[:[a-z]+:\]/g;
/** Perl's classes, as far as Redshift's POSIX operators have them (https://docs.aws.amazon.com/redshift/latest/dg/pattern-matching-conditions-posix.html). */
const perlClass = /\\[dDsSwW]/g;

/**
 * A POSIX pattern that means the same to the engine: a literal of plain characters, classes, groups and greedy quantifiers.
 * For `substring`, where the length of a match matters, alternatives are taken only where `alternated` can put each of them first: POSIX takes the longest one, Perl and the engine the first.
 */
export function regularExpression(
  node: Expression,
  environment: Environment,
  use: 'match' | 'substring' | 'perl',
): string {
  const { source } = environment.context;
  const pattern = environment.resolve(node, environment).constant;
  if (typeof pattern !== 'string') throw source.unsupported('a regular expression that is not a literal', node.at);
  const outside = pattern
    .replace(perlClass, 'x')
    .replace(/\\[^a-z0-9]/gi, '')
    .replace(/\[\^?\]?(?:\[:[a-z]+:\]|[^\]\\])*\]/g, 'x');
  // Perl's lazy quantifiers are the engine's.
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

/** More of them would take long. */
const mostOrders = 8;

/**
 * The pattern with each alternative first, where they stand on the outermost level alone: what all of these find is the longest match as well. Undefined for another
 * pattern, or one of too many alternatives.
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

/** Matches of no characters are found in other places by other engines. */
function matchesNothing(pattern: string): boolean {
  try {
    return new RegExp(`^(?:${pattern.replace(posixClass, 'a')})$`).test('');
  } catch {
    return false;
  }
}

/** Checked with the limits of the engine's matcher in mind: repetitions of at most 1000, ASCII class names that it knows. */
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
 * The pattern of SIMILAR TO for the whole text: `%` and `_` as in LIKE; `|`, `*`, `+`, `?`, `{}`, `()` and `[]` as in a regular expression; a full stop is itself.
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
