import type { StreamRecord } from 'kinesis-reader';
import type { Copied } from './payload-text';

/** A record whose payload one of `copyDecoders` decoded. */
export type CopiedRecord = StreamRecord<Copied>;

/** Where `millrace read` puts records. */
export interface Sink {
  /** @param records a batch: records of one shard, in its order. @returns the size of their payloads as written */
  write(records: readonly CopiedRecord[]): Promise<number>;
  /** Makes what was written last. @param revision the state that is saved right after it */
  flush(revision: number): Promise<void>;
  /** @param complete false after an error: what was not flushed may be dropped */
  close(complete: boolean): Promise<void>;
}
