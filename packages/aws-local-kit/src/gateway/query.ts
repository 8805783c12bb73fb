import type { XmlValue } from './xml';

/**
 * Parses the input of the query protocol, which names each value by a path: `Queries.member.1.Stat.Period=60`.
 * Structures become objects, `member` lists become lists; every value is a string.
 * https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
 */
export function queryInput(form: URLSearchParams): Record<string, unknown> {
  const root: Nested = new Map();
  for (const [path, value] of form) {
    if (path === 'Action' || path === 'Version') continue;
    const steps = path.split('.');
    let at = root;
    for (const step of steps.slice(0, -1)) {
      const next = at.get(step);
      if (next instanceof Map) at = next;
      else {
        const made: Nested = new Map();
        at.set(step, made);
        at = made;
      }
    }
    at.set(steps.at(-1)!, value);
  }
  return plain(root) as Record<string, unknown>;
}

type Nested = Map<string, string | Nested>;

function plain(value: string | Nested): unknown {
  if (typeof value === 'string') return value;
  const list = value.get('member');
  if (value.size === 1 && list instanceof Map)
    return [...list].sort(([one], [other]) => Number(one) - Number(other)).map(([, item]) => plain(item));
  return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]));
}

/** Converts an output to the XML of the query protocol: lists have `member` elements, timestamps are in ISO 8601. */
export function queryOutput(value: unknown): XmlValue {
  if (value === null || value === undefined) return undefined;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return { member: value.map(queryOutput) };
  if (typeof value !== 'object') return value as XmlValue;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, queryOutput(member)]));
}
