import type {
  Environment,
  ExportNotification,
  Partner,
  ProvisionedWarehouse,
  ServerlessWarehouse,
} from './environment';

/** What the environments are checked against: the pipelines that they will run. */
export interface KnownExports {
  /** Every export, as `<pipeline>.<export>`. */
  readonly exports: readonly string[];
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
const principalArn = /^arn:aws[a-z-]*:iam::\d{12}:(root|(role|user)\/[\w+=,.@/-]{1,512})$/;
/** sts:AssumeRole, parameter ExternalId: 2 to 1224 of these. */
const externalId = /^[\w+=,.@:/-]{2,1224}$/;

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
      environment.alarmEmail === undefined || /^\S+@\S+\.\S+$/.test(environment.alarmEmail),
      `${at}.alarmEmail`,
      'be an address',
      environment.alarmEmail,
    ),
    ...must(
      environment.retainData || !environment.deletionProtection,
      `${at}.deletionProtection`,
      'be false where retainData is false',
      environment.deletionProtection,
    ),
    ...(environment.warehouse.kind === 'provisioned'
      ? provisionedProblems(`${at}.warehouse`, environment.warehouse)
      : serverlessProblems(`${at}.warehouse`, environment.warehouse)),
    ...repeated(
      `${at}.partners`,
      environment.partners.map((partner) => partner.name),
    ),
    ...(environment.exportNotifications ?? []).flatMap((notification) => notificationProblems(at, notification, known)),
    ...environment.partners.flatMap((partner) => partnerProblems(`${at}.partners.${partner.name}`, partner, known)),
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

function partnerProblems(at: string, partner: Partner, known: KnownExports): string[] {
  const given = partner.externalId.kind === 'given' ? partner.externalId.value : undefined;
  const wanted = partner.access.mode === 'read' ? partner.access.exports : undefined;
  return [
    ...must(
      /^[a-z][a-z0-9-]{0,31}$/.test(partner.name),
      `${at}.name`,
      'be lower-case letters, digits and hyphens, starting with a letter, at most 32',
      partner.name,
    ),
    ...must(
      principalArn.test(partner.principal),
      `${at}.principal`,
      'be the ARN of an account root, a role or a user',
      partner.principal,
    ),
    ...must(
      given === undefined || externalId.test(given),
      `${at}.externalId.value`,
      'be 2 to 1224 letters, digits and _+=,.@:/-',
      given,
    ),
    ...must(wanted === undefined || wanted.length > 0, `${at}.access.exports`, 'name at least one export', 'none'),
    ...(wanted ?? []).flatMap((name) =>
      must(
        known.exports.includes(name),
        `${at}.access.exports`,
        `name exports of the pipelines (${known.exports.join(', ') || 'there are none'})`,
        name,
      ),
    ),
  ];
}

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

function must(holds: boolean, field: string, rule: string, got: unknown): string[] {
  return holds ? [] : [`${field} must ${rule}, got ${shown(got)}`];
}

function repeated(field: string, names: readonly string[]): string[] {
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [...twice].map((name) => `${field} must have unique names, got ${name} more than once`);
}

const shown = (value: unknown) => (value === '' ? "''" : String(value));
