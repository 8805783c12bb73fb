import type { Column, Pipeline } from '../../pipelines/definition';

const kinds = [
  { type: 'varchar', maxBytes: 200 },
  { type: 'timestamp' },
  { type: 'bigint' },
  { type: 'decimal', precision: 18, scale: 2 },
  { type: 'double' },
  { type: 'boolean' },
] as const;

/** Makes columns of every type in turn: `attribute_1` and so on, below `attributes` of the payload. */
export const attributeColumns = (count: number): Column[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `attribute_${i + 1}`,
    path: ['attributes', `attribute_${i + 1}`],
    ...kinds[i % kinds.length]!,
  }));

/** Makes a record's values for `attributeColumns`. */
export const attributesOf = (count: number, record: number): Record<string, unknown> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => {
      const values = [`text ${record}`, '2026-11-21T10:00:00Z', record, record + 0.25, record / 8, record % 2 === 0];
      return [`attribute_${i + 1}`, values[i % values.length]];
    }),
  );

/** Makes a pipeline with the given number of columns, history, a view and an export. */
export function widePipeline(name: string, columns: number, changes: Partial<Pipeline> = {}): Pipeline {
  return {
    name,
    stream: { capacity: { mode: 'provisioned', shards: 1 }, retentionHours: 24 },
    identity: { by: 'columns', columns: ['message_id'] },
    columns: [
      { name: 'message_id', type: 'varchar', maxBytes: 64, path: ['messageId'], required: true },
      { name: 'happened_at', type: 'timestamp', path: ['timestamp'], required: true },
      ...attributeColumns(columns - 2),
    ],
    history: [{ name: 'logs', globs: [`${name}-logs/*.gz`], format: 'ndjson', compression: 'gzip' }],
    refreshEveryMinutes: 1,
    views: [
      {
        name: 'hourly',
        file: `pipelines/${name}/views/hourly.sql`,
        query: `select date_trunc('hour', happened_at) as hour, count(*) as events from ${name}.events group by date_trunc('hour', happened_at)`,
      },
    ],
    exports: [
      {
        name: 'all_events',
        file: `pipelines/${name}/exports/all_events.sql`,
        query: `select event_id, happened_at, attribute_1 from ${name}.events`,
        content: { kind: 'incremental', timeColumn: 'happened_at', window: 'hour' },
        format: { kind: 'parquet' },
      },
    ],
    ...changes,
  };
}

/** Pipelines per stack. */
const perStack = 6;

/** Makes twenty pipelines of 30 columns, in as many stacks as they need. */
export const twentyPipelines = (): Pipeline[] =>
  Array.from({ length: 20 }, (_, i) =>
    widePipeline(`orders_of_shop_${i + 1}`, 30, i < perStack ? {} : { stack: `group-${Math.floor(i / perStack) + 1}` }),
  );
