import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DeregisterStreamConsumerCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListStreamConsumersCommand,
  ListStreamsCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SplitShardCommand,
  SubscribeToShardCommand,
  type SubscribeToShardEvent,
} from '@aws-sdk/client-kinesis';
import { allow, type Services, startServices } from '../services';

let services: Services;
beforeEach(async () => {
  services = await startServices();
});
afterEach(() => services.stop());

const StreamName = 'clicks';
const StreamARN = `arn:aws:kinesis:eu-west-1:000000000000:stream/${StreamName}`;
const shard = 'shardId-000000000000';
const client = () => new KinesisClient(services.client());
const advance = (ms: number) => {
  services.clock.advanceTo(services.clock.now() + ms);
  services.real.now += ms;
};
const put = (kinesis: KinesisClient, ...numbers: number[]) =>
  kinesis.send(
    new PutRecordsCommand({
      StreamName,
      Records: numbers.map((n) => ({ PartitionKey: `${n}`, Data: Buffer.from(String(n)) })),
    }),
  );

async function subscribe(kinesis: KinesisClient, ConsumerARN: string, after?: string) {
  const stop = new AbortController();
  const { EventStream } = await kinesis.send(
    new SubscribeToShardCommand({
      ConsumerARN,
      ShardId: shard,
      StartingPosition: after ? { Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: after } : { Type: 'TRIM_HORIZON' },
    }),
    { abortSignal: stop.signal },
  );
  const events = EventStream![Symbol.asyncIterator]();
  return {
    async next(): Promise<SubscribeToShardEvent | undefined> {
      const { done, value } = await events.next();
      return done ? undefined : value.SubscribeToShardEvent;
    },
    stop: () => stop.abort(),
  };
}
const dataOf = (event: SubscribeToShardEvent | undefined) =>
  (event?.Records ?? []).map(({ Data }) => Buffer.from(Data!).toString());

test('a consumer is registered, described, listed and removed', async () => {
  const kinesis = client();
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const { Consumer } = await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'me' }));
  expect(Consumer).toMatchObject({ ConsumerName: 'me', ConsumerStatus: 'ACTIVE' });
  const { ConsumerARN } = Consumer!;
  await expect(
    kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'me' })),
  ).rejects.toMatchObject({ name: 'ResourceInUseException' });
  const described = await kinesis.send(new DescribeStreamConsumerCommand({ ConsumerARN }));
  expect(described.ConsumerDescription).toMatchObject({ StreamARN, ConsumerName: 'me' });
  const summary = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName }));
  expect(summary.StreamDescriptionSummary!.ConsumerCount).toBe(1);
  await kinesis.send(new DeregisterStreamConsumerCommand({ StreamARN, ConsumerName: 'me' }));
  expect((await kinesis.send(new ListStreamConsumersCommand({ StreamARN }))).Consumers).toEqual([]);
  await expect(kinesis.send(new DescribeStreamConsumerCommand({ ConsumerARN }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
});

test('a subscription pushes what is there and what comes, ends with the shard, and names its children', async () => {
  const kinesis = client();
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const { Consumer } = await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'me' }));
  const events = await subscribe(kinesis, Consumer!.ConsumerARN!);
  const empty = await events.next();
  expect(empty).toMatchObject({ Records: [], MillisBehindLatest: 0 });
  await put(kinesis, 1, 2);
  expect(dataOf(await events.next())).toEqual(['1', '2']);
  advance(6_000);
  // What an empty event gives as its continuation is a position, too.
  const again = await subscribe(kinesis, Consumer!.ConsumerARN!, empty!.ContinuationSequenceNumber);
  const second = await again.next();
  expect(dataOf(second)).toEqual(['1', '2']);
  await kinesis.send(
    new SplitShardCommand({ StreamName, ShardToSplit: shard, NewStartingHashKey: String(2n ** 127n) }),
  );
  const last = await again.next();
  expect(last!.ContinuationSequenceNumber).toBeUndefined();
  expect(last!.ChildShards!.map(({ ShardId }) => ShardId)).toEqual(['shardId-000000000001', 'shardId-000000000002']);
  expect(await again.next()).toBeUndefined();
  events.stop();
});

test('a second subscription is refused at first, and takes over after five seconds', async () => {
  const kinesis = client();
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const { Consumer } = await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'me' }));
  const first = await subscribe(kinesis, Consumer!.ConsumerARN!);
  await first.next();
  await expect(subscribe(kinesis, Consumer!.ConsumerARN!)).rejects.toMatchObject({ name: 'ResourceInUseException' });
  advance(5_000);
  const second = await subscribe(kinesis, Consumer!.ConsumerARN!);
  await second.next();
  expect(await first.next()).toBeUndefined();
  advance(300_000);
  expect(await second.next()).toBeUndefined();
});

test('SubscribeToShard asks for a permission on the consumer', async () => {
  const kinesis = client();
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const { Consumer } = await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'me' }));
  const { credentials } = await services.role('reader', [allow('kinesis:SubscribeToShard', StreamARN)]);
  await expect(
    subscribe(new KinesisClient(services.client(credentials)), Consumer!.ConsumerARN!),
  ).rejects.toMatchObject({ name: 'AccessDeniedException' });
});

test('a created stream is there in the next run, and a deleted one is not', async () => {
  const kinesis = client();
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }));
  await expect(kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }))).rejects.toMatchObject({
    name: 'ResourceInUseException',
  });
  await put(kinesis, 1, 2, 3);
  await services.stop();
  services = await startServices({ dataDir: services.dataDir });
  const later = client();
  const { StreamDescriptionSummary: found } = await later.send(new DescribeStreamSummaryCommand({ StreamName }));
  expect(found).toMatchObject({ OpenShardCount: 2 });
  await later.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'me' }));
  await expect(later.send(new DeleteStreamCommand({ StreamName }))).rejects.toMatchObject({
    name: 'ResourceInUseException',
  });
  await later.send(new DeleteStreamCommand({ StreamName, EnforceConsumerDeletion: true }));
  expect((await later.send(new ListStreamsCommand({}))).StreamNames).toEqual([]);
});

test('with throttling, a shard is read five times and 2 MiB a second', async () => {
  await services.stop();
  services = await startServices({ throttle: true });
  const kinesis = client();
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const { ShardIterator } = await kinesis.send(
    new GetShardIteratorCommand({ StreamName, ShardId: shard, ShardIteratorType: 'TRIM_HORIZON' }),
  );
  const read = () => kinesis.send(new GetRecordsCommand({ ShardIterator }));
  const throttled = { name: 'ProvisionedThroughputExceededException' };
  for (let i = 0; i < 5; i++) await read();
  await expect(read()).rejects.toMatchObject(throttled);
  for (let second = 0; second < 3; second++) {
    advance(1_000);
    await kinesis.send(
      new PutRecordsCommand({ StreamName, Records: [{ PartitionKey: 'a', Data: Buffer.alloc(900_000) }] }),
    );
  }
  advance(1_000);
  // 2.7 MB take 1.3 seconds.
  await read();
  advance(1_000);
  await expect(read()).rejects.toMatchObject(throttled);
  advance(1_000);
  await read();
});
