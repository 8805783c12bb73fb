import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { aggregate } from 'kinesis-reader/testing';
import type { RecordForm } from '../../../lambda/load/contract';
import { decodeRecord, maxDecodedBytes, maxObjects } from '../../../lambda/load/decode';

const all: readonly RecordForm[] = ['gzip', 'zlib', 'aggregate', 'objects'];
const parts = (bytes: Buffer | string, forms = all) =>
  decodeRecord(Buffer.from(bytes), forms).map(({ suffix, bytes: part }) => [suffix, part.toString('latin1')]);
const whole = (bytes: Buffer) => [['', bytes.toString('latin1')]];

test('plain JSON stays as it is', () => {
  for (const text of ['{"a":1}', ' [1]\n', '7', 'null', '']) expect(parts(text)).toEqual([['', text]]);
});

test.each([
  ['gzip', gzipSync],
  ['zlib', deflateSync],
] as const)('%s is decompressed once', (form, compress) => {
  expect(parts(compress('{"a":1}'), [form])).toEqual([['', '{"a":1}']]);
  expect(parts(compress('{"a":1}'), ['objects'])).toEqual(whole(compress('{"a":1}')));
  const twice = compress(compress('{"a":1}'));
  expect(parts(twice)).toEqual(whole(twice));
});

test('what cannot be decompressed stays as it is', () => {
  const good = gzipSync('{"a":1}');
  const damaged = Buffer.from(good);
  damaged[damaged.length - 6]! ^= 1;
  const bombs = [gzipSync(Buffer.alloc(maxDecodedBytes + 1, ' ')), deflateSync(Buffer.alloc(2 ** 25))];
  for (const bytes of [good.subarray(0, -1), good.subarray(0, 2), damaged, deflateRawSync('{}'), ...bombs])
    expect(parts(bytes)).toEqual(whole(bytes));
});

test('of compressed bytes that are not JSON, only text that looks like JSON is shown decompressed', () => {
  expect(parts(gzipSync('{"a":'))).toEqual([['', '{"a":']]);
  for (const inside of ['', 'GET /', '\ufeff{}', `{${' '.repeat(2 ** 20)}`])
    expect(parts(gzipSync(inside))).toEqual(whole(gzipSync(inside)));
});

test('several objects have their index after a slash', () => {
  expect(parts('{"a":1}{"b":"}{"}\n [3]\r\n{}')).toEqual([
    ['', '{"a":1}'],
    ['/1', '{"b":"}{"}'],
    ['/2', '[3]'],
    ['/3', '{}'],
  ]);
  expect(parts(gzipSync('{"a":1}\n{"a":2}\n')).map(([suffix]) => suffix)).toEqual(['', '/1']);
  expect(parts('{"a":1}{"b":2}', ['gzip'])).toEqual([['', '{"a":1}{"b":2}']]);
});

test('objects with anything else beside them stay one record', () => {
  for (const text of ['{"a":1}{"b":', '{"a":1},{"b":2}', '{"a":1} x', '{"a":1}7', '{"a":"\n"}{}', 'x{}', ' \n'])
    expect(parts(text)).toEqual([['', text]]);
});

test('bounds of objects', () => {
  expect(parts('{}'.repeat(maxObjects))).toHaveLength(maxObjects);
  expect(parts('{}'.repeat(maxObjects + 1))).toHaveLength(1);
  const long = (length: number) => gzipSync(`{"a":"${'x'.repeat(length)}"}{}`);
  expect(parts(long(3_900_000))).toHaveLength(2);
  expect(parts(long(4_000_000))).toEqual(whole(long(4_000_000)));
});

test('an aggregate is taken apart before its records are decoded', () => {
  const bytes = aggregate([
    { key: 'k', data: '{"a":1}{"a":2}' },
    { key: 'l', data: 'x' },
    { key: 'm', data: '{"b":1}\n{"b":2}' },
  ]);
  expect(parts(bytes)).toEqual([
    ['', '{"a":1}'],
    ['/1', '{"a":2}'],
    [':1', 'x'],
    [':2', '{"b":1}'],
    [':2/1', '{"b":2}'],
  ]);
  const [user] = parts(bytes, ['aggregate']);
  expect(user).toEqual(['', '{"a":1}{"a":2}']);
  const wrong = Buffer.from(bytes);
  wrong[wrong.length - 1]! ^= 1;
  for (const other of [wrong, bytes.subarray(0, -3), Buffer.from(aggregate([]))])
    expect(parts(other)).toEqual(whole(other));
});
