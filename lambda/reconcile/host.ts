import { consoleLog, type Log } from '../shared/log';
import { embeddedMetrics, type Metrics } from '../shared/metrics';
import type { ObjectListing, ObjectStore } from '../shared/objects';
import { connectPausable } from '../shared/paused-workgroup';
import { readPlan } from '../shared/plan-file';
import type { Queues } from '../shared/queue';
import { connectObjects } from '../shared/s3';
import { connectQueues } from '../shared/sqs';
import type { RowPages, Warehouse } from '../shared/warehouse';
import type { env, ReconcilePlan } from './contract';

export interface ReconcileHost {
  readonly environment: string;
  readonly historyBucket: string;
  readonly workBucket: string;
  readonly loadRoleArn: string;
  readonly backlogUrl: string;
  readonly plan: ReconcilePlan;
  readonly warehouse: Warehouse & RowPages;
  readonly objects: Pick<ObjectStore, 'put' | 'get' | 'delete'> & ObjectListing;
  readonly queues: Queues;
  readonly log: Log;
  readonly metrics: Metrics;
  /** @default - those of `defaultLimits` */
  readonly limits?: Partial<Limits>;
}

export interface Limits {
  /** Objects that one run may list. The next run continues where it stopped. */
  readonly objects: number;
  /** Messages that one run may send. The next run finds the other objects missing again. */
  readonly messages: number;
  /** Messages in the backlog queue from which on a run does nothing: most of what it would send is queued already. */
  readonly waiting: number;
  /** Time left, in milliseconds, at which the listing stops. The statements and messages need it. */
  readonly reserveMs: number;
}

export function createHost(settings: ReturnType<typeof env.read>): ReconcileHost {
  const objects = connectObjects();
  return {
    environment: settings.ENVIRONMENT,
    historyBucket: settings.HISTORY_BUCKET,
    workBucket: settings.WORK_BUCKET,
    loadRoleArn: settings.LOAD_ROLE_ARN,
    backlogUrl: settings.BACKLOG_URL,
    plan: readPlan<ReconcilePlan>(),
    warehouse: connectPausable(settings, objects),
    objects,
    queues: connectQueues(),
    log: consoleLog,
    metrics: embeddedMetrics(settings.ENVIRONMENT, settings.PIPELINE),
  };
}
