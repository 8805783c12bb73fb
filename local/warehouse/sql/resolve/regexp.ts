import type { Expression } from '../ast';
import type { Environment } from './environment';

/**
 * A POSIX pattern that means the same to the engine: a literal of plain characters, classes, groups and greedy quantifiers.
 * For `substring` and `replace`, where the length of a match matters, alternatives are refused too: POSIX takes the longest one, the engine the first.
 */
export function regularExpression(node: Expression, environment: Environment, use: 'match' | 'substring'): string {
  const { source } = environment.context;
  const pattern = environment.resolve(node, environment).constant;
  if (typeof pattern !== 'string') throw source.unsupported('a regular expression that is not a literal', node.at);
  const outside = pattern.replace(/\\[^a-z0-9]/gi, '').replace(/\[\^?\]?(?:\[:[a-z]+:\]|[^\]\\])*\]/g, 'x');
  if (/[\\]|\(\?|[*+?}][*+?]|[[\]]/.test(outside) || (use === 'substring' && outside.includes('|'))) {
    throw source.unsupported(`regular expression '${pattern}'`, node.at);
  }
  try {
    new RegExp(pattern.replace(/\[:[a-z]+:\]/g, 'a'));
  } catch {
    throw source.error(`invalid regular expression '${pattern}'`, node.at);
  }
  return pattern;
}
