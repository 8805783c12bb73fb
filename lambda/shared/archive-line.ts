import { base64Of } from './base64';
import { plainJson } from './plain-json';

/** Where a record was on the stream. */
export interface RecordPlace {
  readonly shardId: string;
  /** With its subsequence number, if it has one (decision 30). */
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  /** ISO 8601 in UTC, without a zone. */
  readonly arrivedAt: string;
}

/**
 * Writes one line of an archive object. Its fields:
 * - `shard_id`, `partition_key`, `sequence_number`, `approximate_arrival_timestamp`
 * - `payload`: the record's own JSON text. It is copied, since parsing and writing it would round big integers and drop
 *   repeated keys. Only line breaks between tokens become spaces; a JSON string cannot contain any.
 * - `unparsed`: the bytes in base64, as a list of texts if they are long. A line has it in place of `payload` if the
 *   bytes are not JSON that every parser reads alike. The merge treats them like bytes of the stream.
 * @param isText true if the records of the stream are texts, whose bytes are kept even if they are JSON
 */
export function archiveLine(
  { shardId, sequenceNumber, partitionKey, arrivedAt }: RecordPlace,
  bytes: Buffer,
  isText = false,
): string {
  const json = isText ? undefined : plainJson(bytes);
  const position = JSON.stringify({
    shard_id: shardId,
    sequence_number: sequenceNumber,
    partition_key: partitionKey,
    approximate_arrival_timestamp: arrivedAt,
  });
  const payload = json === undefined ? 'null' : json.replace(/[\r\n]/g, ' ');
  const unparsed = json === undefined ? JSON.stringify(base64Of(bytes)) : 'null';
  return `${position.slice(0, -1)},"payload":${payload},"unparsed":${unparsed}}\n`;
}
