import {
  CreateStreamCommand,
  KinesisClient,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis';
import { memoryState, type ReadOptions, readStream, type StateStore } from 'kinesis-reader';
import { type Services, startServices } from '../services';

/** What the reader needs of the local service beyond test/contracts/kinesis-reader.ts of the repository: consumers, retention, permissions. */
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

test('a missing permission is one sentence', async () => {
  const { credentials } = await services.role('reader', []);
  const client = new KinesisClient(services.client(credentials));
  await expect(numbersOf(reading({ client }))).rejects.toThrow(/permission kinesis:DescribeStreamSummary is missing/);
});
