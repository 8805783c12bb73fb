import { NotModelledError } from 'aws-local-kit';

/** An event pattern, compiled once: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html */
export type Pattern = (event: unknown) => boolean;

type Test = (value: unknown) => boolean;

/**
 * Compiles a pattern.
 * @throws NotModelledError naming a content filter other than prefix, suffix, anything-but, exists, equals-ignore-case
 */
export function compilePattern(pattern: unknown, path = 'EventPattern'): Pattern {
  if (typeof pattern !== 'object' || pattern === null || Array.isArray(pattern))
    throw new Error(`${path} must be an object, got ${JSON.stringify(pattern)}`);
  const fields = Object.entries(pattern).map(([name, expected]): Pattern => {
    if (name.startsWith('$')) throw new NotModelledError(`${path}.${name}`);
    const where = `${path}.${name}`;
    if (!Array.isArray(expected)) {
      const nested = compilePattern(expected, where);
      return (event) => nested(member(event, name));
    }
    const tests = expected.map((item) => compileItem(item, where));
    return (event) => {
      const value = member(event, name);
      // A list matches if one of its elements does.
      const candidates = Array.isArray(value) ? value : [value];
      return tests.some((test) => candidates.some(test));
    };
  });
  return (event) => fields.every((field) => field(event));
}

function compileItem(item: unknown, where: string): Test {
  if (typeof item !== 'object' || item === null) return (value) => value === item;
  const entries = Object.entries(item);
  const [filter, argument] = entries[0] ?? [];
  if (entries.length !== 1 || filter === undefined) throw new NotModelledError(`${where} ${JSON.stringify(item)}`);
  if (filter === 'prefix' && typeof argument === 'string')
    return (value) => typeof value === 'string' && value.startsWith(argument);
  if (filter === 'suffix' && typeof argument === 'string')
    return (value) => typeof value === 'string' && value.endsWith(argument);
  if (filter === 'equals-ignore-case' && typeof argument === 'string')
    return (value) => typeof value === 'string' && value.toLowerCase() === argument.toLowerCase();
  if (filter === 'exists' && typeof argument === 'boolean') return (value) => (value !== undefined) === argument;
  if (filter === 'anything-but') return anythingBut(argument, where);
  throw new NotModelledError(`content filter ${filter} of ${where}`);
}

function anythingBut(argument: unknown, where: string): Test {
  const list = Array.isArray(argument) ? argument : [argument];
  if (list.every((item) => typeof item === 'string' || typeof item === 'number'))
    return (value) => value !== undefined && !list.includes(value as string);
  const test = compileItem(argument, where);
  return (value) => value !== undefined && !test(value);
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
