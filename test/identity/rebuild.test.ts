import { gzipSync } from 'node:zlib';
import type { Pipeline } from '../../pipelines/definition';
import { identityVersion } from '../../sql';
import { columns, edition, salesQuery } from '../columns/editions';
import { World } from '../columns/world';

const { price, note } = columns;
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

test('what old functions merge meanwhile is merged by the new ones, once', async () => {
  await world.merge(...records);
  await world.deploy(fine, () => world.merge({ id: 'e4', product: 'p1' }));
  world.seam.takeOver(fine);
  await world.merge({ id: 'e5', product: 'p1' });
  expect(await counts()).toEqual([5, 1, 1]);
  expect(identityVersion(fine)).not.toBe(identityVersion(coarse));
  void gzipSync;
  void note;
});
