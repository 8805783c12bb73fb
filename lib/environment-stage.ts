import { Stage, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Environment } from '../environments/environment';
import type { Pipeline } from '../pipelines/definition';
import { DataStack } from './data-stack';
import { PipelinesStack } from './pipelines-stack';
import type { Bundles } from './shared/bundles';

export interface EnvironmentStageProps {
  readonly environment: Environment;
  readonly pipelines: readonly Pipeline[];
  readonly bundles: Bundles;
  /** Where to deploy if the literal does not say. @default - account- and region-agnostic templates */
  readonly fallback?: { readonly account?: string; readonly region?: string };
}

/** One environment: the stack that holds data and the stack that moves it. */
export class EnvironmentStage extends Stage {
  readonly data: DataStack;
  readonly pipelines: PipelinesStack;

  constructor(scope: Construct, { environment, pipelines, bundles, fallback }: EnvironmentStageProps) {
    super(scope, environment.name, {
      env: { account: environment.account ?? fallback?.account, region: environment.region ?? fallback?.region },
    });
    this.data = new DataStack(this, 'Data', {
      stackName: `millrace-${environment.name}-data`,
      description: `Millrace ${environment.name}: key, streams, buckets, queues, warehouse`,
      terminationProtection: environment.deletionProtection,
      environment,
      pipelines,
    });
    this.pipelines = new PipelinesStack(this, 'Pipelines', {
      stackName: `millrace-${environment.name}-pipelines`,
      description: `Millrace ${environment.name}: functions, schedules, warehouse objects, partner roles, alarms`,
      terminationProtection: false,
      environment,
      pipelines,
      data: this.data,
      bundles,
    });
    Tags.of(this).add('millrace:environment', environment.name);
  }
}
