import { defineEnv, pipelineVariables } from '../shared/env';
import type { StatementTemplate } from '../shared/plan';

export const env = defineEnv(...pipelineVariables, 'EXPORT_BUCKET', 'UNLOAD_ROLE_ARN');

/** All of one export lives below `exports/<pipeline>/<export>/` of the export bucket. */
export const exportPrefix = (pipeline: string, name: string) => `exports/${pipeline}/${name}/`;

export interface ExportPlan {
  readonly pipeline: string;
  readonly exports: readonly ExportItem[];
}

export interface ExportItem {
  readonly name: string;
  readonly format: 'parquet' | 'csv';
  readonly windowMinutes: number;
  readonly latenessMinutes: number;
  /** One row: `next_start` (timestamp of the first unpublished window's start, or null when there is nothing yet), `merged_until` (timestamp of the last merge). */
  readonly next: StatementTemplate;
  /** The UNLOAD. Placeholders: `window_start:nested`, `window_end:nested` (timestamps as text), `target` (s3:// URL ending in `/`), `unload_role`. */
  readonly unload: StatementTemplate;
  /** One row, `rows`: what the window holds. Placeholders: `window_start`, `window_end`. */
  readonly count: StatementTemplate;
  /** Writes the export ledger, idempotently. Placeholders: `window_start`, `window_end`, `run_id`, `rows`, `files`, `location`. */
  readonly record: StatementTemplate;
}

export interface StartExport {
  readonly kind: 'start';
  /** ISO 8601, `<aws.scheduler.scheduled-time>`. */
  readonly scheduledTime: string;
}
