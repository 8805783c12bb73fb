import { createHash } from 'node:crypto';

/** What the Kinesis Producer Library makes of several user records, field by field of its format. */
export function aggregate(records: readonly { readonly key: string; readonly data: string | Uint8Array }[]): Buffer {
  const keys = [...new Set(records.map(({ key }) => key))];
  const message = Buffer.concat([
    ...keys.map((key) => field(1, Buffer.from(key))),
    ...records.map(({ key, data }) =>
      field(3, Buffer.concat([Buffer.from([1 << 3]), varint(keys.indexOf(key)), field(3, Buffer.from(data))])),
    ),
  ]);
  return Buffer.concat([Buffer.from([0xf3, 0x89, 0x9a, 0xc2]), message, createHash('md5').update(message).digest()]);
}

const field = (number: number, bytes: Buffer) =>
  Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) | 0x80);
  }
}
