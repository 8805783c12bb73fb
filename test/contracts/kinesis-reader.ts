import assert from 'node:assert/strict';
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  type KinesisClient,
  MergeShardsCommand,
  PutRecordsCommand,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis';
import { memoryState, type ReadOptions, readStream, type StateStore } from 'kinesis-reader';
import { aggregate } from 'kinesis-reader/testing';

/** A Kinesis implementation on which the reader is tested. */
export interface KinesisUnderTest {
  readonly client: KinesisClient;
  /** The service's clock, with which it stamps records, in epoch milliseconds. */
  now(): number;
  /** Moves the service's clock. */
  pass(ms: number): Promise<void>;
}

const LONGEST_READ_MS = 60_000;

type Case = (kinesis: KinesisUnderTest, stream: string) => Promise<void>;

/** The contract of the reader on any Kinesis implementation. Each case makes its own streams. */
export const readerContract: Readonly<Record<string, Case>> = {
  'reads through splits and merges, in pieces of any size, nothing twice and nothing never': async (
    kinesis,
    stream,
  ) => {
    const { send, shardId } = await made(kinesis, stream, 2);
    await put(kinesis, stream, 0, 40);
    await send(
      new SplitShardCommand({ StreamName: stream, ShardToSplit: shardId(0), NewStartingHashKey: String(2n ** 126n) }),
    );
    await active(kinesis, stream);
    await put(kinesis, stream, 40, 80);
    await send(
      new MergeShardsCommand({ StreamName: stream, ShardToMerge: shardId(3), AdjacentShardToMerge: shardId(1) }),
    );
    await active(kinesis, stream);
    await put(kinesis, stream, 80, 120);
    const state = memoryState();
    const found: number[] = [];
    const outcomes: string[] = [];
    for (let run = 0; run < 6; run++) {
      const read = reading(kinesis, stream, { maxRecords: 25 }, state);
      const numbers = await numbersOf(read);
      found.push(...numbers);
      outcomes.push(`${numbers.length} ${read.outcome()}`);
      await read.commit();
    }
    assert.deepEqual(sorted(found), upTo(120));
    assert.deepEqual(outcomes, ['25 limit', '25 limit', '25 limit', '25 limit', '20 complete', '0 complete']);
    for (const key of upTo(7)) {
      const ofKey = found.filter((n) => n % 7 === key);
      assert.deepEqual(ofKey, sorted([...ofKey]), `the order within the partition key k${key}`);
    }
  },

  'from a moment on': async (kinesis, stream) => {
    await made(kinesis, stream, 2);
    await put(kinesis, stream, 0, 10);
    await kinesis.pass(1_500);
    const from = new Date(kinesis.now());
    await kinesis.pass(1_500);
    await put(kinesis, stream, 10, 20);
    assert.deepEqual(sorted(await numbersOf(reading(kinesis, stream, { from }))), upTo(20).slice(10));
  },

  'what was not committed is read again, what was is not': async (kinesis, stream) => {
    await made(kinesis, stream, 1);
    await put(kinesis, stream, 0, 10);
    const state = memoryState();
    assert.deepEqual(await numbersOf(reading(kinesis, stream, {}, state)), upTo(10));
    const again = reading(kinesis, stream, {}, state);
    assert.deepEqual(await numbersOf(again), upTo(10));
    await again.commit();
    await put(kinesis, stream, 10, 15);
    assert.deepEqual(await numbersOf(reading(kinesis, stream, {}, state)), upTo(15).slice(10));
  },

  'finds the shards of every page': async (kinesis, stream) => {
    await made(kinesis, stream, 12);
    await put(kinesis, stream, 0, 200);
    assert.deepEqual(sorted(await numbersOf(reading(kinesis, stream))), upTo(200));
  },

  'takes the records of the Kinesis Producer Library apart, and keeps their place': async (kinesis, stream) => {
    const { send } = await made(kinesis, stream, 1);
    const Data = aggregate(upTo(3).map((n) => ({ key: `k${n}`, data: JSON.stringify({ n }) })));
    await send(new PutRecordsCommand({ StreamName: stream, Records: [{ PartitionKey: 'a', Data }] }));
    await put(kinesis, stream, 3, 5);
    const state = memoryState();
    const first = reading(kinesis, stream, { maxRecords: 2 }, state);
    assert.deepEqual(await numbersOf(first), [0, 1]);
    await first.commit();
    assert.deepEqual(await numbersOf(reading(kinesis, stream, {}, state)), [2, 3, 4]);
  },

  'a record that is no JSON is handed out with its bytes': async (kinesis, stream) => {
    const { send } = await made(kinesis, stream, 1);
    const Records = ['{"n":1}', 'plain', '{"n":2}'].map((text) => ({ PartitionKey: 'a', Data: Buffer.from(text) }));
    await send(new PutRecordsCommand({ StreamName: stream, Records }));
    const found: unknown[] = [];
    for await (const { value, undecodable } of reading(kinesis, stream))
      found.push(undecodable ? Buffer.from(undecodable.bytes).toString() : value.n);
    assert.deepEqual(found, [1, 'plain', 2]);
  },

  'a stream that was deleted and made again is an error': async (kinesis, stream) => {
    const { send } = await made(kinesis, stream, 1);
    const state = memoryState();
    const first = reading(kinesis, stream, {}, state);
    await numbersOf(first);
    await first.commit();
    await send(new DeleteStreamCommand({ StreamName: stream }));
    await kinesis.pass(1_500);
    await made(kinesis, stream, 1);
    await assert.rejects(
      numbersOf(reading(kinesis, stream, {}, state)),
      new RegExp(`${stream} was created at .*, but the state is of a stream`),
    );
  },

  'an unknown stream is one sentence': async (kinesis, stream) => {
    await assert.rejects(numbersOf(reading(kinesis, stream)), (error: Error) =>
      error.message.startsWith(`${stream}: there is no such stream`),
    );
  },
};

