/** One line of an archive object: the record and its place on the stream. Bytes that are not JSON come as base64 in `unparsed`. */
export interface ArchivedRecord {
  readonly shard_id: string;
  readonly sequence_number: string;
  readonly partition_key: string;
  /** ISO 8601 without zone, UTC, milliseconds: what COPY reads into a timestamp. */
  readonly approximate_arrival_timestamp: string;
  readonly payload: unknown;
  readonly unparsed: string | null;
}
