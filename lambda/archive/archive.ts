import { base64Of } from '../shared/base64';
import { asArray, asNumber, asRecord, asText } from '../shared/parse';
import { plainJson } from '../shared/plain-json';
import type { ArchiveHost } from './host';

/** A record as Firehose passes it to a transformation when its source is a Kinesis stream. */
export interface FirehoseRecord {
  readonly recordId: string;
  /** Base64. */
  readonly data: string;
  readonly shardId: string;
  readonly sequenceNumber: string;
  /**
   * Index in a record that the Kinesis Producer Library aggregated: Firehose passes each of its user records. 0 for any
   * other record.
   */
  readonly subsequenceNumber: number;
  readonly partitionKey: string;
  /** Epoch milliseconds. */
  readonly arrivedAt: number;
}

export interface TransformedRecord {
  readonly recordId: string;
  readonly result: 'Ok' | 'ProcessingFailed';
  /** Base64. Missing in a failed record: Firehose then writes the original under its error prefix. */
  readonly data?: string;
}

/** A Lambda response may have 6 MB (Firehose developer guide, "Data transformation"). */
export const maxResponseBytes = 6_000_000;
/** Upper bound for the id, the result and the punctuation of one record in the response. */
const bytesAroundData = 200;

/** Firehose's transformation: it turns each record of the stream into one line of an archive object. */
export const archiveFunction = (host: ArchiveHost) => async (event: unknown) =>
  archiveRecords(host, parseTransformation(event));

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
      subsequenceNumber: subsequenceOf(metadata.subsequenceNumber, `${at}.kinesisRecordMetadata.subsequenceNumber`),
      partitionKey: asText(metadata.partitionKey, `${at}.kinesisRecordMetadata.partitionKey`),
      arrivedAt: asNumber(
        metadata.approximateArrivalTimestamp,
        `${at}.kinesisRecordMetadata.approximateArrivalTimestamp`,
      ),
    };
  });
}

/** Reads the subsequence number. AWS documents no type: its samples have a number, its type definitions a string. */
function subsequenceOf(value: unknown, at: string): number {
  if (value === undefined || value === null) return 0;
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (Number.isSafeInteger(number) && (number as number) >= 0) return number as number;
  throw new Error(`${at} must be a whole number of 0 or more, got ${JSON.stringify(value)}`);
}

/** Answers every record. Those that no longer fit into the response fail, and Firehose writes them under its error prefix. */
export function archiveRecords(
  { log }: ArchiveHost,
  records: readonly FirehoseRecord[],
): { records: TransformedRecord[] } {
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
 * Writes one line of an archive object. Its fields:
 * - `shard_id`, `partition_key`
 * - `sequence_number`: with the subsequence number after a colon if that is above 0 (decision 30)
 * - `approximate_arrival_timestamp`: ISO 8601 in UTC, without a zone, with milliseconds
 * - `payload`: the record's own JSON text. It is copied, since parsing and writing it would round big integers and drop
 *   repeated keys. Only line breaks between tokens become spaces; a JSON string cannot contain any.
 * - `unparsed`: the bytes in base64, as a list of texts if they are long. A line has it in place of `payload` if the
 *   bytes are not JSON that every parser reads alike. The merge treats them like bytes of the stream.
 */
export function archiveLine(record: FirehoseRecord): string {
  const { data, shardId, sequenceNumber, subsequenceNumber, partitionKey, arrivedAt } = record;
  const bytes = Buffer.from(data, 'base64');
  const json = plainJson(bytes);
  const position = JSON.stringify({
    shard_id: shardId,
    sequence_number: subsequenceNumber > 0 ? `${sequenceNumber}:${subsequenceNumber}` : sequenceNumber,
    partition_key: partitionKey,
    approximate_arrival_timestamp: new Date(arrivedAt).toISOString().slice(0, -1),
  });
  const payload = json === undefined ? 'null' : json.replace(/[\r\n]/g, ' ');
  const unparsed = json === undefined ? JSON.stringify(base64Of(bytes)) : 'null';
  return `${position.slice(0, -1)},"payload":${payload},"unparsed":${unparsed}}\n`;
}
