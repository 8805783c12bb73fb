import { gzipSync } from 'node:zlib';
import { deaggregate } from '../src/aggregation';
import type { RawRecord } from '../src/get-records';
import type { ReadOptions } from '../src/options';
import { payloads } from '../src/payloads';
import { compareSequenceNumbers } from '../src/position';
import { messageId, type StreamRecord } from '../src/record';
import { aggregate } from './aggregate';

const raw = (data: string | Uint8Array): RawRecord => ({
  sequenceNumber: '49590338271490256608559692538361571095921575989136588898',
  arrivedAt: new Date('2026-01-01T00:00:00Z'),
  partitionKey: 'key',
  data: Buffer.from(data as string),
});

async function itemsOf(data: string | Uint8Array, options: Omit<ReadOptions, 'stream'> = {}, afterPart?: number) {
  const items = payloads('clicks', { stream: 'clicks', ...options })('shardId-000000000000', raw(data), afterPart);
  return (await Promise.all(items)).flatMap((item) => (item ? [item.record] : []));
}
const valuesOf = async (...input: Parameters<typeof itemsOf>) => (await itemsOf(...input)).map(({ value }) => value);

test('a message id is the one that dlt gives: SHAKE-128 of shard id and sequence number', () => {
  // Computed with Python: base64(shake_128(shard_id + seq_no).digest(15)).
  expect(messageId('shardId-000000000000', raw('').sequenceNumber)).toBe('op6xPWptcWW3VBOUwkIC');
  expect(messageId('shardId-000000000012', '1')).toBe('XszFkvg0Bp23uvFXirGp');
  expect(messageId('shardId-000000000012', '1', 3)).toBe('XszFkvg0Bp23uvFXirGp#3');
});

test('the envelope is beside the value', async () => {
  expect(await itemsOf('{"_kinesis":1}')).toEqual([
    {
      value: { _kinesis: 1 },
      _kinesis: {
        shard_id: 'shardId-000000000000',
        seq_no: raw('').sequenceNumber,
        ts: new Date('2026-01-01T00:00:00Z'),
        partition: 'key',
        stream_name: 'clicks',
      },
      _kinesis_msg_id: expect.stringMatching(/^[\w+/]{20}$/),
    },
  ]);
});

test('the envelope of dlt goes into the value, and a field that it would overwrite is an error', async () => {
  const [record] = await itemsOf('{"a":1}', { envelope: 'dlt' });
  expect(record).toMatchObject({ a: 1, _kinesis: { seq_no: raw('').sequenceNumber } });
  const [text] = await itemsOf('plain', { envelope: 'dlt', decode: 'text' });
  expect(text).toMatchObject({ data: 'plain', _kinesis: { partition: 'key' } });
  await expect(itemsOf('{"_kinesis_msg_id":1}', { envelope: 'dlt' })).rejects.toThrow(
    'the payload has a field _kinesis_msg_id, which the envelope of dlt uses',
  );
});

test.each<[string, string | Uint8Array, Omit<ReadOptions, 'stream'>, unknown]>([
  ['JSON', '{"a":[1,"ü"]}', {}, { a: [1, 'ü'] }],
  ['text', 'ü', { decode: 'text' }, 'ü'],
  ['bytes', Uint8Array.of(0xff, 0), { decode: 'bytes' }, Buffer.from([0xff, 0])],
  ['a function', 'abc', { decode: (bytes) => bytes.length }, 3],
  ['an asynchronous function', 'abc', { decode: async (bytes) => bytes.length }, 3],
  ['gzip', gzipSync('{"a":1}'), { gzip: true }, { a: 1 }],
  ['no gzip, where it may be', '{"a":1}', { gzip: true }, { a: 1 }],
])('decodes %s', async (_, data, options, value) => {
  expect(await valuesOf(data, options)).toEqual([value]);
});

describe.each<[string, string | Uint8Array, Omit<ReadOptions, 'stream'>]>([
  ['not JSON', 'not json', {}],
  ['not UTF-8', Uint8Array.of(0xff), { decode: 'text' }],
  ['cut off gzip', gzipSync('{"a":1}').subarray(0, 15), { gzip: true }],
  [
    'a failing function',
    'x',
    {
      decode: () => {
        throw new Error('no');
      },
    },
  ],
  ['a rejecting function', 'x', { decode: () => Promise.reject(new Error('no')) }],
])('a payload that is %s', (_, data, options) => {
  test('is yielded with its bytes and the reason', async () => {
    const [record] = (await itemsOf(data, options)) as StreamRecord[];
    expect(record).toMatchObject({ value: undefined, undecodable: { bytes: Buffer.from(data as string) } });
    expect(record!.undecodable!.reason).toMatch(/\w/);
  });
  test('is left out', async () => expect(await itemsOf(data, { ...options, undecodable: 'skip' })).toEqual([]));
  test('ends the read', () =>
    expect(itemsOf(data, { ...options, undecodable: 'throw' })).rejects.toThrow(
      /record 4959\d+ of shardId-000000000000 cannot be decoded/,
    ));
});

describe('records of the Producer Library', () => {
  const data = aggregate([
    { key: 'a', data: '{"n":1}' },
    { key: 'b', data: '{"n":2}' },
    { key: 'a', data: `{"n":3,"long":"${'x'.repeat(300)}"}` },
  ]);

  test('are taken apart, each part with its own key and id', async () => {
    const records = await itemsOf(data);
    expect(records.map(({ value }) => (value as { n: number }).n)).toEqual([1, 2, 3]);
    expect(records.map(({ _kinesis }) => _kinesis.partition)).toEqual(['a', 'b', 'a']);
    const id = messageId('shardId-000000000000', raw('').sequenceNumber);
    expect(records.map((record) => record._kinesis_msg_id)).toEqual([`${id}#0`, `${id}#1`, `${id}#2`]);
  });
  test('go on after the part that was handed out', async () => {
    expect((await valuesOf(data, {}, 1)).map((value) => (value as { n: number }).n)).toEqual([3]);
    expect(await valuesOf(data, {}, 2)).toEqual([]);
  });
  test('stay whole on request', async () =>
    expect(await valuesOf(data, { aggregated: false, decode: 'bytes' })).toEqual([data]));

  test.each<[string, (bytes: Buffer) => Uint8Array]>([
    ['a wrong MD5', (bytes) => bytes.fill(0, bytes.length - 1)],
    ['another magic number', (bytes) => bytes.fill(0, 0, 1)],
    ['nothing behind the magic number', (bytes) => bytes.subarray(0, 4)],
  ])('with %s are plain records', (_, spoil) => expect(deaggregate(spoil(Buffer.from(data)))).toBeUndefined());

  test('whose protobuf is damaged, but signed, are plain records', () => {
    for (const message of [
      [0x0a, 0x05, 0x61],
      [0x1a, 0x02, 0x08, 0x07],
      [0x0b],
      [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ])
      expect(deaggregate(signed(message))).toBeUndefined();
    expect(deaggregate(signed([]))).toEqual([]);
  });
});

function signed(message: readonly number[]): Uint8Array {
  const { createHash } = require('node:crypto') as typeof import('node:crypto');
  const bytes = Buffer.from(message);
  return Buffer.concat([Buffer.from([0xf3, 0x89, 0x9a, 0xc2]), bytes, createHash('md5').update(bytes).digest()]);
}

test('sequence numbers compare as numbers', () => {
  expect(
    ['100', '99', '5', '49590338271490256608559692538361571095921575989136588898'].sort(compareSequenceNumbers),
  ).toEqual(['5', '99', '100', '49590338271490256608559692538361571095921575989136588898']);
});
