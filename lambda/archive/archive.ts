import { archiveLine as lineOf } from '../shared/archive-line';
import { asArray, asNumber, asRecord, asText } from '../shared/parse';
import type { ArchivePlan } from './contract';
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
  archiveRecords(host, parseTransformation(event), isOfText(event, host.plan));

/** Whether the records come from a stream whose records are texts. */
function isOfText(event: unknown, { textStreams }: ArchivePlan): boolean {
  if (textStreams.length === 0) return false;
  const arn = asText(asRecord(event, 'event').sourceKinesisStreamArn, 'event.sourceKinesisStreamArn');
  return textStreams.includes(arn.slice(arn.indexOf('/') + 1));
}

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
  { log }: Pick<ArchiveHost, 'log'>,
  records: readonly FirehoseRecord[],
  isText = false,
): { records: TransformedRecord[] } {
  let bytes = 0;
  let refused = 0;
  const transformed = records.map((record): TransformedRecord => {
    const data = Buffer.from(archiveLine(record, isText)).toString('base64');
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

/** Writes a record as one line of an archive object: see shared/archive-line.ts. */
export function archiveLine(record: FirehoseRecord, isText = false): string {
  const { data, shardId, sequenceNumber, subsequenceNumber, partitionKey, arrivedAt } = record;
  const place = {
    shardId,
    sequenceNumber: subsequenceNumber > 0 ? `${sequenceNumber}:${subsequenceNumber}` : sequenceNumber,
    partitionKey,
    arrivedAt: new Date(arrivedAt).toISOString().slice(0, -1),
  };
  return lineOf(place, Buffer.from(data, 'base64'), isText);
}
