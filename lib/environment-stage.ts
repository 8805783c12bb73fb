import { type Stack, Stage, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Environment } from '../environments/environment';
import type { Pipeline } from '../pipelines/definition';
import { DataStack } from './data-stack';
import { MorePipelinesStack, PipelinesStack } from './pipelines-stack';
import type { Bundles } from './shared/bundles';
import { costTag, names, pascalCase } from './shared/names';

export interface EnvironmentStageProps {
  readonly environment: Environment;
  readonly pipelines: readonly Pipeline[];
  readonly bundles: Bundles;
  /** Where to deploy an environment that names no account or region. @default - account- and region-agnostic templates */
  readonly fallback?: { readonly account?: string; readonly region?: string };
}

/** One environment: the stack that holds data, and the stacks that move it. */
export class EnvironmentStage extends Stage {
  readonly data: DataStack;
  readonly pipelines: PipelinesStack;
  readonly more: readonly MorePipelinesStack[];

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
      stackName: names.pipelinesStack(environment.name),
      description: `Millrace ${environment.name}: functions, schedules, warehouse objects, partner roles, alarms`,
      terminationProtection: false,
      environment,
      pipelines,
      data: this.data,
      bundles,
    });
    this.more = this.moreStacks(environment, pipelines);
    this.pipelines.addDashboard();
    Tags.of(this).add(costTag, environment.name);
  }

  /** These stacks deploy one after the other, whatever `--concurrency` says: Lanes bounds concurrent functions only within a stack. */
  private moreStacks({ name }: Environment, pipelines: readonly Pipeline[]): MorePipelinesStack[] {
    const stacks = new Set(pipelines.flatMap(({ stack }) => (stack === undefined ? [] : [stack])));
    let before: Stack = this.pipelines;
    return [...stacks].map((stack) => {
      const more = new MorePipelinesStack(this, `Pipelines${pascalCase(stack)}`, {
        stackName: names.pipelinesStack(name, stack),
        description: `Millrace ${name}: functions, schedules, warehouse objects and alarms of the pipelines of ${stack}`,
        terminationProtection: false,
        main: this.pipelines,
        pipelines: pipelines.filter((pipeline) => pipeline.stack === stack),
      });
      more.addStackDependency(before);
      before = more;
      return more;
    });
  }
}
