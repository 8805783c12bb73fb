import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { clientSettings } from '../shared/client-settings';
import { consoleLog } from '../shared/log';
import { embeddedMetrics } from '../shared/metrics';
import { readPlan } from '../shared/plan-file';
import { redshiftData, warehouseTarget } from '../shared/redshift-data';
import { redshiftStatus } from '../shared/redshift-status';
import { parseTick } from '../shared/run-event';
import { s3Objects } from '../shared/s3';
import { sqsQueues } from '../shared/sqs';
import { env, type ReconcilePlan } from './contract';
import { reconcile } from './reconcile';

/** Kept back for answering. */
const marginMs = 3000;

const settings = env.read();
const target = warehouseTarget(settings);
const onTick = reconcile({
  environment: settings.ENVIRONMENT,
  historyBucket: settings.HISTORY_BUCKET,
  workBucket: settings.WORK_BUCKET,
  loadRoleArn: settings.LOAD_ROLE_ARN,
  backlogUrl: settings.BACKLOG_URL,
  plan: readPlan<ReconcilePlan>(),
  warehouse: redshiftData(new RedshiftDataClient(clientSettings()), target, redshiftStatus(target)),
  objects: s3Objects(new S3Client(clientSettings())),
  queues: sqsQueues(new SQSClient(clientSettings())),
  log: consoleLog,
  metrics: embeddedMetrics(settings.ENVIRONMENT, settings.PIPELINE),
});

export const handler = (event: unknown, context: { getRemainingTimeInMillis(): number }) =>
  onTick(parseTick(event), () => context.getRemainingTimeInMillis() - marginMs);
