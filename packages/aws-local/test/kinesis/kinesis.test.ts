import fs from 'node:fs';
import path from 'node:path';
import {
  DecreaseStreamRetentionPeriodCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  IncreaseStreamRetentionPeriodCommand,
  KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis';
import { allow, type Services, startServices } from '../services';

let services: Services;
beforeEach(async () => {
  services = await startServices();
});
afterEach(() => services.stop());

const name = 'millrace-dev-estore';
const arn = `arn:aws:kinesis:eu-west-1:000000000000:stream/${name}`;
const onDemand = { Name: name, StreamModeDetails: { StreamMode: 'ON_DEMAND' }, RetentionPeriodHours: 24 };
const provisioned = (count: number) => ({ Name: name, ShardCount: count });
const client = () => new KinesisClient(services.client());
const record = (i: number) => ({ PartitionKey: `key-${i}`, Data: Buffer.from(`{"n":${i}}`) });
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

async function readAll(kinesis: KinesisClient, shardId: string, limit = 100): Promise<string[]> {
  let { ShardIterator: next } = await kinesis.send(
    new GetShardIteratorCommand({ StreamName: name, ShardId: shardId, ShardIteratorType: 'TRIM_HORIZON' }),
  );
  const data: string[] = [];
  for (;;) {
    const answer = await kinesis.send(new GetRecordsCommand({ ShardIterator: next, Limit: limit }));
    data.push(...(answer.Records ?? []).map(({ Data }) => Buffer.from(Data!).toString()));
    if (answer.MillisBehindLatest === 0) return data;
    next = answer.NextShardIterator;
  }
}

function slicedRecords(
  files: readonly string[],
): { shard_id: string; sequence_number: string; partition_key: string; data: string }[] {
  return files.flatMap((file) =>
    fs
      .readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line)),
  );
}

test('every record put through the SDK over HTTP/2 is read back once, in order, from the shard of its key', async () => {
  await services.create('AWS::Kinesis::Stream', 'Stream', onDemand);
  const kinesis = client();
  const answer = await kinesis.send(new PutRecordsCommand({ StreamARN: arn, Records: range(500).map(record) }));
  expect(answer.FailedRecordCount).toBe(0);
  const shardOf = answer.Records!.map(({ ShardId }) => ShardId!);
  const { Shards } = await kinesis.send(new ListShardsCommand({ StreamName: name }));
  expect(Shards).toHaveLength(4);
  for (const { ShardId } of Shards!) {
    const expected = range(500).filter((i) => shardOf[i] === ShardId);
    expect(expected.length).toBeGreaterThan(0);
    expect(await readAll(kinesis, ShardId!, 30)).toEqual(expected.map((i) => `{"n":${i}}`));
  }
});

test('the retention is raised and lowered, each by its own call and within the bounds', async () => {
  await services.create('AWS::Kinesis::Stream', 'Stream', onDemand);
  const kinesis = client();
  const hours = async () =>
    (await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: name }))).StreamDescriptionSummary!
      .RetentionPeriodHours;
  const raise = (RetentionPeriodHours: number) =>
    kinesis.send(new IncreaseStreamRetentionPeriodCommand({ StreamName: name, RetentionPeriodHours }));
  const lower = (RetentionPeriodHours: number) =>
    kinesis.send(new DecreaseStreamRetentionPeriodCommand({ StreamName: name, RetentionPeriodHours }));
  await raise(200);
  expect(await hours()).toBe(200);
  await expect(raise(100)).rejects.toThrow('RetentionPeriodHours must be at least 200, got 100');
  await expect(lower(300)).rejects.toThrow('RetentionPeriodHours must be at most 200, got 300');
  await expect(raise(9000)).rejects.toThrow('RetentionPeriodHours');
  await lower(24);
  expect(await hours()).toBe(24);
});

test('sequence numbers have one length and grow', async () => {
  await services.create('AWS::Kinesis::Stream', 'Stream', provisioned(1));
  const kinesis = client();
  const numbers: string[] = [];
  for (const i of range(12))
    numbers.push((await kinesis.send(new PutRecordCommand({ StreamName: name, ...record(i) }))).SequenceNumber!);
  expect(numbers.map((number) => number.length)).toEqual(numbers.map(() => 56));
  expect([...numbers].sort()).toEqual(numbers);
  expect(new Set(numbers).size).toBe(12);
});

