import type { Pipeline } from '../../pipelines/definition';

/** The stream's retention, unless a scenario tests expired records. */
export const longRetentionHours = 8760;

/**
 * The smallest pipeline with a stream, history, views and an export. Its tests are about the fate of its events. The
 * window of the export is the day on which an event arrived on the stream, so a later event from the archive is a
 * correction.
 */
export const simPipeline: Pipeline = {
  name: 'sim',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: longRetentionHours },
  identity: { by: 'columns', columns: ['id'] },
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'amount', path: ['amount'], type: 'bigint' },
    { name: 'occurred_at', path: ['at'], type: 'timestamp' },
  ],
  history: [
    { name: 'files', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip' },
    { name: 'once', globs: ['once/**/*.gz'], format: 'ndjson', compression: 'gzip', overwritten: 'alarm' },
    { name: 'envelopes', globs: ['envelopes/*.gz'], format: 'firehose', compression: 'gzip' },
  ],
  subject: ['id'],
  refreshEveryMinutes: 1,
  views: [
    {
      name: 'hourly',
      query: `select date_trunc('hour', occurred_at) as hour, count(*) as events, sum(amount) as amount
from sim.events
group by date_trunc('hour', occurred_at)`,
      file: 'views/hourly.sql',
    },
    { name: 'large', query: 'select event_id, id, amount from sim.events where amount >= 10', file: 'views/large.sql' },
  ],
  exports: [
    {
      name: 'arrivals',
      query: 'select event_id, id, amount, arrived_at from sim.events',
      file: 'exports/arrivals.sql',
      content: { kind: 'incremental', timeColumn: 'arrived_at', window: 'day', corrections: true },
      format: { kind: 'csv' },
    },
  ],
};

/** Returns the same pipeline with a shorter retention of the stream. */
export const keeping = (pipeline: Pipeline, retentionHours: number): Pipeline => ({
  ...pipeline,
  stream: { ...pipeline.stream, retentionHours },
});
