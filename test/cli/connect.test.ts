import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../cli/cloud/connect';
import { namesFrom } from '../../cli/cloud/names';
import { kinesisStreams, s3Buckets } from '../../cli/cloud/sdk';
import { millrace } from './io';

const dir = mkdtempSync(join(tmpdir(), 'millrace-connect-'));
afterAll(() => rmSync(dir, { recursive: true }));

const outputs = {
  HistoryBucketName: 'h',
  ArchiveBucketName: 'a',
  ExportsBucketName: 'e',
  WorkBucketName: 'w',
  WarehouseName: 'w',
  DatabaseName: 'd',
  OwnerSecretArn: 's',
  PageViewsStreamName0A1B2C3D: 'stream',
  PageViewsHistoryBacklogUrl0A1B2C3D: 'backlog',
  PageViewsHistoryDeadLettersUrl0A1B2C3D: 'dead',
};
const noSleep = async () => {};

describe('names', () => {
  test('are those of the outputs, the hash of CDK left out', () => {
    const names = namesFrom('dev', outputs, 'outputs.json');
    expect(names.stream('page_views')).toBe('stream');
    expect(names.queues('page_views')).toEqual({ history: undefined, backlog: 'backlog', deadLetters: 'dead' });
  });

  test('that are missing are named', () => {
    expect(() => namesFrom('dev', {}, 'o.json')).toThrow(
      'o.json has no output HistoryBucketName of the stack millrace-dev-data',
    );
    expect(() => namesFrom('dev', outputs, 'o.json').stream('page')).toThrow('o.json has no output PageStreamName');
  });
});

describe('an environment in AWS', () => {
  const file = join(dir, 'outputs.json');
  const commandLine = (...more: string[]) => millrace('files', '--environment', 'dev', '--outputs', file, ...more);

  test('that is unknown, and a file that is missing, no JSON or of another environment, end with 2', async () => {
    expect((await millrace('files', '--environment', 'x')).stderr).toContain(
      "--environment must be one of dev, staging, prod, got 'x'",
    );
    expect(await commandLine()).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no such file; write it with: npx cdk deploy'),
    });
    writeFileSync(file, 'no');
    expect(await commandLine()).toMatchObject({ code: 2, stderr: expect.stringContaining('is not JSON') });
    writeFileSync(file, 'null');
    expect(await commandLine()).toMatchObject({ code: 2, stderr: expect.stringContaining('only nothing') });
    expect(await millrace('files', '--environment', 'dev', '--outputs', dir)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`--outputs ${dir} is a folder; write it with`),
    });
    writeFileSync(file, JSON.stringify({ 'millrace-prod-data': outputs }));
    expect(await commandLine()).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has no stack millrace-dev-data, only millrace-prod-data'),
    });
  });

  test('is connected to by its outputs', () => {
    writeFileSync(file, JSON.stringify({ 'millrace-dev-data': outputs }));
    const cloud = connect({ data: 'none', environment: 'dev', outputs: file });
    expect(cloud.names.historyBucket).toBe('h');
    cloud.close();
  });
});

test('the bucket adapter reads all pages and takes the quotes from etags', async () => {
  const pages = [
    { Contents: [{ Key: 'a', ETag: '"e1"', Size: 1, LastModified: new Date(5) }], NextContinuationToken: 't' },
    { Contents: [{ Key: 'b', ETag: '"e2"', Size: 2, LastModified: new Date(6), StorageClass: 'GLACIER_IR' }] },
  ];
  const tokens: unknown[] = [];
  const send = async ({ input }: { input: { ContinuationToken?: string } }) => {
    tokens.push(input.ContinuationToken);
    return pages[tokens.length - 1];
  };
  const found = [];
  for await (const page of s3Buckets({ send: send as never }).pages('bucket', '')) found.push(...page);
  expect(found).toEqual([
    { key: 'a', etag: 'e1', size: 1, lastModified: 5, storageClass: 'STANDARD' },
    { key: 'b', etag: 'e2', size: 2, lastModified: 6, storageClass: 'GLACIER_IR' },
  ]);
  expect(tokens).toEqual([undefined, 't']);
});

describe('the stream adapter', () => {
  const streamOf = (answers: Record<string, object[]>) => {
    const send = async (command: { readonly input: object }) => {
      const answer = answers[command.constructor.name]!.shift()!;
      if (answer instanceof Error) throw answer;
      return answer;
    };
    return kinesisStreams({ send: send as never }, noSleep);
  };
  const record = (SequenceNumber: string) => ({
    SequenceNumber,
    PartitionKey: 'k',
    ApproximateArrivalTimestamp: new Date(7),
    Data: Buffer.from('x'),
  });

  test('reads on over answers without records, and over throttling, until it has caught up', async () => {
    const throttled = Object.assign(new Error('slow down'), { name: 'ProvisionedThroughputExceededException' });
    const streams = streamOf({
      GetShardIteratorCommand: [{ ShardIterator: 'i1' }],
      GetRecordsCommand: [
        { Records: [], MillisBehindLatest: 9000, NextShardIterator: 'i2' },
        throttled,
        { Records: [record('1')], MillisBehindLatest: 5, NextShardIterator: 'i3' },
        { Records: [record('2')], MillisBehindLatest: 0, NextShardIterator: 'i4' },
      ],
    });
    const found = [];
    for await (const records of streams.records('s', 'shard', undefined))
      found.push(...records.map(({ sequenceNumber }) => sequenceNumber));
    expect(found).toEqual(['1', '2']);
  });

  test('does not wait for ever for a stream that others read too', async () => {
    const throttled = Array.from({ length: 99 }, () =>
      Object.assign(new Error('slow down'), { name: 'ProvisionedThroughputExceededException' }),
    );
    const streams = streamOf({ GetShardIteratorCommand: [{ ShardIterator: 'i1' }], GetRecordsCommand: throttled });
    await expect(streams.records('s', 'shard', undefined)[Symbol.asyncIterator]().next()).rejects.toThrow('slow down');
    expect(throttled).toHaveLength(69);
  });

  test('a position that is no longer kept is not the next record', async () => {
    const streams = streamOf({
      GetShardIteratorCommand: [
        { ShardIterator: 'i1' },
        Object.assign(new Error('old'), { name: 'InvalidArgumentException' }),
      ],
      GetRecordsCommand: [{ Records: [record('9')], MillisBehindLatest: 0 }],
    });
    expect(await streams.record('s', 'shard', '5')).toBeUndefined();
    expect(await streams.record('s', 'shard', '5')).toBeUndefined();
  });
});
