import type { Pipeline } from '../definition';
import { readEndpoints, readExports, readViews } from '../read';

/**
 * Actions of customers in a shop: they view products, put them into the cart or take them out, buy and return them.
 * The events are those of the Tinybird materialized views workshop: `{"customer_id", "product": {"product_id"[,
 * "price"]}, "action", "timestamp"}`. Times are in UTC without a zone, and only purchases have a price. Events have
 * no id of their own.
 */
export const pipeline: Pipeline = {
  name: 'estore',
  stream: { capacity: { mode: 'on-demand' }, retentionHours: 7 * 24 },
  identity: { by: 'columns', columns: ['customer_id', 'product_id', 'action', 'occurred_at'] },
  columns: [
    { name: 'customer_id', path: ['customer_id'], type: 'varchar', maxBytes: 64, required: true },
    { name: 'product_id', path: ['product', 'product_id'], type: 'varchar', maxBytes: 64, required: true },
    {
      name: 'action',
      path: ['action'],
      type: 'varchar',
      maxBytes: 16,
      oneOf: ['view', 'cart', 'uncart', 'purchase', 'return'],
      required: true,
    },
    { name: 'price', path: ['product', 'price'], type: 'decimal', precision: 12, scale: 2 },
    { name: 'occurred_at', path: ['timestamp'], type: 'timestamp', required: true },
  ],
  subject: ['customer_id'],
  history: [{ name: 'logs', globs: ['estore/*/*/*.gz'], format: 'ndjson', compression: 'gzip' }],
  refreshEveryMinutes: 1,
  views: readViews(__dirname),
  exports: readExports(__dirname, {
    purchases: {
      content: {
        kind: 'incremental',
        timeColumn: 'occurred_at',
        window: 'hour',
        latenessMinutes: 15,
        corrections: true,
      },
      format: { kind: 'parquet', partitionBy: ['sold_on'] },
    },
    hourly_revenue: {
      content: { kind: 'incremental', timeColumn: 'hour', window: 'hour', latenessMinutes: 15 },
      format: { kind: 'csv' },
    },
    product_revenue: {
      view: 'revenue_by_product',
      content: { kind: 'snapshot', every: 'hour' },
      format: { kind: 'json' },
    },
  }),
  endpoints: readEndpoints(__dirname, {
    revenue: {
      description: 'Purchases and revenue by hour, the newest hours first',
      params: {
        since: { type: 'timestamp', description: 'The first hour, as 2026-11-21T10:00:00Z' },
        until: { type: 'timestamp', description: 'Hours before it' },
        limit: { type: 'integer', min: 1, max: 1000, default: 24 },
      },
    },
    product_views: {
      description: 'Views by product, the most viewed first',
      params: {
        product_id: { type: 'varchar', maxBytes: 64 },
        limit: { type: 'integer', min: 1, max: 1000, default: 100 },
      },
    },
    cart: {
      description: "What is in a customer's cart",
      params: { customer_id: { type: 'varchar', maxBytes: 64 } },
      maxRows: 500,
      tenant: 'customer_id',
    },
    top_products: {
      description: 'Products by revenue, the highest first',
      params: {
        sold_since: { type: 'timestamp', description: 'Products that were sold at this time or later' },
        limit: { type: 'integer', min: 1, max: 100, default: 10 },
      },
    },
  }),
};
