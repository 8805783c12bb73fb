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
 * The whole app: one stage per environment. Context `environment=<name>` builds only that one. Context `repair=<token>` becomes a property of every
 * warehouse object: CloudFormation updates only resources that changed, so a new token makes it check all of them and recreate missing ones.
 * Throws ConfigurationError with every problem of every environment and pipeline.
 */
export function createApp({ environments, pipelines, bundles, fallback, app: appProps }: MillraceProps): App {
  assertConfiguration(environments, pipelines);
  // The CLI would add a usage-report resource, and templates would depend on who synthesizes.
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
      `context repair must be a token that differs from the last deployment's, got ${JSON.stringify(repair)}`,
    );
  for (const environment of wanted) {
    const stage = new EnvironmentStage(app, { environment, pipelines, bundles, fallback });
    if (repair !== undefined) setRepairToken(stage, repair);
  }
  return app;
}

/**
 * Writes the templates and measures them against the limits of AWS. Throws ConfigurationError, after writing, if one is exceeded.
 * @param warn gets a line for each measurement that is close to its limit
 */
export function synthesize(app: App, pipelines: readonly Pipeline[], warn: (line: string) => void): CloudAssembly {
  const assembly = app.synth();
  const { errors, warnings } = judgeAssembly(assembly);
  for (const line of [...judgePipelines(pipelines).warnings, ...warnings]) warn(line);
  if (errors.length > 0) throw new ConfigurationError(errors);
  return assembly;
}

function setRepairToken(stage: EnvironmentStage, repair: string): void {
  Aspects.of(stage).add({
    visit(node) {
      if (CfnResource.isCfnResource(node) && node.cfnResourceType === resourceType)
        node.addPropertyOverride('repair', repair);
    },
  });
}
