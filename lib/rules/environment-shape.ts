import * as z from 'zod';
import type {
  Budget,
  EndpointsOptions,
  Environment,
  ExistingBucket,
  ExistingStream,
  ExistingWarehouse,
  ExistingWorkgroup,
  Partner,
  PartnerEndpoint,
  PartnerReads,
  PipelineOptions,
  ProvisionedWarehouse,
  ServerlessWarehouse,
} from '../../environments/environment';
import { mostInstances } from '../endpoints/share';
import { either, flag, is, list, number, numeric, object, oneOf, text, whole } from './shape';

type Of<Union, Kind> = Extract<Union, { kind: Kind }>;
type Who = Partner['who'];
type ExternalId = Partner['externalId'];
type Materialize = NonNullable<Environment['materialize']>;

/** Retentions that CloudWatch Logs accepts, in days (PutRetentionPolicy). */
const logRetentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

const cron = text('be a cron expression of six fields, as in cron(0 20 * * ? *)', (expression) =>
  /^cron\(\S+ \S+ \S+ \S+ \S+ \S+\)$/.test(expression),
);
const rpus = numeric('be 8 to 512 in steps of 8', (units) => units >= 8 && units <= 512 && units % 8 === 0);

const keyArn = /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/;
const kmsKey = text('be the ARN of a KMS key, not of an alias', (arn) => keyArn.test(arn));
const serverlessName = (what: string) =>
  text(`be the name of ${what}: 3 to 64 lower-case letters, digits and hyphens`, (name) =>
    /^[a-z0-9-]{3,64}$/.test(name),
  );

const warehouse = either<Environment['warehouse']>('kind', [
  object<ProvisionedWarehouse>({
    kind: is('provisioned'),
    nodeType: oneOf('ra3.large', 'ra3.xlplus', 'ra3.4xlarge', 'ra3.16xlarge'),
    nodeCount: number,
    snapshotRetentionDays: whole(1, 35),
    pause: object<NonNullable<ProvisionedWarehouse['pause']>>({ pauseAt: cron, resumeAt: cron }).optional(),
  }),
  object<ServerlessWarehouse>({ kind: is('serverless'), baseCapacityRpus: rpus, maxCapacityRpus: rpus.optional() }),
  object<ExistingWarehouse>({
    kind: is('existing'),
    // Redshift management guide, "Creating a cluster".
    cluster: text(
      'be the identifier of a cluster: lower-case letters, digits and single hyphens, a letter first, at most 63 characters',
      (name) => /^(?=.{1,63}$)[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name),
    ).optional(),
    workgroup: object<ExistingWorkgroup>({
      name: serverlessName('a workgroup'),
      arn: text('be the ARN of a workgroup', (arn) =>
        /^arn:aws[a-z-]*:redshift-serverless:[a-z0-9-]+:\d{12}:workgroup\/[\w-]+$/.test(arn),
      ),
      namespace: serverlessName('a namespace'),
    }).optional(),
    adminSecret: text('be the whole ARN of a secret, with the six characters at its end', (arn) =>
      /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@!-]+-[A-Za-z0-9]{6}$/.test(arn),
    ),
    adminSecretKey: kmsKey.optional(),
  }),
]);

const principalArn = /^arn:aws[a-z-]*:iam::\d{12}:(root|(role|user)\/[\w+=,.@/-]{1,512})$/;
const userArn = /^arn:aws[a-z-]*:iam::\d{12}:user\/[\w+=,.@/-]{1,512}$/;

const who = either<Who>('kind', [
  object<Of<Who, 'aws'>>({
    kind: is('aws'),
    principal: text('be the ARN of an account root, a role or a user', (arn) => principalArn.test(arn)),
  }),
  object<Of<Who, 'snowflake'>>({
    kind: is('snowflake'),
    userArn: text('be the ARN of a user, which DESC INTEGRATION calls STORAGE_AWS_IAM_USER_ARN', (arn) =>
      userArn.test(arn),
    ).optional(),
  }),
  object<Of<Who, 'databricks'>>({ kind: is('databricks') }),
  object<Of<Who, 'materialize'>>({ kind: is('materialize') }),
]);

const isOneOrTwo = (values: readonly unknown[]) =>
  (values.length === 1 || values.length === 2) && new Set(values).size === values.length;

/** The characters are those of sts:AssumeRole; fewer than 20 of them can be guessed. */
const externalIdText = /^[\w+=,.@:/-]{20,1224}$/;

const externalId = either<ExternalId>('kind', [
  object<Of<ExternalId, 'generated'>>({
    kind: is('generated'),
    generations: list(
      numeric('be a whole number from 1 on', (generation) => Number.isInteger(generation) && generation >= 1),
      'be one number from 1 on, or two different ones during a rotation',
      isOneOrTwo,
    ).optional(),
  }),
  object<Of<ExternalId, 'given'>>({
    kind: is('given'),
    values: list(
      text('be 20 to 1224 letters, digits and _+=,.@:/-', (value) => externalIdText.test(value)),
      'be one id, or two different ones during a rotation',
      isOneOrTwo,
    ),
  }),
  object<Of<ExternalId, 'awaited'>>({ kind: is('awaited') }),
]);

/** A day of this century: `0027-03-31` is a slip that would end all access. */
function isDay(written: string): boolean {
  const day = /^20\d\d-\d\d-\d\d$/.test(written) ? new Date(`${written}T00:00:00Z`) : undefined;
  return day !== undefined && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(written);
}

