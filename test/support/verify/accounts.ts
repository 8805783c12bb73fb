import type { Cloud } from '../cloud';
import { rows } from './query';

/** Checks what must hold at any moment: each event and object exists once, and the runs count the tables' rows. */
export async function accountProblems(cloud: Cloud, schema: string): Promise<string[]> {
  const runs = (column: string) => `(select coalesce(sum(${column}), 0) from ${schema}.runs)`;
  const count = (table: string, what = '*') => `(select count(${what}) from ${schema}.${table})`;
  const pairs: readonly (readonly [string, string, string])[] = [
    ['events that the runs count', runs('events'), count('events')],
    ['duplicates that the runs count', runs('duplicates'), count('duplicates')],
    ['rejects that the runs count', runs('rejects'), count('rejects')],
    ['skipped records that the runs count', runs('coalesce(skipped, 0)'), count('skipped')],
    ['identities of events', count('events', 'distinct event_id'), count('events')],
    ['objects of the ledger', count('ledger', "distinct bucket || ' ' || object_key || ' ' || etag"), count('ledger')],
  ];
  const [found] = await rows(cloud, `select ${pairs.flatMap(([, one, other]) => [one, other]).join(', ')}`);
  return pairs.flatMap(([what], index) => {
    const [expected, actual] = [Number(found![2 * index]), Number(found![2 * index + 1])];
    return expected === actual ? [] : [`${what}: ${expected}, but there are ${actual} rows`];
  });
}
