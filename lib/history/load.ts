import { Duration } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { env, type LoadSource, literalPrefixes, manifestPrefix, versionPrefix } from '../../lambda/load/contract';
import { forgetSecret } from '../../lambda/shared/env';
import { decodes, loadPlan } from '../../sql';
import { restsWhenPaused } from '../pause/pause-access';
import type { PipelineFunctionProps } from '../refresh/refresh';
import { explained } from '../shared/grant';
import { Handler } from '../shared/handler';
import { keyUse } from '../shared/key-use';
import { dataApiStatements, pipelineVariables } from '../warehouse/data-api';
import type { PipelineQueue, PipelineQueues } from './history-queue';
import { loadTimeout } from './load-timeout';

export interface LoadProps extends PipelineFunctionProps {
  readonly queues: PipelineQueues;
  readonly history: IBucket;
  /** The customer key of an existing history bucket. Undefined if Millrace made the bucket, or if there is none. */
  readonly historyKey: IKey | undefined;
  readonly archive: Bucket;
  readonly work: Bucket;
  readonly loadRoleArn: string;
}

/** Loads the objects that the queues name: history objects and, on demand, archive objects. */
export class Load extends Construct {
  readonly handler: Handler;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: LoadProps,
  ) {
    super(scope, id);
    const {
      environment,
      pipeline,
      bundles,
      key,
      warehouse,
      secretArn,
      forgetSecretArn,
      history,
      archive,
      work,
      queues,
    } = props;
    const plan = loadPlan(pipeline);
    this.handler = new Handler(this, 'Handler', {
      code: bundles.code('load', pipeline.name, plan),
      description: `Loads history of ${pipeline.name}`,
      environment: {
        ...env.of({
          ...pipelineVariables(props),
          HISTORY_BUCKET: history.bucketName,
          ARCHIVE_BUCKET: archive.bucketName,
          WORK_BUCKET: work.bucketName,
          LOAD_ROLE_ARN: props.loadRoleArn,
          DEAD_LETTERS_URL: queues.deadLetters.url,
          KEY_ARN: key.keyArn,
        }),
        ...forgetSecret.of(forgetSecretArn),
      },
      timeout: loadTimeout,
      // Lambda gives a processor in proportion to memory, and decoding needs one.
      ...(decodes(pipeline) ? { memoryMb: 1024 } : {}),
      logRetentionDays: environment.logRetentionDays,
      retainLogs: environment.retainData,
      statements: props.script.of('load'),
    }).allow(
      ...dataApiStatements({ warehouse, key, secretArns: [secretArn], forgetSecretArn, sees: 'function', lists: true }),
      explained(
        new PolicyStatement({
          actions: ['s3:PutObject'],
          resources: [work.arnForObjects(`${manifestPrefix}${pipeline.name}/*`)],
        }),
        'Each run writes a manifest of its own below the prefix of the pipeline',
      ),
      ...restsWhenPaused(work, warehouse),
      ...this.versionStatements(),
      ...this.queueStatements(),
    );
    // Each queue has its own invocations, so a backlog of years does not delay new objects.
    if (queues.queue) this.read('Queue', queues.queue);
    this.read('Backlog', queues.backlog);
  }

  /** Reads objects and copies single versions, only below the prefixes of the pipeline's globs. */
  private versionStatements(): PolicyStatement[] {
    const { pipeline, key, history, historyKey, archive, work } = this.props;
    const of = (wanted: LoadSource['bucket']) =>
      literalPrefixes(loadPlan(pipeline).sources.flatMap(({ bucket, globs }) => (bucket === wanted ? globs : [])));
    const sources = [
      { bucket: history, prefixes: of('history') },
      { bucket: archive, prefixes: of('archive') },
      { bucket: work, prefixes: of('work') },
    ];
    return [
      explained(
        new PolicyStatement({
          // Copying an object copies its tags.
          actions: ['s3:GetObject', 's3:GetObjectVersion', 's3:GetObjectVersionTagging'],
          resources: sources.flatMap(({ bucket, prefixes }) =>
            prefixes.map((prefix) => bucket.arnForObjects(`${prefix}*`)),
          ),
        }),
        'The function reads objects below the prefixes of the pipeline for their columns and for the lines of rejects, and copies a version of an object that was overwritten or deleted before its load',
      ),
      ...sources
        .filter(({ prefixes }) => prefixes.length > 0)
        .map(
          ({ bucket, prefixes }) =>
            new PolicyStatement({
              actions: ['s3:ListBucketVersions'],
              resources: [bucket.bucketArn],
              conditions: { StringLike: { 's3:prefix': prefixes.map((prefix) => `${prefix}*`) } },
            }),
        ),
      explained(
        new PolicyStatement({
          // The function reads a copy as it would have read the object.
          actions: ['s3:GetObject', 's3:PutObject', 's3:PutObjectTagging'],
          resources: [work.arnForObjects(`${versionPrefix}${pipeline.name}/*`)],
        }),
        'Each copy is named after its run, below the prefix of the pipeline',
      ),
      keyUse(key, 's3', 'write'),
      ...(historyKey ? [keyUse(historyKey, 's3', 'read')] : []),
    ];
  }

  private queueStatements(): PolicyStatement[] {
    const { key, queues } = this.props;
    return [
      new PolicyStatement({
        actions: ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
        resources: [queues.queue, queues.backlog].flatMap((queue) => (queue ? [queue.arn] : [])),
      }),
      new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queues.deadLetters.arn] }),
      keyUse(key, 'sqs', 'write'),
    ];
  }

  private read(id: string, { arn }: PipelineQueue): void {
    const source = this.handler.function.addEventSourceMapping(id, {
      eventSourceArn: arn,
      // As many as one COPY takes. SQS delivers ten messages at a time; Lambda gathers more only within a batching window.
      batchSize: 250,
      maxBatchingWindow: Duration.seconds(5),
      reportBatchItemFailures: true,
      // Two is the minimum of Lambda. Loads of one pipeline wait for each other's lock, so more would not help.
      maxConcurrency: 2,
    });
    // Lambda checks the permission when the mapping is created.
    source.node.addDependency(this.handler.role, this.props.objects);
  }
}
