import { isWord } from '../text/token-walk';
import type { Token } from '../text/tokens';

/** Words that something has to follow. */
const openEnded = [
  'where',
  'and',
  'or',
  'on',
  'having',
  'by',
  'from',
  'select',
  'join',
  'not',
  'between',
  'in',
  'qualify',
];
/** Words that end what came before. */
const next = [
  'where',
  'group',
  'having',
  'order',
  'limit',
  'offset',
  'qualify',
  'union',
  'intersect',
  'except',
  'minus',
];

/**
 * What an optional clause leaves behind when it is not used: `where` with nothing after it, or `and` without a
 * `where`. Undefined if there is no such thing.
 */
export function structureProblem(tokens: readonly Token[]): string | undefined {
  return dangling(tokens) ?? conditionWithoutPlace(tokens);
}

function dangling(tokens: readonly Token[]): string | undefined {
  for (const [index, token] of tokens.entries()) {
    if (!isWord(token, ...openEnded)) continue;
    const after = tokens[index + 1];
    if (after === undefined || after.text === ')' || isWord(after, ...next, 'and', 'or'))
      return `has ${token.value} with nothing after it`;
  }
  const comma = tokens.find(({ text }, index) => text === ',' && isEnd(tokens[index + 1]));
  return comma ? 'has a comma with nothing after it' : undefined;
}

const isEnd = (token: Token | undefined) =>
  token === undefined || token.text === ')' || token.text === ',' || isWord(token, 'from', ...next);

/** Words after which conditions may come. */
const conditions = ['where', 'on', 'having', 'qualify', 'when', 'select', 'between', 'by', 'case'];

function conditionWithoutPlace(tokens: readonly Token[]): string | undefined {
  // For each open parenthesis: whether conditions may come at this place.
  const places = [true];
  for (const [index, token] of tokens.entries()) {
    if (token.text === '(') places.push(!isWord(tokens[index + 1], 'select', 'with'));
    else if (token.text === ')') places.pop();
    else if (isWord(token, ...conditions)) places[places.length - 1] = true;
    else if (isWord(token, 'from', 'join', 'group', 'order')) places[places.length - 1] = isWord(token, 'order');
    else if (isWord(token, 'and', 'or') && !places.at(-1)) return `has ${token.value} without where or on before it`;
  }
  return undefined;
}