test('a slice holds what came after the position, in files that later records do not change', async () => {
  await services.create('AWS::Kinesis::Stream', 'Stream', provisioned(2));
  const { operations, port } = services.kinesis;
  const { principal } = services.iam.administrator;
  const put = (from: number) =>
    operations.PutRecords(
      {
        StreamName: name,
        Records: range(50).map((i) => ({
          PartitionKey: `${from + i}`,
          Data: Buffer.from(`${from + i}`).toString('base64'),
        })),
      },
      principal,
    );
  put(0);
  const first = await port.readSlice(principal, name, {});
  const before = first.files.map((file) => fs.readFileSync(file, 'utf8'));
  put(50);
  expect(first.files.map((file) => fs.readFileSync(file, 'utf8'))).toEqual(before);
  const second = await port.readSlice(principal, name, first.latest);
  const later = slicedRecords(second.files).filter((row) => row.sequence_number > (first.latest[row.shard_id] ?? ''));
  expect(later.map(({ partition_key: key }) => Number(key)).sort((a, b) => a - b)).toEqual(
    range(50).map((i) => i + 50),
  );
  expect((await port.readSlice(principal, name, second.latest)).files).toEqual([]);
  expect(port.acceptedRecords(name)).toBe(100);
});

test('partition keys with quotes, controls and emoji survive in the segment', async () => {
  await services.create('AWS::Kinesis::Stream', 'Stream', provisioned(1));
  const keys = ['a"b\\c', 'tab\tnewline\n', 'žluťoučký 🐎', '\u007f'];
  await client().send(
    new PutRecordsCommand({
      StreamName: name,
      Records: keys.map((PartitionKey) => ({ PartitionKey, Data: Buffer.from('x') })),
    }),
  );
  const { files } = await services.kinesis.port.readSlice(services.iam.administrator.principal, name, {});
  expect(slicedRecords(files).map((row) => row.partition_key)).toEqual(keys);
});

test('a restart goes on after the last acknowledged record and drops a torn line', async () => {
  await services.create('AWS::Kinesis::Stream', 'Stream', provisioned(1));
  await client().send(new PutRecordsCommand({ StreamName: name, Records: range(300).map(record) }));
  await services.stop();
  const folder = path.join(services.dataDir, 'kinesis', name, 'shardId-000000000000');
  fs.appendFileSync(path.join(folder, fs.readdirSync(folder)[0]!), '{"shard_id":"shardId-0000');
  services = await startServices({ dataDir: services.dataDir });
  await services.create('AWS::Kinesis::Stream', 'Stream', provisioned(1));
  expect(services.kinesis.port.acceptedRecords(name)).toBe(300);
  await client().send(new PutRecordCommand({ StreamName: name, ...record(300) }));
  expect(await readAll(client(), 'shardId-000000000000')).toEqual(range(301).map((i) => `{"n":${i}}`));
  const { files } = await services.kinesis.port.readSlice(services.iam.administrator.principal, name, {});
  expect(slicedRecords(files)).toHaveLength(301);
});

test('the five iterator types start where they say', async () => {
  await services.create('AWS::Kinesis::Stream', 'Stream', provisioned(1));
  const kinesis = client();
  const numbers: string[] = [];
  for (const i of range(3)) {
    numbers.push((await kinesis.send(new PutRecordCommand({ StreamName: name, ...record(i) }))).SequenceNumber!);
    services.clock.advanceTo(services.clock.now() + 1000);
  }
  const first = async (input: object) => {
    const { ShardIterator } = await kinesis.send(
      new GetShardIteratorCommand({ StreamName: name, ShardId: 'shardId-000000000000', ...input } as never),
    );
    await kinesis.send(new PutRecordCommand({ StreamName: name, ...record(9) }));
    const { Records } = await kinesis.send(new GetRecordsCommand({ ShardIterator, Limit: 1 }));
    return Buffer.from(Records![0]!.Data!).toString();
  };
  expect(await first({ ShardIteratorType: 'TRIM_HORIZON' })).toBe('{"n":0}');
  expect(await first({ ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: numbers[1] })).toBe('{"n":1}');
  expect(await first({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: numbers[1] })).toBe(
    '{"n":2}',
  );
  expect(await first({ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(services.clock.now() - 2500) })).toBe(
    '{"n":1}',
  );
  expect(await first({ ShardIteratorType: 'LATEST' })).toBe('{"n":9}');
});

