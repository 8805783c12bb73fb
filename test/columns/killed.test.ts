import type { Column, Pipeline } from '../../pipelines/definition';
import { everyNth, isExhaustive, rotation, stride } from '../support/tier';
import { columns, edition, first, salesQuery } from './editions';
import { World } from './world';

/** After every `step`th statement a function is killed. Then the deployment is rolled back or repeated, by turns or, in an exhaustive run, both. */
const { step, offset } = stride(12, 8);
jest.setTimeout(isExhaustive ? 3_600_000 : 240_000);

const { id, product, price, note } = columns;
/** By a number, so that every deployment has a column that the table does not have yet. */
const edits: Readonly<Record<string, (number: number) => Pipeline>> = {
  'a column that is filled': (number) =>
    edition([id, product, price, { ...note, stored: `note_${number}`, fill: true, required: true }], salesQuery),
  'a column of another type': (number) => {
    const { name, path } = price;
    const other: Column = { name, path, type: 'bigint', stored: `price_${number}`, fill: true, required: true };
    return edition([id, product, other], salesQuery);
  },
  'a column under another name': (number) =>
    edition(
      [id, { ...product, name: `product_${number}`, stored: 'product' }, price],
      salesQuery.replaceAll('product,', `product_${number},`).replace('by product', `by product_${number}`),
    ),
  'a column that retires': () =>
    edition([id, product], 'select product, count(*) as sales from shop.events group by product'),
};

let world: World;
let sent = 0;
/** Events of before the deployment: they are whole at every moment. */
let settled = 0;
let deployments = 0;
const problems: string[] = [];
const send = () => {
  world.seam.send({ id: `e${sent}`, product: `p${sent % 3}`, price: sent, note: `n${sent}`, n: sent });
  sent += 1;
};

beforeAll(async () => {
  world = await World.open(first);
  for (let i = 0; i < 20; i += 1) send();
  await settle(first);
});
afterAll(() => world.dispose());

/** Somebody reads in the middle of it. */
async function look(): Promise<void> {
  const [row] = await world.rows(
    `select count(*) as events from shop.events where payload."n"::bigint < ${settled} and id is not null`,
  );
  if (Number(row!['events']) !== settled) problems.push(`${row!['events']} of ${settled} events are to be seen`);
  const [view] = await world.rows('select sum(sales)::bigint as sales from shop.sales');
  if (Number(view!['sales']) < settled) problems.push(`the view tells of ${view!['sales']} of ${settled} events`);
  const shown = await world.rows(
    "select column_name from svv_columns where table_schema = 'shop' and table_name = 'events'",
  );
  for (const name of ['price', 'note'].filter((column) => shown.some((row) => row['column_name'] === column))) {
    const [holes] = await world.rows(
      `select count(*) as holes from shop.events where payload."n"::bigint < ${settled} and ${name} is null`,
    );
    if (Number(holes!['holes']) > 0) problems.push(`${name} is null in ${holes!['holes']} of ${settled} events`);
  }
}

/** Everything that was sent is an event, once, with every column that is declared; the views tell of all of them. */
async function settle(pipeline: Pipeline): Promise<void> {
  await world.merge();
  await world.merge();
  const names = pipeline.columns.map(({ name, type }) => (type === 'decimal' ? `${name}::bigint as ${name}` : name));
  const rows = await world.rows(`select ${names.join(', ')} from shop.events order by payload."n"::bigint`);
  const expected = Array.from({ length: sent }, (_, n) => {
    const value = { id: `e${n}`, product: `p${n % 3}`, price: n, note: `n${n}` };
    return Object.fromEntries(pipeline.columns.map(({ name, path }) => [name, value[path[0] as keyof typeof value]]));
  });
  expect(rows).toEqual(expected);
  const [others] = await world.rows(
    'select (select count(*) from shop.duplicates) as duplicates, (select count(*) from shop.rejects) as rejects, (select sum(sales)::bigint from shop.sales) as sales',
  );
  expect(others).toEqual({ duplicates: 0, rejects: 0, sales: sent });
  settled = sent;
  expect(problems).toEqual([]);
}

/** Deploys, and is killed after the nth statement; then by rollback or by a second deployment to one of the two editions. */
async function killed(nth: number, to: Pipeline, then: 'rollback' | 'again'): Promise<boolean> {
  let statements = 0;
  let isKilled = false;
  let busy = false;
  world.objects.kill = async (call, changes) => {
    if (!changes || busy || !call.startsWith('after')) return;
    busy = true;
    send();
    // What comes long before the kill was seen with an earlier one.
    if (statements + step >= nth) await look();
    if (statements % 3 === 1) await world.merge();
    busy = false;
    statements += 1;
    if (statements !== nth) return;
    isKilled = true;
    throw new Error('killed');
  };
  const error = await world.deploy(to).catch((reason: Error) => reason);
  if (error && !isKilled) throw error;
  world.objects.kill = async (call, changes) => {
    if (changes && call.startsWith('after')) await look();
  };
  if (error && then === 'rollback') {
    await world.rollBack(first);
    await settle(first);
    world.objects.kill = () => undefined;
    return isKilled;
  }
  if (isKilled) await world.deploy(to);
  await settle(to);
  world.objects.kill = () => undefined;
  await world.deploy(first);
  await settle(first);
  return isKilled;
}

test.each(everyNth(Object.keys(edits), 4))(
  '%s is deployed while events flow, and killed after any statement',
  async (name) => {
    const ways = ['rollback', 'again'] as const;
    let isKilled = true;
    const turn = Math.floor(rotation / step);
    let nth = 1 + ((Object.keys(edits).indexOf(name) + offset) % step);
    for (; isKilled; nth += step) {
      const tried = isExhaustive ? ways : [ways[(Math.floor(nth / step) + turn) % 2]!];
      for (const way of tried) {
        deployments += 1;
        isKilled = await killed(nth, edits[name]!(deployments), way);
      }
    }
    expect(nth).toBeGreaterThan(step + 2);
  },
);