const partner = object<Partner>({
  name: text('be lower-case letters, digits and hyphens, begin with a letter, have at most 32 characters', (name) =>
    /^[a-z][a-z0-9-]{0,31}$/.test(name),
  ),
  who,
  access: either<Partner['access']>('mode', [
    object<PartnerReads>({
      mode: is('read'),
      exports: list(text('be the name of an export')),
      endpoints: list(
        object<PartnerEndpoint>({
          endpoint: text('be the name of an endpoint'),
          fixed: z.record(z.string(), text('be a text'), { error: 'be texts by the names of parameters' }).optional(),
        }),
      ).optional(),
    }),
    object<Extract<Partner['access'], { mode: 'write' }>>({ mode: is('write') }),
  ]),
  externalId,
  until: text('be a day, as in 2027-03-31', isDay).optional(),
});

const aName = text('be a name', (name) => name.length > 0 && name.length <= 255 && !name.includes('\0'));
const materialize = object<Materialize>({
  host: text('be a host name', (host) => /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(host)),
  port: whole(1, 65_535).optional(),
  database: aName.optional(),
  user: aName,
  cluster: aName,
  connection: aName,
  partner: text('be the name of a partner'),
});

const dashboard = z.union(
  [
    z.literal(false),
    object<{ runbookUrl?: string }>({
      runbookUrl: text('be an address that begins with https://', (url) =>
        /^https:\/\/[^\s()|]+$/.test(url),
      ).optional(),
    }),
  ],
  { error: 'be false or { runbookUrl }' },
);

const queueOrTopic = /^arn:aws[a-z-]*:(sqs|sns):[a-z0-9-]+:\d{12}:[\w-]{1,256}$/;

const streamArn = /^arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\d{12}:stream\/[\w.-]{1,128}$/;
const roleArn = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/;

/** S3 user guide, "General purpose bucket naming rules". A name of another form is one of an access point or an alias. */
const bucketName =
  /^(?!xn--|sthree-|amzn-s3-demo-|\d+\.\d+\.\d+\.\d+$)[a-z0-9](?!.*(?:\.\.|\.-|-\.))[a-z0-9.-]{1,61}[a-z0-9]$/;

const existingBucket = object<ExistingBucket>({
  existing: text('be the name of a bucket', (name) => bucketName.test(name)),
  key: kmsKey.optional(),
});

const pipelineOptions = object<PipelineOptions>({
  stream: object<ExistingStream>({
    existing: text(
      'be the ARN of a Kinesis stream, as in arn:aws:kinesis:eu-west-1:123456789012:stream/clicks',
      (arn) => streamArn.test(arn),
    ),
    key: kmsKey.optional(),
    role: text('be the ARN of a role without a comma', (arn) => roleArn.test(arn) && !arn.includes(',')).optional(),
  }).optional(),
});

/** Every rule about a single field of an environment. */
export const environmentShape = object<Environment>({
  name: text('be lower-case letters, digits and hyphens, begin with a letter, have at most 16 characters', (name) =>
    /^[a-z][a-z0-9-]{0,15}$/.test(name),
  ),
  account: text('be a text of 12 digits', (account) => /^\d{12}$/.test(account)).optional(),
  region: text('be a region such as eu-west-1', (region) => /^[a-z]{2}(-[a-z]+)+-\d$/.test(region)).optional(),
  database: text(
    'be lower-case letters, digits and underscores, begin with a letter, have at most 63 characters',
    (name) => /^[a-z][a-z0-9_]{0,62}$/.test(name),
  ),
  schedulesEnabled: flag,
  logRetentionDays: numeric(`be one of ${logRetentionDays.join(', ')}`, (days) => logRetentionDays.includes(days)),
  reconcileEveryMinutes: numeric(
    'be 15 to 1440 and a divisor of a day',
    (minutes) => Number.isInteger(minutes) && minutes >= 15 && 1440 % minutes === 0,
  ),
  fullPassHour: numeric(
    'be a whole number from 0 to 23, an hour in UTC',
    (hour) => Number.isInteger(hour) && hour >= 0 && hour <= 23,
  ).optional(),
  budget: object<Budget>({
    monthlyDollars: numeric(
      'be an amount of dollars from 1 to 10000000',
      (dollars) => dollars >= 1 && dollars <= 10_000_000,
    ),
    warnAt: whole(1, 1000).optional(),
    pauseAt: whole(1, 1000).optional(),
  }).optional(),
  alarmEmail: text('be an address', (address) => /^[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+$/.test(address)).optional(),
  smoke: flag.optional(),
  dashboard: dashboard.optional(),
  history: object<NonNullable<Environment['history']>>({ bucket: existingBucket }).optional(),
  pipelines: z
    .record(z.string(), pipelineOptions, { error: 'be an object with options by the names of pipelines' })
    .optional(),
  retainData: flag,
  dropData: list(text('be the name of a pipeline')).optional(),
  deletionProtection: flag,
  warehouse,
  exportNotifications: list(
    object<NonNullable<Environment['exportNotifications']>[number]>({
      export: text('be the name of an export'),
      to: text('be the ARN of an SQS queue or an SNS topic, not a FIFO one', (arn) => queueOrTopic.test(arn)),
    }),
  ).optional(),
  endpoints: object<EndpointsOptions>({
    concurrency: whole(1, mostInstances).optional(),
    reserved: flag.optional(),
    requestsPerSecond: whole(1, 5000).optional(),
  }).optional(),
  materialize: materialize.optional(),
  partners: list(partner),
});
