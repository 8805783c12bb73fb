import type { StreamRecord } from 'kinesis-reader';

/** Where `millrace read` puts records. */
export interface Sink {
  write(records: readonly StreamRecord[]): Promise<void>;
  /** Makes what was written last. @param revision the state that is saved right after it */
  flush(revision: number): Promise<void>;
  /** @param complete false after an error: what was not flushed may be dropped */
  close(complete: boolean): Promise<void>;
}
