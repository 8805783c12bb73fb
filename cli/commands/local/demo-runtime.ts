import type { ClusterPause } from 'redshift-local';
import type { Pipeline } from '../../../pipelines/definition';
import type { RuntimeConnection } from '../runtime-file';

/** The declaration of a deployed pipeline, without its views and exports. */
export type DeployedPipeline = Pick<Pipeline, 'name' | 'stream' | 'identity' | 'columns' | 'history'>;

export interface StoredObject {
  readonly key: string;
  readonly size: number;
  /** The etag without quotes. */
  readonly etag: string;
}

/**
 * What the demo needs of a running environment. `open-runtime.ts` creates it from the local runtime, tests from a fake.
 */
export interface DemoRuntime extends RuntimeConnection {
  readonly resources: number;
  readonly historyBucket: string;
  readonly exportBucket: string;
  streamOf(pipeline: string): string;
  /** True if the pipeline is deployed now. */
  isDeployed(pipeline: string): boolean;
  /** Returns the clock's time in epoch milliseconds. */
  now(): number;
  /** Sets the clock milliseconds per real millisecond; 0 stops the clock. */
  setRate(rate: number): void;
  /** The pause of the cluster, which follows its schedule on request. */
  readonly pause: ClusterPause;
  /** Waits until nothing is in flight. */
  settle(signal?: AbortSignal): Promise<void>;
  /** Moves the clock to the next due moment, and settles. */
  step(signal?: AbortSignal): Promise<void>;
  /** Sets the clock to `epochMs`, as after a machine's sleep. Overdue timers run once. */
  leapTo(epochMs: number): void;
  /** Calls the listener when something ran, so that a caller can check for changes. */
  onActivity(listener: () => void): void;
  /** Runs a query as the owner of the database. Values are JSON scalars. */
  query(sql: string): Promise<{ columns: string[]; rows: unknown[][] }>;
  /** Returns the number of records that the stream accepted so far. */
  acceptedRecords(stream: string): number;
  /** Returns the pipelines that are deployed now; a deployment may have changed them since the start. */
  deployedPipelines(): readonly DeployedPipeline[];
  objects(bucket: string, prefix: string): Promise<StoredObject[]>;
  /** Returns the path of an object's bytes on disk. */
  pathOf(bucket: string, key: string): string;
  /** Reports what a person should know: a function that failed for good, a delivery that was refused. */
  onTrouble(listener: (message: string) => void): void;
  dispose(): Promise<void>;
}
