import { defineEnv, pipelineVariables } from '../shared/env';
import type { StatementTemplate } from '../shared/plan';

export const env = defineEnv(...pipelineVariables, 'HISTORY_BUCKET', 'WORK_BUCKET', 'LOAD_ROLE_ARN', 'BACKLOG_URL');

/**
 * A run writes what it listed to `<WORK_BUCKET>/<listingPrefix><pipeline>/<run id>/`: parts, gzipped NDJSON, and their manifest. Where it
 * stopped before the end of the bucket is in `<listingPrefix><pipeline>/cursor.json`, what it remembers of the ends of folders in `memory.json` beside it.
 */
export const listingPrefix = 'listings/';

/** `plan.json` beside the bundle. */
export interface ReconcilePlan {
  readonly pipeline: string;
  /** Keys of the history bucket that belong to the pipeline. */
  readonly globs: readonly string[];
  /** Hour of the day, UTC, from which on everything is listed once; between, only the ends of folders are. */
  readonly fullPassHour: number;
  /**
   * One transaction: `listing` becomes what the manifest's files hold, gzipped NDJSON
   * `{"object_key","etag","size","last_modified"}`, the etag without quotes, the time as `2026-11-21 10:00:00` in UTC.
   * Placeholders: `manifest` (s3:// URL), `load_role`.
   */
  readonly list: readonly StatementTemplate[];
  /** The same, but what `listing` had stays. */
  readonly append: readonly StatementTemplate[];
  /**
   * Rows `object_key, etag, size, last_modified` of `listing` that are neither in the ledger nor parked, the oldest first. Placeholders: `before`
   * (`2026-11-21 10:00:00`), since younger objects are left to their notifications, and `since`: older ones are left to the listing of everything.
   */
  readonly missing: StatementTemplate;
}
