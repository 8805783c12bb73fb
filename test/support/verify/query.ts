import type { Cloud } from '../cloud';

export type Value = string | number | boolean | null;

/** Queries the warehouse as the owner of the database. */
export async function rows<Row extends readonly Value[]>(cloud: Cloud, sql: string): Promise<Row[]> {
  return (await cloud.warehouse.port.query(sql)).rows as unknown as Row[];
}

/** Reports each item that is on one list more often than on the other. */
export function difference(what: string, expected: Iterable<string>, found: Iterable<string>): string[] {
  const counts = new Map<string, number>();
  for (const item of expected) counts.set(item, (counts.get(item) ?? 0) + 1);
  for (const item of found) counts.set(item, (counts.get(item) ?? 0) - 1);
  return [...counts].flatMap(([item, count]) => {
    if (count === 0) return [];
    return [`${what}: ${item} is ${Math.abs(count)} times too ${count > 0 ? 'few' : 'many'}`];
  });
}
