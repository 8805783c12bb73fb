import { createAuthorizer, parsePolicy, type Statement } from 'aws-local/policies';
import { type AuthorizationRequest, createClock, type Principal } from 'aws-local-kit';
import { dev } from '../../environments/dev';
import type { Environment } from '../../environments/environment';
import { prod } from '../../environments/prod';
import { pascalCase } from '../../lib/shared/names';
import { pipelines } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';
import { account, type CloudTemplate, type ResolvedRole, region, resolveTemplates, rolesOf } from '../support/roles';
import { isSecondTier } from '../support/tier';
import { serverless, templates } from './fixtures';

type Call = Pick<AuthorizationRequest, 'action' | 'resource'> & { readonly context: Record<string, string> };

/** Calls that no role of the templates needs: each would destroy data, change code or widen permissions. */
const neverAllowed: Readonly<Record<string, readonly string[]>> = {
  'AWS::IAM::Role': ['iam:PutRolePolicy', 'iam:UpdateAssumeRolePolicy', 'iam:PassRole', 'sts:AssumeRole'],
  'AWS::S3::Bucket': ['s3:DeleteBucket', 's3:PutBucketPolicy'],
  'AWS::KMS::Key': ['kms:ScheduleKeyDeletion', 'kms:PutKeyPolicy', 'kms:CreateGrant'],
  'AWS::Kinesis::Stream': ['kinesis:DeleteStream', 'kinesis:PutRecord'],
  'AWS::SecretsManager::Secret': ['secretsmanager:PutSecretValue', 'secretsmanager:DeleteSecret'],
  'AWS::Redshift::Cluster': ['redshift:DeleteCluster', 'redshift:GetClusterCredentials', 'redshift:ModifyCluster'],
  'AWS::Lambda::Function': ['lambda:UpdateFunctionCode', 'lambda:UpdateFunctionConfiguration'],
  'AWS::SQS::Queue': ['sqs:DeleteQueue', 'sqs:SetQueueAttributes'],
  'AWS::Logs::LogGroup': ['logs:DeleteLogGroup', 'logs:GetLogEvents'],
};

/** The roles of an environment, judged by the authorizer of the local runtime. */
class Judge {
  readonly roles: readonly ResolvedRole[];
  readonly resources: ReturnType<typeof resolveTemplates>;
  private readonly statements: ReadonlyMap<string, readonly Statement[]>;
  private readonly authorizer: ReturnType<typeof createAuthorizer>;

  constructor(
    environment: Environment,
    of: readonly Pipeline[],
    change: (role: ResolvedRole) => ResolvedRole = (role) => role,
  ) {
    const { data, pipelines: moving } = templates(environment, of);
    this.resources = resolveTemplates([data, moving].map((template) => template.toJSON() as CloudTemplate));
    this.roles = rolesOf(this.resources).map(change);
    this.statements = new Map(
      this.roles.map(({ arn, name, policies }) => [
        arn,
        policies.flatMap((policy) => parsePolicy(policy, 'identity', name)),
      ]),
    );
    this.authorizer = createAuthorizer({
      account,
      region,
      clock: createClock({ start: Date.UTC(2026, 10, 21), rate: 0 }),
      statementsOf: (arn) => this.statements.get(arn),
      userIdOf: ({ roleArn }) => userIdOf(this.roles.find(({ arn }) => arn === roleArn)!),
    });
  }

  allows(role: ResolvedRole, { action, resource, context }: Call): boolean {
    const principal: Principal = { kind: 'role', arn: sessionOf(role), roleArn: role.arn, account };
    const resourcePolicy = action === 'sts:AssumeRole' ? this.trustOf(resource) : keyPolicyOf(action);
    try {
      this.authorizer.authorize({ principal, action, resource, context, resourcePolicy });
      return true;
    } catch {
      return false;
    }
  }

  private trustOf(arn: string) {
    return this.roles.find((role) => role.arn === arn)!.trust;
  }

  /** One call for each action and resource of the role's statements, with what their conditions ask for. */
  callsOf(role: ResolvedRole): Call[] {
    return this.statements.get(role.arn)!.flatMap((statement) =>
      (statement.actions ?? []).flatMap((action) =>
        (statement.resources ?? []).map((resource) => ({
          action,
          resource: resource === '*' ? '*' : example(resource),
          context: Object.fromEntries(
            statement.conditions.map(({ key, values }) => [
              key,
              example(values[0]!).replace(/\$\{aws:userid\}/, userIdOf(role)),
            ]),
          ),
        })),
      ),
    );
  }

  /** Calls that would destroy data, change code or widen permissions. */
  dangers(): Call[] {
    return this.resources.flatMap(({ type, arn }) =>
      (neverAllowed[type] ?? []).map((action) => ({ action, resource: arn, context: {} })),
    );
  }
}

