/**
 * The query of a landing view: every record as it arrived. What is not JSON is kept as bytes instead of being filtered out, since a
 * filter in a streaming view drops records without a trace. A cast that fails here would block the stream, so there is none.
 */
export function landingQuery(source: string): string {
  return `select
  approximate_arrival_timestamp,
  partition_key,
  shard_id,
  sequence_number,
  refresh_time,
  case when can_json_parse(kinesis_data) then json_parse(kinesis_data) end as payload,
  case when can_json_parse(kinesis_data) then null else kinesis_data end as unparsed
from ${source}`;
}
