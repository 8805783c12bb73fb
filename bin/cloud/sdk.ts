import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
} from '@aws-sdk/client-kinesis';
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { Buckets, ListedObject, Queues, StreamRecord, Streams } from './ports';

type Sleep = (ms: number) => Promise<unknown>;

export function s3Buckets(client: Pick<S3Client, 'send'>): Buckets {
  return {
    async *pages(Bucket, Prefix) {
      let ContinuationToken: string | undefined;
      do {
        const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken }));
        yield (page.Contents ?? []).map((object) => listed(object.Key!, object));
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
    },

    async head(Bucket, Key) {
      try {
        const answer = await client.send(new HeadObjectCommand({ Bucket, Key }));
        const object = listed(Key, { ...answer, Size: answer.ContentLength });
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
  };
}

function listed(
  key: string,
  object: { ETag?: string; Size?: number; LastModified?: Date; StorageClass?: string },
): ListedObject {
  return {
    key,
    etag: (object.ETag ?? '').replaceAll('"', ''),
    size: object.Size ?? 0,
    lastModified: object.LastModified?.getTime() ?? 0,
    storageClass: object.StorageClass ?? 'STANDARD',
  };
}

/** SQS limits of SendMessageBatch. */
const MESSAGES_PER_CALL = 10;
const BYTES_PER_CALL = 262_144;
const SEND_ATTEMPTS = 5;

export function sqsQueues(client: Pick<SQSClient, 'send'>, sleep: Sleep): Queues {
  const sendSome = async (QueueUrl: string, bodies: readonly string[]) => {
    let left = bodies;
    for (let attempt = 1; ; attempt++) {
      const Entries = left.map((MessageBody, n) => ({ Id: String(n), MessageBody }));
      const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      if (Failed.length === 0) return;
      if (attempt === SEND_ATTEMPTS || Failed.every(({ SenderFault }) => SenderFault))
        throw new Error(
          `${QueueUrl} refused ${Failed.length} messages: ${Failed[0]!.Code} ${Failed[0]!.Message ?? ''}`,
        );
      left = Failed.map(({ Id }) => left[Number(Id)]!);
      await sleep(100 * 2 ** attempt);
    }
  };
  return {
    async send(url, bodies) {
      for (const some of batched(bodies)) await sendSome(url, some);
    },

    async receive(QueueUrl, VisibilityTimeout) {
      const answer = await client.send(
        new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
      );
      return (answer.Messages ?? []).map(({ MessageId, ReceiptHandle, Body }) => ({
        id: MessageId!,
        receipt: ReceiptHandle!,
        body: Body ?? '',
      }));
    },

    async release(QueueUrl, ReceiptHandle) {
      await client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
    },

    async delete(QueueUrl, ReceiptHandle) {
      await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    },

    async counts(QueueUrl) {
      const { Attributes = {} } = await client.send(
        new GetQueueAttributesCommand({
          QueueUrl,
          AttributeNames: [
            'ApproximateNumberOfMessages',
            'ApproximateNumberOfMessagesNotVisible',
            'ApproximateNumberOfMessagesDelayed',
          ],
        }),
      );
      return {
        waiting: Number(Attributes['ApproximateNumberOfMessages'] ?? 0),
        inFlight: Number(Attributes['ApproximateNumberOfMessagesNotVisible'] ?? 0),
        delayed: Number(Attributes['ApproximateNumberOfMessagesDelayed'] ?? 0),
      };
    },
  };
}

function* batched(bodies: readonly string[]): Generator<string[]> {
  let some: string[] = [];
  let bytes = 0;
  for (const body of bodies) {
    const size = Buffer.byteLength(body);
    if (some.length === MESSAGES_PER_CALL || (some.length > 0 && bytes + size > BYTES_PER_CALL)) {
      yield some;
      some = [];
      bytes = 0;
    }
    some.push(body);
    bytes += size;
  }
  if (some.length > 0) yield some;
}

/** GetRecords takes 5 calls a second and shard (Kinesis limits). */
const PAUSE_MS = 210;
const THROTTLED_MS = 1000;

export function kinesisStreams(client: Pick<KinesisClient, 'send'>, sleep: Sleep): Streams {
  const get = async (ShardIterator: string, Limit?: number) => {
    for (;;) {
      try {
        return await client.send(new GetRecordsCommand({ ShardIterator, Limit }));
      } catch (error) {
        if ((error as Error).name !== 'ProvisionedThroughputExceededException') throw error;
        await sleep(THROTTLED_MS);
      }
    }
  };
  return {
    async shards(StreamName) {
      const ids: string[] = [];
      let NextToken: string | undefined;
      do {
        // the name must not stand beside a token
        const page = await client.send(new ListShardsCommand(NextToken === undefined ? { StreamName } : { NextToken }));
        ids.push(...(page.Shards ?? []).map(({ ShardId }) => ShardId!));
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return ids;
    },

    async *records(StreamName, ShardId, from) {
      const start =
        from === undefined
          ? ({ ShardIteratorType: 'TRIM_HORIZON' } as const)
          : ({ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(from) } as const);
      const first = await client.send(new GetShardIteratorCommand({ StreamName, ShardId, ...start }));
      let iterator = first.ShardIterator;
      while (iterator !== undefined) {
        const answer = await get(iterator);
        const records = (answer.Records ?? []).map(streamRecord);
        if (records.length > 0) yield records;
        // an answer without records is not the end: expired parts of a shard are passed over
        if (answer.MillisBehindLatest === 0) return;
        iterator = answer.NextShardIterator;
        if (iterator !== undefined) await sleep(PAUSE_MS);
      }
    },

    async record(StreamName, ShardId, StartingSequenceNumber) {
      try {
        const { ShardIterator } = await client.send(
          new GetShardIteratorCommand({
            StreamName,
            ShardId,
            ShardIteratorType: 'AT_SEQUENCE_NUMBER',
            StartingSequenceNumber,
          }),
        );
        const [record] = ((await get(ShardIterator!, 1)).Records ?? []).map(streamRecord);
        return record?.sequenceNumber === StartingSequenceNumber ? record : undefined;
      } catch (error) {
        // the shard is gone, or the number is older than what is kept
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
