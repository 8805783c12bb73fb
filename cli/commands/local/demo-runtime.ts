import type { RuntimeConnection } from '../runtime-file';

/** What the demo needs of a running environment; `open-runtime.ts` makes it from the local runtime, tests from a fake. */
export interface DemoRuntime extends RuntimeConnection {
  readonly resources: number;
  readonly historyBucket: string;
  readonly exportBucket: string;
  streamOf(pipeline: string): string;
  /** Whether the pipeline is part of what is deployed now. */
  isDeployed(pipeline: string): boolean;
  /** The clock's time, epoch milliseconds. */
  now(): number;
  /** Clock milliseconds a real millisecond; 0 makes it stand still. */
  setRate(rate: number): void;
  /** Waits until nothing is in flight. */
  settle(signal?: AbortSignal): Promise<void>;
  /** Moves the clock to the next moment at which something is due, and settles. */
  step(signal?: AbortSignal): Promise<void>;
  /** As the owner of the database; values as JSON scalars. */
  query(sql: string): Promise<{ columns: string[]; rows: unknown[][] }>;
  /** Records that the stream accepted so far. */
  acceptedRecords(stream: string): number;
  objects(bucket: string, prefix: string): Promise<{ key: string; size: number }[]>;
  /** Where the bytes of an object are on disk. */
  pathOf(bucket: string, key: string): string;
  /** What a person should know: a function that failed for good, a delivery that was refused. */
  onTrouble(listener: (message: string) => void): void;
  dispose(): Promise<void>;
}
