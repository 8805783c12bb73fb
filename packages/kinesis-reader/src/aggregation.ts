import { createHash } from 'node:crypto';

/** One user record of a Kinesis record. */
export interface Part {
  readonly partitionKey: string;
  readonly data: Uint8Array;
}

/** Every aggregated record begins with these bytes (KPL's aggregation format, "Magic number"). */
const magic = Uint8Array.of(0xf3, 0x89, 0x9a, 0xc2);
const digestBytes = 16;

/**
 * Splits a record that the Kinesis Producer Library aggregated into its user records. Returns undefined for any other
 * record, and for one whose MD5 or structure is wrong.
 *
 * The format: 4 magic bytes, a protobuf message, the MD5 of the message. The message's fields are
 * `1: repeated string partition_key_table`, `2: repeated string explicit_hash_key_table` and
 * `3: repeated Record { 1: partition_key_index, 2: explicit_hash_key_index, 3: data, 4: tags }`.
 */
export function deaggregate(data: Uint8Array): readonly Part[] | undefined {
  // Most records are plain ones, so the first byte is compared alone.
  if (data[0] !== magic[0] || data.length < magic.length + digestBytes || magic.some((byte, i) => data[i] !== byte))
    return undefined;
  const message = data.subarray(magic.length, data.length - digestBytes);
  const digest = createHash('md5').update(message).digest();
  if (!digest.equals(data.subarray(data.length - digestBytes))) return undefined;
  try {
    return partsOf(message);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

class FormatError extends Error {}

function partsOf(message: Uint8Array): Part[] {
  const keys: string[] = [];
  const records: { key?: number; data?: Uint8Array }[] = [];
  for (const { number, value } of fields(message)) {
    if (number === 1) keys.push(utf8.decode(bytes(value)));
    if (number === 3) records.push(recordOf(bytes(value)));
  }
  return records.map(({ key, data }) => {
    const partitionKey = key === undefined ? undefined : keys[key];
    if (partitionKey === undefined || data === undefined) throw new FormatError('record without a key or data');
    return { partitionKey, data };
  });
}

function recordOf(message: Uint8Array): { key?: number; data?: Uint8Array } {
  let key: number | undefined;
  let data: Uint8Array | undefined;
  for (const { number, value } of fields(message)) {
    if (number === 1 && typeof value === 'number') key = value;
    if (number === 3) data = bytes(value);
  }
  return { key, data };
}

const utf8 = new TextDecoder();

interface Field {
  readonly number: number;
  readonly value: number | Uint8Array;
}

/** Yields a protobuf message's fields: varints (wire type 0), lengths (2), 64 and 32 bits (1 and 5, only skipped). */
function* fields(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; factor < 2 ** 63; factor *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new FormatError('cut off');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new FormatError('varint of more than 9 bytes');
  };
  const take = (length: number): Uint8Array => {
    if (at + length > message.length) throw new FormatError('cut off');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const [number, type] = [Math.floor(tag / 8), tag % 8];
    if (type === 0) yield { number, value: varint() };
    else if (type === 1) yield { number, value: take(8) };
    else if (type === 2) yield { number, value: take(varint()) };
    else if (type === 5) yield { number, value: take(4) };
    else throw new FormatError(`wire type ${type}`);
  }
}

function bytes(value: number | Uint8Array): Uint8Array {
  if (typeof value === 'number') throw new FormatError('a number in the place of bytes');
  return value;
}