const sessionOf = ({ arn, name }: ResolvedRole) =>
  `${arn.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/${name}`;
const userIdOf = ({ id, name }: ResolvedRole) => `${id}:${name}`;
const example = (pattern: string) => pattern.replaceAll('*', 'example');
/** The key's policy leaves the decision to the account's own policies. */
const keyPolicyOf = (action: string) =>
  action.startsWith('kms:')
    ? {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'kms:*', Resource: '*' },
        ],
      }
    : undefined;

const environments: readonly Environment[] = isSecondTier
  ? [dev, { ...dev, name: 'serverless', warehouse: serverless }, prod]
  : [dev];
const judges = new Map<string, Judge>();
function judgeOf(environment: Environment): Judge {
  const judge = judges.get(environment.name) ?? new Judge(environment, pipelines);
  judges.set(environment.name, judge);
  return judge;
}

const pipelineOf = ({ name }: Pick<ResolvedRole, 'name'>) =>
  pipelines.find((pipeline) => name.startsWith(pascalCase(pipeline.name)))?.name;
const textOf = ({ action, resource, context }: Call) => [action, resource, ...Object.entries(context).flat()].join(' ');

/** Calls of the functions of other pipelines. The calls that both make concern what the pipelines share. */
function callsOfOthers(judge: Judge, role: ResolvedRole): Call[] {
  const own = new Set(judge.callsOf(role).map(textOf));
  return judge.roles
    .filter((other) => pipelineOf(other) !== undefined && pipelineOf(other) !== pipelineOf(role))
    .flatMap((other) => judge.callsOf(other))
    .filter((call) => !own.has(textOf(call)));
}

/** What the roles of all pipelines may do, because IAM cannot tell the pipelines apart there. */
const shared = [
  /^redshift-data:(Batch)?ExecuteStatement /,
  /^redshift:DescribeClusters [*]/,
  /^redshift-serverless:GetWorkgroup /,
  /^kms:/,
];
const isShared = (call: Call) => shared.some((pattern) => pattern.test(textOf(call)));

/** Roles of no pipeline, and the calls of functions that each may make too. */
const serving: Readonly<Record<string, RegExp>> = {
  // The partner reads what its environment grants: two exports of one pipeline.
  PartnerAnalyticsAccessRole:
    /^s3:(GetObject|ListBucket) \S+Exports\S* ?(s3:prefix )?exports\/estore\/(purchases|hourly_revenue)\//,
  // It reads for the endpoints of every pipeline, each as the pipeline's own database user.
  EndpointFunctionHandlerRole:
    /^redshift-data:ExecuteStatement |^redshift(-serverless)?:(DescribeClusters|GetWorkgroup) |^kms:Decrypt |^s3:(GetObject|ListBucket) .*(freshness|pause)\//,
  // It has the state of the pause, and the reports of the export functions.
  PauseHandlerRole: /^s3:(GetObject|PutObject|ListBucket) \S*Work\S*(\/| s3:prefix )pause\//,
  WarehouseRolesLoad: /^s3:(GetObject|ListBucket) |^kms:Decrypt /,
  WarehouseRolesUnload: /^s3:(GetObject|PutObject|ListBucket) |^kms:/,
  WarehouseObjectsRole:
    /^redshift-data:(Batch)?ExecuteStatement |^secretsmanager:GetSecretValue |^redshift(-serverless)?:(DescribeClusters|GetWorkgroup) |^kms:Decrypt /,
};

