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
  /** Whether S3 sends notifications of new objects. If not, the queues hold only objects that are queued on demand. */
  readonly notified: boolean;
}

/**
 * With a visibility of an hour, this many receives take more than four days, so a paused warehouse sends nothing to the dead letters. The function itself
 * parks objects that cannot be loaded. The next reconcile finds objects whose messages SQS moved to the dead letters.
 */
const maxReceiveCount = 100;

/** Messages about a pipeline's objects. */
export class HistoryQueue extends Construct {
  /** Notifications of new objects from S3. Undefined for a pipeline without history. */
  readonly queue?: Queue;
  /** Older objects, queued by the reconcile and by backfills. A queue of its own, so that years of them do not delay new objects. */
  readonly backlog: Queue;
  /** Objects that could not be loaded, each with its reason. */
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
 * A queue as other stacks see it. A stack may have 200 outputs, and an export for each attribute would exceed that with twenty pipelines. So the name is
 * taken from the ARN, and the URL is an output that people read anyway.
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
