import type { Clock } from './clock';
import { ReadError } from './errors';
import type { Fetched, Kinesis } from './kinesis';
import { type ShardPosition, startingPosition } from './position';
import { nameOf, retrying } from './retry';
import type { ShardSource, SourceOptions } from './source';

/** Quotas of a shard: 5 GetRecords calls and 2 MB per second (Kinesis Data Streams, "Quotas and limits"). */
const READS_PER_SECOND = 5;
const BYTES_PER_SECOND = 2_000_000;
/** GetRecords returns at most 10,000 records or 10 MB. */
const LARGEST_PAGE = 10_000;
/** The wait before the next read of a shard that had no new records. */
const IDLE_MS = 1_000;
/** The largest difference between the clocks of client and Kinesis at which a start at "now" still works. */
const LARGEST_SKEW_MS = 300_000;

export interface PollOptions extends SourceOptions {
  readonly kinesis: Kinesis;
  readonly clock: Clock;
  /** Most records of one page. @default 10,000 */
  readonly pageSize?: number;
}

/** Reads a shard with GetRecords. */
export function pollShard(options: PollOptions): ShardSource {
  const { kinesis, clock, shardId } = options;
  const limit = Math.min(options.pageSize ?? LARGEST_PAGE, LARGEST_PAGE);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const reads: number[] = [];
  let position: ShardPosition = options.position;
  let iterator: string | undefined;
  let earliest = 0;

  const freshIterator = async () => {
    const deadline = clock.now() + LARGEST_SKEW_MS;
    for (;;) {
      const from = startingPosition(position, options.start, options.afterParent);
      try {
        return await retrying(shardId, clock, signal, () => kinesis.iterator(shardId, from, signal));
      } catch (error) {
        // Kinesis takes the start for a future moment, because its clock is behind this one.
        const future = from.type === 'AT_TIMESTAMP' && nameOf(error) === 'InvalidArgumentException';
        if (!future || clock.now() >= deadline) throw error;
        await clock.sleep(IDLE_MS, signal);
      }
    }
  };
  /** Waits until the quotas of the shard allow another read. */
  const paced = async () => {
    const oldest = reads.length < READS_PER_SECOND ? 0 : reads.shift()! + 1_000;
    const waitMs = Math.max(earliest, oldest) - clock.now();
    if (waitMs > 0) await clock.sleep(waitMs, signal);
  };

  return {
    ready: paced,
    async next(): Promise<Fetched> {
      for (let renewals = 0; ; renewals++) {
        iterator ??= await freshIterator();
        if (renewals > 0) await paced();
        reads.push(clock.now());
        try {
          const current = iterator;
          const page = await retrying(shardId, clock, signal, () => kinesis.records(current, limit, signal));
          iterator = page.next;
          const last = page.records.at(-1);
          if (last) position = { after: last.sequenceNumber };
          earliest = clock.now() + (last ? restMs(page.records) : page.behindMs === 0 ? IDLE_MS : 0);
          return page;
        } catch (error) {
          if (nameOf(error) !== 'ExpiredIteratorException') throw error;
          if (renewals === 3)
            throw new ReadError(`${shardId}: iterators expire before they are used`, { cause: error });
          iterator = undefined;
        }
      }
    },
    close: () => stop.abort(new ReadError(`${shardId}: closed`)),
  };
}

/** The extra wait for the shard's byte quota, beyond the pace that the quota of reads already sets. */
function restMs(records: Fetched['records']): number {
  let bytes = 0;
  for (const { data } of records) bytes += data.length;
  return Math.max(0, (bytes / BYTES_PER_SECOND) * 1_000 - 1_000);
}
