import type { Pipeline } from '../../../pipelines/definition';
import { compileViews } from '../../../sql/views/compiled-views';
import { overStored } from '../../../sql/views/stored-names';
import { problemsOf } from '../../support/problems';
import { aPipeline, aView } from '../fixtures';

const columns: Pipeline['columns'] = [
  { name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true },
  { name: 'product_id', path: ['product'], type: 'varchar', maxBytes: 16, stored: 'product' },
  { name: 'price', path: ['price'], type: 'bigint', stored: 'price_2' },
  { name: 'at', path: ['timestamp'], type: 'timestamp' },
];
const pipeline = aPipeline({ columns, views: [aView('sold', 'select id, product_id from shop.events')] });
const physical = new Map([['sold', 'shop.sold_1a2b3c4d']]);
const read = (sql: string) => overStored(pipeline, sql, physical);

test.each([
  [
    'select product_id, sum(price) as total from shop.events group by product_id',
    'select product as product_id, sum(price_2) as total from shop.events_51d923f4 as events group by product',
  ],
  ['select e.product_id, e.at from shop.events e', 'select e.product as product_id, e.at from shop.events_51d923f4 e'],
  [
    'select events.product_id as p, shop.events.id from shop.events where Shop.Events.Price > 1',
    'select events.product as p, events.id from shop.events_51d923f4 as events where events.price_2 > 1',
  ],
  [
    'select product_id::char(4), price + 1 as price_and_one from shop.events',
    'select product::char(4) as product_id, price_2 + 1 as price_and_one from shop.events_51d923f4 as events',
  ],
  [
    'select payload.price, payload.product.price::bigint as inner_price from shop.events where payload."product_id" = \'x\'',
    'select payload.price, payload.product.price::bigint as inner_price from shop.events_51d923f4 as events where payload."product_id" = \'x\'',
  ],
  [
    "select extract(day from at) as day, 'price' as word, datediff(day, at, at) as price_days from shop.events -- price",
    "select extract(day from at) as day, 'price' as word, datediff(day, at, at) as price_days from shop.events_51d923f4 as events -- price",
  ],
  [
    'select e.price, s.product_id from shop.events as e inner join shop.sold s on s.id = e.id and s.product_id = e.product_id',
    'select e.price_2 as price, s.product_id from shop.events_51d923f4 as e inner join shop.sold_1a2b3c4d s on s.id = e.id and s.product_id = e.product',
  ],
  ['select sold.product_id from shop.sold', 'select sold.product_id from shop.sold_1a2b3c4d as sold'],
  ['select reason from shop.rejects', 'select reason from shop.rejects_51d923f4 as rejects'],
  [
    'select shop.rejects.reason, count(*) as n from shop.rejects group by shop.rejects.reason',
    'select rejects.reason, count(*) as n from shop.rejects_51d923f4 as rejects group by rejects.reason',
  ],
  ['select run_id from shop.runs', 'select run_id from shop.runs'],
  [
    'select price * 2 as price, count(*) as n from shop.events group by price',
    'select price_2 * 2 as price, count(*) as n from shop.events_51d923f4 as events group by price_2',
  ],
  [
    'select e.price, l.sku::char(4) as sku, i from shop.events e, e.payload.lines l at i',
    'select e.price_2 as price, l.sku::char(4) as sku, i from shop.events_51d923f4 e, e.payload.lines l at i',
  ],
  [
    'with p as (select price from shop.events) select max(price) as most, shop.sold.id from p cross join shop.sold group by shop.sold.id',
    'with p as (select price from (select event_id, id, product as product_id, price_2 as price, at, source, shard_id, sequence_number, partition_key, arrived_at, run_id, merged_at, payload from shop.events_51d923f4) as events) select max(price) as most, sold.id from p cross join shop.sold_1a2b3c4d as sold group by sold.id',
  ],
  ['select "price" from shop.events', 'select price_2 as price from shop.events_51d923f4 as events'],
])('%s', (sql, expected) => {
  expect(read(sql)).toEqual({ sql: expected, problems: [] });
});

test.each([
  [
    'select product from shop.events',
    'names product, which is only the stored name of shop.events.product_id: write product_id',
  ],
  [
    'select e.price_2 from shop.events e',
    'names price_2, which is only the stored name of shop.events.price: write price',
  ],
  [
    'select price from shop.events e inner join shop.sold s on s.id = e.id',
    'names price, which may or may not be the column of shop.events: write e.price',
  ],
])('%s is refused', (sql, problem) => {
  expect(read(sql).problems).toEqual([problem]);
});

test('a name that another column is stored under means the column, not what is stored', () => {
  const swapped = aPipeline({
    columns: [columns[0]!, { ...columns[1]!, stored: 'price' }, { ...columns[2]!, stored: 'product_id' }],
  } as Partial<Pipeline>);
  expect(overStored(swapped, 'select product_id, price from shop.events', physical)).toEqual({
    sql: 'select price as product_id, product_id as price from shop.events_51d923f4 as events',
    problems: [],
  });
});

test('words of SQL are no columns, whatever is stored under them', () => {
  const odd = aPipeline({
    columns: [columns[0]!, { ...columns[1]!, stored: 'select' }, { ...columns[2]!, name: 'by', stored: 'from' }],
  } as Partial<Pipeline>);
  expect(
    overStored(odd, 'select product_id, sum(by) as n from shop.events where by > 1 group by product_id', physical),
  ).toEqual({
    sql: 'select "select" as product_id, sum("from") as n from shop.events_51d923f4 as events where "from" > 1 group by "select"',
    problems: [],
  });
});

test('what is unclear is an error of synthesis that names the view', () => {
  const edited = aPipeline({ columns, views: [aView('v', 'select product from shop.events')] });
  expect(problemsOf(edited)).toEqual([
    expect.stringContaining(
      'pipelines.shop.views.v (views/v.sql) names product, which is only the stored name of shop.events.product_id: write product_id',
    ),
  ]);
  expect(() => compileViews(edited)).toThrow('names product');
});

test.each([
  [
    { stored: 'Product' },
    'pipelines.shop.columns.at.stored must be lower-case snake_case of at most 64 characters, got "Product"',
  ],
  [
    { stored: 'payload' },
    'pipelines.shop.columns.at.stored is a column of Millrace itself, got "payload"; choose another name',
  ],
  [{ stored: 'price_2' }, 'pipelines.shop.columns.at.stored is "price_2", as that of pipelines.shop.columns.price'],
  [{ stored: 'id' }, 'pipelines.shop.columns.at.stored is "id", as that of pipelines.shop.columns.id'],
])('refuses %j', (given, problem) => {
  const edited = aPipeline({ columns: [...columns.slice(0, 3), { ...columns[3]!, ...given }], views: [] });
  expect(problemsOf(edited)).toEqual([problem]);
});
