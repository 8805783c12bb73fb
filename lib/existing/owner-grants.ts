import { existingStream } from '../../environments/declaration';
import type { Environment, ExistingStream } from '../../environments/environment';
import type { Pipeline } from '../../pipelines/definition';
import { names } from '../shared/names';

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
  readonly kind: 'trust policy' | 'permissions of the role' | 'key policy';
  /** One sentence: what it is for, and when it can be left out. */
  readonly why: string;
  readonly policy: PolicyDocument;
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
): OwnerGrant[] =>
  pipelines.flatMap(({ name }) => {
    const stream = existingStream(environment, name);
    return stream ? streamGrants(stream, `pipelines.${name}.stream`, callers(environment, account)) : [];
  });

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
          {
            ...common,
            resource: key,
            kind: 'key policy',
            why: 'Lets the warehouse and Firehose decrypt the stream. Leave it out if the policy of the key lets IAM policies of the account decide, as the default does.',
            policy: policy({
              Effect: 'Allow',
              Principal: { AWS: root },
              Action: ['kms:Decrypt'],
              Resource: '*',
              Condition: { ...viaKinesis, ArnLike: { 'aws:PrincipalArn': roles } },
            }),
          },
        ];
  return [
    {
      ...common,
      resource: role,
      kind: 'trust policy',
      why: "Lets the warehouse's role assume this role.",
      policy: policy({
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
      policy: policy(
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
