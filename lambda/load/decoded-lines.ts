import { archiveLine, type RecordPlace } from '../shared/archive-line';
import { asRecord } from '../shared/parse';
import type { FileShape } from './contract';
import { decodeRecord } from './decode';
import { csvFields, type FileRecord, UnreadableError } from './records';

/** Whether the function decodes the records of such files before COPY reads them. */
export const decodes = ({ records, format }: FileShape) =>
  records?.decode !== undefined && (format === 'firehose' || format === 'undecoded');

/**
 * Whether the function writes files of its own for all objects, because COPY cannot read theirs: no page says how it
 * reads lines of any text.
 */
export const isRewritten = (shape: FileShape) => shape.format === 'text' || decodes(shape);

/**
 * The lines of an archive object for a record of a file: one for each part of the record. A line of an archive that has
 * JSON stays as it is.
 * @throws UnreadableError for a record without the fields of its format
 */
export function decodedLines(record: FileRecord, { format, records }: FileShape): Buffer[] {
  if (format === 'firehose' && !mayHaveBytes(record.bytes)) return isBlank(record.bytes) ? [] : [record.bytes];
  const found = format === 'undecoded' ? unloaded(record) : archived(record);
  if (!found) return [record.bytes];
  const { place, bytes } = found;
  return decodeRecord(bytes, records?.decode ?? []).map(({ suffix, bytes: part }) =>
    // The writer ends the lines itself.
    Buffer.from(archiveLine({ ...place, sequenceNumber: place.sequenceNumber + suffix }, part).trimEnd()),
  );
}

interface Encoded {
  readonly place: RecordPlace;
  readonly bytes: Buffer;
}

/** The row that UNLOAD wrote, in the order of `undecodedColumns`. */
function unloaded({ bytes, line }: FileRecord): Encoded {
  const fields = csvFields(bytes.toString('utf8'), ',');
  const [shardId, sequenceNumber, partitionKey, arrivedAt, hex] = fields ?? [];
  if (fields?.length !== 5 || !shardId || !sequenceNumber || !arrivedAt || !/^([0-9a-f]{2})+$/i.test(hex ?? ''))
    throw new UnreadableError(`line ${line} is not a row of records to decode`);
  return {
    place: { shardId, sequenceNumber, partitionKey: partitionKey!, arrivedAt },
    bytes: Buffer.from(hex!, 'hex'),
  };
}

const jsonEnd = Buffer.from('"unparsed":null}');

/** False for a line whose record is JSON. The archive function writes the bytes last. */
const mayHaveBytes = (bytes: Buffer) => !isBlank(bytes) && !bytes.subarray(-jsonEnd.length).equals(jsonEnd);

const isBlank = (bytes: Buffer) => bytes.every((byte) => byte === 32 || byte === 9 || byte === 13 || byte === 10);

/** Undefined for a line without bytes, or that the archive function did not write: COPY and the merge judge it. */
function archived({ bytes }: FileRecord): Encoded | undefined {
  try {
    const line = asRecord(JSON.parse(bytes.toString('utf8')), 'line');
    const { shard_id, sequence_number, partition_key, approximate_arrival_timestamp, unparsed } = line;
    const texts = typeof unparsed === 'string' ? [unparsed] : unparsed;
    if (!Array.isArray(texts) || !texts.every((text) => typeof text === 'string')) return undefined;
    const place = {
      shardId: shard_id,
      sequenceNumber: sequence_number,
      partitionKey: partition_key,
      arrivedAt: approximate_arrival_timestamp,
    };
    if (Object.values(place).some((value) => typeof value !== 'string')) return undefined;
    const decoded = Buffer.concat(texts.map((text) => Buffer.from(text, 'base64')));
    return base64Length(texts) === decoded.length ? { place: place as RecordPlace, bytes: decoded } : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes that the texts encode if they are base64 and nothing else. */
const base64Length = (texts: readonly string[]) =>
  texts.reduce(
    (sum, text) =>
      /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)
        ? sum + (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0)
        : Number.NaN,
    0,
  );
