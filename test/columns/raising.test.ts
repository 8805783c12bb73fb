import type { Column } from '../../pipelines/definition';
import { secondTierTest } from '../support/tier';
import { columns, edition, first, salesQuery } from './editions';
import { World } from './world';

/** A deployment meets events whose typing fails: it ends all the same, and says what became of them. */
let world: World;
beforeEach(async () => {
  world = await World.open(first);
});
afterEach(() => world.dispose());

const { id, product, price, note } = columns;
const sale = (number: number, more = '') => ({
  id: `e${number}`,
  product: 'p',
  price: number,
  note: `n${number}${more}`,
});
const withNote = (more: Partial<Column>) => edition([id, product, price, { ...note, ...more } as Column], salesQuery);
const byNote = (mayReject: boolean) => {
  const made = withNote({ required: true });
  return {
    ...made,
    identity: { by: 'columns' as const, columns: ['id', 'note'], mayReject },
    views: made.views.map((view) => ({ ...view, mayShrink: 1 })),
  };
};
const events = () => world.rows('select id, note from shop.events order by id');

test('a fill leaves an event that raises without a value, and counts it as one whose payload does not fit', async () => {
  await world.merge(...[1, 2, 3, 4].map((number) => sale(number)));
  world.seam.raising = ['n2', 'n3'];
  await world.deploy(withNote({ fill: true }));
  expect(await events()).toEqual([
    { id: 'e1', note: 'n1' },
    { id: 'e2', note: null },
    { id: 'e3', note: null },
    { id: 'e4', note: 'n4' },
  ]);
  expect(await world.rows('select filled, missing, misfits, lost from shop.fills')).toEqual([
    { filled: 2, missing: 0, misfits: 2, lost: 0 },
  ]);
});

secondTierTest('a fill of a required column refuses it by its id, as any other event without a value', async () => {
  await world.merge(sale(1), sale(2));
  world.seam.raising = ['n2'];
  const [event] = await world.rows("select event_id from shop.events where id = 'e2'");
  await expect(world.deploy(withNote({ fill: true, required: true }))).rejects.toThrow(
    `has no value for 1 of 2 events: 0 payloads have none and 1 do not fit, such as ${event!['event_id']}`,
  );
});

secondTierTest(
  'a rebuild makes a reject of an event that raises, with its payload, where the identity allows rejects',
  async () => {
    await world.merge(...[1, 2, 3].map((number) => sale(number)), sale(2, 'b'));
    world.seam.raising = ['n2'];
    const [event] = await world.rows("select event_id from shop.events where id = 'e2'");
    await expect(world.deploy(byNote(false))).rejects.toThrow(
      `1 of 3 events of shop.events_f790520b get no id in shop.events_`,
    );
    await world.rollBack(first);
    await expect(world.deploy(byNote(false))).rejects.toThrow(`such as event ${event!['event_id']}`);
    await world.rollBack(first);
    await world.deploy(byNote(true));
    expect(await events()).toEqual([
      { id: 'e1', note: 'n1' },
      { id: 'e3', note: 'n3' },
    ]);
    expect(await world.rows('select reason, json_serialize(payload) as payload, source from shop.rejects')).toEqual([
      {
        reason: 'raised: ERROR: Numeric data overflow (result precision)',
        payload: JSON.stringify(sale(2)),
        source: 'stream',
      },
    ]);
    // Of the duplicates of before, one is an event now; the position of the reject is not typed again.
    await world.merge(sale(5));
    expect((await events()).map((row) => row['id'])).toEqual(['e1', 'e2', 'e3', 'e5']);
    expect(await world.rows('select count(*) as rejects from shop.rejects')).toEqual([{ rejects: 1 }]);
  },
);
