import {
  AwsError,
  integerOf,
  invalid,
  type JsonOperations,
  objectOf,
  type Principal,
  requiredText,
} from 'aws-local-kit';
import { hashRange } from './describe';
import type { Kinesis } from './kinesis';
import { Limiter } from './limiter';
import type { Shard } from './shard';
import type { Stream } from './stream';

type Input = Readonly<Record<string, unknown>>;

/** Position of a consumer: stream, shard, counter of the next record, and time at which the iterator was issued. */
interface Position {
  readonly s: string;
  readonly h: string;
  readonly c: number;
  readonly t: number;
}

const iteratorLifeMs = 5 * 60_000;
const maxRecords = 10_000;
const maxAnswerBytes = 10 * 1024 * 1024;
/** Limits of a shard: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html */
const readsPerSecond = 5;
const readBytesPerSecond = 2 * 1024 * 1024;

/** GetShardIterator and GetRecords: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html */
export function getOperations(kinesis: Kinesis): JsonOperations {
  const limiter = new Limiter(readsPerSecond, readBytesPerSecond);
  return {
    GetShardIterator(input: Input, principal) {
      const members = [
        'StreamName',
        'StreamARN',
        'StreamId',
        'ShardId',
        'ShardIteratorType',
        'StartingSequenceNumber',
        'Timestamp',
      ];
      objectOf(input, members, 'request');
      const stream = readable(kinesis, 'kinesis:GetShardIterator', kinesis.find(input), principal);
      const shard = stream.shard(requiredText(input['ShardId'], 'ShardId'));
      return { ShardIterator: iterator(kinesis, stream, shard, startingCounter(shard, input)) };
    },
    GetRecords(input: Input, principal) {
      objectOf(input, ['ShardIterator', 'Limit', 'StreamARN', 'StreamId'], 'request');
      const position = parseIterator(kinesis, input['ShardIterator']);
      const stream = readable(kinesis, 'kinesis:GetRecords', kinesis.stream(position.s), principal);
      const limit = integerOf(input['Limit'], 'Limit', 1, maxRecords) ?? maxRecords;
      const shard = stream.shard(position.h);
      const now = kinesis.options.clock.now();
      if (kinesis.options.throttle && !limiter.admits(shard, 0, now))
        throw new AwsError(
          'ProvisionedThroughputExceededException',
          `Rate exceeded for shard ${shard.id} in stream ${stream.name}.`,
        );
      const { bytes, ...page } = readPage(kinesis, stream, shard, position.c, limit);
      if (kinesis.options.throttle) limiter.add(shard, bytes, now);
      return getRecordsOutput(kinesis, stream, shard, page);
    },
  };
}

function readable(kinesis: Kinesis, action: string, stream: Stream, principal: Principal): Stream {
  kinesis.authorize(principal, action, stream);
  kinesis.useKey(principal, 'Decrypt', stream);
  return stream;
}

/** @param input `ShardIteratorType`, `StartingSequenceNumber` and `Timestamp` of GetShardIterator */
export function startingCounter(shard: Shard, input: Input): number {
  const type = requiredText(input['ShardIteratorType'], 'ShardIteratorType');
  switch (type) {
    case 'TRIM_HORIZON':
      return 0;
    case 'LATEST':
      return shard.accepted;
    case 'AT_TIMESTAMP': {
      const seconds = input['Timestamp'];
      if (typeof seconds !== 'number') throw invalid('Timestamp', seconds, 'epoch seconds');
      return shard.counterAt(seconds * 1000);
    }
    case 'AT_SEQUENCE_NUMBER':
    case 'AFTER_SEQUENCE_NUMBER': {
      const number = requiredText(input['StartingSequenceNumber'], 'StartingSequenceNumber');
      const counter = shard.counterOf(number);
      if (counter === undefined)
        throw new AwsError('InvalidArgumentException', `StartingSequenceNumber ${number} is not of ${shard.id}`);
      return type === 'AT_SEQUENCE_NUMBER' ? counter : counter + 1;
    }
    default:
      throw invalid(
        'ShardIteratorType',
        type,
        'TRIM_HORIZON, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER',
      );
  }
}

export interface ShardPage {
  readonly records: readonly object[];
  /** Counter of the next record. */
  readonly next: number;
  readonly behindMs: number;
  /** True if the shard is closed and has no records after this page. */
  readonly ended: boolean;
}

/** Reads a page of records from a counter on, in the API's form, and counts their bytes. */
export function readPage(
  kinesis: Kinesis,
  stream: Stream,
  shard: Shard,
  from: number,
  limit: number,
): ShardPage & { readonly bytes: number } {
  const encrypted = stream.settings.kmsKey ? { EncryptionType: 'KMS' } : {};
  const records: object[] = [];
  let next = from;
  let bytes = 0;
  let lastArrival = 0;
  shard.read(from, stream.oldest, (record, counter) => {
    const size = (record.data.length / 4) * 3 + record.partition_key.length;
    if (records.length === limit || (records.length > 0 && bytes + size > maxAnswerBytes)) return false;
    bytes += size;
    next = counter + 1;
    lastArrival = record.arrival_ms;
    records.push({
      SequenceNumber: record.sequence_number,
      ApproximateArrivalTimestamp: record.arrival_ms / 1000,
      Data: record.data,
      PartitionKey: record.partition_key,
      ...encrypted,
    });
    return true;
  });
  // Records before the first retained one have expired, so the position moves past them.
  if (records.length === 0) next = Math.max(from, shard.accepted);
  const caughtUp = next >= shard.accepted;
  return {
    records,
    next,
    bytes,
    // Never 0 while records remain, even if the clock does not move.
    behindMs: caughtUp ? 0 : Math.max(1, kinesis.options.clock.now() - lastArrival),
    ended: caughtUp && shard.description.closedAt !== undefined,
  };
}

function getRecordsOutput(kinesis: Kinesis, stream: Stream, shard: Shard, page: ShardPage) {
  return {
    Records: page.records,
    MillisBehindLatest: page.behindMs,
    ...(page.ended
      ? { ChildShards: children(stream, shard) }
      : { NextShardIterator: iterator(kinesis, stream, shard, page.next) }),
  };
}

export function children(stream: Stream, shard: Shard): object[] {
  return stream.shards
    .filter(({ description }) => description.parentId === shard.id || description.adjacentParentId === shard.id)
    .map(({ id, description }) => ({
      ShardId: id,
      ParentShards: [description.parentId, description.adjacentParentId].filter((parent) => parent !== undefined),
      HashKeyRange: hashRange(description),
    }));
}

function iterator(kinesis: Kinesis, stream: Stream, shard: Shard, counter: number): string {
  const position: Position = { s: stream.name, h: shard.id, c: counter, t: kinesis.realNow() };
  return Buffer.from(JSON.stringify(position)).toString('base64');
}

function parseIterator(kinesis: Kinesis, value: unknown): Position {
  const text = requiredText(value, 'ShardIterator');
  let position: Position;
  try {
    position = JSON.parse(Buffer.from(text, 'base64').toString()) as Position;
  } catch {
    throw new AwsError('InvalidArgumentException', 'Invalid ShardIterator.');
  }
  const age = Math.round(kinesis.realNow() - position.t);
  if (age > iteratorLifeMs)
    throw new AwsError(
      'ExpiredIteratorException',
      `Iterator expired. It was given ${age} ms ago, more than ${iteratorLifeMs} ms.`,
    );
  return position;
}
