import type { Column } from '../../pipelines/definition';
import { columnGroups } from '../../sql/typing/column-groups';
import { secondTierTest as test } from '../support/tier';
import { attributeColumns, attributesOf } from '../support/wide';
import { columns, edition, first, salesQuery } from './editions';
import { World } from './world';

const count = 90;
const { id, product, price, note } = columns;
const attributes = attributeColumns(count).map((column) => ({ ...column, fill: true }));
const wide = edition([id, product, price, { ...note, fill: true } as Column, ...attributes], salesQuery);
const byNote = {
  ...wide,
  identity: { by: 'columns' as const, columns: ['id', 'note'], mayReject: true },
  columns: wide.columns.map((column) => (column.name === 'note' ? { ...column, required: true } : column)),
  views: wide.views.map((view) => ({ ...view, mayShrink: 1 })),
};

let world: World;
beforeEach(async () => {
  world = await World.open(first);
}, 60_000);
afterEach(() => world.dispose());

const sale = (number: number, more = '') => ({
  id: `e${number}`,
  product: 'p',
  price: number,
  note: `n${number}${more}`,
  attributes: attributesOf(count, number),
});
const events = () =>
  world.rows('select id, note, attribute_1, attribute_3, attribute_88 from shop.events order by id, note');
const event = (number: number, more = '', last = `${number}.25`) => ({
  id: `e${number}`,
  note: `n${number}${more}`,
  attribute_1: `text ${number}`,
  attribute_3: number,
  attribute_88: last,
});

test('columns of several groups are filled and rebuilt, but for an event that raises', async () => {
  expect(columnGroups(wide.columns).length).toBeGreaterThan(1);
  await world.merge(sale(1), sale(2), sale(3), sale(3, 'b'));
  world.seam.raising = ['text 2'];
  await world.deploy(wide);
  expect(await events()).toEqual([
    event(1),
    { id: 'e2', note: null, attribute_1: null, attribute_3: null, attribute_88: null },
    event(3),
  ]);
  world.seam.raising = ['n2'];
  await world.deploy(byNote);
  expect(await events()).toEqual([event(1), event(3)]);
  expect(await world.rows('select reason from shop.rejects')).toEqual([
    { reason: 'raised: ERROR: Numeric data overflow (result precision)' },
  ]);
  await world.merge();
  expect(await events()).toEqual([event(1), event(3), event(3, 'b')]);
}, 600_000);
