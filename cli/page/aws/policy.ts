import type { StackOutputs } from '../../cloud/names';
import { namesFrom } from '../../cloud/names';
import { Failure } from '../../failure';
import type { AwsPorts } from '../aws-ports';

interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
}

export interface Policy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

/** The permissions that the page of an environment in AWS needs, and no others. */
export function pagePolicy(ports: AwsPorts, data: StackOutputs, pipelines: readonly string[]): Policy {
  const { environment, warehouse, archiveBucket, historyBucket, exportBucket, workBucket } = ports;
  const key = String(data['KeyArn'] ?? '');
  const [, partition, , region, account] = key.split(':');
  if (account === undefined)
    throw new Failure(`the data stack of ${environment.name} has no output KeyArn; deploy it again`);
  const arn = (service: string, resource: string) => `arn:${partition}:${service}:${region}:${account}:${resource}`;
  const bucket = (name: string) => `arn:${partition}:s3:::${name}`;
  const allow = (Sid: string, Action: readonly string[], ...Resource: string[]): Statement => ({
    Sid,
    Effect: 'Allow',
    Action,
    Resource,
  });
  const provisioned = warehouse.kind === 'provisioned';
  const names = namesFrom(environment.name, data, 'the outputs');
  const queues = pipelines.flatMap((pipeline) => Object.values(names.queues(pipeline)) as (string | undefined)[]);
  const streams = pipelines.map((pipeline) => names.stream(pipeline));
  return {
    Version: '2012-10-17',
    Statement: [
      allow(
        'Statements',
        ['redshift-data:ExecuteStatement', 'redshift-data:BatchExecuteStatement'],
        provisioned ? arn('redshift', `cluster:${warehouse.name}`) : arn('redshift-serverless', 'workgroup/*'),
      ),
      allow(
        'Results',
        ['redshift-data:DescribeStatement', 'redshift-data:GetStatementResult', 'redshift-data:CancelStatement'],
        '*',
      ),
      allow('WhyItIsAway', [provisioned ? 'redshift:DescribeClusters' : 'redshift-serverless:GetWorkgroup'], '*'),
      allow('Owner', ['secretsmanager:GetSecretValue'], warehouse.secretArn),
      allow('Key', ['kms:Decrypt'], key),
      allow('Metrics', ['cloudwatch:DescribeAlarms', 'cloudwatch:GetMetricData', 'cloudwatch:ListMetrics'], '*'),
      allow('Listings', ['s3:ListBucket'], ...[archiveBucket, historyBucket, exportBucket, workBucket].map(bucket)),
      allow(
        'Objects',
        ['s3:GetObject'],
        ...[archiveBucket, historyBucket, exportBucket].map((name) => `${bucket(name)}/*`),
        `${bucket(workBucket)}/freshness/*`,
      ),
      allow(
        'Queues',
        ['sqs:GetQueueAttributes'],
        ...queues.flatMap((url) => (url === undefined ? [] : [arn('sqs', url.slice(url.lastIndexOf('/') + 1))])),
      ),
      allow(
        'Records',
        ['kinesis:ListShards', 'kinesis:GetShardIterator', 'kinesis:GetRecords'],
        ...new Set(streams.map((stream) => (stream.startsWith('arn:') ? stream : arn('kinesis', `stream/${stream}`)))),
      ),
    ],
  };
}
