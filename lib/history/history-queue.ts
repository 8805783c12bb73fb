import { CfnOutput, Duration, Fn, Names, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Bucket, CfnBucket } from 'aws-cdk-lib/aws-s3';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { loadTimeout } from './load-timeout';

export interface HistoryQueueProps {
  readonly key: IKey;
  readonly retain: boolean;
  /** Whether S3 tells of new objects. Without, there is only what somebody queues on demand. */
  readonly notified: boolean;
}

/**
 * Redshift that sleeps for days is no reason to give up: with a visibility of an hour this is more than four days. What really cannot be loaded
 * the function parks itself, and what SQS moves to the dead letters is still missing in the next reconcile.
 */
const maxReceiveCount = 100;

/** Messages about a pipeline's objects. */
export class HistoryQueue extends Construct {
  /** S3's notifications: what arrives now. Undefined for a pipeline without history. */
  readonly queue?: Queue;
  /** What was there before: filled by the reconcile and by backfills, so that years of it do not delay what arrives now. */
  readonly backlog: Queue;
  /** What could not be loaded, with the reason. */
  readonly deadLetters: Queue;

  /** The same queues for constructs of other stacks. */
  readonly queues: PipelineQueues;

  constructor(scope: Construct, id: string, { key, retain, notified }: HistoryQueueProps) {
    super(scope, id);
    const common = {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: key,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    };
    this.deadLetters = new Queue(this, 'DeadLetters', common);
    const queue = (name: string) =>
      new Queue(this, name, {
        ...common,
        // Six times the function's timeout leaves room for retries of a throttled function (Lambda guide, "Using Lambda with Amazon SQS").
        visibilityTimeout: Duration.seconds(loadTimeout.toSeconds() * 6),
        deadLetterQueue: { queue: this.deadLetters, maxReceiveCount },
      });
    if (notified) this.queue = queue('Queue');
    this.backlog = queue('Backlog');
    const url = (name: string, { queueUrl }: Queue) => {
      const exportName = `${Stack.of(this).stackName}:${Names.uniqueId(this)}${name}`;
      new CfnOutput(scope, `${id}${name}Url`, { value: queueUrl, exportName });
      return exportName;
    };
    const shared = (name: string, queue: Queue): PipelineQueue => ({
      arn: queue.queueArn,
      name: Fn.select(5, Fn.split(':', queue.queueArn)),
      url: Fn.importValue(url(name, queue)),
    });
    this.queues = {
      ...(this.queue ? { queue: shared('Queue', this.queue) } : {}),
      backlog: shared('Backlog', this.backlog),
      deadLetters: shared('DeadLetters', this.deadLetters),
    };
  }
}

/**
 * A queue as other stacks see it. A stack has 200 outputs, and one export of each attribute would be more than twenty pipelines have room for: the name is
 * a part of the ARN, and the URL is the output that people read.
 */
export interface PipelineQueue {
  readonly arn: string;
  readonly name: string;
  readonly url: string;
}

export interface PipelineQueues {
  readonly queue?: PipelineQueue;
  readonly backlog: PipelineQueue;
  readonly deadLetters: PipelineQueue;
}

/**
 * Sends "object created" notifications of a bucket to queues, by key prefix. Declared in the bucket itself: CDK's own way adds a Python
 * function that calls S3 at deploy time. The bucket needs the queues' policies first, so those can't name the bucket; they name the
 * account and what generated bucket names begin with, the stack's name (CloudFormation shortens long ones, so only its first 24 letters count).
 */
export function notifyQueues(bucket: Bucket, targets: readonly { queue: Queue; prefix: string }[]): void {
  const stack = Stack.of(bucket);
  const generatedNames = `arn:${stack.partition}:s3:::${stack.stackName.slice(0, 24)}*`;
  for (const { queue } of targets) {
    queue.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('s3.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [queue.queueArn],
        conditions: {
          StringEquals: { 'aws:SourceAccount': stack.account },
          ArnLike: { 'aws:SourceArn': generatedNames },
        },
      }),
    );
    bucket.node.addDependency(queue);
  }
  (bucket.node.defaultChild as CfnBucket).notificationConfiguration = {
    queueConfigurations: targets.map(({ queue, prefix }) => ({
      event: 's3:ObjectCreated:*',
      queue: queue.queueArn,
      ...(prefix ? { filter: { s3Key: { rules: [{ name: 'prefix', value: prefix }] } } } : {}),
    })),
  };
}
