import { App, type AppProps } from 'aws-cdk-lib';
import type { Environment } from '../environments/environment';
import type { Pipeline } from '../pipelines/definition';
import { assertConfiguration } from './configuration';
import { EnvironmentStage, type EnvironmentStageProps } from './environment-stage';
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
 * The whole app: one stage per environment. Context `environment=<name>` builds that one alone.
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
  for (const environment of wanted) new EnvironmentStage(app, { environment, pipelines, bundles, fallback });
  return app;
}
