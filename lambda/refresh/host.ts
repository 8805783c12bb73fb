import { withMarks } from '../shared/forget-secret';
import { consoleLog, type Log } from '../shared/log';
import { embeddedMetrics, type Metrics } from '../shared/metrics';
import type { ConditionalObjects } from '../shared/objects';
import { connectPausable } from '../shared/paused-workgroup';
import { readPlan } from '../shared/plan-file';
import { connectObjects } from '../shared/s3';
import type { Warehouse } from '../shared/warehouse';
import type { env, RefreshPlan } from './contract';

export interface RefreshHost {
  readonly environment: string;
  readonly plan: RefreshPlan;
  /** Where a run unloads records to, with which role, and encrypted with which key. */
  readonly unload: { readonly bucket: string; readonly roleArn: string; readonly keyArn: string };
  /** Where the freshness document is. */
  readonly freshness: { readonly bucket: string; readonly objects: ConditionalObjects };
  readonly warehouse: Warehouse;
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
}

export function createHost(settings: ReturnType<typeof env.read>): RefreshHost {
  const objects = connectObjects();
  return {
    environment: settings.ENVIRONMENT,
    plan: readPlan<RefreshPlan>(),
    unload: { bucket: settings.WORK_BUCKET, roleArn: settings.UNLOAD_ROLE_ARN, keyArn: settings.KEY_ARN },
    freshness: { bucket: settings.WORK_BUCKET, objects },
    warehouse: withMarks(connectPausable(settings, objects), settings.PIPELINE),
    now: Date.now,
    log: consoleLog,
    metrics: embeddedMetrics(settings.ENVIRONMENT, settings.PIPELINE),
  };
}
