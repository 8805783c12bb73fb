import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { clientSettings } from '../shared/client-settings';
import { consoleLog } from '../shared/log';
import { embeddedMetrics } from '../shared/metrics';
import { readPlan } from '../shared/plan-file';
import { redshiftData, warehouseTarget } from '../shared/redshift-data';
import { redshiftStatus } from '../shared/redshift-status';
import { s3Objects } from '../shared/s3';
import { s3Bytes } from '../shared/s3-bytes';
import { sqsQueues } from '../shared/sqs';
import { env, type LoadPlan } from './contract';
import { load } from './load';
import { parseBatch } from './notification';

/** Kept back for the answer to SQS. */
const marginMs = 3000;

const settings = env.read();
const target = warehouseTarget(settings);
const s3 = new S3Client(clientSettings());
const onBatch = load({
  environment: settings.ENVIRONMENT,
  buckets: { history: settings.HISTORY_BUCKET, archive: settings.ARCHIVE_BUCKET },
  workBucket: settings.WORK_BUCKET,
  loadRoleArn: settings.LOAD_ROLE_ARN,
  deadLettersUrl: settings.DEAD_LETTERS_URL,
  keyArn: settings.KEY_ARN,
  plan: readPlan<LoadPlan>(),
  warehouse: redshiftData(new RedshiftDataClient(clientSettings()), target, redshiftStatus(target)),
  objects: { ...s3Objects(s3), ...s3Bytes(s3) },
  queues: sqsQueues(new SQSClient(clientSettings())),
  log: consoleLog,
  metrics: embeddedMetrics(settings.ENVIRONMENT, settings.PIPELINE),
});

export const handler = (event: unknown, context: { getRemainingTimeInMillis(): number }) =>
  onBatch(parseBatch(event), () => context.getRemainingTimeInMillis() - marginMs);
