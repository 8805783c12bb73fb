import { pipelines } from '../../pipelines';
import { exportPlan } from '../../sql';
import { TestWarehouse } from '../sql/warehouse';

const pipelineNamed = (name: string) => pipelines.find((pipeline) => pipeline.name === name)!;

describe('estore', () => {
  let warehouse: TestWarehouse;
  const event = (action: string, product: number, timestamp: string, price?: number) => ({
    customer_id: 'customer_1',
    product: { product_id: `product_${product}`, ...(price === undefined ? {} : { price }) },
    action,
    timestamp,
  });

  beforeAll(async () => {
    warehouse = await TestWarehouse.create(pipelineNamed('estore'));
    warehouse.send(
      event('view', 1, '2026-11-21T09:59:59'),
      event('view', 1, '2026-11-21T10:00:00'),
      event('view', 2, '2026-11-21T10:30:00'),
      event('view', 2, '2026-11-21T10:30:00'),
      event('cart', 1, '2026-11-21T10:01:00'),
      event('cart', 2, '2026-11-21T10:02:00'),
      event('uncart', 2, '2026-11-21T10:03:00'),
      event('purchase', 1, '2026-11-21T10:04:00', 23.99),
      event('purchase', 1, '2026-11-21T11:00:00', 0.01),
      event('purchase', 2, '2026-11-21T11:59:59.999'),
      event('return', 1, '2026-11-21T12:00:00'),
      event('steal', 1, '2026-11-21T12:00:00'),
    );
    await warehouse.refresh();
  });
  afterAll(() => warehouse.dispose());

  test.each<[string, string, unknown[][]]>([
    [
      'hourly_views',
      'hour, views',
      [
        ['2026-11-21 09:00:00', 1],
        ['2026-11-21 10:00:00', 2],
      ],
    ],
    [
      'hourly_revenue',
      'hour, purchases, revenue',
      [
        ['2026-11-21 10:00:00', 1, '23.99'],
        ['2026-11-21 11:00:00', 2, '0.01'],
      ],
    ],
    [
      'carts',
      'occurred_at, customer_id, product_id',
      [
        ['2026-11-21 10:01:00', 'customer_1', 'product_1'],
        ['2026-11-21 10:02:00', 'customer_1', 'product_2'],
      ],
    ],
    ['uncarts', 'occurred_at, customer_id, product_id', [['2026-11-21 10:03:00', 'customer_1', 'product_2']]],
    [
      'purchases',
      'occurred_at, customer_id, product_id, price',
      [
        ['2026-11-21 10:04:00', 'customer_1', 'product_1', '23.99'],
        ['2026-11-21 11:00:00', 'customer_1', 'product_1', '0.01'],
        ['2026-11-21 11:59:59.999', 'customer_1', 'product_2', true],
      ],
    ],
    ['returns', 'occurred_at, customer_id, product_id', [['2026-11-21 12:00:00', 'customer_1', 'product_1']]],
    [
      'revenue_by_product',
      'product_id, purchases, revenue, first_sold_at, last_sold_at',
      [
        ['product_1', 2, '24.00', '2026-11-21 10:04:00', '2026-11-21 11:00:00'],
        ['product_2', 1, true, '2026-11-21 11:59:59.999', '2026-11-21 11:59:59.999'],
      ],
    ],
  ])('%s', async (view, columns, rows) => {
    expect(await warehouse.query(`select ${columns} from estore.${view} order by 1`)).toEqual(rows);
  });

  test('the windows of an export are those that have rows, and a window holds its own rows only', async () => {
    const purchases = exportPlan(pipelineNamed('estore')).exports.find(({ name }) => name === 'purchases')!;
    expect((await warehouse.query(purchases.survey!)).map(([start, rows]) => [start, rows])).toEqual([
      ['2026-11-21 10:00:00', 1],
      ['2026-11-21 11:00:00', 2],
    ]);
    const window = (sql: string) =>
      sql.replaceAll('{{window_start}}', "'2026-11-21 11:00:00'").replaceAll('{{window_end}}', "'2026-11-21 12:00:00'");
    expect((await warehouse.query(window(purchases.count)))[0]![0]).toBe(2);
  });
});

test('pageviews: hourly_pages', async () => {
  const warehouse = await TestWarehouse.create(pipelineNamed('pageviews'));
  const page = (messageId: string, timestamp: string) => ({
    messageId,
    userId: null,
    timestamp,
    properties: { path: '/' },
  });
  warehouse.send(
    page('a', '2026-11-21T10:00:00.000Z'),
    page('a', '2026-11-21T10:00:00.000Z'),
    page('b', '2026-11-21T10:59:59.999Z'),
    page('c', '2026-11-21T12:00:00.000+01:00'),
  );
  await warehouse.refresh();
  expect(await warehouse.query('select hour, page_views, last_at from pageviews.hourly_pages order by hour')).toEqual([
    ['2026-11-21 10:00:00', 2, '2026-11-21 10:59:59.999'],
    ['2026-11-21 11:00:00', 1, '2026-11-21 11:00:00'],
  ]);
  await warehouse.dispose();
});
