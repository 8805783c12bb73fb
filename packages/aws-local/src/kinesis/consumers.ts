import { setTimeout as pause } from 'node:timers/promises';
import {
  AwsError,
  EventStream,
  integerOf,
  type JsonOperations,
  objectOf,
  oneOf,
  type Principal,
  requiredText,
  textOf,
} from 'aws-local-kit';
import { children, readPage, startingCounter } from './get';
import type { Kinesis } from './kinesis';
import type { Shard } from './shard';
import type { Consumer, Stream } from './stream';

type Input = Readonly<Record<string, unknown>>;

/** Most registered consumers of a stream (Kinesis Data Streams, "Quotas and limits"). */
const maxConsumers = 20;
/**
 * A subscription ends after five minutes. It cannot be replaced in its first five seconds (SubscribeToShard's page).
 */
const subscriptionLifeMs = 5 * 60_000;
const protectedMs = 5_000;
/** Real milliseconds between two polls for new records, and number of empty polls before an empty event is sent. */
const lookMs = 25;
const looksOfSilence = 40;
const eventRecords = 1_000;

interface Subscription {
  readonly since: number;
  replaced: boolean;
}

/** The operations of registered consumers, including SubscribeToShard. */
export function consumerOperations(kinesis: Kinesis): JsonOperations {
  /** Subscriptions by consumer and shard. */
  const subscriptions = new Map<string, Subscription>();
  const named = (input: Input): { stream: Stream; consumer: Consumer } => {
    const arn = textOf(input['ConsumerARN'], 'ConsumerARN');
    const stream = kinesis.find({ StreamARN: arn?.replace(/\/consumer\/.*$/s, '') ?? input['StreamARN'] });
    const name = arn === undefined ? requiredText(input['ConsumerName'], 'ConsumerName') : undefined;
    const consumer = stream.consumers.find((each) => (arn === undefined ? each.name === name : each.arn === arn));
    if (!consumer)
      throw new AwsError('ResourceNotFoundException', `Consumer ${arn ?? name} of stream ${stream.name} not found.`);
    return { stream, consumer };
  };
  const allow = (principal: Principal, operation: string, resource: string) =>
    kinesis.options.authorizer.authorize({ principal, action: `kinesis:${operation}`, resource });

  return {
    RegisterStreamConsumer(input: Input, principal) {
      objectOf(input, ['StreamARN', 'ConsumerName'], 'request');
      const stream = kinesis.find({ StreamARN: requiredText(input['StreamARN'], 'StreamARN') });
      kinesis.authorize(principal, 'kinesis:RegisterStreamConsumer', stream);
      const name = requiredText(input['ConsumerName'], 'ConsumerName');
      if (stream.consumers.some((consumer) => consumer.name === name))
        throw new AwsError('ResourceInUseException', `Consumer ${name} of stream ${stream.name} exists already.`);
      if (stream.consumers.length === maxConsumers)
        throw new AwsError('LimitExceededException', `Stream ${stream.name} has ${maxConsumers} consumers already.`);
      return { Consumer: output(stream.register(name)) };
    },
    DescribeStreamConsumer(input: Input, principal) {
      objectOf(input, ['StreamARN', 'ConsumerName', 'ConsumerARN'], 'request');
      const { stream, consumer } = named(input);
      allow(principal, 'DescribeStreamConsumer', consumer.arn);
      return { ConsumerDescription: { ...output(consumer), StreamARN: stream.arn } };
    },
    ListStreamConsumers(input: Input, principal) {
      objectOf(input, ['StreamARN', 'NextToken', 'MaxResults'], 'request');
      const stream = kinesis.find({ StreamARN: requiredText(input['StreamARN'], 'StreamARN') });
      kinesis.authorize(principal, 'kinesis:ListStreamConsumers', stream);
      const from = Number(textOf(input['NextToken'], 'NextToken') ?? 0);
      const limit = integerOf(input['MaxResults'], 'MaxResults', 1, 10_000) ?? 100;
      const end = from + limit;
      return {
        Consumers: stream.consumers.slice(from, end).map(output),
        ...(end < stream.consumers.length && { NextToken: String(end) }),
      };
    },
    DeregisterStreamConsumer(input: Input, principal) {
      objectOf(input, ['StreamARN', 'ConsumerName', 'ConsumerARN'], 'request');
      const { stream, consumer } = named(input);
      allow(principal, 'DeregisterStreamConsumer', consumer.arn);
      stream.deregister(consumer);
    },
    SubscribeToShard(input: Input, principal) {
      objectOf(input, ['ConsumerARN', 'ShardId', 'StartingPosition'], 'request');
      const { stream, consumer } = named({ ConsumerARN: requiredText(input['ConsumerARN'], 'ConsumerARN') });
      allow(principal, 'SubscribeToShard', consumer.arn);
      kinesis.useKey(principal, 'Decrypt', stream);
      const shard = stream.shard(requiredText(input['ShardId'], 'ShardId'));
      const position = objectOf(input['StartingPosition'], ['Type', 'SequenceNumber', 'Timestamp'], 'StartingPosition');
      const from = startingCounter(shard, {
        ShardIteratorType: oneOf(
          position?.['Type'],
          ['TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP', 'AT_SEQUENCE_NUMBER', 'AFTER_SEQUENCE_NUMBER'],
          'StartingPosition.Type',
        ),
        StartingSequenceNumber: position?.['SequenceNumber'],
        Timestamp: position?.['Timestamp'],
      });
      const key = `${consumer.arn} ${shard.id}`;
      const now = kinesis.realNow();
      const current = subscriptions.get(key);
      if (current && now - current.since < protectedMs)
        throw new AwsError('ResourceInUseException', `Consumer ${consumer.arn} has a subscription to ${shard.id}.`);
      if (current) current.replaced = true;
      const subscription = { since: now, replaced: false };
      subscriptions.set(key, subscription);
      const done = () => {
        if (subscriptions.get(key) === subscription) subscriptions.delete(key);
      };
      return new EventStream(events(kinesis, stream, shard.id, from, subscription, done));
    },
  };
}

async function* events(
  kinesis: Kinesis,
  stream: Stream,
  shardId: string,
  from: number,
  subscription: Subscription,
  done: () => void,
) {
  let next = from;
  let silent = 0;
  try {
    while (!subscription.replaced && kinesis.realNow() - subscription.since < subscriptionLifeMs) {
      const shard: Shard = stream.shard(shardId);
      const page = readPage(kinesis, stream, shard, next, eventRecords);
      next = page.next;
      if (page.records.length === 0 && !page.ended && silent++ % looksOfSilence !== 0) {
        await pause(lookMs);
        continue;
      }
      const content = {
        Records: page.records,
        MillisBehindLatest: page.behindMs,
        ...(page.ended
          ? { ChildShards: children(stream, shard) }
          : { ContinuationSequenceNumber: shard.sequenceNumberBefore(next) }),
      };
      yield { type: 'SubscribeToShardEvent', content };
      if (page.ended) return;
      if (page.records.length > 0) silent = 1;
    }
  } finally {
    done();
  }
}

function output({ name, arn, createdAt }: Consumer) {
  return {
    ConsumerName: name,
    ConsumerARN: arn,
    ConsumerStatus: 'ACTIVE',
    ConsumerCreationTimestamp: createdAt / 1000,
  };
}
