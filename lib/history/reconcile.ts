import { Duration } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { literalPrefixes } from '../../lambda/load/contract';
import { env, listingPrefix } from '../../lambda/reconcile/contract';
import { reconcilePlan } from '../../sql';
import { restsWhenPaused } from '../pause/pause-access';
import type { PipelineFunctionProps } from '../refresh/refresh';
import { explained } from '../shared/grant';
import { Handler } from '../shared/handler';
import { keyUse } from '../shared/key-use';
import { Schedule } from '../shared/schedule';
import { dataApiStatements, pipelineVariables } from '../warehouse/data-api';
import type { PipelineQueue } from './history-queue';

export interface ReconcileProps extends PipelineFunctionProps {
  readonly backlog: PipelineQueue;
  readonly history: IBucket;
  readonly work: Bucket;
  readonly loadRoleArn: string;
}

/** Lists the history of a pipeline on a schedule and queues what is neither loaded nor parked. */
export class Reconcile extends Construct {
  readonly handler: Handler;

  constructor(scope: Construct, id: string, props: ReconcileProps) {
    super(scope, id);
    const { environment, pipeline, bundles, key, warehouse, secretArn, history, work, backlog } = props;
    const plan = reconcilePlan(pipeline, environment.fullPassHour);
    this.handler = new Handler(this, 'Handler', {
      code: bundles.code('reconcile', pipeline.name, plan),
      description: `Lists history of ${pipeline.name} and queues missing objects`,
      environment: env.of({
        ...pipelineVariables(props),
        HISTORY_BUCKET: history.bucketName,
        WORK_BUCKET: work.bucketName,
        LOAD_ROLE_ARN: props.loadRoleArn,
        BACKLOG_URL: backlog.url,
      }),
      // Lambda's maximum. A listing takes about two minutes for a million objects.
      timeout: Duration.minutes(15),
      memoryMb: 512,
      logRetentionDays: environment.logRetentionDays,
      retainLogs: environment.retainData,
      statements: props.script.of('reconcile'),
    }).allow(
      ...dataApiStatements({ warehouse, key, secretArns: [secretArn], sees: 'function', lists: false }),
      new PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [history.bucketArn],
        conditions: { StringLike: { 's3:prefix': literalPrefixes(plan.globs).map((prefix) => `${prefix}*`) } },
      }),
      explained(
        new PolicyStatement({
          actions: ['s3:DeleteObject', 's3:GetObject', 's3:PutObject'],
          resources: [work.arnForObjects(`${listingPrefix}${pipeline.name}/*`)],
        }),
        'Each run writes parts of its own below the prefix of the pipeline',
      ),
      // Without ListBucket, S3 answers a GET of the missing cursor with 403 instead of 404.
      new PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [work.bucketArn],
        conditions: { StringLike: { 's3:prefix': [`${listingPrefix}${pipeline.name}/*`] } },
      }),
      ...restsWhenPaused(work, warehouse),
      new PolicyStatement({ actions: ['sqs:GetQueueAttributes', 'sqs:SendMessage'], resources: [backlog.arn] }),
      keyUse(key, 'sqs', 'write'),
    );
    const target = this.handler.function;
    // The next tick repeats the work.
    target.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(5) });
    new Schedule(this, 'Schedule', {
      description: `Reconciles history of ${pipeline.name} in ${environment.name}`,
      every: Duration.minutes(environment.reconcileEveryMinutes),
      enabled: environment.schedulesEnabled,
      target,
      after: props.objects,
    });
  }
}
