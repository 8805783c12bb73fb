import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { S3Client } from '@aws-sdk/client-s3';
import { eventBridge } from '../shared/event-bus';
import { consoleLog } from '../shared/log';
import { embeddedMetrics } from '../shared/metrics';
import { readPlan } from '../shared/plan-file';
import { redshiftData, warehouseTarget } from '../shared/redshift-data';
import { s3Objects } from '../shared/s3';
import { type ExportPlan, env } from './contract';
import { parseExportEvent } from './event';
import { exporter } from './export';
import { warehouseLedger } from './ledger';
import { redshiftEngine } from './redshift-engine';

/** Kept back for cleaning up and answering. */
const marginMs = 3000;

const settings = env.read();
const plan = readPlan<ExportPlan>();
const common = { environment: settings.ENVIRONMENT, pipeline: plan.pipeline, bucket: settings.EXPORT_BUCKET };
const warehouse = redshiftData(new RedshiftDataClient({}), warehouseTarget(settings));
const objects = s3Objects(new S3Client({}));
const engine = redshiftEngine({ ...common, unloadRoleArn: settings.UNLOAD_ROLE_ARN, warehouse, objects });
const bus = eventBridge(new EventBridgeClient({}));
const metrics = embeddedMetrics(settings.ENVIRONMENT, settings.PIPELINE);

export const handler = (event: unknown, context: { getRemainingTimeInMillis(): number }) => {
  const remainingMs = () => context.getRemainingTimeInMillis() - marginMs;
  const ledger = warehouseLedger({ ...common, warehouse, remainingMs });
  const host = { ...common, plan, engine, ledger, objects, bus, log: consoleLog, metrics };
  return exporter({ ...host, tickEveryMs: plan.everyMinutes * 60_000 })(parseExportEvent(event));
};
