import type { Environment } from '../environments/environment';
import { validateEnvironments } from '../environments/validate';
import { literalPrefixes } from '../lambda/load/contract';
import type { Pipeline } from '../pipelines/definition';
import { validatePipelines } from '../sql';
import { judgePipelines } from './limits';

/** Configuration that cannot be deployed; `problems` holds every one of them. */
export class ConfigurationError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`invalid configuration, nothing can be deployed:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigurationError';
  }
}

/** Throws one ConfigurationError that lists everything wrong with the environments and the pipelines together. */
export function assertConfiguration(environments: readonly Environment[], pipelines: readonly Pipeline[]): void {
  const exports = pipelines.flatMap((pipeline) => pipeline.exports.map((item) => `${pipeline.name}.${item.name}`));
  const materialize = pipelines.flatMap((pipeline) =>
    pipeline.exports.filter(({ engine }) => engine === 'materialize').map(({ name }) => `${pipeline.name}.${name}`),
  );
  const problems = [
    ...validatePipelines([...pipelines]),
    ...tooManyNotifications(pipelines),
    ...rowGroupProblems(environments, pipelines),
    ...validateEnvironments(environments, { exports, materialize, pipelines: pipelines.map(({ name }) => name) }),
  ];
  if (problems.length > 0) throw new ConfigurationError(problems);
  const { errors } = judgePipelines(pipelines);
  if (errors.length > 0) throw new ConfigurationError(errors);
}

/** Notification configurations that a bucket may have (S3 user guide, "Amazon S3 Event Notifications"). */
const maxNotifications = 100;

/** Pipelines whose prefixes overlap, which S3 refuses, are a problem of theirs already. */
function tooManyNotifications(pipelines: readonly Pipeline[]): string[] {
  const prefixes = pipelines.flatMap(({ history }) => literalPrefixes((history ?? []).flatMap(({ globs }) => globs)));
  return prefixes.length > maxNotifications
    ? [`pipelines.*.history.globs must begin in at most ${maxNotifications} different ways, got ${prefixes.length}`]
    : [];
}

/** Node types on which UNLOAD takes ROWGROUPSIZE (Redshift database developer guide, "UNLOAD"). */
const largeNodes = ['ra3.4xlarge', 'ra3.16xlarge'];

function rowGroupProblems(environments: readonly Environment[], pipelines: readonly Pipeline[]): string[] {
  const small = environments.filter(
    ({ warehouse }) => warehouse.kind === 'serverless' || !largeNodes.includes(warehouse.nodeType),
  );
  return pipelines.flatMap((pipeline) =>
    pipeline.exports
      .filter(({ format }) => format.kind === 'parquet' && format.rowGroupMb !== undefined)
      .flatMap(({ name }) =>
        small.map(
          (environment) =>
            `pipelines.${pipeline.name}.exports.${name}.format.rowGroupMb needs ${largeNodes.join(' or ')}, which environments.${environment.name} does not have`,
        ),
      ),
  );
}
