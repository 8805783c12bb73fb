import {
  AwsError,
  integerOf,
  type JsonOperations,
  NotModelledError,
  objectOf,
  oneOf,
  requiredText,
  textOf,
} from 'aws-local-kit';
import type { Kinesis } from './kinesis';
import type { Shard, ShardDescription } from './shard';
import { hex, type Stream } from './stream';

type Input = Readonly<Record<string, unknown>>;

const tokenLifeMs = 5 * 60_000;

export function describeOperations(kinesis: Kinesis): JsonOperations {
  return {
    DescribeStream(input: Input, principal) {
      objectOf(input, ['StreamName', 'StreamARN', 'StreamId', 'Limit', 'ExclusiveStartShardId'], 'request');
      const stream = kinesis.find(input);
      kinesis.authorize(principal, 'kinesis:DescribeStream', stream);
      const limit = integerOf(input['Limit'], 'Limit', 1, 10_000) ?? 100;
      const start = textOf(input['ExclusiveStartShardId'], 'ExclusiveStartShardId') ?? '';
      const shards = stream.shards.filter(({ id }) => id > start);
      return {
        StreamDescription: {
          ...summary(stream),
          Shards: shards.slice(0, limit).map(shardOutput),
          HasMoreShards: shards.length > limit,
        },
      };
    },
    DescribeStreamSummary(input: Input, principal) {
      objectOf(input, ['StreamName', 'StreamARN', 'StreamId'], 'request');
      const stream = kinesis.find(input);
      kinesis.authorize(principal, 'kinesis:DescribeStreamSummary', stream);
      return {
        StreamDescriptionSummary: {
          ...summary(stream),
          OpenShardCount: stream.openShards.length,
          ConsumerCount: stream.consumers.length,
          MaxRecordSizeInKiB: stream.settings.maxRecordBytes / 1024,
        },
      };
    },
    ListShards: (input: Input, principal) =>
      listShards(kinesis, input, (stream) => kinesis.authorize(principal, 'kinesis:ListShards', stream)),
    ListStreams(input: Input, principal) {
      objectOf(input, ['Limit', 'ExclusiveStartStreamName', 'NextToken'], 'request');
      kinesis.options.authorizer.authorize({ principal, action: 'kinesis:ListStreams', resource: '*' });
      const limit = integerOf(input['Limit'], 'Limit', 1, 10_000) ?? 100;
      const start = textOf(input['NextToken'] ?? input['ExclusiveStartStreamName'], 'ExclusiveStartStreamName') ?? '';
      const names = kinesis.names.filter((name) => name > start);
      const page = names.slice(0, limit);
      const more = names.length > limit;
      return { StreamNames: page, HasMoreStreams: more, ...(more ? { NextToken: page.at(-1) } : {}) };
    },
    SplitShard(input: Input, principal) {
      objectOf(input, ['StreamName', 'StreamARN', 'StreamId', 'ShardToSplit', 'NewStartingHashKey'], 'request');
      const stream = kinesis.find(input);
      kinesis.authorize(principal, 'kinesis:SplitShard', stream);
      const key = requiredText(input['NewStartingHashKey'], 'NewStartingHashKey');
      if (!/^\d{1,39}$/.test(key))
        throw new AwsError('InvalidArgumentException', `NewStartingHashKey ${key} is not a decimal number`);
      stream.split(requiredText(input['ShardToSplit'], 'ShardToSplit'), hex(BigInt(key)));
    },
    MergeShards(input: Input, principal) {
      objectOf(input, ['StreamName', 'StreamARN', 'StreamId', 'ShardToMerge', 'AdjacentShardToMerge'], 'request');
      const stream = kinesis.find(input);
      kinesis.authorize(principal, 'kinesis:MergeShards', stream);
      stream.merge(
        requiredText(input['ShardToMerge'], 'ShardToMerge'),
        requiredText(input['AdjacentShardToMerge'], 'AdjacentShardToMerge'),
      );
    },
    UpdateShardCount(input: Input, principal) {
      objectOf(input, ['StreamName', 'StreamARN', 'StreamId', 'TargetShardCount', 'ScalingType'], 'request');
      oneOf(input['ScalingType'], ['UNIFORM_SCALING'], 'ScalingType');
      const stream = kinesis.find(input);
      kinesis.authorize(principal, 'kinesis:UpdateShardCount', stream);
      const current = stream.openShards.length;
      const target = integerOf(input['TargetShardCount'], 'TargetShardCount', 1, 10_000) ?? current;
      stream.resize(target);
      return { StreamName: stream.name, StreamARN: stream.arn, CurrentShardCount: current, TargetShardCount: target };
    },
  };
}

