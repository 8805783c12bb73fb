import type { RecordShape } from './contract';

/** Finds the events in a parsed record, like the merge: see sql/merge/unwrap.ts. A record without one is an event. */
export function eventsOf(value: unknown, shape: RecordShape | undefined): readonly unknown[] {
  if (shape === undefined) return [value];
  const each = shape.unwrap.indexOf('*');
  if (each < 0) return [eventOf(value, value, shape.unwrap, shape)];
  const list = at(value, shape.unwrap.slice(0, each));
  if (!Array.isArray(list) || list.length === 0) return [value];
  return list.map((element) => eventOf(element, value, shape.unwrap.slice(each + 1), shape));
}

function eventOf(element: unknown, record: unknown, path: readonly string[], { base64 }: RecordShape): unknown {
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
