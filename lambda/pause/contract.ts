import { defineEnv } from '../shared/env';

/** WAREHOUSE_KIND is `provisioned` or `serverless`, WAREHOUSE_NAME the cluster identifier or the workgroup name. */
export const env = defineEnv('ENVIRONMENT', 'WAREHOUSE_KIND', 'WAREHOUSE_NAME', 'WORK_BUCKET');

/** `plan.json` beside the bundle. */
export interface PausePlan {
  readonly streams: readonly PlannedStream[];
  /** Pipelines with exports. */
  readonly exporting: readonly string[];
  /** Names of the scheduled actions of Redshift that pause and resume the cluster every day. */
  readonly scheduledActions: readonly string[];
  /** Minutes after which exports are no longer waited for: two intervals of the slowest schedule of exports. */
  readonly exportsWaitMinutes: number;
  /** False if all schedules of the environment are disabled. Nothing would then end a pause. */
  readonly schedulesEnabled: boolean;
}

export interface PlannedStream {
  readonly name: string;
  /** Hours that the pipeline expects records to be kept. Used for a stream that Millrace does not own. */
  readonly retentionHours: number;
  /** False for a stream that existed before. Its retention is neither read nor changed. */
  readonly own: boolean;
}

/** RPUs of a paused workgroup: the least that every region has (Redshift management guide, "Compute capacity"). */
export const leastCapacityRpus = 8;
/** The longest retention of a stream. */
export const longestRetentionHours = 8760;
/** A pause ends so long before the oldest waiting record expires: the cluster resumes, and a refresh reads the record. */
export const marginHours = 2;

/** What a person or the schedule asks for. `time` is now, ISO 8601. */
export type PauseRequest =
  | {
      readonly kind: 'pause';
      readonly time: string;
      /** ISO 8601. @default - as long as the streams keep the records */
      readonly until?: string;
      /** Extends the retention of streams that would forget records during the pause. @default false */
      readonly extendRetention?: boolean;
      /** Does not wait for exports in progress; they go on after the pause. @default false */
      readonly now?: boolean;
    }
  | { readonly kind: 'resume'; readonly time: string }
  /** Does what is due, and says how far the pause is. */
  | { readonly kind: 'look'; readonly time: string };

/** How far the pause is, as the function answers. Times are ISO 8601. */
export interface PauseAnswer {
  readonly phase: 'running' | 'pausing' | 'paused' | 'resumed';
  readonly by?: 'person' | 'budget';
  readonly since?: string;
  readonly until?: string;
  /** Pipelines whose exports are waited for. */
  readonly waitsFor?: readonly string[];
  /** Hours that streams keep their records because of the pause, and kept them before. */
  readonly extended?: readonly { readonly stream: string; readonly from: number; readonly to: number }[];
  /** Why the request was refused. Nothing was changed. */
  readonly refused?: string;
}
