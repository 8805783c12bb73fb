import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { S3Port, StreamSlice } from 'aws-local-kit';
import { createFirehose } from '../../src/firehose';
import { batches } from '../../src/firehose/transform';
import { base, create, fakeLambda, turns } from '../fakes';

const hour = Date.UTC(2026, 2, 4, 5);
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-firehose-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type TransformEvent = {
  records: {
    recordId: string;
    data: string;
    kinesisRecordMetadata: { shardId: string; sequenceNumber: string; subsequenceNumber: number; partitionKey: string };
  }[];
};
const text = (data: string) => Buffer.from(data, 'base64').toString();
const base64 = (data: string | Buffer) => Buffer.from(data).toString('base64');

/** A stream of one shard, whose records are numbered from 1. */
function fakeStream() {
  const files: string[] = [];
  let count = 0;
  return {
    add(...bodies: (string | Buffer)[]) {
      const lines = bodies.map((body) => {
        count += 1;
        return JSON.stringify({
          shard_id: 'shardId-000000000000',
          sequence_number: String(count).padStart(20, '1'),
          partition_key: 'k',
          arrival_ms: hour + count,
          data: base64(body),
        });
      });
      const file = join(folder, `segment-${files.length}`);
      writeFileSync(file, `${lines.join('\n')}\n`);
      files.push(file);
    },
    read: (): StreamSlice => ({
      files: [...files],
      latest: Object.fromEntries(count > 0 ? [['shardId-000000000000', String(count).padStart(20, '1')]] : []),
    }),
  };
}

function deliveryOver(stream: ReturnType<typeof fakeStream>, lambda = echo(), changes: Record<string, unknown> = {}) {
  const options = base(hour);
  const objects: { key: string; body: string; role: string | undefined }[] = [];
  const s3 = {
    put: async (principal: { roleArn?: string }, _bucket: string, key: string, body: Buffer) =>
      void objects.push({ key, body: gunzipSync(body).toString(), role: principal.roleArn }),
  } as unknown as S3Port;
  const firehose = createFirehose({ ...options, s3, lambda, readSource: () => stream.read(), dataDir: folder });
  create(firehose.resources, 'AWS::KinesisFirehose::DeliveryStream', {
    DeliveryStreamType: 'KinesisStreamAsSource',
    KinesisStreamSourceConfiguration: {
      KinesisStreamARN: 'arn:aws:kinesis:eu-west-1:000000000000:stream/events',
      RoleARN: 'arn:source-role',
    },
    ExtendedS3DestinationConfiguration: {
      BucketARN: 'arn:aws:s3:::archive',
      RoleARN: 'arn:delivery-role',
      CompressionFormat: 'GZIP',
      BufferingHints: { IntervalInSeconds: 60, SizeInMBs: 1 },
      Prefix: 'archive/!{timestamp:yyyy/MM/dd/HH}/',
      ErrorOutputPrefix: 'errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/',
      ProcessingConfiguration: {
        Enabled: true,
        Processors: [
          {
            Type: 'Lambda',
            Parameters: [
              { ParameterName: 'LambdaArn', ParameterValue: 'arn:transform' },
              { ParameterName: 'NumberOfRetries', ParameterValue: '1' },
            ],
          },
        ],
      },
      ...changes,
    },
  });
  const interval = async () => {
    options.clock.advanceTo(options.clock.now() + 60_000);
    while (options.activity.count() > 0) await turns(1);
    await turns();
  };
  return { ...options, firehose, objects, lambda, interval };
}

/** A transformation that puts every record into brackets, and does with some as their text says. */
const echo = () =>
  fakeLambda((event: TransformEvent) => ({
    records: event.records.map(({ recordId, data }) => {
      const result = { drop: 'Dropped', fail: 'ProcessingFailed' }[text(data)] ?? 'Ok';
      return { recordId, result, data: base64(`[${text(data)}]\n`) };
    }),
  }));

test('delivers what arrives after its creation, transformed, by the interval and the hour of arrival', async () => {
  const stream = fakeStream();
  stream.add('before');
  const { firehose, objects, interval } = deliveryOver(stream);
  firehose.start();
  stream.add('a', 'b');
  await interval();
  stream.add('c');
  await interval();
  await interval();
  expect(objects.map(({ key, body, role }) => [key.replace(/stack-One.*/, '…'), body, role])).toEqual([
    ['archive/2026/03/04/05/…', '[a]\n[b]\n', 'arn:delivery-role'],
    ['archive/2026/03/04/05/…', '[c]\n', 'arn:delivery-role'],
  ]);
  expect(objects[0]!.key).toMatch(/\.gz$/);
  firehose.dispose();
});

/** What the Kinesis Producer Library makes of the records `a` with the key `one` and `b` with the key `two`. */
const aggregated = '84mawgoDb25lCgN0d28aBQgAGgFhGgUIARoBYpur9ZSiH77bAXidvmisN0A=';

