import type { Environment } from '../../../environments/environment';
import type { Column, Pipeline } from '../../../pipelines/definition';
import { testEnvironment } from '../../lib/fixtures';
import { anExport, aView } from '../../sql/fixtures';

/** A small shop: events, two views of which one reads the other, an export. */
export function shop(changes: Partial<Pipeline> = {}): Pipeline {
  return {
    name: 'shop',
    stream: { capacity: { mode: 'on-demand' }, retentionHours: 48 },
    identity: { by: 'columns', columns: ['id'] },
    columns: [
      { name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true },
      { name: 'kind', path: ['kind'], type: 'varchar', maxBytes: 8, oneOf: ['sale', 'return'] },
      { name: 'amount', path: ['order', 'amount'], type: 'decimal', precision: 6, scale: 2 },
      { name: 'at', path: ['timestamp'], type: 'timestamp' },
    ],
    refreshEveryMinutes: 5,
    views: [
      aView('sold', "select kind, amount, at from shop.events where kind = 'sale'"),
      aView(
        'hourly_sold',
        "select date_trunc('hour', at) as hour, sum(amount) as amount from shop.sold group by date_trunc('hour', at)",
      ),
    ],
    exports: [anExport('sales', 'select event_id, amount, at from shop.events')],
    ...changes,
  };
}

export const visits = (): Pipeline =>
  shop({
    name: 'visits',
    views: [
      aView(
        'hourly',
        "select date_trunc('hour', at) as hour, count(*) as visits from visits.events group by date_trunc('hour', at)",
      ),
    ],
    exports: [],
  });

/** The sample with one column in another form. */
export const withColumn = (name: string, change: Partial<Column>): Pipeline =>
  shop({
    columns: shop().columns.map((column) => (column.name === name ? ({ ...column, ...change } as Column) : column)),
  });

/** The sample with one view in another form. */
export const withView = (name: string, query: string): Pipeline =>
  shop({ views: shop().views.map((view) => (view.name === name ? { ...view, query } : view)) });

export const prod = (changes: Partial<Environment> = {}): Environment =>
  testEnvironment({
    name: 'prod',
    partners: [
      {
        name: 'reader',
        who: { kind: 'aws', principal: 'arn:aws:iam::111122223333:root' },
        access: { mode: 'read', exports: ['shop.sales'] },
        externalId: { kind: 'generated' },
      },
    ],
    ...changes,
  });
