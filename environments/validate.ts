import type { Environment, ExportNotification, ProvisionedWarehouse, ServerlessWarehouse } from './environment';
import { must, repeated, shown } from './problems';
import { materializeProblems } from './validate-materialize';
import { partnersProblems } from './validate-partners';

/** What the environments are checked against: the pipelines that they will run. */
export interface KnownExports {
  /** Every export, as `<pipeline>.<export>`. */
  readonly exports: readonly string[];
  /** Those of the engine `materialize`. @default - none */
  readonly materialize?: readonly string[];
  /** Names of all pipelines. */
  readonly pipelines: readonly string[];
}

/** Retentions that CloudWatch Logs accepts, in days (PutRetentionPolicy). */
export const logRetentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

/** Nodes of a cluster by type (Redshift management guide, "Node type details"). */
const nodeCounts: Record<ProvisionedWarehouse['nodeType'], { min: number; max: number }> = {
  'ra3.large': { min: 1, max: 16 },
  'ra3.xlplus': { min: 1, max: 32 },
  'ra3.4xlarge': { min: 2, max: 128 },
  'ra3.16xlarge': { min: 2, max: 128 },
};

const cron = /^cron\(\S+ \S+ \S+ \S+ \S+ \S+\)$/;

/** All problems at once, each naming its field, the rule and the value; empty when there is none. */
export function validateEnvironments(environments: readonly Environment[], known: KnownExports): string[] {
  if (environments.length === 0) return ['environments must have at least one environment, got none'];
  return [
    ...repeated(
      'environments',
      environments.map((environment) => environment.name),
    ),
    ...environments.flatMap((environment) => environmentProblems(environment, known)),
  ];
}

function environmentProblems(environment: Environment, known: KnownExports): string[] {
  const at = `environments.${environment.name}`;
  return [
    ...must(
      /^[a-z][a-z0-9-]{0,15}$/.test(environment.name),
      `${at}.name`,
      'be lower-case letters, digits and hyphens, starting with a letter, at most 16',
      environment.name,
    ),
    ...must(
      environment.account === undefined || /^\d{12}$/.test(environment.account),
      `${at}.account`,
      'be 12 digits',
      environment.account,
    ),
    ...must(
      environment.region === undefined || /^[a-z]{2}(-[a-z]+)+-\d$/.test(environment.region),
      `${at}.region`,
      'be a region such as eu-west-1',
      environment.region,
    ),
    ...must(
      /^[a-z][a-z0-9_]{0,62}$/.test(environment.database),
      `${at}.database`,
      'be lower-case letters, digits and underscores, starting with a letter, at most 63',
      environment.database,
    ),
    ...must(
      logRetentionDays.some((days) => days === environment.logRetentionDays),
      `${at}.logRetentionDays`,
      `be one of ${logRetentionDays.join(', ')}`,
      environment.logRetentionDays,
    ),
    ...must(
      Number.isInteger(environment.reconcileEveryMinutes) &&
        environment.reconcileEveryMinutes >= 15 &&
        1440 % environment.reconcileEveryMinutes === 0,
      `${at}.reconcileEveryMinutes`,
      'be 15 to 1440 and a divisor of a day',
      environment.reconcileEveryMinutes,
    ),
    ...must(
      environment.fullPassHour === undefined ||
        (Number.isInteger(environment.fullPassHour) && environment.fullPassHour >= 0 && environment.fullPassHour <= 23),
      `${at}.fullPassHour`,
      'be a whole number from 0 to 23, an hour in UTC',
      environment.fullPassHour,
    ),
    ...must(
      environment.alarmEmail === undefined || /^\S+@\S+\.\S+$/.test(environment.alarmEmail),
      `${at}.alarmEmail`,
      'be an address',
      environment.alarmEmail,
    ),
    ...dropDataProblems(at, environment, known.pipelines),
    ...must(
      environment.retainData || !environment.deletionProtection,
      `${at}.deletionProtection`,
      'be false where retainData is false',
      environment.deletionProtection,
    ),
    ...(environment.warehouse.kind === 'provisioned'
      ? provisionedProblems(`${at}.warehouse`, environment.warehouse)
      : serverlessProblems(`${at}.warehouse`, environment.warehouse)),
    ...(environment.exportNotifications ?? []).flatMap((notification) => notificationProblems(at, notification, known)),
    ...materializeProblems(environment, known.materialize ?? []),
    ...partnersProblems(at, environment, known.exports),
  ];
}

function dropDataProblems(
  at: string,
  { retainData, dropData = [] }: Environment,
  pipelines: readonly string[],
): string[] {
  const field = `${at}.dropData`;
  return [
    ...repeated(field, dropData),
    ...dropData.flatMap((name) =>
      must(pipelines.includes(name), field, `name pipelines (${pipelines.join(', ') || 'there are none'})`, name),
    ),
    ...must(
      retainData || dropData.length === 0,
      field,
      'be left out where retainData is false, which drops everything',
      `[${dropData.join(', ')}]`,
    ),
  ];
}

function provisionedProblems(at: string, warehouse: ProvisionedWarehouse): string[] {
  const limits = nodeCounts[warehouse.nodeType];
  if (!limits)
    return [`${at}.nodeType must be one of ${Object.keys(nodeCounts).join(', ')}, got ${shown(warehouse.nodeType)}`];
  return [
    ...between(`${at}.nodeCount`, warehouse.nodeCount, limits.min, limits.max, ` for ${warehouse.nodeType}`),
    ...between(`${at}.snapshotRetentionDays`, warehouse.snapshotRetentionDays, 1, 35),
    ...(['pauseAt', 'resumeAt'] as const).flatMap((field) =>
      must(
        !warehouse.pause || cron.test(warehouse.pause[field]),
        `${at}.pause.${field}`,
        'be a cron expression of six fields, as in cron(0 20 * * ? *)',
        warehouse.pause?.[field],
      ),
    ),
  ];
}

function serverlessProblems(at: string, warehouse: ServerlessWarehouse): string[] {
  const base = warehouse.baseCapacityRpus;
  const max = warehouse.maxCapacityRpus;
  return [
    ...must(isRpus(base), `${at}.baseCapacityRpus`, 'be 8 to 512 in steps of 8', base),
    ...must(
      max === undefined || (isRpus(max) && max >= base),
      `${at}.maxCapacityRpus`,
      'be 8 to 512 in steps of 8 and not below baseCapacityRpus',
      max,
    ),
  ];
}

const isRpus = (value: number) => Number.isInteger(value) && value >= 8 && value <= 512 && value % 8 === 0;

const targetArn = /^arn:aws[a-z-]*:(sqs|sns):[a-z0-9-]+:\d{12}:[\w-]{1,256}$/;

function notificationProblems(at: string, notification: ExportNotification, known: KnownExports): string[] {
  return [
    ...must(
      known.exports.includes(notification.export),
      `${at}.exportNotifications.export`,
      `name an export of the pipelines (${known.exports.join(', ') || 'there are none'})`,
      notification.export,
    ),
    ...must(
      targetArn.test(notification.to),
      `${at}.exportNotifications.to`,
      'be the ARN of an SQS queue or an SNS topic, not a FIFO one',
      notification.to,
    ),
  ];
}

function between(field: string, value: number, min: number, max: number, suffix = ''): string[] {
  return must(
    Number.isInteger(value) && value >= min && value <= max,
    field,
    `be between ${min} and ${max}${suffix}`,
    value,
  );
}
