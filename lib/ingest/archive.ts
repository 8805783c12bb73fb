import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnDeliveryStream } from 'aws-cdk-lib/aws-kinesisfirehose';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, LogStream } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Environment } from '../../environments/environment';
import type { ArchivePlan } from '../../lambda/archive/contract';
import type { Pipeline } from '../../pipelines/definition';
import { isText } from '../../sql';
import type { Bundles } from '../shared/bundles';
import { explained, grant } from '../shared/grant';
import { Handler } from '../shared/handler';
import { keyUse } from '../shared/key-use';
import { streamName } from '../shared/names';
import type { ReadStream } from './read-stream';

export interface ArchiveTransformProps {
  readonly environment: Environment;
  /** All pipelines of the environment. */
  readonly pipelines: readonly Pipeline[];
  readonly bundles: Bundles;
}

/** Wraps each record with its position on the stream, as one line. Firehose calls this function before it writes. */
export class ArchiveTransform extends Handler {
  constructor(scope: Construct, id: string, { environment, pipelines, bundles }: ArchiveTransformProps) {
    const plan: ArchivePlan = {
      textStreams: pipelines
        .filter(({ stream }) => isText(stream.records))
        .map(({ name }) => streamName(environment, name)),
    };
    super(scope, id, {
      code: bundles.code('archive', environment.name, plan),
      description: 'Wraps archived records with their position on the stream',
      timeout: Duration.minutes(1),
      logRetentionDays: environment.logRetentionDays,
      retainLogs: environment.retainData,
    });
  }
}

export interface ArchiveProps {
  readonly environment: Environment;
  readonly pipelineName: string;
  readonly stream: ReadStream;
  readonly bucket: Bucket;
  readonly transform: ArchiveTransform;
  readonly key: IKey;
}

/** Writes all records of a stream to the archive bucket: gzip, newline-delimited, by hour of arrival. */
export class Archive extends Construct {
  readonly deliveryStream: CfnDeliveryStream;

  constructor(scope: Construct, id: string, props: ArchiveProps) {
    super(scope, id);
    const { environment, pipelineName, stream, bucket, transform, key } = props;
    const logGroup = new LogGroup(this, 'Logs', {
      retention: environment.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const logStream = new LogStream(this, 'LogStream', {
      logGroup,
      logStreamName: 'delivery',
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, 'Role', {
      description: `Archives ${pipelineName}`,
      assumedBy: new ServicePrincipal('firehose.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    const prefix = `archive/${pipelineName}/`;
    const errors = `archive-errors/${pipelineName}/`;
    grant(
      role,
      new PolicyStatement({
        actions: ['kinesis:DescribeStream', 'kinesis:GetRecords', 'kinesis:GetShardIterator', 'kinesis:ListShards'],
        resources: [stream.arn],
      }),
      new PolicyStatement({
        actions: ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'],
        resources: [bucket.bucketArn],
      }),
      explained(
        new PolicyStatement({
          actions: ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'],
          resources: [bucket.arnForObjects(`${prefix}*`), bucket.arnForObjects(`${errors}*`)],
        }),
        'Firehose names its objects by time, below the prefix of the pipeline',
      ),
      new PolicyStatement({
        actions: ['lambda:GetFunctionConfiguration', 'lambda:InvokeFunction'],
        resources: [transform.function.functionArn],
      }),
      new PolicyStatement({ actions: ['logs:PutLogEvents'], resources: [logGroup.logGroupArn] }),
      ...(stream.key ? [keyUse(stream.key, 'kinesis', 'read')] : []),
      keyUse(key, 's3', 'write'),
    );
    this.deliveryStream = new CfnDeliveryStream(this, 'Delivery', {
      deliveryStreamType: 'KinesisStreamAsSource',
      kinesisStreamSourceConfiguration: { kinesisStreamArn: stream.arn, roleArn: role.roleArn },
      extendedS3DestinationConfiguration: {
        bucketArn: bucket.bucketArn,
        roleArn: role.roleArn,
        // The hour is that of the oldest record in the object (Firehose guide, "Custom prefixes for Amazon S3 objects").
        prefix: `${prefix}!{timestamp:yyyy/MM/dd/HH}/`,
        errorOutputPrefix: `${errors}!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/`,
        compressionFormat: 'GZIP',
        bufferingHints: { sizeInMBs: 64, intervalInSeconds: 300 },
        cloudWatchLoggingOptions: {
          enabled: true,
          logGroupName: logGroup.logGroupName,
          logStreamName: logStream.logStreamName,
        },
        processingConfiguration: {
          enabled: true,
          processors: [
            { type: 'Lambda', parameters: transformParameters(transform.function.functionArn, role.roleArn) },
          ],
        },
      },
    });
    Validations.of(this.deliveryStream).acknowledge({
      id: 'AwsSolutions-KDF1',
      reason:
        'With a Kinesis stream as its source, Firehose stores nothing itself and refuses this setting; the stream is encrypted',
    });
    // Firehose checks the role's permissions when it is created.
    this.deliveryStream.node.addDependency(role);
  }
}

function transformParameters(lambdaArn: string, roleArn: string) {
  const parameters = {
    LambdaArn: lambdaArn,
    RoleArn: roleArn,
    NumberOfRetries: '3',
    // A response may have 6 MB, and base64 and the envelope make it larger than the request.
    BufferSizeInMBs: '1',
    BufferIntervalInSeconds: '60',
  };
  return Object.entries(parameters).map(([parameterName, parameterValue]) => ({ parameterName, parameterValue }));
}