function listShards(kinesis: Kinesis, input: Input, authorize: (stream: Stream) => void) {
  objectOf(
    input,
    [
      'StreamName',
      'StreamARN',
      'StreamId',
      'NextToken',
      'ExclusiveStartShardId',
      'MaxResults',
      'ShardFilter',
      'StreamCreationTimestamp',
    ],
    'request',
  );
  if (input['StreamCreationTimestamp'] !== undefined)
    throw new NotModelledError('StreamCreationTimestamp of kinesis:ListShards');
  const now = kinesis.options.clock.now();
  let start = textOf(input['ExclusiveStartShardId'], 'ExclusiveStartShardId') ?? '';
  let filter = input['ShardFilter'];
  let stream: Stream;
  if (input['NextToken'] === undefined) stream = kinesis.find(input);
  else {
    if (input['StreamName'] !== undefined || input['ExclusiveStartShardId'] !== undefined)
      throw new AwsError('InvalidArgumentException', 'NextToken and StreamName cannot be provided together.');
    const token = parseToken(input['NextToken']);
    if (now - token.t > tokenLifeMs)
      throw new AwsError('ExpiredNextTokenException', 'the NextToken is older than 5 minutes');
    stream = kinesis.stream(token.s);
    start = token.after;
    filter = token.filter;
  }
  authorize(stream);
  // The service returns at most 1,000 shards per page, even if the request asks for more.
  const limit = Math.min(integerOf(input['MaxResults'], 'MaxResults', 1, 10_000) ?? 1000, 1000);
  const shards = filtered(stream, filter).filter(({ id }) => id > start);
  const page = shards.slice(0, limit);
  if (shards.length <= limit) return { Shards: page.map(shardOutput) };
  const token = { s: stream.name, after: page.at(-1)!.id, filter, t: now };
  return { Shards: page.map(shardOutput), NextToken: Buffer.from(JSON.stringify(token)).toString('base64') };
}

function parseToken(value: unknown): { s: string; after: string; filter: unknown; t: number } {
  try {
    return JSON.parse(Buffer.from(String(value), 'base64').toString());
  } catch {
    throw new AwsError('InvalidArgumentException', 'the NextToken is not valid');
  }
}

/**
 * Shards that match a ShardFilter. Without a filter: every shard whose records may be retained.
 * https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ShardFilter.html
 */
function filtered(stream: Stream, value: unknown): readonly Shard[] {
  const filter = objectOf(value, ['Type', 'ShardId', 'Timestamp'], 'ShardFilter') ?? {};
  const openAt = (moment: number) =>
    stream.shards.filter(
      ({ description }) =>
        description.createdAt <= moment && (description.closedAt ?? Number.POSITIVE_INFINITY) > moment,
    );
  const openSince = (moment: number) =>
    stream.shards.filter(({ description }) => (description.closedAt ?? Number.POSITIVE_INFINITY) >= moment);
  switch (filter['Type'] ?? 'FROM_TRIM_HORIZON') {
    case 'FROM_TRIM_HORIZON':
      return openSince(stream.oldest);
    case 'AT_TRIM_HORIZON':
      return openAt(Math.max(stream.oldest, stream.createdAt));
    case 'AT_LATEST':
      return stream.openShards;
    case 'AT_TIMESTAMP':
      return openAt(Number(filter['Timestamp']) * 1000);
    case 'FROM_TIMESTAMP':
      return openSince(Number(filter['Timestamp']) * 1000);
    case 'AFTER_SHARD_ID':
      return stream.shards.filter(({ id }) => id > requiredText(filter['ShardId'], 'ShardFilter.ShardId'));
    default:
      throw new NotModelledError(`ShardFilter.Type ${filter['Type']}`);
  }
}

function summary(stream: Stream) {
  const { settings } = stream;
  return {
    StreamName: stream.name,
    StreamARN: stream.arn,
    StreamStatus: 'ACTIVE',
    StreamModeDetails: { StreamMode: settings.mode },
    StreamCreationTimestamp: stream.createdAt / 1000,
    RetentionPeriodHours: settings.retentionHours,
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    ...(settings.kmsKey ? { EncryptionType: 'KMS', KeyId: settings.kmsKey } : { EncryptionType: 'NONE' }),
  };
}

function shardOutput(shard: Shard) {
  const { description } = shard;
  const closed = description.closedAt !== undefined;
  return {
    ShardId: shard.id,
    ParentShardId: description.parentId,
    AdjacentParentShardId: description.adjacentParentId,
    HashKeyRange: hashRange(description),
    SequenceNumberRange: {
      StartingSequenceNumber: shard.sequenceNumber(0),
      ...(closed ? { EndingSequenceNumber: shard.sequenceNumber(shard.accepted) } : {}),
    },
  };
}

/** The hash range in decimal, as in the API. */
export function hashRange(description: ShardDescription): { StartingHashKey: string; EndingHashKey: string } {
  return {
    StartingHashKey: BigInt(`0x${description.startHash}`).toString(),
    EndingHashKey: BigInt(`0x${description.endHash}`).toString(),
  };
}
