import {
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
} from '@aws-sdk/client-kinesis';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { listedObject, listPages, s3Objects } from '../../lambda/shared/s3';
import { messageCounts, sendMessages } from '../../lambda/shared/sqs';
import { s3Versions } from './object-versions';
import type { Buckets, QueueLook, QueueMessage, Queues, StreamRecord, Streams } from './ports';
import { streamAddress } from './stream-address';

type Sleep = (ms: number) => Promise<unknown>;

export function s3Buckets(client: Pick<S3Client, 'send'>): Buckets {
  return {
    pages: (bucket, prefix) => listPages(client, bucket, prefix),

    async head(Bucket, Key) {
      try {
        const answer = await client.send(new HeadObjectCommand({ Bucket, Key }));
        const object = listedObject(Key, { ...answer, Size: answer.ContentLength });
        return answer.VersionId === undefined ? object : { ...object, versionId: answer.VersionId };
      } catch (error) {
        if (['NotFound', 'NoSuchKey'].includes((error as Error).name)) return undefined;
        throw error;
      }
    },

    async read(Bucket, Key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
      return Body as unknown as AsyncIterable<Uint8Array>;
    },

    async put(Bucket, Key, Body) {
      const { ETag } = await client.send(new PutObjectCommand({ Bucket, Key, Body }));
      return listedObject(Key, { ETag, Size: Body.length });
    },

    putNew: (bucket, key, text) => s3Objects(client).putIf(bucket, key, text, undefined, 'application/json'),
    versions: s3Versions(client),
  };
}

export function sqsQueues(client: Pick<SQSClient, 'send'>, sleep: Sleep): Queues {
  const queues: Queues = {
    send: (url, bodies) => sendMessages(client, url, bodies, sleep),

    async receive(QueueUrl, VisibilityTimeout) {
      const answer = await client.send(
        new ReceiveMessageCommand({
          QueueUrl,
          VisibilityTimeout,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 0,
          MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
        }),
      );
      return (answer.Messages ?? []).map(({ MessageId, ReceiptHandle, Body, Attributes = {} }) => ({
        id: MessageId!,
        receipt: ReceiptHandle!,
        body: Body ?? '',
        deliveries: Number(Attributes['ApproximateReceiveCount'] ?? 1),
        sentAt: Number(Attributes['SentTimestamp'] ?? 0),
      }));
    },

    async release(QueueUrl, ReceiptHandle) {
      await client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
    },

    async delete(QueueUrl, ReceiptHandle) {
      await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    },

    counts: (url) => messageCounts(client, url),

    look: (url, most) => lookByReceiving(queues, url, most),
    lookCounts: true,
  };
  return queues;
}

/** Seconds that an inspected message stays hidden if this process dies before it releases the message. */
const LOOK_SECONDS = 10;

/** SQS shows a message only by delivering it. So each message is received and released at once. */
async function lookByReceiving(queues: Queues, url: string, most: number): Promise<QueueLook> {
  const seen: QueueMessage[] = [];
  const { waiting, inFlight, delayed } = await queues.counts(url);
  try {
    for await (const page of received(queues, url, LOOK_SECONDS)) if (seen.push(...page) >= most) break;
  } finally {
    for (const { receipt } of seen) await queues.release(url, receipt);
  }
  return {
    messages: seen.map(({ body, deliveries, sentAt }) => ({ body, deliveries, sentAt })),
    whole: seen.length >= waiting + inFlight + delayed,
  };
}

/** SQS asks a sample of its servers, so an answer may be empty although the queue is not. */
const EMPTY_ANSWERS = 3;

/**
 * Yields the receivable messages of a queue, one call's worth at a time, each once and hidden for the given time. The
 * caller releases or deletes each.
 */
export async function* received(
  queues: Pick<Queues, 'receive'>,
  url: string,
  hideSeconds: number,
): AsyncGenerator<readonly QueueMessage[]> {
  const seen = new Set<string>();
  for (let empty = 0; empty < EMPTY_ANSWERS; ) {
    const messages = (await queues.receive(url, hideSeconds)).filter(({ id }) => !seen.has(id));
    empty = messages.length === 0 ? empty + 1 : 0;
    for (const { id } of messages) seen.add(id);
    if (messages.length > 0) yield messages;
  }
}

/** GetRecords takes 5 calls a second and shard (Kinesis limits). */
const PAUSE_MS = 210;
const THROTTLED_MS = 1000;
/** If another consumer takes every call for half a minute, this one gives up. */
const THROTTLED_ATTEMPTS = 30;

export function kinesisStreams(client: Pick<KinesisClient, 'send'>, sleep: Sleep): Streams {
  const get = async (ShardIterator: string, Limit?: number) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await client.send(new GetRecordsCommand({ ShardIterator, Limit }));
      } catch (error) {
        const throttled = (error as Error).name === 'ProvisionedThroughputExceededException';
        if (!throttled || attempt === THROTTLED_ATTEMPTS) throw error;
        await sleep(THROTTLED_MS);
      }
    }
  };
  return {
    async identity(stream) {
      const { StreamDescriptionSummary: found } = await client.send(
        new DescribeStreamSummaryCommand(streamAddress(stream)),
      );
      return `${found!.StreamARN} of ${found!.StreamCreationTimestamp!.toISOString()}`;
    },

    async shards(stream) {
      const ids: string[] = [];
      let NextToken: string | undefined;
      do {
        // ListShards refuses a stream name beside a token.
        const page = await client.send(
          new ListShardsCommand(NextToken === undefined ? streamAddress(stream) : { NextToken }),
        );
        ids.push(...(page.Shards ?? []).map(({ ShardId }) => ShardId!));
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return ids;
    },

    async *records(stream, ShardId, from) {
      const start =
        from === undefined
          ? ({ ShardIteratorType: 'TRIM_HORIZON' } as const)
          : ({ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(from) } as const);
      const first = await client.send(new GetShardIteratorCommand({ ...streamAddress(stream), ShardId, ...start }));
      let iterator = first.ShardIterator;
      while (iterator !== undefined) {
        const answer = await get(iterator);
        const records = (answer.Records ?? []).map(streamRecord);
        if (records.length > 0) yield records;
        // An answer without records is not the end: the shard may have expired parts before `MillisBehindLatest`
        // reaches 0.
        if (answer.MillisBehindLatest === 0) return;
        iterator = answer.NextShardIterator;
        if (iterator !== undefined) await sleep(PAUSE_MS);
      }
    },

    async record(stream, ShardId, StartingSequenceNumber) {
      try {
        const { ShardIterator } = await client.send(
          new GetShardIteratorCommand({
            ...streamAddress(stream),
            ShardId,
            ShardIteratorType: 'AT_SEQUENCE_NUMBER',
            StartingSequenceNumber,
          }),
        );
        const [record] = ((await get(ShardIterator!, 1)).Records ?? []).map(streamRecord);
        return record?.sequenceNumber === StartingSequenceNumber ? record : undefined;
      } catch (error) {
        // The shard is gone, or the stream no longer keeps this sequence number.
        if (['ResourceNotFoundException', 'InvalidArgumentException'].includes((error as Error).name)) return undefined;
        throw error;
      }
    },
  };
}

const streamRecord = (record: {
  SequenceNumber?: string;
  PartitionKey?: string;
  ApproximateArrivalTimestamp?: Date;
  Data?: Uint8Array;
}): StreamRecord => ({
  sequenceNumber: record.SequenceNumber!,
  partitionKey: record.PartitionKey ?? '',
  arrivedAt: record.ApproximateArrivalTimestamp?.getTime() ?? 0,
  data: record.Data ?? new Uint8Array(),
});
