import type { ExportDefinition, HistorySource, Pipeline } from '../../pipelines/definition';

/** A pipeline with one column of each kind that matters; a test overrides what it is about. */
export function aPipeline(overrides: Partial<Pipeline> = {}): Pipeline {
  return {
    name: 'shop',
    stream: { capacity: { mode: 'on-demand' }, retentionHours: 24 },
    identity: { by: 'columns', columns: ['id'] },
    columns: [
      { name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true },
      { name: 'kind', path: ['kind'], type: 'varchar', maxBytes: 8, oneOf: ['a', 'b'] },
      { name: 'amount', path: ['order', 'amount'], type: 'decimal', precision: 6, scale: 2 },
      { name: 'pieces', path: ['order', 'pieces'], type: 'bigint' },
      { name: 'weight', path: ['weight'], type: 'double' },
      { name: 'gift', path: ['gift'], type: 'boolean' },
      { name: 'at', path: ['timestamp'], type: 'timestamp' },
    ],
    refreshEveryMinutes: 1,
    views: [],
    exports: [],
    ...overrides,
  };
}

export const aSource = (overrides: Partial<HistorySource> = {}): HistorySource => ({
  name: 'logs',
  globs: ['shop/*/*.gz'],
  format: 'ndjson',
  compression: 'gzip',
  ...overrides,
});

export const aView = (name: string, query: string) => ({ name, query, file: `views/${name}.sql` });

export const anExport = (name: string, query: string, overrides: Partial<ExportDefinition> = {}): ExportDefinition => ({
  name,
  query,
  file: `exports/${name}.sql`,
  content: { kind: 'incremental', timeColumn: 'at', window: 'hour' },
  format: { kind: 'parquet' },
  ...overrides,
});
