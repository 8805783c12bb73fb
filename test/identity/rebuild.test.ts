import { gzipSync } from 'node:zlib';
import type { Column, Pipeline } from '../../pipelines/definition';
import { identityVersion } from '../../sql';
import { columns, edition, salesQuery } from '../columns/editions';
import { World } from '../columns/world';
import { everyNth, secondTierTest } from '../support/tier';

const { price } = columns;
const id = { ...columns.id };
const product = { ...columns.product, required: true };
const mayShrink = 1;
const by = (names: readonly string[], more: Partial<Pipeline> = {}): Pipeline => {
  const made = edition([id, product, price], salesQuery);
  return {
    ...made,
    identity: { by: 'columns', columns: names },
    views: made.views.map((view) => ({ ...view, mayShrink })),
    ...more,
  };
};
const coarse = by(['id']);
const fine = by(['id', 'product']);

let world: World;
beforeEach(async () => {
  world = await World.open(coarse);
});
afterEach(() => world.dispose());

const events = () =>
  world.rows('select id, product, price::varchar as price, source from shop.events order by id, product');
const counts = async () => {
  const [row] = await world.rows(
    'select (select count(*) from shop.events) as events, (select count(*) from shop.duplicates) as duplicates, (select count(*) from shop.rejects) as rejects',
  );
  return [Number(row!['events']), Number(row!['duplicates']), Number(row!['rejects'])];
};
const records = [
  { id: 'e1', product: 'p1', price: 1 },
  { id: 'e1', product: 'p2', price: 2 },
  { id: 'e2', product: 'p1', price: 3 },
  { id: 'e1', product: 'p1', price: 1 },
  { product: 'p9' },
];

test('a finer identity finds events among duplicates, a coarser one merges them again', async () => {
  await world.merge(...records);
  expect(await counts()).toEqual([2, 2, 1]);
  await world.deploy(fine, async () => {
    // What readers saw, they see: the rebuild came before the switch.
    expect((await events()).map(({ id, product }) => `${id} ${product}`)).toEqual(['e1 p1', 'e2 p1']);
  });
  await world.merge();
  expect(await events()).toEqual([
    { id: 'e1', product: 'p1', price: '1.0000', source: 'stream' },
    { id: 'e1', product: 'p2', price: '2.0000', source: 'stream' },
    { id: 'e2', product: 'p1', price: '3.0000', source: 'stream' },
  ]);
  expect(await counts()).toEqual([3, 1, 1]);
  expect(await world.rows('select sum(sales)::bigint as sales from shop.sales')).toEqual([{ sales: 3 }]);
  await world.deploy(coarse);
  expect(await counts()).toEqual([2, 2, 1]);
  await world.merge({ id: 'e2', product: 'p2' }, { id: 'e3', product: 'p2' });
  expect(await counts()).toEqual([3, 3, 1]);
  expect(
    await world.rows('select count(*) as n from shop.duplicates d inner join shop.events e on e.event_id = d.event_id'),
  ).toEqual([{ n: 3 }]);
});

test('what old functions merge meanwhile is merged by the new ones, once; after a rollback by the old ones', async () => {
  await world.merge(...records);
  const failing = async () => {
    world.seam.takeOver(coarse);
    await world.merge({ id: 'e4', product: 'p1' });
    world.seam.takeOver(fine);
    await world.merge({ id: 'e5', product: 'p1' }, { id: 'e5', product: 'p2' });
    expect(await counts()).toEqual([6, 1, 1]);
    throw new Error('something else failed');
  };
  await expect(world.deploy(fine, failing)).rejects.toThrow('something else');
  await world.rollBack(coarse);
  expect(await counts()).toEqual([3, 2, 1]);
  await world.merge();
  expect(await counts()).toEqual([4, 3, 1]);
  expect(
    await world.rows(
      `select (select count(*) from shop.checkpoints where identity_version <> '${identityVersion(coarse)}') + (select count(*) from shop.fills) as left_over`,
    ),
  ).toEqual([{ left_over: 0 }]);
  await world.deploy(fine, () => {
    world.seam.takeOver(coarse);
    return world.merge({ id: 'e6', product: 'p1' });
  });
  world.seam.takeOver(fine);
  await world.merge();
  expect(await counts()).toEqual([7, 1, 1]);
});

const file = (...rows: readonly object[]) => gzipSync(rows.map((row) => JSON.stringify(row)).join('\n'));

