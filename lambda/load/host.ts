import { setTimeout } from 'node:timers/promises';
import type { RemainingMs } from '../shared/deadline';
import { withMarks } from '../shared/forget-secret';
import { consoleLog, type Log } from '../shared/log';
import { embeddedMetrics, type Metrics } from '../shared/metrics';
import type { ObjectBytes, ObjectMetadata, ObjectStore, ObjectVersions } from '../shared/objects';
import { connectPausable } from '../shared/paused-workgroup';
import { readPlan } from '../shared/plan-file';
import type { Queues } from '../shared/queue';
import { connectObjects } from '../shared/s3';
import { connectQueues } from '../shared/sqs';
import type { Warehouse } from '../shared/warehouse';
import type { env, LoadPlan, LoadSource } from './contract';

export interface LoadHost {
  readonly environment: string;
  /** Names of the buckets. */
  readonly buckets: Readonly<Record<LoadSource['bucket'], string>>;
  readonly workBucket: string;
  readonly loadRoleArn: string;
  readonly deadLettersUrl: string;
  /** Encrypts copies of objects. */
  readonly keyArn: string;
  readonly plan: LoadPlan;
  readonly warehouse: Warehouse;
  readonly objects: Pick<ObjectStore, 'put'> & ObjectVersions & ObjectMetadata & ObjectBytes;
  readonly queues: Pick<Queues, 'send'>;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Epoch milliseconds. Dates a metric that no statement dates. */
  readonly now: () => number;
  /** Waits for system views, which show rows late. */
  readonly sleep: (ms: number) => Promise<unknown>;
}

/** What the parts of the function need in one call. */
export interface LoadCall extends LoadHost {
  readonly remainingMs: RemainingMs;
  readonly systemViews: SystemViews;
}

/** Remembered from call to call. */
export interface SystemViews {
  /**
   * Whether a transaction sees the rows of its own COPY in them, which no page of AWS promises. If not, objects are copied before they are loaded, so
   * that no load depends on these views.
   */
  showOwnCopy: boolean;
}

export function createHost(settings: ReturnType<typeof env.read>): LoadHost {
  const objects = connectObjects();
  return {
    environment: settings.ENVIRONMENT,
    buckets: { history: settings.HISTORY_BUCKET, archive: settings.ARCHIVE_BUCKET, work: settings.WORK_BUCKET },
    workBucket: settings.WORK_BUCKET,
    loadRoleArn: settings.LOAD_ROLE_ARN,
    deadLettersUrl: settings.DEAD_LETTERS_URL,
    keyArn: settings.KEY_ARN,
    plan: readPlan<LoadPlan>(),
    warehouse: withMarks(connectPausable(settings, objects), settings.PIPELINE),
    objects,
    queues: connectQueues(),
    log: consoleLog,
    metrics: embeddedMetrics(settings.ENVIRONMENT, settings.PIPELINE),
    now: Date.now,
    sleep: setTimeout,
  };
}