async function made({ client, pass }: KinesisUnderTest, StreamName: string, ShardCount: number) {
  const send: KinesisClient['send'] = client.send.bind(client);
  await send(new CreateStreamCommand({ StreamName, ShardCount }));
  await active({ client, pass }, StreamName);
  return { send, shardId: (n: number) => `shardId-${String(n).padStart(12, '0')}` };
}

/** Waits until a stream is active, since only then it accepts records. */
async function active({ client, pass }: Pick<KinesisUnderTest, 'client' | 'pass'>, StreamName: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName }));
    if (StreamDescriptionSummary?.StreamStatus === 'ACTIVE') return;
    await pass(100);
  }
  throw new Error(`${StreamName} did not become active`);
}

async function put({ client, pass }: KinesisUnderTest, StreamName: string, from: number, to: number): Promise<void> {
  const Records: { PartitionKey: string; Data: Buffer }[] = [];
  for (let n = from; n < to; n++) Records.push({ PartitionKey: `k${n % 7}`, Data: Buffer.from(JSON.stringify({ n })) });
  const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName, Records }));
  assert.equal(FailedRecordCount ?? 0, 0);
  await pass(10);
}

const reading = (
  { client, now }: KinesisUnderTest,
  stream: string,
  options: Partial<ReadOptions<{ n: number }>> = {},
  state: StateStore = memoryState(),
) => {
  const signal = AbortSignal.timeout(LONGEST_READ_MS);
  return readStream<{ n: number }>({ stream, until: 'now', client, state, now, signal, ...options });
};

async function numbersOf(read: AsyncIterable<{ readonly value: { readonly n: number } }>): Promise<number[]> {
  const found: number[] = [];
  for await (const { value } of read) found.push(value.n);
  return found;
}
const sorted = (numbers: number[]) => numbers.sort((a, b) => a - b);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
