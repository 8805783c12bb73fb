import type { DeployedResource } from 'aws-local';
import { parsePolicy } from 'aws-local/policies';
import type { AuthorizationRequest, Principal } from 'aws-local-kit';
import { reasonFor, unusedReasons } from '../../../cli/iam/reasons';
import { type Permission, Usage } from '../../../cli/iam/usage';

const roleArn = 'arn:aws:iam::000000000000:role/Load';
const principal: Principal = {
  kind: 'role',
  arn: 'arn:aws:sts::000000000000:assumed-role/Load/x',
  roleArn,
  account: '000000000000',
};
const statements = parsePolicy(
  {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['s3:GetObject', 's3:Put*'],
        Resource: ['arn:aws:s3:::a/*', 'arn:aws:s3:::b/*'],
      },
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: 'arn:aws:s3:::a',
        Condition: { StringLike: { 's3:prefix': 'in/*' } },
      },
      { Effect: 'Deny', Action: 's3:DeleteObject', Resource: '*' },
    ],
  },
  'identity',
  'P',
);
const role = {
  type: 'AWS::IAM::Role',
  logicalId: 'Load',
  path: 'dev/Pipelines/Estore/Load/Role/Resource',
  attributes: { Arn: roleArn },
} as unknown as DeployedResource;

function permissions(...requests: [string, string, Record<string, string>?][]): Permission[] {
  const usage = new Usage((arn) => (arn === roleArn ? statements : undefined));
  for (const [action, resource, context = {}] of requests) {
    const request: AuthorizationRequest = { principal, action, resource, context };
    usage.listener(request, (key) => (key in context ? [context[key]!] : undefined));
  }
  return usage.permissions([role]);
}
const used = (...requests: Parameters<typeof permissions>) =>
  permissions(...requests)
    .filter((permission) => permission.used)
    .map(({ action }) => action);

test('every action of every allow is a permission, by the role’s place', () => {
  expect(permissions().map(({ role: name, action, used: isUsed }) => [name, action, isUsed])).toEqual([
    ['Pipelines/Estore/Load/Role', 's3:GetObject', false],
    ['Pipelines/Estore/Load/Role', 's3:ListBucket', false],
    ['Pipelines/Estore/Load/Role', 's3:Put*', false],
  ]);
});

test('a permission is used when it let a request through, with its resource and its conditions', () => {
  expect(used(['s3:GetObject', 'arn:aws:s3:::a/x'])).toEqual(['s3:GetObject']);
  expect(used(['s3:PutObject', 'arn:aws:s3:::b/x'])).toEqual(['s3:Put*']);
  expect(used(['s3:GetObject', 'arn:aws:s3:::c/x'])).toEqual([]);
  expect(used(['s3:ListBucket', 'arn:aws:s3:::a', { 's3:prefix': 'in/x' }])).toEqual(['s3:ListBucket']);
  expect(used(['s3:ListBucket', 'arn:aws:s3:::a', { 's3:prefix': 'out/x' }])).toEqual([]);
});

test('tells which resources of a used permission nobody asked for', () => {
  const [get] = permissions(['s3:GetObject', 'arn:aws:s3:::a/x']);
  expect(get).toMatchObject({ used: true, idle: ['arn:aws:s3:::b/*'] });
});

const permission = (place: string, action: string, isUsed = false): Permission => ({
  role: place,
  action,
  resources: [],
  used: isUsed,
  idle: [],
});

test('a reason explains its own role and action alone', () => {
  const pause = permission('Data/Warehouse/PauseRole', 'redshift:PauseCluster');
  expect(reasonFor(pause, [])).toMatch(/pause and resume the cluster/);
  expect(reasonFor(permission('Data/Warehouse/PauseRole', 'redshift:DeleteCluster'), [])).toBeUndefined();
  expect(reasonFor(permission('Pipelines/Estore/PauseRole', 'redshift:PauseCluster'), [])).toBeUndefined();
});

test('what the same function of another pipeline uses needs no reason of its own', () => {
  const [one, other] = ['Pipelines/Estore/Load/Handler/Role', 'Pipelines/Pageviews/Load/Handler/Role'] as const;
  const unused = permission(other, 'sqs:SendMessage');
  expect(reasonFor(unused, [unused, permission(one, 'sqs:SendMessage', true)])).toMatch(/Estore\/Load/);
  expect(reasonFor(unused, [unused, permission(one, 'sqs:SendMessage')])).toBeUndefined();
  expect(reasonFor(unused, [unused, permission(one, 'sqs:DeleteMessage', true)])).toBeUndefined();
  expect(
    reasonFor(unused, [permission('Pipelines/Estore/Refresh/Handler/Role', 'sqs:SendMessage', true)]),
  ).toBeUndefined();
});

test('a reason that explains nothing any more is told', () => {
  const all = unusedReasons([]);
  expect(all).toContain('redshift:PauseCluster of ^Data\\/Warehouse\\/PauseRole$');
  const left = unusedReasons([permission('Data/Warehouse/PauseRole', 'redshift:PauseCluster')]);
  expect(all.filter((line) => !left.includes(line))).toEqual([
    'redshift:PauseCluster of ^Data\\/Warehouse\\/PauseRole$',
  ]);
});
