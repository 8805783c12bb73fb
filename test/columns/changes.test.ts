import type { Column } from '../../pipelines/definition';
import { secondTierTest } from '../support/tier';
import { columns, edition, first, type Sale, salesQuery } from './editions';
import { World } from './world';

let world: World;
beforeAll(async () => {
  world = await World.open(first);
});
afterAll(() => world.dispose());
beforeEach(async () => {
  await world.deploy(first);
  for (const table of ['events_f790520b', 'rejects_f790520b', 'fills']) await world.rows(`delete from shop.${table}`);
});

const { id, product, price, note } = columns;
const sale = (number: number, more: Partial<Sale> = {}): Sale => ({
  id: `e${number}`,
  product: `p${number % 2}`,
  price: number + 0.25,
  note: `n${number}`,
  ...more,
});
const merge = (...sales: readonly Sale[]) => world.merge(...sales);
const events = (names: string) => world.rows(`select ${names} from shop.events order by id`);
const withNote = (more: Partial<Column>) => edition([id, product, price, { ...note, ...more } as Column], salesQuery);

test('an added column is null for the past, and whole from the first merge of the new functions on', async () => {
  await merge(sale(1));
  await world.deploy(withNote({}));
  await merge(sale(2));
  expect(await events('id, note')).toEqual([
    { id: 'e1', note: null },
    { id: 'e2', note: 'n2' },
  ]);
});

test('an added column is filled for the past, and for what old functions merged meanwhile', async () => {
  await merge(sale(1), sale(2, { note: 7 }), sale(3, { note: undefined }));
  await world.deploy(withNote({ fill: true }));
  expect(await events('id, note')).toEqual([
    { id: 'e1', note: 'n1' },
    { id: 'e2', note: null },
    { id: 'e3', note: null },
  ]);
  const account = 'select column_name, row_count, filled, missing, misfits, misfit_id, lost from shop.fills';
  const [misfit] = await world.rows(`select event_id from shop.events where id = 'e2'`);
  expect(await world.rows(account)).toEqual([
    { column_name: 'note', row_count: 3, filled: 1, missing: 1, misfits: 1, misfit_id: misfit!.event_id, lost: 0 },
  ]);
  world.seam.takeOver(first);
  await merge(sale(4));
  expect(await events('id, note, price::varchar as price')).toContainEqual({ id: 'e4', note: null, price: '4.2500' });
  world.seam.takeOver(withNote({ fill: true }));
  await merge(sale(5));
  expect((await events('id, note')).slice(3)).toEqual([
    { id: 'e4', note: 'n4' },
    { id: 'e5', note: 'n5' },
  ]);
});

test('a renamed column keeps its values, its readers and its views', async () => {
  await merge(sale(1));
  await world.deploy(
    edition(
      [id, { ...product, name: 'product_id', stored: 'product' }, price],
      'select product_id, count(*) as sales, sum(price) as revenue from shop.events group by product_id',
    ),
  );
  await merge(sale(2));
  expect(await events('product_id')).toEqual([{ product_id: 'p1' }, { product_id: 'p0' }]);
  expect(await world.rows('select product_id, sales from shop.sales order by 1')).toEqual([
    { product_id: 'p0', sales: 1 },
    { product_id: 'p1', sales: 1 },
  ]);
  await expect(events('product')).rejects.toThrow('product');
});

test('a retired column is hidden, kept, and there again when it is declared again', async () => {
  await world.deploy(withNote({}));
  await merge(sale(1));
  await world.deploy(first);
  await merge(sale(2));
  await expect(events('note')).rejects.toThrow('note');
  expect(await world.rows('select id, note from shop.events_f790520b order by id')).toEqual([
    { id: 'e1', note: 'n1' },
    { id: 'e2', note: null },
  ]);
  await world.seam.pass(3 * 24 * 60);
  await world.deploy(withNote({ fill: true }));
  expect(await events('id, note')).toEqual([
    { id: 'e1', note: 'n1' },
    { id: 'e2', note: 'n2' },
  ]);
});

const typed = (more: Partial<Column>) =>
  edition(
    [
      id,
      product,
      {
        ...price,
        type: 'bigint',
        stored: 'price_2',
        fill: true,
        precision: undefined,
        scale: undefined,
        ...more,
      } as Column,
    ],
    salesQuery,
  );