secondTierTest(
  'objects of history stay loaded, their duplicates stay duplicates, and what is loaded meanwhile is loaded again',
  async () => {
    const { seam } = world;
    await seam.put('in/1.gz', file(...records));
    await world.merge({ id: 'e2', product: 'p1' });
    expect(await counts()).toEqual([2, 3, 1]);
    await world.deploy(fine, async () => {
      seam.takeOver(coarse);
      await seam.put('in/2.gz', file({ id: 'e1', product: 'p3' }, { id: 'e7', product: 'p1' }));
    });
    seam.takeOver(fine);
    await world.merge();
    // The row of e1 and p2 in the first object cannot be judged again, the others are as they were.
    expect(await counts()).toEqual([2, 3, 1]);
    expect(await world.rows('select object_key, source from shop.ledger')).toEqual([
      { object_key: 'in/1.gz', source: 'files' },
    ]);
    await seam.pass(24 * 60);
    await seam.tick('reconcile');
    await seam.pass(10);
    expect(await world.rows('select object_key from shop.ledger order by 1')).toEqual([
      { object_key: 'in/1.gz' },
      { object_key: 'in/2.gz' },
    ]);
    expect(await counts()).toEqual([4, 3, 1]);
  },
);

secondTierTest('events that get no id stop the deployment with an example, or become rejects', async () => {
  const loose = by(['id'], { columns: [id, columns.product, price] });
  await world.deploy(loose);
  await world.merge({ id: 'e1', product: 'p1' }, { id: 'e2' }, { id: 'e3', product: 7 }, { id: 'e1', product: 'p1' });
  expect(await counts()).toEqual([2, 1, 1]);
  const [lacking] = await world.rows("select event_id as id from shop.events where id = 'e2'");
  await expect(world.deploy(fine)).rejects.toThrow(
    `1 of 2 events of shop.events_${identityVersion(loose)} get no id in shop.events_${identityVersion(fine)}: 1 payloads lack a part of it (id, product) and 0 have one that does not fit, such as event ${lacking!['id']}. Readers were not switched. Choose another identity, or allow it`,
  );
  await world.rollBack(loose);
  expect(await counts()).toEqual([2, 1, 1]);
  await world.deploy({ ...fine, identity: { by: 'columns', columns: ['id', 'product'], mayReject: true } });
  await world.merge();
  expect(await counts()).toEqual([1, 1, 2]);
  expect(await world.rows('select reason from shop.rejects where payload."id"::varchar = \'e2\'')).toEqual([
    { reason: 'product: missing' },
  ]);
});

secondTierTest('an identity column of another type makes ids of it, other columns keep their values', async () => {
  const numbered = by(['id'], {
    columns: [{ ...id, path: ['n'], type: 'bigint', maxBytes: undefined } as unknown as Column, product, price],
  });
  await world.merge({ id: 'e1', n: 1, product: 'p1', price: 1.5 }, { id: 'e2', n: 1, product: 'p1', price: 2 });
  await world.rows(`update shop.events_${identityVersion(coarse)} set price = 9 where id = 'e1'`);
  await world.deploy(numbered);
  await world.merge();
  expect(await world.rows('select id, price::varchar as price from shop.events')).toEqual([{ id: 1, price: '9.0000' }]);
  expect(await counts()).toEqual([1, 1, 0]);
});

const together: [string, Pipeline, RegExp][] = [
  [
    'the landing view',
    { ...fine, stream: { ...fine.stream, recreatedAt: '2026-11-20T00:00:00Z' } },
    /^the identity of shop changes, and its landing view changes, too: shop\.landing_[0-9a-f]{8} does not exist\. Deploy one change, and then the other$/,
  ],
  [
    'the type of a column',
    { ...fine, columns: [id, product, { ...price, precision: 12, scale: 2 }] },
    /and column price of shop\.events_[0-9a-f]{8} is numeric\(8,4\), not numeric\(12,2\)\. Deploy one change/,
  ],
  [
    'a column that takes the place of another',
    {
      ...fine,
      columns: [id, product, { ...price, type: 'bigint', stored: 'price_2', fill: true } as unknown as Column],
    },
    /and column price replaces price, which shop\.events_[0-9a-f]{8} has\. Deploy one change/,
  ],
];
test.each(everyNth(together, 3))('is refused together with another change: %s', async (_, edition, message) => {
  await world.merge(...records);
  await expect(world.deploy(edition)).rejects.toThrow(message);
  await world.rollBack(coarse);
  await world.merge({ id: 'e9', product: 'p1' });
  expect(await counts()).toEqual([3, 2, 1]);
});