test('an iterator expires after five minutes of the clock', async () => {
  await services.create('AWS::Kinesis::Stream', 'Stream', provisioned(1));
  const { ShardIterator } = await client().send(
    new GetShardIteratorCommand({ StreamName: name, ShardId: 'shardId-000000000000', ShardIteratorType: 'LATEST' }),
  );
  // The clock of the services may be fast: a client that reads every minute must not lose its iterator.
  services.clock.advanceTo(services.clock.now() + 24 * 3_600_000);
  services.real.now += 300_000;
  await expect(client().send(new GetRecordsCommand({ ShardIterator }))).resolves.toBeDefined();
  services.real.now += 1;
  await expect(client().send(new GetRecordsCommand({ ShardIterator }))).rejects.toMatchObject({
    name: 'ExpiredIteratorException',
  });
});

test('records expire from reads and slices with the retention, and stay counted', async () => {
  await services.create('AWS::Kinesis::Stream', 'Stream', { ...provisioned(1), RetentionPeriodHours: 24 });
  await client().send(new PutRecordCommand({ StreamName: name, ...record(0) }));
  services.clock.advanceTo(services.clock.now() + 60_000);
  await client().send(new PutRecordCommand({ StreamName: name, ...record(1) }));
  services.clock.advanceTo(services.clock.now() + 24 * 3_600_000 - 30_000);
  expect(await readAll(client(), 'shardId-000000000000')).toEqual(['{"n":1}']);
  const { files } = await services.kinesis.port.readSlice(services.iam.administrator.principal, name, {});
  expect(slicedRecords(files).map((row) => row.partition_key)).toEqual(['key-1']);
  expect(services.kinesis.port.acceptedRecords(name)).toBe(2);
  const numbers = slicedRecords(files).map((row) => row.sequence_number);
  await services.stop();
  services = await startServices({ dataDir: services.dataDir, now: services.clock.now() });
  await services.create('AWS::Kinesis::Stream', 'Stream', { ...provisioned(1), RetentionPeriodHours: 24 });
  const again = await services.kinesis.port.readSlice(services.iam.administrator.principal, name, {});
  expect(slicedRecords(again.files).map((row) => row.sequence_number)).toEqual(numbers);
  expect(services.kinesis.port.acceptedRecords(name)).toBe(2);
});

test('after a split the parent ends with its children and new records go to them', async () => {
  await services.create('AWS::Kinesis::Stream', 'Stream', provisioned(1));
  const kinesis = client();
  await kinesis.send(new PutRecordsCommand({ StreamName: name, Records: range(20).map(record) }));
  await kinesis.send(
    new SplitShardCommand({
      StreamName: name,
      ShardToSplit: 'shardId-000000000000',
      NewStartingHashKey: (1n << 127n).toString(),
    }),
  );
  const answer = await kinesis.send(new PutRecordsCommand({ StreamName: name, Records: range(20).map(record) }));
  expect(new Set(answer.Records!.map(({ ShardId }) => ShardId))).toEqual(
    new Set(['shardId-000000000001', 'shardId-000000000002']),
  );
  const { ShardIterator } = await kinesis.send(
    new GetShardIteratorCommand({
      StreamName: name,
      ShardId: 'shardId-000000000000',
      ShardIteratorType: 'TRIM_HORIZON',
    }),
  );
  const parent = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
  expect(parent.Records).toHaveLength(20);
  expect(parent.NextShardIterator).toBeUndefined();
  expect(parent.ChildShards!.map(({ ShardId, ParentShards }) => [ShardId, ParentShards])).toEqual([
    ['shardId-000000000001', ['shardId-000000000000']],
    ['shardId-000000000002', ['shardId-000000000000']],
  ]);
  const { Shards } = await kinesis.send(new ListShardsCommand({ StreamName: name }));
  expect(Shards!.map(({ SequenceNumberRange }) => SequenceNumberRange!.EndingSequenceNumber !== undefined)).toEqual([
    true,
    false,
    false,
  ]);
  const [parentNumber, childNumber] = [parent.Records![19]!.SequenceNumber!, answer.Records![0]!.SequenceNumber!];
  expect(childNumber > parentNumber).toBe(true);
});

test('a list of shards comes in pages that go on where the last ended', async () => {
  await services.create('AWS::Kinesis::Stream', 'Stream', provisioned(5));
  const ids: string[] = [];
  let token: string | undefined;
  do {
    const page: { Shards?: { ShardId?: string }[]; NextToken?: string } = await client().send(
      new ListShardsCommand(token ? { NextToken: token, MaxResults: 2 } : { StreamName: name, MaxResults: 2 }),
    );
    expect(page.Shards!.length).toBeLessThanOrEqual(2);
    ids.push(...page.Shards!.map(({ ShardId }) => ShardId!));
    token = page.NextToken;
  } while (token);
  expect(ids).toEqual(range(5).map((i) => `shardId-00000000000${i}`));
});

