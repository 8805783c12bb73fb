import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type _Record,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
} from '@aws-sdk/client-kinesis';
import { AwsError, appendWhole, type KinesisPort, type Principal, type StreamSlice } from 'aws-local-kit';
import { awsErrorOf } from './remote-error';

/** Approximate size at which a file of a slice is closed. */
const fileBytes = 64 * 2 ** 20;
/** Longest duration of a read. A longer read fails, and the next refresh repeats it. */
const longestReadMs = 30 * 60_000;
/**
 * Most consecutive responses without records. After that many a shard counts as fully read, although the endpoint never
 * reports it.
 */
const mostEmptyAnswers = 200;

interface Progress {
  readonly folder: string;
  readonly files: string[];
  readonly latest: Record<string, string>;
  readonly startMs: number;
  bytes: number;
}

/**
 * Reads streams from a Kinesis endpoint with the client's credentials. The files of a slice stay below `folder` until
 * the next slice is read. One instance therefore serves one warehouse, whose refreshes run one at a time. `ending`
 * aborts open calls.
 */
export class RemoteKinesis implements KinesisPort {
  constructor(
    private readonly client: KinesisClient,
    private readonly folder: string,
    private readonly ending: AbortSignal,
  ) {
    rmSync(folder, { recursive: true, force: true });
  }

  async readSlice(_: Principal, streamName: string, after: Readonly<Record<string, string>>): Promise<StreamSlice> {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { recursive: true });
    const progress: Progress = { folder: this.folder, files: [], latest: {}, startMs: Date.now(), bytes: 0 };
    try {
      for (const shardId of await this.shards(streamName))
        await this.readShard(streamName, shardId, after[shardId], progress);
    } catch (error) {
      throw awsErrorOf('Kinesis', error);
    }
    return { files: progress.files, latest: progress.latest, exact: true };
  }

  acceptedRecords(): number {
    return 0;
  }

  private async shards(StreamName: string): Promise<string[]> {
    const ids: string[] = [];
    let NextToken: string | undefined;
    do {
      const page = await this.client.send(new ListShardsCommand(NextToken ? { NextToken } : { StreamName }), {
        abortSignal: this.ending,
      });
      for (const { ShardId } of page.Shards ?? []) ids.push(ShardId!);
      if (page.NextToken !== undefined && page.NextToken === NextToken)
        throw new AwsError(
          'InternalFailure',
          `the endpoint lists the shards of ${StreamName} in pages without end`,
          500,
        );
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    return ids;
  }

  /** Reads a shard to its tip, or to a record that arrived after the read began. */
  private async readShard(
    stream: string,
    shardId: string,
    after: string | undefined,
    progress: Progress,
  ): Promise<void> {
    let position = after;
    let iterator = await this.iterator(stream, shardId, position);
    for (let empty = 0; iterator !== undefined && empty < mostEmptyAnswers; ) {
      if (Date.now() - progress.startMs > longestReadMs)
        throw new AwsError(
          'InternalFailure',
          `${stream} could not be read within ${longestReadMs / 60_000} minutes`,
          500,
        );
      let answer: Awaited<ReturnType<RemoteKinesis['records']>>;
      try {
        answer = await this.records(iterator);
      } catch (error) {
        if ((error as Error).name !== 'ExpiredIteratorException') throw error;
        iterator = await this.iterator(stream, shardId, position);
        continue;
      }
      const records = answer.Records ?? [];
      write(progress, shardId, records);
      position = records.at(-1)?.SequenceNumber ?? position;
      empty = records.length === 0 ? empty + 1 : 0;
      iterator = answer.NextShardIterator;
      if (answer.MillisBehindLatest === 0 || (answer.MillisBehindLatest === undefined && empty > 0)) return;
      if ((records.at(-1)?.ApproximateArrivalTimestamp?.getTime() ?? 0) >= progress.startMs) return;
    }
  }

  private records(ShardIterator: string) {
    return this.client.send(new GetRecordsCommand({ ShardIterator, Limit: 10_000 }), { abortSignal: this.ending });
  }

  private async iterator(StreamName: string, ShardId: string, after: string | undefined): Promise<string | undefined> {
    const answer = await this.client.send(
      new GetShardIteratorCommand(
        after === undefined
          ? { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }
          : { StreamName, ShardId, ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: after },
      ),
      { abortSignal: this.ending },
    );
    return answer.ShardIterator;
  }
}

function write(progress: Progress, shardId: string, records: readonly _Record[]): void {
  if (records.length === 0) return;
  const text = records.map((record) => `${JSON.stringify(lineOf(shardId, record))}\n`).join('');
  if (progress.files.length === 0 || progress.bytes > fileBytes) {
    progress.files.push(join(progress.folder, `${progress.files.length}.ndjson`));
    progress.bytes = 0;
  }
  appendWhole('a copy of the stream', progress.files.at(-1)!, text);
  progress.bytes += text.length;
  progress.latest[shardId] = records.at(-1)!.SequenceNumber!;
}

const lineOf = (shardId: string, record: _Record) => ({
  shard_id: shardId,
  sequence_number: record.SequenceNumber,
  partition_key: record.PartitionKey,
  arrival_ms: record.ApproximateArrivalTimestamp?.getTime(),
  data: Buffer.from(record.Data ?? []).toString('base64'),
});
