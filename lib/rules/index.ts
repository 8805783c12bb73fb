import type { Environment } from '../../environments/environment';
import { literalPrefixes } from '../../lambda/load/contract';
import type { Pipeline } from '../../pipelines/definition';
import { stacksWithEndpoints } from '../endpoints/share';
import { checkEnvironment, type KnownNames } from './environment';
import { declaredTwice, problem } from './format';
import { historyOverlaps } from './history';
import { checkPipeline } from './pipeline';
import { elementName } from './shape';

/**
 * Everything wrong with what people write in `pipelines/` and `environments/`, one line each: the field as they wrote it, what is allowed, the value.
 * Empty when nothing is wrong. No line holds an external id.
 * @param now epoch milliseconds
 */
export function validateConfiguration(
  pipelines: readonly Pipeline[],
  environments: readonly Environment[],
  now: number,
): string[] {
  const ofPipelines = elements(pipelines, 'pipelines').map((element) => ({
    ...element,
    ...checkPipeline(element.value, element.at, now),
  }));
  const ofPipelineValues = (...fields: readonly string[]) =>
    ofPipelines.filter(({ sound }) => fields.every((field) => sound(field))).map(({ value }) => value);
  const readable = ofPipelineValues('name', 'exports', 'endpoints', 'stack');
  const known = readable.length === ofPipelines.length && Array.isArray(pipelines) ? knownNames(readable) : undefined;
  const ofEnvironments = elements(environments, 'environments').map((element) => ({
    ...element,
    ...checkEnvironment(element.value, element.at, known),
  }));
  const environmentsWith = (field: string) => ofEnvironments.filter(({ sound }) => sound(field));
  return [
    ...listProblems(pipelines, 'pipelines'),
    ...nameProblems(ofPipelineValues('name').map(({ name }) => name)),
    ...historyOverlaps(ofPipelineValues('name', 'history')),
    ...tooManyNotifications(ofPipelineValues('history')),
    ...ofPipelines.flatMap(({ problems }) => problems),
    ...rowGroupProblems(
      environmentsWith('warehouse').map(({ value }) => value),
      readable,
    ),
    ...listProblems(environments, 'environments'),
    ...(Array.isArray(environments) && environments.length === 0
      ? [problem('environments', 'have at least one environment', environments)]
      : []),
    ...declaredTwice(
      'environments',
      environmentsWith('name').map(({ value }) => value.name),
    ),
    ...ofEnvironments.flatMap(({ problems }) => problems),
  ];
}

const listProblems = (value: unknown, at: string) => (Array.isArray(value) ? [] : [problem(at, 'be a list', value)]);

const elements = <Element>(value: readonly Element[], at: string) =>
  (Array.isArray(value) ? value : []).map((element: Element, index) => ({
    value: element,
    at: at + elementName(element, index),
  }));

function nameProblems(names: readonly string[]): string[] {
  return [
    ...declaredTwice('pipelines', names),
    ...names
      .filter((name) => names.includes(`${name}_stream`))
      .map((name) => `pipelines.${name}_stream has the name of the external schema of pipelines.${name}`),
  ];
}

function knownNames(pipelines: readonly Pipeline[]): KnownNames {
  const exports = pipelines.flatMap((pipeline) =>
    pipeline.exports.map(({ name, engine }) => ({ name: `${pipeline.name}.${name}`, engine })),
  );
  return {
    pipelines: pipelines.map(({ name }) => name),
    exports: exports.map(({ name }) => name),
    materialize: exports.filter(({ engine }) => engine === 'materialize').map(({ name }) => name),
    endpoints: new Map(
      pipelines.flatMap(({ name, endpoints = [] }) =>
        endpoints.map((endpoint) => [`${name}.${endpoint.name}`, endpoint] as const),
      ),
    ),
    endpointFunctions: stacksWithEndpoints(pipelines).length,
  };
}

/** Notification configurations that a bucket may have (S3 user guide, "Amazon S3 Event Notifications"). */
const maxNotifications = 100;

/** Overlapping prefixes are reported elsewhere. */
function tooManyNotifications(pipelines: readonly Pipeline[]): string[] {
  const prefixes = pipelines.flatMap(({ history = [] }) => literalPrefixes(history.flatMap(({ globs }) => globs)));
  return prefixes.length > maxNotifications
    ? [`pipelines.*.history.globs must begin in at most ${maxNotifications} different ways, got ${prefixes.length}`]
    : [];
}

/** Only its owner knows the nodes of an existing cluster. */
const hasLargeNodes = ({ warehouse }: Environment): boolean =>
  warehouse.kind === 'provisioned'
    ? largeNodes.includes(warehouse.nodeType)
    : warehouse.kind === 'existing' && warehouse.cluster !== undefined;

/** Node types on which UNLOAD takes ROWGROUPSIZE (Redshift database developer guide, "UNLOAD"). */
const largeNodes = ['ra3.4xlarge', 'ra3.16xlarge'];

function rowGroupProblems(environments: readonly Environment[], pipelines: readonly Pipeline[]): string[] {
  const small = environments.filter((environment) => !hasLargeNodes(environment));
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