describe.each(environments)('in $name', (environment) => {
  const judge = () => judgeOf(environment);

  test('every role may make its own calls, so that refusals prove something', () => {
    const refused = judge().roles.flatMap((role) =>
      judge()
        .callsOf(role)
        .filter((call) => !judge().allows(role, call))
        .map((call) => `${role.name} ${textOf(call)}`),
    );
    expect(refused).toEqual([]);
    expect(judge().roles.length).toBeGreaterThan(20);
  });

  test('a role of one pipeline is refused every call that only another pipeline makes', () => {
    const roles = judge().roles.filter((role) => pipelineOf(role) !== undefined);
    const tried = roles.map((role) => {
      const calls = callsOfOthers(judge(), role).filter((call) => !isShared(call));
      return {
        role: role.name,
        tried: calls.length,
        allowed: calls.filter((call) => judge().allows(role, call)).map(textOf),
      };
    });
    expect(tried.filter(({ allowed }) => allowed.length > 0)).toEqual([]);
    for (const { tried: amount } of tried) expect(amount).toBeGreaterThanOrEqual(5);
  });

  test('a role of no pipeline makes only those calls of the functions that serve them all', () => {
    const allowed = judge()
      .roles.filter((role) => pipelineOf(role) === undefined)
      .flatMap((role) =>
        callsOfOthers(judge(), role)
          .filter((call) => judge().allows(role, call) && !serving[role.name]?.test(textOf(call)))
          .map((call) => `${role.name} ${textOf(call)}`),
      );
    expect(allowed).toEqual([]);
  });

  test('the role of endpoints reads its own secrets, the freshness and its answers, and is refused everything else', () => {
    const role = judge().roles.find(({ name }) => name === 'EndpointFunctionHandlerRole')!;
    const may = (action: string, resource: string, context = {}) => judge().allows(role, { action, resource, context });
    const arnsOf = (type: string, pattern = /./) =>
      judge()
        .resources.filter((resource) => resource.type === type && pattern.test(resource.name))
        .map(({ arn }) => arn);
    const [work] = arnsOf('AWS::S3::Bucket', /Work$/);
    const secrets = arnsOf('AWS::SecretsManager::Secret');
    const own = secrets.filter((arn) => /UsersEndpointSecret|EndpointsKeys/.test(arn));
    expect(own.length).toBeGreaterThan(1);
    for (const arn of own) expect(may('secretsmanager:GetSecretValue', arn)).toBe(true);
    const objects = arnsOf('AWS::S3::Bucket').map((arn) => `${arn}/${arn === work ? 'versions' : 'answers'}/estore/x`);
    const refused = [
      ...secrets.filter((arn) => !own.includes(arn)).map((arn) => ['secretsmanager:GetSecretValue', arn]),
      ...own.map((arn) => ['secretsmanager:PutSecretValue', arn]),
      ...objects.flatMap((arn) => ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'].map((action) => [action, arn])),
      ...['s3:PutObject', 's3:DeleteObject'].map((action) => [action, `${work}/freshness/estore.json`]),
      ['s3:GetObject', `${work}/freshness/unknown.json`],
      ['s3:PutObject', `${work}/answers/unknown/x`],
      ['s3:ListBucket', work!],
      ...['redshift-data:BatchExecuteStatement', 'redshift-data:ListStatements', 'redshift-data:ListTables'].map(
        (action) => [action, '*'],
      ),
      ...['redshift:GetClusterCredentials', 'redshift:PauseCluster'].map((action) => [action, '*']),
      ...arnsOf('AWS::Lambda::Function').map((arn) => ['lambda:InvokeFunction', arn]),
      ...arnsOf('AWS::Kinesis::Stream').flatMap((arn) =>
        ['kinesis:GetRecords', 'kinesis:PutRecord'].map((action) => [action, arn]),
      ),
      ...arnsOf('AWS::SQS::Queue').flatMap((arn) =>
        ['sqs:SendMessage', 'sqs:ReceiveMessage'].map((action) => [action, arn]),
      ),
      ...judge().roles.map(({ arn }) => ['sts:AssumeRole', arn]),
    ] as const;
    expect(refused.length).toBeGreaterThan(80);
    expect(refused.filter(([action, resource]) => may(action!, resource!))).toEqual([]);
  });

  test('no role may destroy data, change code or widen permissions', () => {
    const calls = judge().dangers();
    expect(calls.length).toBeGreaterThan(100);
    const allowed = judge().roles.flatMap((role) =>
      calls.filter((call) => judge().allows(role, call)).map((call) => `${role.name} ${textOf(call)}`),
    );
    expect(allowed).toEqual([]);
  });
});

test.each([
  ['s3:ListBucket', 'Exports', 'a role of one pipeline is refused every call'],
  ['events:PutEvents', 'event-bus/default', ''],
  ['redshift-data:DescribeStatement', '*', ''],
])('%s without its condition is found', (action, resource) => {
  const loosened = (role: ResolvedRole): ResolvedRole =>
    role.name === 'EstoreExportsHandlerRole'
      ? {
          ...role,
          policies: role.policies.map((policy) => ({
            ...policy,
            Statement: [policy.Statement].flat().map((statement) => {
              const { Condition, ...rest } = statement as { Action: unknown; Condition?: unknown };
              return [rest.Action].flat().includes(action) ? rest : statement;
            }),
          })) as ResolvedRole['policies'],
        }
      : role;
  const judge = new Judge(dev, pipelines, loosened);
  const role = judge.roles.find(({ name }) => name === 'EstoreExportsHandlerRole')!;
  const allowed = callsOfOthers(judge, role).filter((call) => !isShared(call) && judge.allows(role, call));
  expect(allowed.map(textOf)).toContainEqual(
    expect.stringMatching(new RegExp(`^${action} .*${resource.replace('*', '[*]')}`)),
  );
});
