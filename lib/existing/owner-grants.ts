import { existingStream, existingWarehouse } from '../../environments/declaration';
import type { Environment, ExistingBucket, ExistingStream } from '../../environments/environment';
import type { Pipeline } from '../../pipelines/definition';
import { names, warehouseRoleName, warehouseRoles } from '../shared/names';

export interface Statement {
  readonly Effect: 'Allow';
  readonly Principal?: Readonly<Record<string, string>>;
  readonly Action: readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

/** Something that the owner of an existing thing adds, because Millrace may not. */
export interface OwnerGrant {
  /** The field of the environment that it follows from, as `pipelines.clicks.stream`. */
  readonly field: string;
  /** The account whose administrators add it. */
  readonly owner: string;
  /** ARN of what it is added to. */
  readonly resource: string;
  readonly kind:
    | 'trust policy'
    | 'permissions of the role'
    | 'key policy'
    | 'notification configuration'
    | 'attached roles';
  /** One sentence: what it is for, and when it can be left out. */
  readonly why: string;
  /** What is added, as JSON. */
  readonly add:
    | PolicyDocument
    | { readonly EventBridgeConfiguration: object }
    | { readonly IamRoles: readonly string[] };
}

/**
 * Everything that owners add for an environment. A policy that names a role is refused while the role does not exist. So these name the account, and a
 * pattern for the names that CloudFormation gives the roles: they can be added before the first deployment.
 * @param account of the environment
 */
export const ownerGrants = (
  environment: Environment,
  pipelines: readonly Pick<Pipeline, 'name'>[],
  account: string,
): OwnerGrant[] => {
  const by = callers(environment, account);
  const bucket = environment.history?.bucket;
  return [
    ...pipelines.flatMap(({ name }) => {
      const stream = existingStream(environment, name);
      return stream ? streamGrants(stream, `pipelines.${name}.stream`, by) : [];
    }),
    ...(bucket ? bucketGrants(bucket, account, environment.region ?? '', by) : []),
    ...warehouseGrants(environment, account, by),
  ];
};

function bucketGrants({ existing, key }: ExistingBucket, owner: string, region: string, by: Callers): OwnerGrant[] {
  const common = { field: 'history.bucket', owner };
  return [
    {
      ...common,
      resource: `arn:aws:s3:::${existing}`,
      kind: 'notification configuration',
      why: 'Lets the bucket send its events to EventBridge. Without it new objects wait for the next reconcile. Leave it out if it is on.',
      add: { EventBridgeConfiguration: {} },
    },
    ...(key === undefined
      ? []
      : [keyGrant(key, common, 's3', region, by, 'Lets the warehouse and the load functions decrypt the objects.')]),
  ];
}

function warehouseGrants(environment: Environment, owner: string, by: Callers): OwnerGrant[] {
  const warehouse = existingWarehouse(environment);
  if (!warehouse) return [];
  const { name, region = '' } = environment;
  const resource =
    warehouse.is === 'serverless' ? warehouse.arn : `arn:aws:redshift:${region}:${owner}:cluster:${warehouse.name}`;
  const key = warehouse.adminSecretKey;
  return [
    {
      field: 'warehouse',
      owner,
      resource,
      kind: 'attached roles',
      why: `Lets the warehouse read streams and objects and write exports, for Millrace's database users alone. The roles are in the stack millrace-${name}-data: attach them after its first deployment, and before that of the other stacks.`,
      add: { IamRoles: warehouseRoles.map((role) => `arn:aws:iam::${owner}:role/${warehouseRoleName(name, role)}`) },
    },
    ...(key === undefined
      ? []
      : [
          keyGrant(
            key,
            { field: 'warehouse.adminSecretKey', owner },
            'secretsmanager',
            region,
            by,
            'Lets the function that creates the database users read the admin credential.',
          ),
        ]),
  ];
}

/** A statement in the policy of a key, for a service that decrypts with it. */
function keyGrant(
  resource: string,
  common: Pick<OwnerGrant, 'field' | 'owner'>,
  service: 's3' | 'kinesis' | 'secretsmanager',
  region: string,
  { root, roles }: Callers,
  why: string,
): OwnerGrant {
  return {
    ...common,
    resource,
    kind: 'key policy',
    why: `${why} Leave it out if the policy of the key lets IAM policies of the account decide, as the default does.`,
    add: policy({
      Effect: 'Allow',
      Principal: { AWS: root },
      Action: ['kms:Decrypt'],
      Resource: '*',
      Condition: {
        StringEquals: { 'kms:ViaService': `${service}.${region}.amazonaws.com` },
        ArnLike: { 'aws:PrincipalArn': roles },
      },
    }),
  };
}

interface Callers {
  readonly root: string;
  /** ARN pattern of the environment's roles. */
  readonly roles: string;
}

/** CloudFormation takes the first 24 letters of a stack's name into the name of a role. */
function callers({ name }: Environment, account: string): Callers {
  const prefix = names.pipelinesStack(name).slice(0, Math.min(24, `millrace-${name}-`.length));
  return { root: `arn:aws:iam::${account}:root`, roles: `arn:aws:iam::${account}:role/${prefix}*` };
}

const policy = (...statements: Statement[]): PolicyDocument => ({ Version: '2012-10-17', Statement: statements });

function streamGrants({ existing, key, role }: ExistingStream, field: string, { root, roles }: Callers): OwnerGrant[] {
  const [, , , region, owner] = existing.split(':') as [string, string, string, string, string];
  const viaKinesis = { StringEquals: { 'kms:ViaService': `kinesis.${region}.amazonaws.com` } };
  const common = { field, owner };
  if (role === undefined)
    return key === undefined
      ? []
      : [
          keyGrant(
            key,
            common,
            'kinesis',
            region,
            { root, roles },
            'Lets the warehouse and Firehose decrypt the stream.',
          ),
        ];
  return [
    {
      ...common,
      resource: role,
      kind: 'trust policy',
      why: "Lets the warehouse's role assume this role.",
      add: policy({
        Effect: 'Allow',
        Principal: { AWS: root },
        Action: ['sts:AssumeRole'],
        Condition: { ArnLike: { 'aws:PrincipalArn': roles } },
      }),
    },
    {
      ...common,
      resource: role,
      kind: 'permissions of the role',
      why: 'Lets this role read the stream.',
      add: policy(
        {
          Effect: 'Allow',
          Action: [
            'kinesis:DescribeStream',
            'kinesis:DescribeStreamSummary',
            'kinesis:GetRecords',
            'kinesis:GetShardIterator',
            'kinesis:ListShards',
          ],
          Resource: existing,
        },
        { Effect: 'Allow', Action: ['kinesis:ListStreams'], Resource: '*' },
        ...(key === undefined
          ? []
          : [{ Effect: 'Allow' as const, Action: ['kms:Decrypt'], Resource: key, Condition: viaKinesis }]),
      ),
    },
  ];
}
