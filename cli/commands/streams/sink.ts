import type { StreamRecord } from 'kinesis-reader';

/** Where `millrace read` puts records. */
export interface Sink {
  /** @param records a batch: records of one shard. @returns the size of their payloads as they were written */
  write(records: readonly StreamRecord[]): Promise<number>;
  /** Makes what was written last. @param revision the state that is saved right after it */
  flush(revision: number): Promise<void>;
  /** @param complete false after an error: what was not flushed may be dropped */
  close(complete: boolean): Promise<void>;
}