secondTierTest(
  'a column of another type is filled beside the one that is there, and then shown in its place',
  async () => {
    await merge(sale(1, { price: 7 }), sale(2, { price: null }));
    await world.deploy(typed({}));
    await merge(sale(3, { price: 9 }), sale(4, { price: 'nine' }));
    const [type] = await world.rows(
      "select data_type from svv_columns where table_schema = 'shop' and table_name = 'events' and column_name = 'price'",
    );
    expect(type).toEqual({ data_type: 'bigint' });
    expect(await events('id, price')).toEqual([
      { id: 'e1', price: 7 },
      { id: 'e2', price: null },
      { id: 'e3', price: 9 },
    ]);
    expect(await world.rows('select product, revenue::varchar as revenue from shop.sales order by 1')).toEqual([
      { product: 'p0', revenue: null },
      { product: 'p1', revenue: '16' },
    ]);
  },
);

secondTierTest(
  'what old functions merge between the fill and the check of a view is no reason to refuse it',
  async () => {
    const priced = 'select id, price from shop.events where price >= 0';
    const whole = { ...price, type: 'bigint', stored: 'price_2', fill: true } as unknown as Column;
    await world.deploy(edition([id, product, price], priced));
    await merge(sale(0, { price: 0 }), sale(1, { price: 1 }));
    let flowed = false;
    world.objects.kill = async (call, _, statement) => {
      if (flowed || !call.startsWith('before') || !statement?.endsWith('/check-rows')) return;
      flowed = true;
      await merge(...Array.from({ length: 20 }, (_, n) => sale(n + 2, { price: n + 2 })));
    };
    await world.deploy(edition([id, product, whole], priced));
    world.objects.kill = () => undefined;
    expect(flowed).toBe(true);
    expect(await world.rows('select count(*) as sales, sum(price) as revenue from shop.sales')).toEqual([
      { sales: 22, revenue: '231' },
    ]);
    // The next test's view has fewer rows.
    await world.rows('delete from shop.events_f790520b');
  },
);

test('values that the new type would lose stop the deployment with their number and an example, unless they may be lost', async () => {
  await merge(sale(1), sale(2), sale(3, { price: 3 }));
  const [lost] = await world.rows("select min(event_id) as id from shop.events where id <> 'e3'");
  await expect(world.deploy(typed({}))).rejects.toThrow(
    `column price of shop.events_f790520b (stored as price_2) has no value for 2 of 3 events that have one in price, such as ${lost!.id}: their payload does not fit`,
  );
  await world.rollBack(first);
  await merge(sale(4));
  expect(await events('price::varchar as price')).toEqual(
    ['1.2500', '2.2500', '3.0000', '4.2500'].map((text) => ({ price: text })),
  );
  await world.seam.pass(10);
  await expect(world.deploy(typed({}))).rejects.toThrow('has no value for 3 of 4 events');
  await world.rollBack(first);
  await world.deploy(typed({ mayLose: true }));
  expect(await events('price')).toEqual([null, null, 3, null].map((value) => ({ price: value })));
});

secondTierTest('a required column is filled whole or not at all', async () => {
  await merge(sale(1), sale(2, { note: undefined }), sale(3, { note: 'a longer note' }));
  await expect(world.deploy(withNote({ fill: true, required: true }))).rejects.toThrow(
    /column note of shop.events_f790520b \(stored as note\) is required and has no value for 2 of 3 events: 1 payloads have none and 1 do not fit, such as [0-9a-f]{64}/,
  );
  await world.rollBack(first);
  await world.deploy(withNote({ fill: true }));
  expect(await events('note')).toEqual([{ note: 'n1' }, { note: null }, { note: null }]);
});

test('another type under the same stored name is refused before anything is done', async () => {
  await merge(sale(1));
  const catalog =
    "select column_name, data_type from svv_columns where table_schema = 'shop' order by table_name, ordinal_position";
  const before = await world.rows(catalog);
  await expect(world.deploy(edition([id, product, { ...price, scale: 2 }], salesQuery))).rejects.toThrow(
    'column price of shop.events_f790520b is numeric(8,4), not numeric(8,2). Nothing was changed; a stored column keeps its type: give the column',
  );
  expect(await world.rows(catalog)).toEqual(before);
  await world.rollBack(first);
  await merge(sale(2));
  expect(await events('price::varchar as price')).toEqual([{ price: '1.2500' }, { price: '2.2500' }]);
});

