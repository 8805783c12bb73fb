import type { Column, Pipeline } from '../../pipelines/definition';

/** A payload of the stream. */
export interface Sale {
  readonly id: string;
  readonly product?: string;
  readonly price?: number | string | null;
  readonly note?: string | number;
}

const view = (name: string, query: string) => ({ name, query, file: `views/${name}.sql` });

export const columns = {
  id: { name: 'id', path: ['id'], type: 'varchar', maxBytes: 16, required: true },
  product: { name: 'product', path: ['product'], type: 'varchar', maxBytes: 16 },
  price: { name: 'price', path: ['price'], type: 'decimal', precision: 8, scale: 4 },
  note: { name: 'note', path: ['note'], type: 'varchar', maxBytes: 8 },
} as const satisfies Record<string, Column>;

export const edition = (given: readonly Column[], sales: string): Pipeline => ({
  name: 'shop',
  stream: { capacity: { mode: 'provisioned', shards: 1 }, retentionHours: 8760 },
  identity: { by: 'columns', columns: ['id'] },
  columns: given,
  history: [{ name: 'files', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip' }],
  refreshEveryMinutes: 1,
  views: [view('sales', sales)],
  exports: [],
});

export const salesQuery = 'select product, count(*) as sales, sum(price) as revenue from shop.events group by product';

/** What is deployed before any change. */
export const first = edition([columns.id, columns.product, columns.price], salesQuery);
