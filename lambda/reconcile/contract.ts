import { defineEnv, pipelineVariables } from '../shared/env';
import type { StatementTemplate } from '../shared/plan';

export const env = defineEnv(...pipelineVariables, 'HISTORY_BUCKET', 'WORK_BUCKET', 'LOAD_ROLE_ARN', 'BACKLOG_URL');

/**
 * Prefix in WORK_BUCKET; the pipeline's files are below `<listingPrefix><pipeline>/`:
 * - `<run id>/`: what a run listed, as parts in gzipped NDJSON with their manifest
 * - `cursor.json`: where a full pass stopped before the end of the bucket
 * - `progress.json`: how far each folder was listed
 */
export const listingPrefix = 'listings/';

/** Objects that one run may queue. The next run finds the other ones missing again. */
export const maxQueued = 100_000;

/** `plan.json` beside the bundle. */
export interface ReconcilePlan {
  readonly pipeline: string;
  /** Keys of the history bucket that belong to the pipeline. */
  readonly globs: readonly string[];
  /** Hour of the day, UTC. The first run after it is a full pass, which lists everything; other runs list only new keys. */
  readonly fullPassHour: number;
  /**
   * One transaction that replaces the rows of `listing` by the manifest's files: gzipped NDJSON `{"object_key","etag","size","last_modified"}`, the
   * etag without quotes, the time as `2026-11-21 10:00:00` in UTC. Placeholders: `manifest` (s3:// URL), `load_role`.
   */
  readonly list: readonly StatementTemplate[];
  /** The same, but it keeps the rows that `listing` has. */
  readonly append: readonly StatementTemplate[];
  /**
   * Rows `object_key, etag, size, last_modified` of `listing` that are neither in the ledger nor parked, the oldest `maxQueued`. Placeholders, both like
   * `2026-11-21 10:00:00`: `before` excludes young objects, whose notifications may still come; `since` excludes old ones, which the full pass finds.
   */
  readonly missing: StatementTemplate;
}
