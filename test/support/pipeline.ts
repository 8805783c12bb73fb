import type { Pipeline } from '../../pipelines/definition';

/** As small as a pipeline with a stream and history can be: what is tested with it is what becomes of its events. */
export const simPipeline: Pipeline = {
  name: 'sim',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 8760 },
  identity: { by: 'columns', columns: ['id'] },
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'amount', path: ['amount'], type: 'bigint' },
  ],
  history: [
    { name: 'files', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip' },
    { name: 'once', globs: ['once/**/*.gz'], format: 'ndjson', compression: 'gzip', overwritten: 'alarm' },
  ],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
};
