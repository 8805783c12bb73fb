import { defineEnv, pipelineVariables } from '../shared/env';
import type { SearchPlan, StatementTemplate, Step } from '../shared/plan';

export const env = defineEnv(...pipelineVariables);

/** `plan.json` beside the bundle. Placeholders: `run_id`. */
export interface RefreshPlan {
  readonly pipeline: string;
  /** In order: refresh the landing view, merge, refresh the views. */
  readonly steps: readonly Step[];
  /**
   * Rows `shard_id, after_sequence, from_time, to_time` of the gaps that nobody has closed yet: asked at the end of every run, and told by
   * the metric StreamGap. @default - no run looks for gaps
   */
  readonly gaps?: StatementTemplate;
  /**
   * Rows `shard_id, reason, records, first_sequence, from_time, to_time` of the records of the last hour that the warehouse's streaming ingestion
   * skipped: asked at the end of every run, and counted by the metric SkippedRecords. @default - no run counts them
   */
  readonly skipped?: StatementTemplate;
  /** @default - a step that fails on a record fails its run */
  readonly raising?: RaisingPlan;
}

/** What finds the records that make a step fail, and takes them out of its way. */
export interface RaisingPlan {
  /** The step. */
  readonly step: string;
  readonly search: SearchPlan;
  /**
   * One transaction that makes rejects of records, once each. Placeholders: `run_id`; `raised` (JSON text: `[{key,reason}]`), with the keys of the
   * search.
   */
  readonly record: readonly StatementTemplate[];
}

/** What the schedule sends: the scheduled time comes from EventBridge Scheduler's context attribute. */
export interface StartRun {
  readonly kind: 'start';
  /** ISO 8601, `<aws.scheduler.scheduled-time>`. */
  readonly scheduledTime: string;
}

/** The part of Redshift's `Redshift Data Statement Status Change` event that is used. */
export interface StatementDone {
  readonly source: 'aws.redshift-data';
  readonly detail: { readonly statementName: string; readonly statementId: string; readonly state: string };
}

export { statementNamePrefix } from '../shared/plan';
