import { App, type AppProps, Aspects, CfnResource } from 'aws-cdk-lib';
import type { CloudAssembly } from 'aws-cdk-lib/cx-api';
import type { Environment } from '../environments/environment';
import { resourceType } from '../lambda/warehouse-object/contract';
import { ConfigurationError } from '../pipelines/configuration-error';
import type { Pipeline } from '../pipelines/definition';
import { assertConfiguration } from './configuration';
import { EnvironmentStage, type EnvironmentStageProps } from './environment-stage';
import { judgeAssembly, judgePipelines } from './limits';
import type { Bundles } from './shared/bundles';
import { featureFlags } from './shared/feature-flags';

export interface MillraceProps extends Pick<EnvironmentStageProps, 'fallback'> {
  readonly environments: readonly Environment[];
  readonly pipelines: readonly Pipeline[];
  readonly bundles: Bundles;
  /** Passed on to the App. */
  readonly app?: AppProps;
}

/**
 * The whole app: one stage per environment. Context `environment=<name>` builds that one alone. Context `repair=<word>` is told to every warehouse
 * object: CloudFormation asks nobody about what did not change, so a word that is new has all of them looked at, and what somebody dropped is made anew.
 * Throws ConfigurationError for configuration that can't be deployed, with every problem of every environment and pipeline.
 */
export function createApp({ environments, pipelines, bundles, fallback, app: appProps }: MillraceProps): App {
  assertConfiguration(environments, pipelines);
  // Without the usage-report resource that the CLI would add: the templates are the same whoever synthesizes.
  const app = new App({ analyticsReporting: false, ...appProps, context: { ...featureFlags, ...appProps?.context } });
  const only: unknown = app.node.tryGetContext('environment');
  const wanted = environments.filter(({ name }) => only === undefined || name === only);
  if (wanted.length === 0) {
    throw new Error(
      `context environment must be one of ${environments.map(({ name }) => name).join(', ')}, got ${String(only)}`,
    );
  }
  const repair: unknown = app.node.tryGetContext('repair');
  if (repair !== undefined && (typeof repair !== 'string' || repair === ''))
    throw new Error(
      `context repair must be a word that the last deployment did not have, got ${JSON.stringify(repair)}`,
    );
  for (const environment of wanted) {
    const stage = new EnvironmentStage(app, { environment, pipelines, bundles, fallback });
    if (repair !== undefined) tellAll(stage, repair);
  }
  return app;
}

/**
 * Writes the templates and measures them against the limits of AWS. Throws ConfigurationError, after they were written, for what AWS would refuse.
 * @param warn told of what is near to a limit, a line each
 */
export function synthesize(app: App, pipelines: readonly Pipeline[], warn: (line: string) => void): CloudAssembly {
  const assembly = app.synth();
  const { errors, warnings } = judgeAssembly(assembly);
  for (const line of [...judgePipelines(pipelines).warnings, ...warnings]) warn(line);
  if (errors.length > 0) throw new ConfigurationError(errors);
  return assembly;
}

function tellAll(stage: EnvironmentStage, repair: string): void {
  Aspects.of(stage).add({
    visit(node) {
      if (CfnResource.isCfnResource(node) && node.cfnResourceType === resourceType)
        node.addPropertyOverride('repair', repair);
    },
  });
}
