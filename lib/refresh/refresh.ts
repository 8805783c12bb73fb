import { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Environment } from '../../environments/environment';
import { env, statementNamePrefix } from '../../lambda/refresh/contract';
import { forgetSecret } from '../../lambda/shared/env';
import type { Pipeline } from '../../pipelines/definition';
import { refreshPlan } from '../../sql';
import { restsWhenPaused } from '../pause/pause-access';
import type { Bundles } from '../shared/bundles';
import { freshnessStatements } from '../shared/freshness';
import { Handler } from '../shared/handler';
import type { ReviewScript } from '../shared/review-script';
import { Schedule } from '../shared/schedule';
import { StatementEvents } from '../shared/statement-events';
import { dataApiStatements, pipelineVariables } from '../warehouse/data-api';
import type { Warehouse } from '../warehouse/warehouse';
import type { PipelineObjects } from '../warehouse/warehouse-objects';

/** What the functions of a pipeline have in common. */
export interface PipelineFunctionProps {
  readonly environment: Environment;
  readonly pipeline: Pipeline;
  readonly bundles: Bundles;
  readonly key: IKey;
  readonly warehouse: Warehouse;
  /** Credentials of the database user that the function works as. */
  readonly secretArn: string;
  /** The secret of the marks, for a function that merges. @default - the pipeline has no subjects */
  readonly forgetSecretArn?: string;
  /** The pipeline's warehouse objects, which have to exist before the first run. */
  readonly objects: PipelineObjects;
  readonly script: ReviewScript;
}

export interface RefreshProps extends PipelineFunctionProps {
  readonly work: Bucket;
  /** Unloads records that the load function decodes. */
  readonly unloadRoleArn: string;
}

/** Refreshes the landing view, merges, and refreshes the views. A schedule starts a run; the event of each finished statement starts the next one. */
export class Refresh extends Construct {
  readonly handler: Handler;

  constructor(scope: Construct, id: string, props: RefreshProps) {
    super(scope, id);
    const { environment, pipeline, bundles, key, warehouse, secretArn, forgetSecretArn } = props;
    const plan = refreshPlan(pipeline);
    this.handler = new Handler(this, 'Handler', {
      code: bundles.code('refresh', pipeline.name, plan),
      description: `Refreshes ${pipeline.name}`,
      environment: {
        ...env.of({
          ...pipelineVariables(props),
          WORK_BUCKET: props.work.bucketName,
          UNLOAD_ROLE_ARN: props.unloadRoleArn,
          KEY_ARN: key.keyArn,
        }),
        ...forgetSecret.of(forgetSecretArn),
      },
      timeout: Duration.minutes(2),
      logRetentionDays: environment.logRetentionDays,
      retainLogs: environment.retainData,
      statements: props.script.of('refresh'),
    })
      .allow(
        ...dataApiStatements({
          warehouse,
          key,
          secretArns: [secretArn],
          forgetSecretArn,
          sees: 'function',
          lists: true,
        }),
      )
      .allow(...restsWhenPaused(props.work, warehouse));
    if (plan.freshness) this.handler.allow(...freshnessStatements(props.work, [pipeline], 'write'));
    const target = this.handler.function;
    // One retry for a passing error. The next tick resumes the run anyway.
    target.configureAsyncInvoke({ retryAttempts: 1, maxEventAge: Duration.minutes(5) });
    new StatementEvents(this, 'Statements', {
      namePrefix: statementNamePrefix(environment.name, pipeline.name, 'refresh'),
      target,
    });
    new Schedule(this, 'Schedule', {
      description: `Refreshes ${pipeline.name} in ${environment.name}`,
      every: Duration.minutes(pipeline.refreshEveryMinutes),
      enabled: environment.schedulesEnabled,
      target,
      after: props.objects,
    });
  }
}
