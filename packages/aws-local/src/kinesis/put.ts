import crypto from 'node:crypto';
import {
  AwsError,
  FullDiskError,
  invalid,
  type JsonOperations,
  listOf,
  objectOf,
  type Principal,
  requiredText,
} from 'aws-local-kit';
import type { Kinesis } from './kinesis';
import { Limiter } from './limiter';
import type { Shard } from './shard';
import { hex, type Stream } from './stream';

type Input = Readonly<Record<string, unknown>>;

interface Accepted {
  readonly key: string;
  readonly data: string;
  readonly bytes: number;
  readonly shard: Shard;
}

const mebibyte = 1024 * 1024;
/** Limits of PutRecords: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html */
const maxRecords = 500;
const maxRequestBytes = 10 * mebibyte;
/** Limits of a shard: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html */
const shardRecordsPerSecond = 1000;
const shardBytesPerSecond = mebibyte;

export function putOperations(kinesis: Kinesis): JsonOperations {
  const limiter = new Limiter(shardRecordsPerSecond, shardBytesPerSecond);
  return {
    PutRecord(input: Input, principal) {
      objectOf(
        input,
        ['StreamName', 'StreamARN', 'StreamId', 'Data', 'PartitionKey', 'ExplicitHashKey', 'SequenceNumberForOrdering'],
        'request',
      );
      const stream = writable(kinesis, 'kinesis:PutRecord', input, principal);
      const record = accept(stream, input, 'request');
      const now = kinesis.options.clock.now();
      if (kinesis.options.throttle && !limiter.admits(record.shard, record.bytes, now))
        throw new AwsError('ProvisionedThroughputExceededException', throttled(stream, record.shard));
      const [number] = record.shard.append([record], now);
      kinesis.incoming.add(stream.name, 1, record.bytes, now);
      return { ShardId: record.shard.id, SequenceNumber: number, ...encryption(stream) };
    },
    PutRecords(input: Input, principal) {
      objectOf(input, ['StreamName', 'StreamARN', 'StreamId', 'Records'], 'request');
      const stream = writable(kinesis, 'kinesis:PutRecords', input, principal);
      const entries = listOf(input['Records'], 'Records');
      if (entries.length === 0 || entries.length > maxRecords)
        throw new AwsError(
          'ValidationException',
          `Records must hold 1 to ${maxRecords} records, got ${entries.length}`,
        );
      const records = entries.map((entry, i) => accept(stream, entry, `Records[${i}]`));
      const total = records.reduce((sum, record) => sum + record.bytes, 0);
      if (total > maxRequestBytes)
        throw new AwsError('InvalidArgumentException', `Records size exceeds ${maxRequestBytes} bytes, got ${total}`);
      return putAll(kinesis, stream, records, kinesis.options.throttle ? limiter : undefined);
    },
  };
}

function putAll(kinesis: Kinesis, stream: Stream, records: readonly Accepted[], limiter: Limiter | undefined) {
  const now = kinesis.options.clock.now();
  const results: object[] = new Array(records.length);
  const byShard = new Map<Shard, number[]>();
  let failed = 0;
  for (const [i, record] of records.entries()) {
    if (limiter && !limiter.admits(record.shard, record.bytes, now)) {
      failed++;
      results[i] = {
        ErrorCode: 'ProvisionedThroughputExceededException',
        ErrorMessage: throttled(stream, record.shard),
      };
      continue;
    }
    const indexes = byShard.get(record.shard);
    if (indexes) indexes.push(i);
    else byShard.set(record.shard, [i]);
  }
  for (const [shard, indexes] of byShard) {
    let numbers: readonly string[];
    try {
      numbers = shard.append(
        indexes.map((i) => records[i]!),
        now,
      );
    } catch (error) {
      if (!(error instanceof FullDiskError)) throw error;
      // Other shards may have taken their records, so the answer says for each record whether it was stored.
      failed += indexes.length;
      for (const i of indexes) results[i] = { ErrorCode: error.code, ErrorMessage: error.message };
      continue;
    }
    const bytes = indexes.reduce((sum, i) => sum + records[i]!.bytes, 0);
    kinesis.incoming.add(stream.name, indexes.length, bytes, now);
    for (const [j, i] of indexes.entries()) results[i] = { SequenceNumber: numbers[j], ShardId: shard.id };
  }
  return { FailedRecordCount: failed, Records: results, ...encryption(stream) };
}

function writable(kinesis: Kinesis, action: string, input: Input, principal: Principal): Stream {
  const stream = kinesis.find(input);
  kinesis.authorize(principal, action, stream);
  kinesis.useKey(principal, 'GenerateDataKey', stream);
  return stream;
}

function accept(stream: Stream, entry: unknown, where: string): Accepted {
  const record = entry as Input | null;
  if (typeof record !== 'object' || record === null) throw invalid(where, entry, 'a record');
  for (const name in record) if (!recordMembers.has(name)) objectOf(record, [...recordMembers], where);
  const key = requiredText(record['PartitionKey'], `${where}.PartitionKey`);
  if (key.length > 256) throw invalid(`${where}.PartitionKey`, key, 'at most 256 characters');
  const data = record['Data'];
  if (typeof data !== 'string' || data.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(data))
    throw invalid(`${where}.Data`, typeof data === 'string' ? `${data.slice(0, 40)}…` : data, 'base64 text');
  const padding = data.endsWith('==') ? 2 : data.endsWith('=') ? 1 : 0;
  const bytes = (data.length / 4) * 3 - padding + Buffer.byteLength(key);
  if (bytes > stream.settings.maxRecordBytes)
    throw new AwsError(
      'ValidationException',
      `${where} must be at most ${stream.settings.maxRecordBytes} bytes with its partition key, got ${bytes}`,
    );
  const explicit = record['ExplicitHashKey'];
  const hash =
    explicit === undefined || explicit === null
      ? keyHash(key)
      : hex(BigInt(decimal(explicit, `${where}.ExplicitHashKey`)));
  return { key, data, bytes, shard: stream.shardFor(hash) };
}

const recordMembers = new Set([
  'Data',
  'PartitionKey',
  'ExplicitHashKey',
  'StreamName',
  'StreamARN',
  'StreamId',
  'SequenceNumberForOrdering',
]);

function decimal(value: unknown, where: string): string {
  if (typeof value !== 'string' || !/^(0|[1-9]\d{0,38})$/.test(value))
    throw invalid(where, value, 'a decimal hash key');
  return value;
}

/** MD5 as 32 hexadecimal digits. Node's one-shot function is used where it exists: it is several times faster. */
const keyHash: (key: string) => string =
  typeof crypto.hash === 'function'
    ? (key) => crypto.hash('md5', key)
    : (key) => crypto.createHash('md5').update(key).digest('hex');

function encryption(stream: Stream): { EncryptionType?: 'KMS' } {
  return stream.settings.kmsKey ? { EncryptionType: 'KMS' } : {};
}

function throttled(stream: Stream, shard: Shard): string {
  return `Rate exceeded for shard ${shard.id} in stream ${stream.name}.`;
}
