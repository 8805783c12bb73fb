import type { Pipeline } from '../../pipelines/definition';

/**
 * The query of a landing view: every record as it arrived, its bytes unchanged. It selects bare columns only. An
 * expression that raises would fail every refresh until the view is recreated, and a filter would drop records
 * without a trace. The merge parses.
 * https://docs.aws.amazon.com/redshift/latest/dg/materialized-view-streaming-ingestion.html
 */
export function landingQuery(source: string): string {
  return `select
  approximate_arrival_timestamp,
  partition_key,
  shard_id,
  sequence_number,
  refresh_time,
  kinesis_data
from ${source}`;
}

/** By default the landing view keeps a record this many hours longer than the stream. */
export const landedMarginHours = 24;

/** How long the landing view keeps a merged record, in hours since the refresh that read it. */
export const landedHours = ({ stream }: Pick<Pipeline, 'stream'>) =>
  stream.landedHours ?? stream.retentionHours + landedMarginHours;
