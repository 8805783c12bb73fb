/**
 * Runs one reconcile in a process of its own. The last line that it prints is JSON: seconds, and megabytes of the
 * largest resident set.
 */
import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { ReconcilePlan } from '../lambda/reconcile/contract';
import { reconcileFunction } from '../lambda/reconcile/reconcile';
import { redshiftData, type WarehouseTarget } from '../lambda/shared/redshift-data';
import { redshiftStatus } from '../lambda/shared/redshift-status';
import { s3Objects } from '../lambda/shared/s3';
import { sqsQueues } from '../lambda/shared/sqs';

export interface ReconcileTask {
  readonly client: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  readonly plan: ReconcilePlan;
  readonly historyBucket: string;
  readonly workBucket: string;
  readonly loadRoleArn: string;
  readonly backlogUrl: string;
  readonly warehouse: WarehouseTarget;
  /** The scheduled time, epoch milliseconds. */
  readonly now: number;
  /** The most messages to send. */
  readonly messages: number;
}

async function main({ client, warehouse, now, messages, ...host }: ReconcileTask): Promise<void> {
  const began = performance.now();
  const run = reconcileFunction({
    ...host,
    environment: 'dev',
    warehouse: redshiftData(new RedshiftDataClient(client), warehouse, redshiftStatus(warehouse, client)),
    objects: s3Objects(new S3Client({ ...client, forcePathStyle: true })),
    queues: sqsQueues(new SQSClient(client)),
    log: () => undefined,
    metrics: () => undefined,
    limits: { messages, waiting: Number.POSITIVE_INFINITY, reserveMs: 0 },
  });
  await run({ kind: 'start', scheduledTime: new Date(now).toISOString() }, () => 900_000);
  const seconds = (performance.now() - began) / 1000;
  // maxRSS is in kilobytes.
  const megabytes = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(JSON.stringify({ seconds, megabytes }));
}

main(JSON.parse(process.argv[2]!)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