test('an aggregated record comes apart: one sequence number, and a subsequence number for each user record', async () => {
  const stream = fakeStream();
  const places: unknown[] = [];
  const lambda = fakeLambda((payload) => {
    const { records } = payload as TransformEvent;
    places.push(...records.map(({ kinesisRecordMetadata: { shardId, ...place } }) => place));
    return { records: records.map(({ recordId, data }) => ({ recordId, result: 'Ok', data })) };
  });
  const { firehose, objects, interval } = deliveryOver(stream, lambda);
  firehose.start();
  stream.add(Buffer.from(aggregated, 'base64'), 'c');
  await interval();
  expect(objects.map(({ body }) => body)).toEqual(['abc']);
  expect(places).toMatchObject([
    { partitionKey: 'one', sequenceNumber: '11111111111111111111', subsequenceNumber: 0 },
    { partitionKey: 'two', sequenceNumber: '11111111111111111111', subsequenceNumber: 1 },
    { partitionKey: 'k', sequenceNumber: '11111111111111111112', subsequenceNumber: 0 },
  ]);
  firehose.dispose();
});

test('dropped records vanish, failed ones are kept under the error prefix', async () => {
  const stream = fakeStream();
  const { firehose, objects, lambda } = deliveryOver(stream);
  stream.add('ok', 'drop', 'fail');
  await firehose.flush();
  expect(objects.map(({ key }) => key.split('/')[0])).toEqual(['errors', 'archive']);
  expect(objects[0]!.key).toMatch(/^errors\/processing-failed\/2026\/03\/04\/05\//);
  expect(JSON.parse(objects[0]!.body)).toMatchObject({
    errorCode: 'Lambda.ProcessingFailedStatus',
    rawData: base64('fail'),
    lambdaArn: 'arn:transform',
    attemptsMade: 1,
  });
  expect(objects[1]!.body).toBe('[ok]\n');
  const [first] = (lambda.invocations[0]!.payload as TransformEvent).records;
  expect(first!.kinesisRecordMetadata).toEqual({
    sequenceNumber: '11111111111111111111',
    subsequenceNumber: 0,
    partitionKey: 'k',
    shardId: 'shardId-000000000000',
    approximateArrivalTimestamp: hour + 1,
  });
});

test('a function that fails is tried again, then all its records are kept as failed', async () => {
  const stream = fakeStream();
  const broken = fakeLambda(() => {
    throw new Error('no memory');
  });
  const { firehose, objects } = deliveryOver(stream, broken);
  stream.add('a', 'b');
  await firehose.flush();
  expect(broken.invocations).toHaveLength(2);
  expect(objects).toHaveLength(1);
  expect(
    objects[0]!.body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).errorMessage),
  ).toEqual(['Error: no memory', 'Error: no memory']);
});

test('a restart goes on where it stopped', async () => {
  const stream = fakeStream();
  const first = deliveryOver(stream);
  stream.add('a');
  await first.firehose.flush();
  stream.add('b');
  const second = deliveryOver(stream);
  await second.firehose.flush();
  expect(second.objects.map(({ body }) => body)).toEqual(['[b]\n']);
});

test('without a function it appends the delimiter', async () => {
  const stream = fakeStream();
  const { firehose, objects } = deliveryOver(stream, echo(), {
    ProcessingConfiguration: {
      Enabled: true,
      Processors: [
        { Type: 'AppendDelimiterToRecord', Parameters: [{ ParameterName: 'Delimiter', ParameterValue: '\\n' }] },
      ],
    },
  });
  stream.add('{"a":1}', '{"a":2}');
  await firehose.flush();
  expect(objects[0]!.body).toBe('{"a":1}\n{"a":2}\n');
});

test('batches keep to the buffer size and to what an invocation may carry', () => {
  const record = (kilobytes: number) => ({
    shardId: 's',
    sequenceNumber: '1',
    partitionKey: 'k',
    arrivalMs: 0,
    data: 'x'.repeat((kilobytes * 1024 * 4) / 3),
  });
  expect([...batches([record(600), record(600), record(300)], 1024 * 1024)].map((batch) => batch.length)).toEqual([
    1, 2,
  ]);
  expect([...batches([record(3000), record(3000)], 100 * 1024 * 1024)].map((batch) => batch.length)).toEqual([1, 1]);
});

test('refuses other processors and destinations by name', () => {
  const stream = fakeStream();
  expect(() =>
    deliveryOver(stream, echo(), {
      ProcessingConfiguration: { Enabled: true, Processors: [{ Type: 'Decompression' }] },
    }),
  ).toThrow('processor Decompression of');
  expect(() => deliveryOver(stream, echo(), { DynamicPartitioningConfiguration: { Enabled: true } })).toThrow(
    'ExtendedS3DestinationConfiguration.DynamicPartitioningConfiguration is not modelled',
  );
});
