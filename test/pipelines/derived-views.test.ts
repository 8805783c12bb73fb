import { roleArn } from 'redshift-local/testing';
import { asked, render } from '../../lambda/shared/statement';
import type { Pipeline } from '../../pipelines/definition';
import { exportPlan } from '../../sql';
import { anExport, aPipeline, aView } from '../sql/fixtures';
import { TestWarehouse } from '../sql/warehouse';
import { problemsOf } from '../support/problems';

const recomputed = (name: string, query: string) => ({ ...aView(name, query), recomputed: true });

const pipeline: Pipeline = aPipeline({
  views: [
    aView(
      'ratios',
      "select date_trunc('hour', at) as hour, sum(amount) as revenue, sum(amount) / nullif(count(*), 0) as per_order from shop.events group by 1",
    ),
    recomputed(
      'shares',
      "with hours as (select date_trunc('hour', at) as hour, count(*) as n from shop.events group by 1) select hour, n, round(100.0 * n / sum(n) over (), 1) as share from hours",
    ),
    recomputed(
      'lines',
      'select e.id, l.sku::varchar(16) as sku, i as place, e.at from shop.events e, e.payload.lines l at i',
    ),
    recomputed(
      'percentiles',
      "select kind, median(amount) as middle, percentile_cont(0.9) within group (order by amount) as high, approximate count(distinct id) as ids, date_trunc('day', max(at)) as day from shop.events group by kind",
    ),
  ],
  exports: [
    anExport('ratios', 'select hour, revenue, per_order from shop.ratios', {
      content: { kind: 'incremental', timeColumn: 'hour', window: 'hour' },
    }),
    anExport('shares', 'select hour, n, share from shop.shares', { content: { kind: 'snapshot', every: 'hour' } }),
    anExport('lines', 'select id, sku, place, at from shop.lines'),
    anExport('percentiles', 'select kind, middle, high, ids, day from shop.percentiles', {
      content: { kind: 'snapshot', every: 'hour' },
    }),
  ],
});

let warehouse: TestWarehouse;
beforeAll(async () => {
  warehouse = await TestWarehouse.create(pipeline);
  const order = (messageId: string, kind: string, amount: number, timestamp: string, ...skus: string[]) => ({
    messageId,
    kind,
    order: { amount, pieces: 1 },
    timestamp,
    lines: skus.map((sku) => ({ sku })),
  });
  warehouse.send(
    order('1', 'a', 10, '2026-11-21T10:00:00', 'x', 'y'),
    order('2', 'a', 0.5, '2026-11-21T10:30:00', 'x'),
    order('3', 'b', 2, '2026-11-21T11:00:00'),
  );
  await warehouse.refresh();
});
afterAll(() => warehouse.dispose());

test('the pipeline is sound', () => expect(problemsOf(pipeline)).toEqual([]));

test.each([
  [
    'ratios',
    'select hour, revenue, per_order from shop.ratios order by 1',
    [
      ['2026-11-21 10:00:00', '10.50', '5.2500'],
      ['2026-11-21 11:00:00', '2.00', '2.0000'],
    ],
  ],
  [
    'shares',
    'select n, share from shop.shares order by hour',
    [
      [2, '66.7'],
      [1, '33.3'],
    ],
  ],
  [
    'lines',
    'select id, sku, place from shop.lines order by 1, 3',
    [
      ['1', 'x', 0],
      ['1', 'y', 1],
      ['2', 'x', 0],
    ],
  ],
  [
    'percentiles',
    'select kind, middle, high, ids from shop.percentiles order by 1',
    [
      ['a', '5.25', '9.05', 2],
      ['b', '2.00', '2.00', 1],
    ],
  ],
])('%s is refreshed', async (_, sql, rows) => expect(await warehouse.query(sql)).toEqual(rows));

test.each(exportPlan(pipeline).exports.map((each) => [each.name, each] as const))(
  '%s is exported',
  async (name, item) => {
    const window = { window_start: '2026-11-21 10:00:00', window_end: '2026-11-21 11:00:00' };
    const target = `s3://work/${name}/`;
    const filled = (sql: string) => render(sql, asked([sql], { ...window, target, unload_role: roleArn('unload') }));
    await warehouse.execute([filled(item.unload)]);
    const [row] = await warehouse.query(filled(item.count));
    const rows = { ratios: 1, shares: 2, lines: 3, percentiles: 2 }[name];
    expect(row![0]).toBe(rows);
    const [unloaded] = await warehouse.query(
      `select unloaded_rows from sys_unload_history where unloaded_location = '${target}'`,
    );
    expect(unloaded).toEqual([rows]);
  },
);
