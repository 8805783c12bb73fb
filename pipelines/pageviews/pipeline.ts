import type { Pipeline } from '../definition';
import { readEndpoints, readExports, readViews } from '../read';

/**
 * Page calls as Segment sends them (https://segment.com/docs/connections/spec/page/): camelCase attributes, times in ISO 8601 with
 * milliseconds and `Z`, and a `messageId` that stays the same when a client sends a call again. A Segment source sends all of its
 * calls to one stream, and writes all of them to the files of its S3 destination
 * (https://segment.com/docs/connections/storage/catalog/aws-s3/). `where` takes the page calls.
 */
export const pipeline: Pipeline = {
  name: 'pageviews',
  stream: { capacity: { mode: 'on-demand' }, retentionHours: 24 },
  where: [{ path: ['type'], oneOf: ['page'] }],
  identity: { by: 'columns', columns: ['message_id'] },
  columns: [
    { name: 'message_id', path: ['messageId'], type: 'varchar', maxBytes: 128, required: true },
    { name: 'anonymous_id', path: ['anonymousId'], type: 'varchar', maxBytes: 64 },
    { name: 'user_id', path: ['userId'], type: 'varchar', maxBytes: 256 },
    { name: 'url', path: ['properties', 'url'], type: 'varchar', maxBytes: 4096 },
    { name: 'page_path', path: ['properties', 'path'], type: 'varchar', maxBytes: 2048, required: true },
    { name: 'user_agent', path: ['context', 'userAgent'], type: 'varchar', maxBytes: 1024 },
    { name: 'occurred_at', path: ['timestamp'], type: 'timestamp', required: true },
  ],
  // segment-logs/<source id>/<day, in epoch milliseconds>/<file>.gz
  history: [{ name: 'segment', globs: ['segment-logs/qHv5TrWm2LxKd8/*/*.gz'], format: 'ndjson', compression: 'gzip' }],
  refreshEveryMinutes: 5,
  views: readViews(__dirname),
  exports: readExports(__dirname, {
    page_views: {
      content: { kind: 'incremental', timeColumn: 'occurred_at', window: 'day', latenessMinutes: 60 },
      format: { kind: 'parquet' },
    },
  }),
  endpoints: readEndpoints(__dirname, {
    traffic: {
      description: 'Page views by hour, in the order of time',
      params: { since: { type: 'timestamp' }, until: { type: 'timestamp' } },
    },
  }),
};
