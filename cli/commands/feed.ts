import { setTimeout as wait } from 'node:timers/promises';
import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import type { GeneratedRecord } from '../../pipelines/generator/generator';
import { streamAddress } from '../cloud/stream-address';
import { Failure } from '../failure';

/** Limits of PutRecords: 500 records and 5 MiB a call, partition keys included. */
export const RECORDS_PER_CALL = 500;
export const BYTES_PER_CALL = 5 * 1024 * 1024;
/**
 * Nine attempts wait 50 ms to 6.4 s, 12.75 s in all. After a second, a throttled shard has another second's capacity.
 */
export const ATTEMPTS = 9;
const CALLS_IN_FLIGHT = 4;

export interface FeedResult {
  /** Number of records that the stream accepted. */
  readonly accepted: number;
  /** Number of records that the stream refused for good, as the generator predicted. */
  readonly refused: number;
  /** Number of records sent again because the stream was throttled. */
  readonly resent: number;
}

export interface FeedOptions {
  readonly onProgress?: (accepted: number) => void;
  readonly signal?: AbortSignal;
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/**
 * Puts records onto a stream. It sends only failed entries again, with growing waits.
 * @throws Failure if the stream keeps refusing, or accepts a record that it should refuse
 */
export async function feedStream(
  client: Pick<KinesisClient, 'send'>,
  streamName: string,
  records: Iterable<GeneratedRecord>,
  options: FeedOptions = {},
): Promise<FeedResult> {
  const { onProgress, signal, sleep = wait } = options;
  let accepted = 0;
  let refused = 0;
  let resent = 0;
  const put = async (batch: readonly GeneratedRecord[]) => {
    let left = batch;
    for (let attempt = 1; left.length > 0; attempt++) {
      signal?.throwIfAborted();
      const failed = await putOnce(client, streamName, left);
      accepted += left.length - failed.length;
      onProgress?.(accepted);
      if (failed.length === 0) return;
      if (attempt >= ATTEMPTS)
        throw new Failure(
          `${streamName} refused ${failed.length} records ${ATTEMPTS} times, the last time with ${failed[0]!.code}`,
        );
      resent += failed.length;
      left = failed.map((entry) => entry.record);
      await sleep(25 * 2 ** attempt);
    }
  };
  const inFlight = new Set<Promise<void>>();
  for (const batch of batches(records)) {
    if (batch[0]!.refused) {
      await expectRefusal(client, streamName, batch[0]!);
      refused++;
      continue;
    }
    const call = put(batch).finally(() => inFlight.delete(call));
    inFlight.add(call);
    // If a call fails while others are awaited, the race or the last `all` reports it.
    call.catch(() => {});
    if (inFlight.size >= CALLS_IN_FLIGHT) await Promise.race(inFlight);
  }
  await Promise.all(inFlight);
  return { accepted, refused, resent };
}

/** Fills calls up to their limits. A record to be refused goes alone, because it fails its whole call. */
export function* batches(records: Iterable<GeneratedRecord>): Generator<GeneratedRecord[]> {
  let batch: GeneratedRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    if (record.refused) {
      yield [record];
      continue;
    }
    const size = Buffer.byteLength(record.data) + Buffer.byteLength(record.partitionKey);
    if (batch.length >= RECORDS_PER_CALL || bytes + size > BYTES_PER_CALL) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(record);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

async function putOnce(client: Pick<KinesisClient, 'send'>, streamName: string, records: readonly GeneratedRecord[]) {
  const answer = await client.send(
    new PutRecordsCommand({
      ...streamAddress(streamName),
      Records: records.map(({ data, partitionKey }) => ({ Data: Buffer.from(data), PartitionKey: partitionKey })),
    }),
  );
  return (answer.Records ?? []).flatMap((entry, index) =>
    entry.ErrorCode === undefined ? [] : [{ record: records[index]!, code: entry.ErrorCode }],
  );
}

async function expectRefusal(
  client: Pick<KinesisClient, 'send'>,
  streamName: string,
  record: GeneratedRecord,
): Promise<void> {
  try {
    await putOnce(client, streamName, [record]);
  } catch (error) {
    if ((error as Error).name === 'ValidationException' || (error as Error).name === 'InvalidArgumentException') return;
    throw error;
  }
  throw new Failure(`${streamName} accepted a record of ${record.data.length} bytes, above its limit of 1 MiB`);
}
