import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetRecordsCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { deserialized, getRecords } from '../src/get-records';

const signal = new AbortController().signal;
let server: Server;
let client: KinesisClient;
let answer: { status: number; body: string };

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(answer.body);
    });
  }).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  client = new KinesisClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler(),
  });
});

afterAll(async () => {
  client.destroy();
  await new Promise((closed) => server.close(closed));
});

const record = (ApproximateArrivalTimestamp: number, PartitionKey: string, data: string | Buffer) => ({
  SequenceNumber: '49590338271490256608559692538361571095921575989136588898',
  ApproximateArrivalTimestamp,
  PartitionKey,
  Data: Buffer.from(data).toString('base64'),
});

test.each([
  ['records', { Records: [record(1_764_460_800.123, 'k', '{"a":1}'), record(1.8e9, 'ü✓', '')], MillisBehindLatest: 7 }],
  [
    'milliseconds that a double only comes close to',
    { Records: [record(1_764_460_800.001, 'k', 'x'), record(0.007, 'k', 'x')] },
  ],
  [
    'bytes',
    { Records: [record(1, 'k', Buffer.from([0, 255, 128, 10]))], NextShardIterator: 'next', MillisBehindLatest: 0 },
  ],
  ['no records', { Records: [], NextShardIterator: 'next', MillisBehindLatest: 0 }],
  [
    'the end of a shard',
    {
      Records: [],
      ChildShards: [{ ShardId: 'c', ParentShards: ['p'], HashKeyRange: { StartingHashKey: '0', EndingHashKey: '9' } }],
    },
  ],
])('reads what the SDK reads: %s', async (_, body) => {
  answer = { status: 200, body: JSON.stringify(body) };
  const { Records, NextShardIterator, MillisBehindLatest, ChildShards } = await client.send(
    new GetRecordsCommand({ ShardIterator: 'i' }),
  );
  const page = await getRecords(client, { ShardIterator: 'i' }, signal);
  expect(page.records.map(({ data, ...rest }) => ({ ...rest, data: [...data] }))).toEqual(
    Records!.map(deserialized).map(({ data, ...rest }) => ({ ...rest, data: [...data] })),
  );
  expect([page.NextShardIterator, page.MillisBehindLatest, page.ChildShards]).toEqual([
    NextShardIterator,
    MillisBehindLatest,
    ChildShards,
  ]);
});

test("an error is the SDK's own", async () => {
  answer = { status: 400, body: JSON.stringify({ __type: 'ExpiredIteratorException', message: 'Iterator expired' }) };
  await expect(getRecords(client, { ShardIterator: 'i' }, signal)).rejects.toMatchObject({
    name: 'ExpiredIteratorException',
    message: 'Iterator expired',
  });
});

test.each(['', '{"Records":[', '<html>'])(
  'a response that is no page of records is left to the SDK: %s',
  async (body) => {
    answer = { status: 200, body };
    const own = await client.send(new GetRecordsCommand({ ShardIterator: 'i' })).then(
      ({ Records = [] }) => Records.length,
      ({ name }: Error) => name,
    );
    const reader = await getRecords(client, { ShardIterator: 'i' }, signal).then(
      ({ records }) => records.length,
      ({ name }: Error) => name,
    );
    expect(reader).toBe(own);
  },
);

test('a response whose body stalls ends with the signal', async () => {
  const stalled = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
    response.write('{"Records":[');
  }).listen(0, '127.0.0.1');
  await new Promise((listening) => stalled.once('listening', listening));
  const other = new KinesisClient({
    endpoint: `http://127.0.0.1:${(stalled.address() as AddressInfo).port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler(),
  });
  const stop = new AbortController();
  const read = getRecords(other, { ShardIterator: 'i' }, stop.signal);
  stalled.once('request', () => setImmediate(() => stop.abort(new Error('stopped'))));
  await expect(read).rejects.toThrow();
  other.destroy();
  stalled.closeAllConnections();
  await new Promise((closed) => stalled.close(closed));
});
