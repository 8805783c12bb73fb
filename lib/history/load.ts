import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { env, manifestPrefix } from '../../lambda/load/contract';
import { loadPlan } from '../../sql';
import type { PipelineFunctionProps } from '../refresh/refresh';
import { explained } from '../shared/grant';
import { Handler } from '../shared/handler';
import { keyUse } from '../shared/key-use';
import { dataApiStatements, warehouseVariables } from '../warehouse/data-api';
import type { HistoryQueue } from './history-queue';
import { loadTimeout } from './load-timeout';

export interface LoadProps extends PipelineFunctionProps {
  readonly queue: HistoryQueue;
  readonly history: Bucket;
  readonly work: Bucket;
  readonly loadRoleArn: string;
}

/** Loads the history objects that the queue tells of. */
export class Load extends Construct {
  readonly handler: Handler;

  constructor(scope: Construct, id: string, props: LoadProps) {
    super(scope, id);
    const { environment, pipeline, bundles, key, warehouse, ownerSecretArn, history, work, loadRoleArn } = props;
    const plan = loadPlan(pipeline);
    const { queue } = props.queue;
    this.handler = new Handler(this, 'Handler', {
      code: bundles.code('load', pipeline.name, plan),
      description: `Loads history of ${pipeline.name}`,
      environment: env.of({
        ENVIRONMENT: environment.name,
        PIPELINE: pipeline.name,
        ...warehouseVariables(warehouse),
        SECRET_ARN: ownerSecretArn,
        HISTORY_BUCKET: history.bucketName,
        WORK_BUCKET: work.bucketName,
        LOAD_ROLE_ARN: loadRoleArn,
      }),
      timeout: loadTimeout,
      logRetentionDays: environment.logRetentionDays,
      retainLogs: environment.retainData,
      statements: plan,
    }).allow(
      ...dataApiStatements({ warehouse, key, secretArns: [ownerSecretArn], sees: 'function' }),
      explained(
        new PolicyStatement({
          actions: ['s3:PutObject'],
          resources: [work.arnForObjects(`${manifestPrefix}${pipeline.name}/*`)],
        }),
        'Each run writes a manifest of its own below the prefix of the pipeline',
      ),
      new PolicyStatement({
        actions: ['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
        resources: [queue.queueArn],
      }),
      keyUse(key, 'sqs', 'read'),
    );
    const source = this.handler.function.addEventSourceMapping('Queue', {
      eventSourceArn: queue.queueArn,
      batchSize: 10,
      reportBatchItemFailures: true,
      // Loads of one pipeline wait for each other's lock anyway; two is the least that Lambda allows.
      maxConcurrency: 2,
    });
    // Lambda checks the permission when the mapping is created.
    source.node.addDependency(this.handler.role, props.objects);
  }
}
