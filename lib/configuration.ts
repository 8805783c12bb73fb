import type { Environment } from '../environments/environment';
import { ConfigurationError } from '../pipelines/configuration-error';
import type { Pipeline } from '../pipelines/definition';
import { judgePipelines } from './limits';
import { validateConfiguration } from './rules';

/**
 * Throws one ConfigurationError that lists everything wrong with the environments and the pipelines together.
 * @param now epoch milliseconds
 */
export function assertConfiguration(
  environments: readonly Environment[],
  pipelines: readonly Pipeline[],
  now = Date.now(),
): void {
  const problems = validateConfiguration(pipelines, environments, now);
  if (problems.length > 0) throw new ConfigurationError(problems);
  const { errors } = judgePipelines(pipelines);
  if (errors.length > 0) throw new ConfigurationError(errors);
}
