import {
  CreateStreamCommand,
  DeleteStreamCommand,
  KinesisClient,
  MergeShardsCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis';
import { memoryState, type ReadOptions, readStream, type StateStore } from 'kinesis-reader';
import { type Services, startServices } from '../services';

/** The reader over the SDK, HTTP and the local service, as it reads AWS. */
let services: Services;
let kinesis: KinesisClient;
beforeEach(async () => {
  services = await startServices();
  kinesis = new KinesisClient(services.client());
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }));
});
afterEach(() => services.stop());

const StreamName = 'clicks';
const StreamARN = `arn:aws:kinesis:eu-west-1:000000000000:stream/${StreamName}`;

async function put(from: number, to: number): Promise<void> {
  const Records = [];
  for (let n = from; n < to; n++) Records.push({ PartitionKey: `k${n % 7}`, Data: Buffer.from(JSON.stringify({ n })) });
  await kinesis.send(new PutRecordsCommand({ StreamName, Records }));
  services.clock.advanceTo(services.clock.now() + 10);
}

const reading = (options: Partial<ReadOptions<{ n: number }>> = {}, state: StateStore = memoryState()) =>
  readStream<{ n: number }>({
    stream: StreamARN,
    until: 'now',
    client: kinesis,
    state,
    now: services.clock.now,
    ...options,
  });

async function numbersOf(read: AsyncIterable<{ readonly value: { readonly n: number } }>): Promise<number[]> {
  const found: number[] = [];
  for await (const { value } of read) found.push(value.n);
  return found;
}
const sorted = (numbers: number[]) => numbers.sort((a, b) => a - b);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const shardId = (n: number) => `shardId-${String(n).padStart(12, '0')}`;

test('reads through splits and merges, in pieces of any size, nothing twice and nothing never', async () => {
  await put(0, 40);
  await kinesis.send(
    new SplitShardCommand({ StreamName, ShardToSplit: shardId(0), NewStartingHashKey: String(2n ** 126n) }),
  );
  await put(40, 80);
  await kinesis.send(
    new MergeShardsCommand({ StreamName, ShardToMerge: shardId(3), AdjacentShardToMerge: shardId(1) }),
  );
  await put(80, 120);
  const state = memoryState();
  const found: number[] = [];
  const outcomes: string[] = [];
  for (let run = 0; run < 6; run++) {
    const read = reading({ maxRecords: 25 }, state);
    const numbers = await numbersOf(read);
    found.push(...numbers);
    outcomes.push(`${numbers.length} ${read.outcome()}`);
    await read.commit();
  }
  expect(sorted(found)).toEqual(upTo(120));
  expect(outcomes).toEqual(['25 limit', '25 limit', '25 limit', '25 limit', '20 complete', '0 complete']);
  for (const key of upTo(7)) {
    const ofKey = found.filter((n) => n % 7 === key);
    expect(ofKey).toEqual([...ofKey].sort((a, b) => a - b));
  }
});

test('from a moment on', async () => {
  await put(0, 10);
  const from = new Date(services.clock.now());
  await put(10, 20);
  expect(sorted(await numbersOf(reading({ from })))).toEqual(upTo(20).slice(10));
});

test('through a consumer with its own throughput, from parents to children', async () => {
  const { Consumer } = await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'me' }));
  await put(0, 40);
  await kinesis.send(
    new SplitShardCommand({ StreamName, ShardToSplit: shardId(0), NewStartingHashKey: String(2n ** 126n) }),
  );
  await put(40, 80);
  const via = { consumerArn: Consumer!.ConsumerARN! };
  expect(sorted(await numbersOf(reading({ via })))).toEqual(upTo(80));
});

test('a position older than retention is a gap', async () => {
  await put(0, 10);
  const state = memoryState();
  const first = reading({}, state);
  await numbersOf(first);
  await first.commit();
  services.clock.advanceTo(services.clock.now() + 30 * 3_600_000);
  await put(10, 20);
  await expect(numbersOf(reading({}, state))).rejects.toThrow(/clicks: shard \S+ was read until/);
  expect(sorted(await numbersOf(reading({ onGap: 'skip' }, state)))).toEqual(upTo(20).slice(10));
});

test('a stream that was deleted and made again is an error', async () => {
  const state = memoryState();
  const first = reading({}, state);
  await numbersOf(first);
  await first.commit();
  await kinesis.send(new DeleteStreamCommand({ StreamName }));
  services.clock.advanceTo(services.clock.now() + 1_000);
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  await expect(numbersOf(reading({}, state))).rejects.toThrow(/clicks was created at .*, but the state is of a stream/);
});

test('an unknown stream and a missing permission are one sentence each', async () => {
  await expect(numbersOf(reading({ stream: 'none' }))).rejects.toThrow(/^none: there is no such stream or shard/);
  const { credentials } = await services.role('reader', []);
  const client = new KinesisClient(services.client(credentials));
  await expect(numbersOf(reading({ client }))).rejects.toThrow(/permission kinesis:DescribeStreamSummary is missing/);
});
