import type { Log } from '../shared/log';
import type { Metrics } from '../shared/metrics';
import type { ObjectBytes, ObjectStore, ObjectVersions } from '../shared/objects';
import type { Queues } from '../shared/queue';
import type { Warehouse } from '../shared/warehouse';
import type { LoadPlan, LoadSource } from './contract';

export interface LoadHost {
  readonly environment: string;
  /** Names of the buckets that the sources speak of. */
  readonly buckets: Readonly<Record<LoadSource['bucket'], string>>;
  readonly workBucket: string;
  readonly loadRoleArn: string;
  readonly deadLettersUrl: string;
  /** Encrypts copies of objects. */
  readonly keyArn: string;
  readonly plan: LoadPlan;
  readonly warehouse: Warehouse;
  readonly objects: Pick<ObjectStore, 'put'> & ObjectVersions & ObjectBytes;
  readonly queues: Pick<Queues, 'send'>;
  readonly log: Log;
  readonly metrics: Metrics;
  /** For a metric of something that has no time of its own. @default Date.now */
  readonly now?: () => number;
  /** Waits for system views that show rows late. @default - a timer */
  readonly sleep?: (ms: number) => Promise<void>;
  /** What the function has learnt of the warehouse since it started. @default - nothing yet */
  readonly sight?: Sight;
}

/** Whether the warehouse's system views show a transaction its own rows, which no page of AWS promises. */
export interface Sight {
  /** They do not: objects are copied before they are loaded, so that nothing needs to be asked. */
  blind: boolean;
}
