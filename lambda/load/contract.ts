import { defineEnv } from '../shared/env';
import type { StatementTemplate } from '../shared/plan';

export const env = defineEnv(
  'ENVIRONMENT',
  'PIPELINE',
  'WAREHOUSE_KIND',
  'WAREHOUSE_NAME',
  'DATABASE',
  'SECRET_ARN',
  'HISTORY_BUCKET',
  'WORK_BUCKET',
  'LOAD_ROLE_ARN',
);

/** COPY manifests are written to `<WORK_BUCKET>/<manifestPrefix><pipeline>/<run id>.manifest`. */
export const manifestPrefix = 'manifests/';

/** `plan.json` beside the bundle. */
export interface LoadPlan {
  readonly pipeline: string;
  /** Keys of the history bucket that belong to the pipeline. */
  readonly glob: string;
  /** One transaction. Placeholders: `run_id`, `manifest` (s3:// URL), `load_role`, `objects` (JSON text: `[{bucket,key,version,size}]`). */
  readonly load: readonly StatementTemplate[];
  /** Rows `object_key, version` of those of `objects` (same JSON text) that are in the ledger. Placeholder: `objects`. */
  readonly loaded: StatementTemplate;
}
