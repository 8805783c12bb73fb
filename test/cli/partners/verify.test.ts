import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Check } from '../../../cli/commands/partners/check-list';
import { millrace } from '../io';
import { fillBuckets, partnersAssembly, startPartners } from './site';

jest.setTimeout(120_000);
const folder = mkdtempSync(join(tmpdir(), 'millrace-verify-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// biome-ignore lint/suspicious/noExplicitAny: templates as they are written
type Json = any;
type Edit = (stack: 'data' | 'pipelines', template: Json) => void;

async function verified(name: string, edit?: Edit): Promise<{ code: number; checks: Check[] }> {
  const started = await startPartners(partnersAssembly(join(folder, name), {}, edit), join(folder, `${name}-data`));
  const { runtime, data } = started;
  try {
    await fillBuckets(started);
    const { code, stdout, stderr } = await millrace('partners', 'verify', '--json', '--data', data);
    if (stdout === '') throw new Error(stderr);
    return { code, checks: JSON.parse(stdout).checks };
  } finally {
    await runtime.dispose();
  }
}

const broken = (checks: readonly Check[]) =>
  checks
    .filter(({ result }) => result !== 'holds')
    .map(({ partner, what, result }) => `${partner}: ${what}: ${result}`);

/** The policies of a kind, to be changed in place. */
function policies(template: Json, type: string, id: RegExp): { Statement: Json[] }[] {
  const documents = Object.entries<Json>(template.Resources)
    .filter(([name, resource]) => resource.Type === type && id.test(name))
    .map(
      ([, { Properties }]) => Properties.PolicyDocument ?? Properties.AssumeRolePolicyDocument ?? Properties.KeyPolicy,
    );
  if (documents.length === 0) throw new Error(`no ${type} is called ${id}`);
  return documents;
}
const statements = (template: Json, type: string, id: RegExp) =>
  policies(template, type, id).flatMap(({ Statement }) => Statement);
const of =
  (stack: 'data' | 'pipelines', change: (template: Json) => void): Edit =>
  (name, template) => {
    if (name === stack) change(template);
  };
const own = /^PartnerAnalytics/;
const isGuard = (statement: Json) =>
  statement.Effect === 'Deny' && JSON.stringify(statement.Condition ?? {}).includes('aws:PrincipalArn');

const widened: Edit = of('pipelines', (template) => {
  statements(template, 'AWS::IAM::Policy', own)[0].Action = 's3:*';
});
const otherPrefix: Edit = of('pipelines', (template) => {
  const text = JSON.stringify(template).replaceAll('/exports/estore/purchases/*', '/exports/*');
  if (text === JSON.stringify(template)) throw new Error('no prefix to widen');
  Object.assign(template, JSON.parse(text));
});
const otherBucket: Edit = of('pipelines', (template) => {
  for (const { Statement } of policies(template, 'AWS::IAM::Policy', own))
    Statement.push({ Effect: 'Allow', Action: ['s3:GetObject', 's3:ListBucket'], Resource: '*' });
});
const unguarded: Edit = of('data', (template) => {
  for (const resource of Object.values<Json>(template.Resources))
    if (resource.Type === 'AWS::S3::BucketPolicy')
      resource.Properties.PolicyDocument.Statement = resource.Properties.PolicyDocument.Statement.filter(
        (statement: Json) => !isGuard(statement),
      );
});
const all =
  (...edits: Edit[]): Edit =>
  (stack, template) => {
    for (const edit of edits) edit(stack, template);
  };

test('all holds of what is synthesized', async () => {
  const { code, checks } = await verified('as-it-is');
  expect(broken(checks)).toEqual([]);
  expect(code).toBe(0);
  expect(new Set(checks.map(({ partner }) => partner))).toEqual(new Set(['analytics', 'materialize']));
  expect(checks.length).toBeGreaterThan(40);
  const asked = checks.filter(({ partner, what }) => partner === 'analytics' && what.startsWith('asking'));
  expect(asked.map(({ what, expected }) => `${what}: ${expected}`)).toEqual([
    'asking estore.cart: refused',
    'asking estore.product_views: refused',
    'asking estore.revenue: allowed',
    'asking estore.revenue without a signature: refused',
    'asking estore.top_products: refused',
    'asking pageviews.traffic: refused',
  ]);
});

test('what nothing was published of is not called readable', async () => {
  const started = await startPartners(partnersAssembly(join(folder, 'empty')), join(folder, 'empty-data'));
  try {
    const { code, stdout } = await millrace('partners', 'verify', 'analytics', '--json', '--data', started.data);
    expect(broken(JSON.parse(stdout).checks)).toEqual([
      'analytics: reading below exports/estore/purchases/: unproven',
      'analytics: reading below exports/estore/hourly_revenue/: unproven',
    ]);
    expect(code).toBe(1);
  } finally {
    await started.runtime.dispose();
  }
});

test.each<[string, Edit, RegExp[]]>([
  [
    'a trust that asks for no external id',
    of('pipelines', (template) => {
      for (const statement of statements(template, 'AWS::IAM::Role', own)) delete statement.Condition;
    }),
    [/^analytics: the role without an external id: broken$/, /the role with a wrong external id: broken$/],
  ],
  [
    'a trust that stands open behind a placeholder',
    of('pipelines', (template) => {
      const [statement] = statements(template, 'AWS::IAM::Role', /^PartnerMaterialize/);
      statement.Effect = 'Allow';
      statement.Condition = { StringEquals: { 'sts:ExternalId': 'PENDING' } };
    }),
    [/^materialize: the role with the placeholder PENDING: broken$/],
  ],
  [
    'no demand for TLS',
    of('data', (template) => {
      for (const statement of statements(template, 'AWS::S3::BucketPolicy', /^Exports/))
        if (JSON.stringify(statement.Condition ?? {}).includes('aws:SecureTransport'))
          statement.Condition = { Bool: { 'aws:SecureTransport': 'unheard of' } };
    }),
    [/without encryption: broken$/],
  ],
  [
    's3:* and no guard',
    all(widened, unguarded),
    // what is written has to be encrypted, which the role may not
    [/^analytics: deleting below exports\/estore\/purchases\/: broken$/],
  ],
  [
    'another prefix and no guard',
    all(otherPrefix, unguarded),
    [/^analytics: reading below exports\/pageviews\/.*: broken$/],
  ],
  [
    'another bucket and no guard',
    all(otherBucket, unguarded),
    [
      /^analytics: listing the bucket archive: broken$/,
      /^analytics: reading the bucket history: broken$/,
      /^analytics: listing the whole bucket: broken$/,
    ],
  ],
  [
    'a role that may ask every endpoint',
    of('pipelines', (template) => {
      for (const statement of statements(template, 'AWS::IAM::Policy', own))
        if (statement.Action === 'execute-api:Invoke') statement.Resource = '*';
    }),
    [/^analytics: asking estore\.cart: broken$/],
  ],
  [
    'a role that may ask no endpoint',
    of('pipelines', (template) => {
      for (const statement of statements(template, 'AWS::IAM::Policy', own))
        if (statement.Action === 'execute-api:Invoke') statement.Action = 'execute-api:ManageConnections';
    }),
    [/^analytics: asking estore\.revenue: broken$/],
  ],
  [
    'a route that asks for no signature',
    of('pipelines', (template) => {
      for (const { Type, Properties } of Object.values<Json>(template.Resources))
        if (Type === 'AWS::ApiGatewayV2::Route') Properties.AuthorizationType = 'NONE';
    }),
    [/^analytics: asking estore\.revenue without a signature: broken$/],
  ],
  [
    'a role that was narrowed by mistake',
    of('pipelines', (template) => {
      statements(template, 'AWS::IAM::Policy', own)[0].Action = 's3:GetObjectTagging';
    }),
    [/^analytics: reading below exports\/estore\/purchases\/: broken$/],
  ],
])('%s is seen', async (name, edit, expected) => {
  const { code, checks } = await verified(name.replaceAll(/\W+/g, '-'), edit);
  for (const line of expected) expect(broken(checks)).toContainEqual(expect.stringMatching(line));
  expect(code).toBe(1);
});

test('a role that was widened is held back by the guards of buckets and key', async () => {
  const { code, checks } = await verified('guarded', all(widened, otherPrefix, otherBucket));
  expect(broken(checks)).toEqual([]);
  expect(code).toBe(0);
});
