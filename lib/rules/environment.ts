import {
  defaultWarnAt,
  type Environment,
  type ExistingStream,
  type ExportNotification,
  type ProvisionedWarehouse,
} from '../../environments/environment';
import type { EndpointDefinition } from '../../pipelines/definition';
import { concurrencyOf, endpointStatementsPerSecond, mostInstances } from '../endpoints/share';
import { environmentShape } from './environment-shape';
import { must, namedTwice, unknownNames } from './format';
import { partnerProblems } from './partners';
import { between, type Checked, check, isBetween } from './shape';

/** Names of pipelines and exports that environments refer to. */
export interface KnownNames {
  readonly pipelines: readonly string[];
  /** As `<pipeline>.<export>`. */
  readonly exports: readonly string[];
  /** Those that Materialize runs. */
  readonly materialize: readonly string[];
  /** By `<pipeline>.<endpoint>`. */
  readonly endpoints: ReadonlyMap<string, EndpointDefinition>;
  /** How many stacks have a function for endpoints. */
  readonly endpointFunctions: number;
}

/**
 * @param at the environment in messages, as `environments.dev`
 * @param known undefined where the pipelines are too wrong to be referred to
 */
export function checkEnvironment(environment: Environment, at: string, known: KnownNames | undefined): Checked {
  const checked = check(environmentShape, environment, at);
  return { ...checked, problems: [...checked.problems, ...ruleProblems(environment, at, known, checked)] };
}

function ruleProblems(
  environment: Environment,
  at: string,
  known: KnownNames | undefined,
  { sound, right }: Checked,
): string[] {
  return [
    ...(sound('retainData') && sound('deletionProtection') ? protectionProblems(environment, at) : []),
    ...(right('history') && environment.history ? whereMissing(environment, at, `${at}.history.bucket`) : []),
    ...(right('pipelines') ? pipelineOptionProblems(environment, at, known) : []),
    ...(right('budget') ? budgetProblems(environment, `${at}.budget`) : []),
    ...(sound('dropData') && sound('retainData') ? dropDataProblems(environment, at, known) : []),
    ...(sound('warehouse') ? warehouseProblems(environment, `${at}.warehouse`) : []),
    ...(right('warehouse') ? existingWarehouseProblems(environment, at) : []),
    ...(known && sound('exportNotifications')
      ? (environment.exportNotifications ?? []).flatMap((notification, index) =>
          notificationProblems(notification, `${at}.exportNotifications[${index}]`, known),
        )
      : []),
    ...(known && sound('materialize') && sound('partners')
      ? materializeProblems(environment, `${at}.materialize`, known)
      : []),
    ...(known && sound('endpoints') ? endpointsProblems(environment, `${at}.endpoints`, known) : []),
    ...(sound('partners') ? partnerProblems(environment, at, known) : []),
  ];
}

/** Each instance needs its part of the statements a second that the Data API has for endpoints. */
function endpointsProblems({ endpoints }: Environment, at: string, { endpointFunctions }: KnownNames): string[] {
  const concurrency = concurrencyOf(endpoints, endpointFunctions);
  const most = Math.floor(mostInstances / endpointFunctions);
  return must(
    concurrency > mostInstances || concurrency * endpointFunctions <= mostInstances,
    `${at}.concurrency`,
    `be at most ${most} where ${endpointFunctions} stacks have endpoints: their instances share ${endpointStatementsPerSecond} statements a second`,
    concurrency,
  );
}

/** One threshold has one notification. */
function budgetProblems({ budget, schedulesEnabled }: Environment, at: string): string[] {
  if (budget?.pauseAt === undefined) return [];
  const { warnAt = defaultWarnAt, pauseAt } = budget;
  return [
    ...must(warnAt < pauseAt, `${at}.pauseAt`, `be above warnAt, ${warnAt}`, pauseAt),
    ...must(
      schedulesEnabled,
      `${at}.pauseAt`,
      'be left out where schedulesEnabled is false: nothing would end the pause',
      pauseAt,
    ),
  ];
}

function protectionProblems({ retainData, deletionProtection }: Environment, at: string): string[] {
  return must(
    retainData || !deletionProtection,
    `${at}.deletionProtection`,
    'be false where retainData is false',
    deletionProtection,
  );
}

function dropDataProblems({ retainData, dropData = [] }: Environment, at: string, known?: KnownNames): string[] {
  const field = `${at}.dropData`;
  return [
    ...namedTwice(field, dropData),
    ...(known ? unknownNames(field, 'pipelines', dropData, known.pipelines) : []),
    ...must(
      retainData || dropData.length === 0,
      field,
      'be left out where retainData is false, which drops everything',
      dropData,
    ),
  ];
}

