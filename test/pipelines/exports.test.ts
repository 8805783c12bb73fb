import { pipelines } from '../../pipelines';
import { exportPlan } from '../../sql';
import { TestWarehouse } from '../sql/warehouse';

const pipelineNamed = (name: string) => pipelines.find((pipeline) => pipeline.name === name)!;

describe('the exports of estore', () => {
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

  test('the next window of an export is the first that has rows, and a window holds its own rows only', async () => {
    const purchases = exportPlan(pipelineNamed('estore')).exports.find(({ name }) => name === 'purchases')!;
    expect((await warehouse.query(purchases.next))[0]![0]).toBe('2026-11-21 10:00:00');
    const window = (sql: string) =>
      sql.replaceAll('{{window_start}}', "'2026-11-21 11:00:00'").replaceAll('{{window_end}}', "'2026-11-21 12:00:00'");
    expect(await warehouse.query(window(purchases.count))).toEqual([[2]]);
  });
});
