import {
  DescribeStreamSummaryCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  type _Record as SdkRecord,
  type StartingPosition as SdkStartingPosition,
  SubscribeToShardCommand,
} from '@aws-sdk/client-kinesis';
import { NodeHttp2Handler, NodeHttpHandler } from '@smithy/node-http-handler';
import { deserialized, getRecords, type RawRecord } from './get-records';
import type { StartingPosition } from './position';

export interface StreamDescription {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: Date;
  readonly retentionHours: number;
}

export interface ShardDescription {
  readonly id: string;
  readonly parents: readonly string[];
  /** The shard accepts no more records. */
  readonly closed: boolean;
}

export interface Fetched {
  readonly records: readonly RawRecord[];
  /** The lag of the last record behind the tip of the shard, in milliseconds. */
  readonly behindMs: number;
  /** True at the end of a closed shard. */
  readonly ended: boolean;
  /** The shard's children, if the response names them. */
  readonly children: readonly ShardDescription[];
}

/** A response of GetRecords. `next` is the next iterator, undefined at the end of a closed shard. */
export interface Page extends Fetched {
  readonly next?: string;
}

/** An event of SubscribeToShard. `continuation` is the sequence number where a later subscription continues. */
export interface Pushed extends Fetched {
  readonly continuation?: string;
}

/** The Kinesis operations that a reader uses. Errors are the service's own and keep their names. */
export interface Kinesis {
  describe(signal: AbortSignal): Promise<StreamDescription>;
  /** Lists all shards, from all pages. */
  shards(signal: AbortSignal): Promise<readonly ShardDescription[]>;
  iterator(shardId: string, position: StartingPosition, signal: AbortSignal): Promise<string>;
  records(iterator: string, limit: number, signal: AbortSignal): Promise<Page>;
  /** Subscribes to a shard. The iteration ends with the subscription, after five minutes at most. */
  subscribe(
    consumerArn: string,
    shardId: string,
    position: StartingPosition,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Pushed>>;
  dispose(): void;
}

/** Deadlines for a connection and for a response. */
const CONNECT_MS = 5_000;
const ANSWER_MS = 30_000;

/**
 * @param stream the stream's name or ARN
 * @param client the caller's own client, which is not destroyed
 */
export function connectKinesis(stream: string, client?: KinesisClient): Kinesis {
  const region = stream.startsWith('arn:') ? stream.split(':')[3] : undefined;
  const named = stream.startsWith('arn:') ? { StreamARN: stream } : { StreamName: stream };
  const polling =
    client ??
    new KinesisClient({
      ...(region && { region }),
      // The reader itself retries, within the quota of the shard.
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler({
        connectionTimeout: CONNECT_MS,
        requestTimeout: ANSWER_MS,
        throwOnRequestTimeout: true,
        socketTimeout: ANSWER_MS,
      }),
    });
  let pushing: KinesisClient | undefined;
  return {
    async describe(abortSignal) {
      const { StreamDescriptionSummary: found } = await polling.send(new DescribeStreamSummaryCommand(named), {
        abortSignal,
      });
      return {
        name: found!.StreamName!,
        arn: found!.StreamARN!,
        createdAt: found!.StreamCreationTimestamp!,
        retentionHours: found!.RetentionPeriodHours!,
      };
    },
    async shards(abortSignal) {
      const found: ShardDescription[] = [];
      let NextToken: string | undefined;
      do {
        const page = await polling.send(new ListShardsCommand(NextToken ? { NextToken } : named), { abortSignal });
        for (const { ShardId, ParentShardId, AdjacentParentShardId, SequenceNumberRange } of page.Shards ?? [])
          found.push({
            id: ShardId!,
            parents: [ParentShardId, AdjacentParentShardId].filter((id) => id !== undefined),
            closed: SequenceNumberRange?.EndingSequenceNumber !== undefined,
          });
        NextToken = page.NextToken;
      } while (NextToken);
      return found;
    },
    async iterator(ShardId, position, abortSignal) {
      const { ShardIterator } = await polling.send(
        new GetShardIteratorCommand({
          ...named,
          ShardId,
          ShardIteratorType: position.type,
          ...('sequenceNumber' in position && { StartingSequenceNumber: position.sequenceNumber }),
          ...('timestamp' in position && { Timestamp: position.timestamp }),
        }),
        { abortSignal },
      );
      return ShardIterator!;
    },
    async records(ShardIterator, Limit, abortSignal) {
      const input = { ShardIterator, Limit, ...('StreamARN' in named && named) };
      const { records, NextShardIterator, MillisBehindLatest, ChildShards } = await getRecords(
        polling,
        input,
        abortSignal,
      );
      const next = NextShardIterator ?? undefined;
      return {
        records,
        behindMs: MillisBehindLatest ?? 0,
        children: children(ChildShards),
        ended: next === undefined,
        next,
      };
    },
    async subscribe(ConsumerARN, ShardId, position, abortSignal) {
      // SubscribeToShard works over HTTP/2 only.
      pushing ??= new KinesisClient({
        ...(client ? callerOf(client) : region && { region }),
        maxAttempts: 1,
        requestHandler: new NodeHttp2Handler({ requestTimeout: ANSWER_MS, disableConcurrentStreams: true }),
      });
      const { EventStream } = await pushing.send(
        new SubscribeToShardCommand({ ConsumerARN, ShardId, StartingPosition: sdkPosition(position) }),
        { abortSignal },
      );
      return events(EventStream!);
    },
    dispose() {
      if (polling !== client) polling.destroy();
      pushing?.destroy();
    },
  };
}

/** Copies a client's credentials, region and endpoint. */
const callerOf = ({ config: { credentials, region, endpoint } }: KinesisClient) => ({ credentials, region, endpoint });

function sdkPosition(position: StartingPosition): SdkStartingPosition {
  return {
    Type: position.type,
    ...('sequenceNumber' in position && { SequenceNumber: position.sequenceNumber }),
    ...('timestamp' in position && { Timestamp: position.timestamp }),
  };
}

async function* events(stream: AsyncIterable<unknown>): AsyncGenerator<Pushed> {
  for await (const event of stream as AsyncIterable<Record<string, unknown>>) {
    const pushed = event['SubscribeToShardEvent'] as Answer & { ContinuationSequenceNumber?: string };
    // The other members of the union are errors, and the SDK throws those.
    if (!pushed) continue;
    const continuation = pushed.ContinuationSequenceNumber || undefined;
    yield { ...fetched(pushed), ended: continuation === undefined, continuation };
  }
}

interface Answer {
  readonly Records?: readonly SdkRecord[];
  readonly MillisBehindLatest?: number;
  readonly ChildShards?: readonly { readonly ShardId?: string; readonly ParentShards?: readonly string[] }[];
}

function fetched({ Records, MillisBehindLatest, ChildShards }: Answer) {
  return {
    records: (Records ?? []).map(deserialized),
    behindMs: MillisBehindLatest ?? 0,
    children: children(ChildShards),
  };
}

const children = (shards: Answer['ChildShards'] = []): ShardDescription[] =>
  shards.map(({ ShardId, ParentShards }) => ({ id: ShardId!, parents: ParentShards ?? [], closed: false }));