function pipelineOptionProblems(environment: Environment, at: string, known?: KnownNames): string[] {
  return Object.entries(environment.pipelines ?? {}).flatMap(([name, { stream }]) => [
    ...(known ? unknownNames(`${at}.pipelines`, 'pipelines', [name], known.pipelines) : []),
    ...(stream ? existingStreamProblems(stream, environment, at, `${at}.pipelines.${name}.stream`) : []),
  ]);
}

/**
 * A stream of another account needs a role there: Redshift finds a stream by its name, in the account of the role that it assumed last.
 * @param at the environment in messages
 */
function existingStreamProblems(
  { existing, role }: ExistingStream,
  environment: Environment,
  at: string,
  field: string,
): string[] {
  const { account, region } = environment;
  const [, , , home, owner] = existing.split(':') as [string, string, string, string, string];
  const missing = whereMissing(environment, at, field);
  if (missing.length > 0) return missing;
  const foreign = owner !== account;
  return [
    ...must(home === region, `${field}.existing`, `be in the region of the environment, ${region}`, existing),
    ...must(
      !foreign || role !== undefined,
      `${field}.role`,
      `be given, a role of the account ${owner} that reads the stream: the environment is in ${account}`,
      role,
    ),
    ...must(
      foreign || role === undefined,
      `${field}.role`,
      "be left out for a stream of the environment's own account",
      role,
    ),
    ...must(
      !foreign || role === undefined || role.split(':')[4] === owner,
      `${field}.role`,
      `be in the account of the stream, ${owner}`,
      role,
    ),
  ];
}

/** Otherwise it would depend on who synthesizes where an existing thing is. */
const whereMissing = (environment: Environment, at: string, field: string): string[] =>
  (['account', 'region'] as const)
    .filter((name) => environment[name] === undefined)
    .map((name) => `${at}.${name} must be given, since ${field} exists already`);

/** Nodes of a cluster by type (Redshift management guide, "Node type details"). */
const nodeCounts: Record<ProvisionedWarehouse['nodeType'], { least: number; most: number }> = {
  'ra3.large': { least: 1, most: 16 },
  'ra3.xlplus': { least: 1, most: 32 },
  'ra3.4xlarge': { least: 2, most: 128 },
  'ra3.16xlarge': { least: 2, most: 128 },
};

/** @param at the environment in messages */
function existingWarehouseProblems(environment: Environment, at: string): string[] {
  const { warehouse, account, region } = environment;
  if (warehouse.kind !== 'existing') return [];
  const { cluster, workgroup, adminSecret } = warehouse;
  const field = `${at}.warehouse`;
  const missing = whereMissing(environment, at, field);
  if (missing.length > 0) return missing;
  const isHere = (arn: string) => arn.split(':')[3] === region && arn.split(':')[4] === account;
  return [
    ...must(
      (cluster === undefined) !== (workgroup === undefined),
      field,
      'name either a cluster or a workgroup',
      [cluster, workgroup?.name].filter((name) => name !== undefined),
    ),
    ...[
      [`${field}.adminSecret`, adminSecret] as const,
      ...(workgroup ? [[`${field}.workgroup.arn`, workgroup.arn] as const] : []),
    ].flatMap(([name, arn]) =>
      must(isHere(arn), name, `be in the environment's account and region, ${account} and ${region}`, arn),
    ),
  ];
}

function warehouseProblems(environment: Environment, at: string): string[] {
  const { warehouse } = environment;
  if (warehouse.kind === 'existing') return [];
  if (warehouse.kind === 'serverless') {
    const { baseCapacityRpus: base, maxCapacityRpus: max = base } = warehouse;
    return must(max >= base, `${at}.maxCapacityRpus`, `not be below baseCapacityRpus, ${base}`, max);
  }
  const { nodeType, nodeCount } = warehouse;
  const { least, most } = nodeCounts[nodeType];
  return must(
    isBetween(nodeCount, least, most),
    `${at}.nodeCount`,
    `${between(least, most)} for ${nodeType}`,
    nodeCount,
  );
}

const notificationProblems = (notification: ExportNotification, at: string, known: KnownNames): string[] =>
  unknownNames(`${at}.export`, 'an export of the pipelines', [notification.export], known.exports);

function materializeProblems({ materialize, partners }: Environment, at: string, known: KnownNames): string[] {
  if (materialize === undefined)
    return known.materialize.length === 0
      ? []
      : [`${at} must be given, since Materialize copies ${known.materialize.join(', ')}`];
  const isWriter = partners.some(
    ({ name, who, access }) => name === materialize.partner && who.kind === 'materialize' && access.mode === 'write',
  );
  return must(isWriter, `${at}.partner`, 'be a partner of kind materialize with write access', materialize.partner);
}