describe('refuses', () => {
  beforeEach(() => services.create('AWS::Kinesis::Stream', 'Stream', provisioned(1)));

  test('501 records in one call', async () => {
    await expect(
      client().send(new PutRecordsCommand({ StreamName: name, Records: range(501).map(record) })),
    ).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('501'),
    });
  });

  test('a record above 1 MiB with its key, and takes nothing of the call', async () => {
    const big = { PartitionKey: 'k', Data: Buffer.alloc(1024 * 1024) };
    await expect(
      client().send(new PutRecordsCommand({ StreamName: name, Records: [record(0), big] })),
    ).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('Records[1]'),
    });
    expect(services.kinesis.port.acceptedRecords(name)).toBe(0);
  });

  test('a call above 10 MiB', async () => {
    const Records = range(11).map(() => ({ PartitionKey: 'k', Data: Buffer.alloc(1024 * 1024 - 1) }));
    await expect(client().send(new PutRecordsCommand({ StreamName: name, Records }))).rejects.toMatchObject({
      name: 'InvalidArgumentException',
    });
  });

  test('a stream that does not exist', async () => {
    await expect(client().send(new DescribeStreamSummaryCommand({ StreamName: 'other' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  test('a caller whose role lacks the permission', async () => {
    const { credentials } = await services.role('Writer', [allow('kinesis:PutRecords', arn)]);
    const writer = new KinesisClient(services.client(credentials));
    await expect(writer.send(new PutRecordsCommand({ StreamName: name, Records: [record(0)] }))).resolves.toBeDefined();
    await expect(writer.send(new ListStreamsCommand({}))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await expect(writer.send(new PutRecordCommand({ StreamName: name, ...record(0) }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringMatching(
        /assumed-role\/Writer\/test is not authorized to perform: kinesis:PutRecord on resource: arn:aws:kinesis/,
      ),
    });
  });
});

test('an encrypted stream needs the key as well', async () => {
  const key = await services.create('AWS::KMS::Key', 'Key', {});
  await services.create('AWS::Kinesis::Stream', 'Stream', {
    ...provisioned(1),
    StreamEncryption: { EncryptionType: 'KMS', KeyId: key.ref },
  });
  const reads = allow(
    ['kinesis:DescribeStreamSummary', 'kinesis:ListShards', 'kinesis:GetShardIterator', 'kinesis:GetRecords'],
    arn,
  );
  const without = await services.role('Without', [reads]);
  const withKey = await services.role('With', [reads, allow('kms:Decrypt', String(key.attributes['Arn']))]);
  await expect(services.kinesis.port.readSlice(without.principal, name, {})).rejects.toThrow(/kms:Decrypt/);
  await expect(services.kinesis.port.readSlice(withKey.principal, name, {})).resolves.toEqual({
    files: [],
    latest: {},
  });
});

test('with throttling on, the record that is too much for the second fails alone', async () => {
  await services.stop();
  services = await startServices({ throttle: true });
  await services.create('AWS::Kinesis::Stream', 'Stream', provisioned(1));
  const put = () => client().send(new PutRecordsCommand({ StreamName: name, Records: range(400).map(record) }));
  expect([(await put()).FailedRecordCount, (await put()).FailedRecordCount]).toEqual([0, 0]);
  const third = await put();
  expect(third.FailedRecordCount).toBe(200);
  expect(third.Records![200]).toMatchObject({ ErrorCode: 'ProvisionedThroughputExceededException' });
  services.clock.advanceTo(services.clock.now() + 1000);
  expect((await put()).FailedRecordCount).toBe(0);
});

test.each([
  [
    { ...provisioned(1), DesiredShardLevelMetrics: ['All'], StreamModeDetails: { StreamMode: 'FAST' } },
    /StreamMode "FAST"/,
  ],
  [{ Name: name }, /ShardCount must be given/],
  [
    { ...provisioned(1), RetentionPeriodHours: 12 },
    /RetentionPeriodHours must be an integer between 24 and 8760, got 12/,
  ],
])('a stream with %j is refused', async (properties, message) => {
  await expect(services.create('AWS::Kinesis::Stream', 'Stream', properties)).rejects.toThrow(message);
});
