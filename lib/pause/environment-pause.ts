import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { existingStream } from '../../environments/declaration';
import type { Environment } from '../../environments/environment';
import { env, type PausePlan, type PauseRequest } from '../../lambda/pause/contract';
import { pausePrefix } from '../../lambda/shared/pause';
import type { Pipeline } from '../../pipelines/definition';
import { exportPlan } from '../../sql';
import type { Bundles } from '../shared/bundles';
import { explained } from '../shared/grant';
import { Handler } from '../shared/handler';
import { streamName } from '../shared/names';
import { Schedule, scheduledTime } from '../shared/schedule';
import { scheduledActionNames } from '../warehouse/provisioned';
import type { Warehouse } from '../warehouse/warehouse';

export interface EnvironmentPauseProps {
  readonly environment: Environment;
  /** All pipelines of the environment. */
  readonly pipelines: readonly Pipeline[];
  readonly bundles: Bundles;
  readonly warehouse: Warehouse;
  readonly work: Bucket;
}

const look: PauseRequest = { kind: 'look', time: scheduledTime };
/** A pause begins and ends at most so late. */
const every = Duration.minutes(5);

/** Pauses the environment and resumes it: for `millrace pause`, for a budget, and in time before a stream forgets records. */
export class EnvironmentPause extends Construct {
  readonly handler: Handler;

  constructor(scope: Construct, id: string, props: EnvironmentPauseProps) {
    super(scope, id);
    const { environment, bundles, warehouse, work } = props;
    const plan = planOf(props);
    this.handler = new Handler(this, 'Handler', {
      code: bundles.code('pause', environment.name, plan),
      description: `Pauses and resumes ${environment.name}`,
      environment: env.of({
        ENVIRONMENT: environment.name,
        WAREHOUSE_KIND: warehouse.kind,
        WAREHOUSE_NAME: warehouse.name,
        WORK_BUCKET: work.bucketName,
      }),
      timeout: Duration.minutes(2),
      logRetentionDays: environment.logRetentionDays,
      retainLogs: environment.retainData,
    }).allow(
      explained(
        new PolicyStatement({
          actions: ['s3:DeleteObject', 's3:GetObject', 's3:PutObject'],
          resources: [work.arnForObjects(`${pausePrefix}*`)],
        }),
        'The state of the pause, and a report of each pipeline with exports',
      ),
      new PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [work.bucketArn],
        conditions: { StringLike: { 's3:prefix': `${pausePrefix}*` } },
      }),
      ...warehouseStatements(warehouse, plan),
      ...this.streamStatements(plan),
    );
    new CfnOutput(this, 'FunctionName', {
      value: this.handler.function.functionName,
      description: `Pauses and resumes ${environment.name}`,
    });
    const target = this.handler.function;
    // The next tick does what this call could not.
    target.configureAsyncInvoke({ retryAttempts: 2, maxEventAge: Duration.hours(1) });
    new Schedule(this, 'Schedule', {
      description: `Goes on with a pause of ${environment.name}`,
      every,
      enabled: environment.schedulesEnabled,
      target,
      input: look,
      after: target,
    });
  }

  private streamStatements({ streams }: PausePlan): PolicyStatement[] {
    const own = streams.filter((stream) => stream.own);
    if (own.length === 0) return [];
    return [
      new PolicyStatement({
        actions: [
          'kinesis:DecreaseStreamRetentionPeriod',
          'kinesis:DescribeStreamSummary',
          'kinesis:IncreaseStreamRetentionPeriod',
        ],
        resources: own.map(({ name }) =>
          Stack.of(this).formatArn({ service: 'kinesis', resource: 'stream', resourceName: name }),
        ),
      }),
    ];
  }
}

function planOf({ environment, pipelines }: EnvironmentPauseProps): PausePlan {
  const exporting = pipelines.filter((pipeline) => pipeline.exports.length > 0);
  const intervals = exporting.map((pipeline) => exportPlan(pipeline, environment.fullPassHour).everyMinutes);
  return {
    streams: pipelines.map((pipeline) => ({
      name: streamName(environment, pipeline.name),
      retentionHours: pipeline.stream.retentionHours,
      own: existingStream(environment, pipeline.name) === undefined,
    })),
    exporting: exporting.map(({ name }) => name),
    scheduledActions: scheduledActionNames(environment),
    exportsWaitMinutes: 2 * Math.max(0, ...intervals),
    schedulesEnabled: environment.schedulesEnabled,
  };
}

function warehouseStatements({ kind, arn }: Warehouse, { scheduledActions }: PausePlan): PolicyStatement[] {
  if (kind === 'serverless')
    return [
      new PolicyStatement({
        actions: ['redshift-serverless:GetWorkgroup', 'redshift-serverless:UpdateWorkgroup'],
        resources: [arn],
      }),
    ];
  return [
    new PolicyStatement({ actions: ['redshift:PauseCluster', 'redshift:ResumeCluster'], resources: [arn] }),
    explained(
      new PolicyStatement({
        actions: [
          'redshift:DescribeClusters',
          ...(scheduledActions.length === 0 ? [] : ['redshift:ModifyScheduledAction']),
        ],
        resources: ['*'],
      }),
      'These actions have no resource-level permissions (service authorization reference, "Amazon Redshift")',
    ),
  ];
}