secondTierTest(
  'a text that became shorter keeps what is there; what no longer fits is a reject from then on',
  async () => {
    await merge(sale(1, { product: 'a long product' }));
    await world.deploy(edition([id, { ...product, maxBytes: 4 }, price], salesQuery));
    await merge(sale(2, { product: 'a long product' }), sale(3));
    expect(await events('id, product')).toEqual([
      { id: 'e1', product: 'a long product' },
      { id: 'e3', product: 'p1' },
    ]);
    expect(await world.rows('select reason from shop.rejects')).toEqual([{ reason: 'product: longer than 4 bytes' }]);
  },
);

secondTierTest(
  'after a rollback the old columns are whole again: what the new functions merged is completed by the first merge',
  async () => {
    await merge(sale(1, { price: 1 }));
    const later = async () => {
      await merge(sale(2, { price: 2 }));
      throw new Error('something after the functions');
    };
    await expect(world.deploy(typed({}), later)).rejects.toThrow('something after');
    await world.rollBack(first);
    await merge(sale(3, { price: 3 }));
    expect(await events('price::varchar as price')).toEqual(
      ['1.0000', '2.0000', '3.0000'].map((text) => ({ price: text })),
    );
    expect(await world.rows('select sum(sales) as sales, sum(revenue)::varchar as revenue from shop.sales')).toEqual([
      { sales: '3', revenue: '6.0000' },
    ]);
  },
);

secondTierTest(
  'exports wait from a fill or a switch on, until functions merge that know what readers see',
  async () => {
    const until = async () =>
      (await world.rows('select max(complete_until) as until from shop.checkpoints'))[0]!['until'];
    const moves = async () => {
      const before = await until();
      await merge(sale(Number((await world.rows('select count(*) as n from shop.events_f790520b'))[0]!['n']) + 1));
      return (await until()) !== before;
    };
    await merge(sale(0));
    expect(await moves()).toBe(true);
    const later = async () => {
      world.seam.takeOver(first);
      expect(await moves()).toBe(false);
      throw new Error('the functions cannot be changed');
    };
    await expect(world.deploy(typed({ mayLose: true, stored: 'price_3' }), later)).rejects.toThrow('cannot be changed');
    await world.rollBack(first);
    expect(await moves()).toBe(false);
    await world.seam.pass(60);
    expect(await moves()).toBe(true);
    await world.deploy(typed({ mayLose: true, stored: 'price_3' }));
    expect(await moves()).toBe(true);
    await world.deploy(withNote({}), async () => {
      world.seam.takeOver(typed({ mayLose: true, stored: 'price_3' }));
      expect(await moves()).toBe(false);
      world.seam.takeOver(withNote({}));
    });
    expect(await moves()).toBe(true);
  },
);

secondTierTest(
  'names that are words of SQL or empty of meaning, odd paths and values are filled as they are',
  async () => {
    const odd = (given: Partial<Column>): Column =>
      ({
        name: 'order',
        path: ['price'],
        type: 'varchar',
        maxBytes: 32,
        stored: 'select',
        fill: true,
        ...given,
      }) as Column;
    await merge(
      sale(1, { price: "it's {{run_id}} \\ \u{1f600}" }),
      sale(2, { price: '' }),
      sale(3, { price: [1, { a: null }] as unknown as string }),
      sale(4, { price: 'x'.repeat(33) }),
    );
    expect(await events('id')).toEqual([]);
    await world.deploy(
      edition(
        [id, product, odd({ replaces: 'nothing_of_the_kind' })],
        'select product, count(e."order") as sales from shop.events e group by product',
      ),
    );
    await merge(sale(5, { price: "it's {{run_id}} \\ \u{1f600}" }), sale(6, { price: '' }));
    expect(await events('"order"')).toEqual([{ order: "it's {{run_id}} \\ \u{1f600}" }, { order: '' }]);
    expect(await world.rows('select sum(sales)::bigint as sales from shop.sales')).toEqual([{ sales: 2 }]);
    await world.deploy(
      edition(
        [id, product, odd({ stored: 'select_2', oneOf: ['', "it's", "it''s"] })],
        salesQuery.replace('sum(price)', 'count("order")'),
      ),
    );
    expect(await events('"order"')).toEqual([{ order: null }, { order: '' }]);
  },
);

secondTierTest('an edition that replaces a column which never was is deployed into an empty warehouse', async () => {
  const other = await World.open(typed({}));
  try {
    await other.merge(sale(1, { price: 8 }));
    expect(await other.rows('select price from shop.events')).toEqual([{ price: 8 }]);
    expect(await other.rows('select row_count, lost from shop.fills')).toEqual([{ row_count: 0, lost: 0 }]);
  } finally {
    await other.dispose();
  }
});
