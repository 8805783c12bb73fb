import { defineEnv, pipelineVariables } from '../shared/env';
import type { SearchPlan, StatementTemplate, Step } from '../shared/plan';

export { statementNamePrefix } from '../shared/plan';

export const env = defineEnv(...pipelineVariables, 'WORK_BUCKET', 'UNLOAD_ROLE_ARN', 'KEY_ARN');

/**
 * `plan.json` beside the bundle. Placeholders of its statements: `run_id`; `started`, the warehouse's time before the
 * run's first step.
 */
export interface RefreshPlan {
  readonly pipeline: string;
  /** The steps in order: refresh the landing view, merge, refresh the views, mark the records as complete. */
  readonly steps: readonly RefreshStep[];
  /** @default - every run executes all steps */
  readonly idle?: IdlePlan;
  /**
   * Rows `shard_id, after_sequence, from_time, to_time`: gaps in the stream that no backfill has closed. Read at the end of every run; each row
   * counts in the metric StreamGap. @default - no run looks for gaps
   */
  readonly gaps?: StatementTemplate;
  /**
   * Rows `shard_id, reason, records, first_sequence, from_time, to_time`: records that the warehouse's streaming ingestion skipped in the last
   * hour. Read at the end of every run; `records` counts in the metric SkippedRecords. @default - no run counts them
   */
  readonly skipped?: StatementTemplate;
  /**
   * Rows `events, duplicates, rejects, skipped, first_arrival, reason, records`, one for each of the commonest reasons of
   * the run's rejects, at least one; with a retention also `expired`, the rows that it deleted; with subjects also
   * `forgotten`, the skipped records of forgotten ones. Read at the end of a run. Placeholder: `run_id`. @default - no run is counted
   */
  readonly totals?: StatementTemplate;
  /** @default - a step that fails on a record fails its run */
  readonly raising?: RaisingPlan;
  /** Keeps the document that says which run the views come from (`lambda/shared/freshness.ts`). @default - the pipeline has no endpoints */
  readonly freshness?: FreshnessPlan;
}

/**
 * The last two statements of the step, and of the step that ends an idle run, are queries: a row `complete_until`, and a row `view_name` for each view
 * that could not be refreshed.
 */
export interface FreshnessPlan {
  /** Name of the step after whose end the views of a run are complete. */
  readonly step: string;
}

/**
 * A step of a run. Statements after the steps that refresh views may use the placeholder `failures` (JSON text:
 * `[{view,waits_for,error}]`). A step that unloads may use `undecoded` (an s3:// URL of the run), `unload_role` and `key`
 * (ARN of the KMS key).
 */
export interface RefreshStep extends Step {
  /**
   * The view that each statement refreshes. A view that fails does not stop the run: only views that read it wait.
   * @default - none
   */
  readonly views?: readonly RefreshedView[];
}

export interface RefreshedView {
  readonly name: string;
  /** Names of the views that it reads. Earlier steps refresh them. */
  readonly reads: readonly string[];
}

/**
 * Ends a run early when it has no work. The queries are submitted in one Data API call with the first step, before and after its statements, each in
 * its own transaction.
 */
export interface IdlePlan {
  /** A row `started`: the warehouse's time before the first step. */
  readonly started: StatementTemplate;
  /** Run after the first step. A row `reason` says what the run has to do; a query that fails counts as work. */
  readonly work: readonly StatementTemplate[];
  /** Replaces all other steps when there is no work. Placeholder: `started`. */
  readonly step: Step;
}

/** How a step goes on without the records that make it fail. */
export interface RaisingPlan {
  /** Name of the step. */
  readonly step: string;
  readonly search: SearchPlan;
  /**
   * One transaction that turns records into rejects, each once. Placeholders: `run_id`; `raised` (JSON text: `[{key,reason}]`), with the keys that
   * the search found.
   */
  readonly record: readonly StatementTemplate[];
}

/** What the schedule sends. */
export interface StartRun {
  readonly kind: 'start';
  /** ISO 8601; EventBridge Scheduler fills in its context attribute `<aws.scheduler.scheduled-time>`. */
  readonly scheduledTime: string;
}

/** The part of Redshift's `Redshift Data Statement Status Change` event that is used. */
export interface StatementDone {
  readonly source: 'aws.redshift-data';
  readonly detail: { readonly statementName: string; readonly statementId: string; readonly state: string };
}
