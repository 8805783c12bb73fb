import type { Pipeline } from '../../pipelines/definition';

/**
 * The query of a landing view: every record as it arrived, its bytes untouched. There are bare columns only: an expression that raises would
 * fail every refresh until the view is created again, and a filter would drop records without a trace. The merge parses.
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

/** Where a setting does not say it, the landing view keeps a record so much longer than the stream, in hours. */
export const landedMarginHours = 24;

/** How long the landing view keeps a record that is merged, from the refresh that read it. */
export const landedHours = ({ stream }: Pick<Pipeline, 'stream'>) =>
  stream.landedHours ?? stream.retentionHours + landedMarginHours;
