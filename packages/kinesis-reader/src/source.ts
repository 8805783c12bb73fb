import type { Fetched } from './kinesis';
import type { ShardPosition, Start } from './position';

/** The records of one shard, in order. */
export interface ShardSource {
  /** Waits until the shard's quota allows another read and new records are likely. */
  ready(): Promise<void>;
  /**
   * Waits for the next records, the end of the shard, or a report of the reader's lag.
   * @throws ReadError
   */
  next(): Promise<Fetched>;
  /** Ends the read. A pending `next` rejects. */
  close(): void;
}

export interface SourceOptions {
  readonly shardId: string;
  readonly position: ShardPosition;
  readonly start: Start;
  /** See `startingPosition`. */
  readonly afterParent: boolean;
  readonly signal: AbortSignal;
}
