import { createInterleaver, type Interleaver } from 'redshift-local';
import type { Step } from '../../lambda/shared/plan';
import { isPassing, maxAttempts } from '../../lambda/shared/warehouse';
import { pipelineTables } from '../../sql';
import { TestWarehouse } from '../sql/warehouse';
import { fillStep, fillValues, type PartyName, parties, pipeline, prepare, streamed, type World } from './parties';

/** Two transactions. The second one begins when the first is before its statement `at`. */
export interface Pair {
  readonly first: PartyName;
  readonly second: PartyName;
  readonly at: number;
}

/** Changes a transaction, to show that the checks notice. */
export type WeakenParty = (name: PartyName, step: Step) => Step;

export interface Played {
  /** Rows that are wrong. */
  readonly problems: readonly string[];
  /** Errors of the transactions, which their functions retry. */
  readonly conflicts: readonly string[];
  /** False if the first transaction has fewer statements than `at`. */
  readonly reached: boolean;
}

interface Opened {
  readonly name: string;
  readonly ended: Promise<{ readonly status: string; readonly error?: string }>;
  /** Lets it run to its end, or until it waits for a lock. */
  run(): Promise<void>;
}

/** Plays a pair of transactions on a new warehouse, retries what failed for a passing reason, and checks all rows. */
export async function playPair({ first, second, at }: Pair, weaken: WeakenParty = (_, step) => step): Promise<Played> {
  const warehouse = await TestWarehouse.create(pipeline);
  try {
    const world = await prepare(warehouse);
    const order = createInterleaver(({ name }) => name !== '');
    warehouse.order.by = order;
    const transactions = {
      one: { party: first, ...(await parties[first].make(world)) },
      other: { party: second, ...(await parties[second].make(world)) },
    };
    const start = (name: 'one' | 'other') => {
      const { party, step, values } = transactions[name];
      return open(world, order, name, weaken(party, step), values);
    };
    const one = await start('one');
    let reached = true;
    for (let n = 0; n < at && reached; n += 1) reached = await stepped(order, 'one');
    const other = await start('other');
    for (const { run } of [other, one, other]) await run();
    order.release();
    const conflicts: string[] = [];
    for (const { name, ended } of [one, other]) {
      let result = await ended;
      for (let attempt = 2; result.status !== 'FINISHED'; attempt += 1) {
        const error = result.error ?? result.status;
        conflicts.push(error);
        if (!isPassing({ error }) || attempt > maxAttempts)
          return { problems: [`${name} failed: ${error}`], conflicts, reached };
        warehouse.order.by = undefined;
        const { party, step, values } = transactions[name as 'one' | 'other'];
        result = await warehouse.attempt(name, weaken(party, step), values);
      }
    }
    warehouse.order.by = undefined;
    return { problems: await wrongRows(world), conflicts, reached };
  } finally {
    warehouse.order.by = undefined;
    warehouse.dispose();
  }
}

async function open(
  { warehouse }: World,
  order: Interleaver,
  name: string,
  step: Step,
  values: Record<string, string>,
): Promise<Opened> {
  const held = order.ready.length + order.blocked.length;
  const ended = warehouse.attempt(name, step, values);
  await order.arrived(held + 1);
  return {
    name,
    ended,
    async run() {
      const mine = order.ready.find((boundary) => boundary.name === name);
      if (mine) await order.run(mine.transaction);
    },
  };
}

/** Takes one step of a transaction. False if it has ended. */
async function stepped(order: Interleaver, name: string): Promise<boolean> {
  const mine = order.ready.find((boundary) => boundary.name === name);
  return mine !== undefined && (await order.step(mine.transaction)).kind === 'boundary';
}

/** Merges and fills what is left, and returns what is wrong with the rows. */
async function wrongRows({ warehouse }: World): Promise<string[]> {
  // A merge completes rows of the last minutes. Later only a fill does.
  warehouse.pass(60);
  await warehouse.refresh();
  const filled = await warehouse.attempt('', fillStep, fillValues);
  if (filled.status !== 'FINISHED') return [`the fill failed: ${filled.error}`];
  const sum = (column: string) => `(select coalesce(sum(${column}), 0) from shop.runs)`;
  const count = (table: string, what = '*', where = '') => `(select count(${what}) from shop.${table}${where})`;
  const { events, exports: published, listing } = pipelineTables(pipeline);
  const places = ['events', 'duplicates', 'rejects'].map((table) => count(table, '*', " where source <> 'history'"));
  const pairs: readonly (readonly [string, string, string])[] = [
    ['identities of events', count('events', 'distinct event_id'), count('events')],
    ['events that the runs count', sum('events'), count('events')],
    ['duplicates that the runs count', sum('duplicates'), count('duplicates')],
    ['rejects that the runs count', sum('rejects'), count('rejects')],
    ['records of the stream', `${streamed.length}`, `(${places.join(' + ')})`],
    ['objects of the ledger', count('ledger', 'distinct object_key || etag'), count('ledger')],
    ['events without the filled column', '0', `(select count(*) from ${events} where extra is null)`],
    ['publications', `(select count(distinct location) from ${published})`, `(select count(*) from ${published})`],
    [
      'objects of the listing',
      `(select count(distinct object_key) from ${listing})`,
      `(select count(*) from ${listing})`,
    ],
  ];
  const [found] = await warehouse.query(`select ${pairs.flatMap(([, one, other]) => [one, other]).join(', ')}`);
  return pairs.flatMap(([what], index) => {
    const [expected, actual] = [Number(found![2 * index]), Number(found![2 * index + 1])];
    return expected === actual ? [] : [`${what}: ${expected}, but there are ${actual} rows`];
  });
}
