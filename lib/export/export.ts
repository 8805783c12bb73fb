import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { env, exportPrefix, publishedEvent } from '../../lambda/export/contract';
import { statementNamePrefix } from '../../lambda/refresh/contract';
import { exportPlan } from '../../sql';
import { reportsExports } from '../pause/pause-access';
import type { PipelineFunctionProps } from '../refresh/refresh';
import { explained } from '../shared/grant';
import { Handler } from '../shared/handler';
import { keyUse } from '../shared/key-use';
import { Schedule } from '../shared/schedule';
import { StatementEvents } from '../shared/statement-events';
import { dataApiStatements, pipelineVariables } from '../warehouse/data-api';
import type { MaterializeAccess } from './materialize';

export interface ExportsProps extends PipelineFunctionProps {
  readonly bucket: Bucket;
  readonly work: Bucket;
  readonly unloadRoleArn: string;
  /** Needed by exports of the engine `materialize`. */
  readonly materialize?: MaterializeAccess;
}

/** Unloads the closed windows of a pipeline's exports and publishes them. */
export class Exports extends Construct {
  readonly handler: Handler;

  constructor(scope: Construct, id: string, props: ExportsProps) {
    super(scope, id);
    const { environment, pipeline, bundles, key, warehouse, secretArn, bucket, work, unloadRoleArn } = props;
    const plan = exportPlan(pipeline, environment.fullPassHour);
    const materialize = plan.exports.some(({ engine }) => engine === 'materialize') ? props.materialize : undefined;
    const event = publishedEvent(environment.name, pipeline.name);
    const prefixes = pipeline.exports.map((item) => exportPrefix(pipeline.name, item.name));
    this.handler = new Handler(this, 'Handler', {
      code: bundles.code('export', pipeline.name, plan),
      description: `Exports of ${pipeline.name}`,
      environment: {
        ...materialize?.variables(),
        ...env.of({
          ...pipelineVariables(props),
          EXPORT_BUCKET: bucket.bucketName,
          UNLOAD_ROLE_ARN: unloadRoleArn,
          WORK_BUCKET: work.bucketName,
        }),
      },
      // The function reads every exported byte once, for its checksum.
      timeout: Duration.minutes(15),
      memoryMb: 512,
      logRetentionDays: environment.logRetentionDays,
      retainLogs: environment.retainData,
      statements: props.script.of('export'),
    }).allow(
      ...dataApiStatements({ warehouse, key, secretArns: [secretArn], sees: 'function', lists: true }),
      new PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [bucket.bucketArn],
        conditions: {
          StringLike: {
            's3:prefix': [...prefixes, ...(materialize?.prefixes(pipeline) ?? [])].map((prefix) => `${prefix}*`),
          },
        },
      }),
      explained(
        new PolicyStatement({
          actions: ['s3:DeleteObject', 's3:GetObject', 's3:PutObject'],
          resources: prefixes.map((prefix) => bucket.arnForObjects(`${prefix}*`)),
        }),
        'Runs and windows have prefixes of their own below that of the export',
      ),
      ...reportsExports(work, pipeline.name),
      keyUse(key, 's3', 'write'),
      new PolicyStatement({
        actions: ['events:PutEvents'],
        resources: [Stack.of(this).formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' })],
        conditions: { StringEquals: { 'events:source': event.source, 'events:detail-type': event.detailType } },
      }),
      ...(materialize?.statements(pipeline, bucket) ?? []),
    );
    new CfnOutput(this, 'FunctionName', {
      value: this.handler.function.functionName,
      description: `Publishes the exports of ${pipeline.name}`,
    });
    const target = this.handler.function;
    // One retry for a passing error. The next tick resumes the run anyway.
    target.configureAsyncInvoke({ retryAttempts: 1, maxEventAge: Duration.minutes(15) });
    new StatementEvents(this, 'Statements', {
      namePrefix: statementNamePrefix(environment.name, pipeline.name, 'export'),
      target,
    });
    new Schedule(this, 'Schedule', {
      description: `Exports of ${pipeline.name} in ${environment.name}`,
      every: Duration.minutes(plan.everyMinutes),
      enabled: environment.schedulesEnabled,
      target,
      after: props.objects,
    });
  }
}
