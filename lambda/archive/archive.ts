import type { Log } from '../shared/log';
import { asArray, asNumber, asRecord, asText } from '../shared/parse';
import { plainJson } from './plain-json';

/** A record as Firehose hands it over when its source is a Kinesis stream. */
export interface FirehoseRecord {
  readonly recordId: string;
  /** Base64. */
  readonly data: string;
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  /** Epoch milliseconds. */
  readonly arrivedAt: number;
}

export interface TransformedRecord {
  readonly recordId: string;
  readonly result: 'Ok' | 'ProcessingFailed';
  /** Base64. A failed record has none: Firehose keeps the original below the error prefix. */
  readonly data?: string;
}

/** A Lambda may answer with 6 MB (Firehose developer guide, data transformation); ids and punctuation take their part of it. */
export const maxResponseBytes = 6_000_000;
const bytesAroundData = 200;

export function parseTransformation(event: unknown): FirehoseRecord[] {
  return asArray(asRecord(event, 'event').records, 'event.records').map((value, i) => {
    const at = `event.records[${i}]`;
    const record = asRecord(value, at);
    const metadata = asRecord(record.kinesisRecordMetadata, `${at}.kinesisRecordMetadata`);
    return {
      recordId: asText(record.recordId, `${at}.recordId`),
      data: asText(record.data, `${at}.data`),
      shardId: asText(metadata.shardId, `${at}.kinesisRecordMetadata.shardId`),
      sequenceNumber: asText(metadata.sequenceNumber, `${at}.kinesisRecordMetadata.sequenceNumber`),
      partitionKey: asText(metadata.partitionKey, `${at}.kinesisRecordMetadata.partitionKey`),
      arrivedAt: asNumber(
        metadata.approximateArrivalTimestamp,
        `${at}.kinesisRecordMetadata.approximateArrivalTimestamp`,
      ),
    };
  });
}

/** Wraps each record with its place on the stream, one line each. What no longer fits into the answer is left to Firehose's error output. */
export function archive(records: readonly FirehoseRecord[], log: Log): { records: TransformedRecord[] } {
  let bytes = 0;
  let refused = 0;
  const transformed = records.map((record): TransformedRecord => {
    const data = Buffer.from(archiveLine(record)).toString('base64');
    if (bytes + data.length + bytesAroundData > maxResponseBytes) {
      refused += 1;
      bytes += bytesAroundData;
      return { recordId: record.recordId, result: 'ProcessingFailed' };
    }
    bytes += data.length + bytesAroundData;
    return { recordId: record.recordId, result: 'Ok', data };
  });
  if (refused > 0) log('records did not fit into the answer', { refused, records: records.length, maxResponseBytes });
  return { records: transformed };
}

/**
 * One line of an archive object: `shard_id`, `sequence_number`, `partition_key`, `approximate_arrival_timestamp` (ISO 8601 without zone, UTC, milliseconds),
 * `payload`, and `unparsed`, the bytes in base64 where they are not JSON that every parser reads alike: the merge judges those as it does
 * the bytes of the stream. The payload's own JSON text is spliced in, never parsed and written again: that would round big integers
 * and drop repeated keys. Only line breaks between its tokens become spaces; inside a JSON string there can be none.
 */
export function archiveLine({ data, shardId, sequenceNumber, partitionKey, arrivedAt }: FirehoseRecord): string {
  const bytes = Buffer.from(data, 'base64');
  const json = plainJson(bytes);
  const place = JSON.stringify({
    shard_id: shardId,
    sequence_number: sequenceNumber,
    partition_key: partitionKey,
    approximate_arrival_timestamp: new Date(arrivedAt).toISOString().slice(0, -1),
  });
  const payload = json === undefined ? 'null' : json.replace(/[\r\n]/g, ' ');
  const unparsed = json === undefined ? JSON.stringify(bytes.toString('base64')) : 'null';
  return `${place.slice(0, -1)},"payload":${payload},"unparsed":${unparsed}}\n`;
}
