import { Stack } from 'aws-cdk-lib';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { allowRule } from '../shared/rule-to-queue';

export interface BucketEventsProps {
  readonly bucket: IBucket;
  /** Beginnings of the keys. */
  readonly prefixes: readonly string[];
  readonly queue: Queue;
}

/**
 * Sends "Object Created" events of a bucket to a queue by way of EventBridge. The configuration of the bucket stays as it
 * is, so that it can belong to others: a bucket has one list of notifications, and whoever sets it replaces it. Its owner
 * switches EventBridge on once.
 */
export class BucketEvents extends Construct {
  constructor(scope: Construct, id: string, { bucket, prefixes, queue }: BucketEventsProps) {
    super(scope, id);
    const rule = new CfnRule(this, 'Rule', {
      description: `New objects of ${bucket.bucketName}`,
      eventPattern: {
        account: [Stack.of(this).account],
        source: ['aws.s3'],
        'detail-type': ['Object Created'],
        detail: {
          bucket: { name: [bucket.bucketName] },
          ...(prefixes.includes('') ? {} : { object: { key: prefixes.map((prefix) => ({ prefix })) } }),
        },
      },
      state: 'ENABLED',
      targets: [{ id: 'Queue', arn: queue.queueArn }],
    });
    allowRule(queue, rule);
  }
}
