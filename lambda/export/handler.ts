import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { S3Client } from '@aws-sdk/client-s3';
import { consoleLog } from '../shared/log';
import { embeddedMetrics } from '../shared/metrics';
import { readPlan } from '../shared/plan-file';
import { redshiftData, warehouseTarget } from '../shared/redshift-data';
import { parseRunEvent } from '../shared/run-event';
import { s3Objects } from '../shared/s3';
import { type ExportPlan, env } from './contract';
import { exporter } from './export';

/** Kept back for cleaning up and answering. */
const marginMs = 3000;

const settings = env.read();
const onEvent = exporter({
  environment: settings.ENVIRONMENT,
  bucket: settings.EXPORT_BUCKET,
  unloadRoleArn: settings.UNLOAD_ROLE_ARN,
  plan: readPlan<ExportPlan>(),
  warehouse: redshiftData(new RedshiftDataClient({}), warehouseTarget(settings)),
  objects: s3Objects(new S3Client({})),
  log: consoleLog,
  metrics: embeddedMetrics(settings.ENVIRONMENT, settings.PIPELINE),
});

export const handler = (event: unknown, context: { getRemainingTimeInMillis(): number }) =>
  onEvent(parseRunEvent(event), () => context.getRemainingTimeInMillis() - marginMs);
