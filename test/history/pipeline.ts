import type { FileColumn, Pipeline } from '../../pipelines/definition';

/** Columns of the CSV files, in an order that is not the pipeline's. */
export const csvColumns: readonly FileColumn[] = [
  { name: 'Amount', path: ['order', 'amount'] },
  { name: 'id' },
  { name: 'pieces', path: ['order', 'pieces'] },
  { name: 'note' },
  { name: 'gift' },
  { name: 'at' },
  { name: 'more', path: ['order', 'more'] },
];

export const parquetColumns: readonly FileColumn[] = [
  { name: 'id', type: 'varchar' },
  { name: 'amount', path: ['order', 'amount'], type: 'decimal(12,2)' },
  { name: 'pieces', path: ['order', 'pieces'], type: 'integer' },
  { name: 'weight', type: 'double' },
  { name: 'gift', type: 'boolean' },
  { name: 'at', type: 'timestamp' },
  { name: 'day', type: 'date' },
];

/** A stream, and history of every format. */
export const mixedPipeline: Pipeline = {
  name: 'mix',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['id'] },
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'amount', path: ['order', 'amount'], type: 'decimal', precision: 12, scale: 2 },
    { name: 'pieces', path: ['order', 'pieces'], type: 'bigint' },
    { name: 'weight', path: ['weight'], type: 'double' },
    { name: 'gift', path: ['gift'], type: 'boolean' },
    { name: 'note', path: ['note'], type: 'varchar', maxBytes: 64 },
    { name: 'at', path: ['at'], type: 'timestamp' },
  ],
  history: [
    { name: 'lines', globs: ['lines/*.gz'], format: 'ndjson', compression: 'gzip' },
    { name: 'sheets', globs: ['sheets/*.csv'], format: 'csv', compression: 'none', columns: csvColumns },
    { name: 'packed', globs: ['packed/*.csv.gz'], format: 'csv', compression: 'gzip', columns: csvColumns },
    {
      name: 'semicolons',
      globs: ['semi/*.csv'],
      format: 'csv',
      compression: 'none',
      delimiter: ';',
      columns: [{ name: 'id' }, { name: 'note' }],
    },
    { name: 'tables', globs: ['tables/*.parquet'], format: 'parquet', compression: 'none', columns: parquetColumns },
  ],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
};
