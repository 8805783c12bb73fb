import type { Environment } from '../environments/environment';
import { validateEnvironments } from '../environments/validate';
import type { Pipeline } from '../pipelines/definition';
import { validatePipelines } from '../sql';
import { literalPrefix } from './history/glob';

/** Configuration that cannot be deployed; `problems` holds every one of them. */
export class ConfigurationError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`invalid configuration, nothing was synthesized:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigurationError';
  }
}

/** Throws one ConfigurationError that lists everything wrong with the environments and the pipelines together. */
export function assertConfiguration(environments: readonly Environment[], pipelines: readonly Pipeline[]): void {
  const exports = pipelines.flatMap((pipeline) => pipeline.exports.map((item) => `${pipeline.name}.${item.name}`));
  const problems = [
    ...validatePipelines([...pipelines]),
    ...overlappingHistory(pipelines),
    ...validateEnvironments(environments, { exports }),
  ];
  if (problems.length > 0) throw new ConfigurationError(problems);
}

/** S3 refuses two notifications of one bucket whose prefixes overlap (PutBucketNotificationConfiguration). */
function overlappingHistory(pipelines: readonly Pipeline[]): string[] {
  const prefixes = pipelines.flatMap(({ name, history }) =>
    history ? [{ name, prefix: literalPrefix(history.glob) }] : [],
  );
  return prefixes.flatMap((one, index) =>
    prefixes
      .slice(index + 1)
      .filter((other) => one.prefix.startsWith(other.prefix) || other.prefix.startsWith(one.prefix))
      .map(
        (other) =>
          `pipelines.${other.name}.history.glob must begin apart from that of ${one.name} (${one.prefix || 'the whole bucket'}), got ${other.prefix || 'the whole bucket'}`,
      ),
  );
}
