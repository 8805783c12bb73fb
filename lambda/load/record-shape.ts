import type { RecordShape } from './contract';

/**
 * Finds the events in a parsed record, like the merge: see sql/merge/unwrap.ts. A record or an element without an event
 * stands for itself.
 */
export function eventsOf(value: unknown, shape: RecordShape | undefined): readonly unknown[] {
  const { unwrap, base64 = false } = shape ?? {};
  if (unwrap === undefined) return [value];
  const each = unwrap.indexOf('*');
  if (each < 0) return [eventOf(value, value, unwrap, base64)];
  const list = at(value, unwrap.slice(0, each));
  if (!Array.isArray(list) || list.length === 0) return [value];
  return list.map((element) => eventOf(element, element, unwrap.slice(each + 1), base64));
}

function eventOf(element: unknown, record: unknown, path: readonly string[], base64: boolean): unknown {
  const found = at(element, path);
  if (typeof found !== 'string') return found ?? record;
  try {
    return JSON.parse(base64 ? Buffer.from(found, 'base64').toString('utf8') : found) ?? record;
  } catch {
    return record;
  }
}

function at(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return found;
}
