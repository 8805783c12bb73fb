import { costOf, type Resources } from '../../cli/cost/cost';
import type { Environment } from '../../environments/environment';
import { ownerGrants } from '../../lib/existing/owner-grants';
import { validateConfiguration } from '../../lib/rules';
import { shopPipeline, templates, testEnvironment } from './fixtures';

const [account, region] = ['555566667777', 'eu-west-1'];
const adminSecret = `arn:aws:secretsmanager:${region}:${account}:secret:analytics/admin-Ab12Cd`;
const adminSecretKey = `arn:aws:kms:${region}:${account}:key/1234`;
const workgroup = {
  name: 'analytics',
  arn: `arn:aws:redshift-serverless:${region}:${account}:workgroup/0aaa-1bbb`,
  namespace: 'facts',
};
const using = (warehouse: object, changes: Partial<Environment> = {}): Partial<Environment> => ({
  account,
  region,
  warehouse: { kind: 'existing', adminSecret, ...warehouse } as Environment['warehouse'],
  ...changes,
});
const problems = (changes: Partial<Environment>) =>
  validateConfiguration([shopPipeline()], [testEnvironment(changes)], Date.parse('2026-11-29T00:00:00Z'));

test.each<[string, Partial<Environment>, string]>([
  ['neither a cluster nor a workgroup', using({}), 'warehouse must name either a cluster or a workgroup, got []'],
  [
    'both',
    using({ cluster: 'a', workgroup }),
    'warehouse must name either a cluster or a workgroup, got ["a","analytics"]',
  ],
  ['an ARN as the cluster', using({ cluster: 'arn:aws:redshift:x' }), 'warehouse.cluster must be the identifier of'],
  [
    'a workgroup by its name alone',
    using({ workgroup: 'analytics' }),
    'warehouse.workgroup must be an object with name, arn, namespace, got "analytics"',
  ],
  [
    'the name of a secret',
    using({ cluster: 'a', adminSecret: 'analytics/admin' }),
    'warehouse.adminSecret must be the whole ARN of a secret, with the six characters at its end, got',
  ],
  [
    'a secret elsewhere',
    using({ cluster: 'a', adminSecret: adminSecret.replace(region, 'us-east-1') }),
    `warehouse.adminSecret must be in the environment's account and region, ${account} and ${region}, got`,
  ],
  [
    'a workgroup elsewhere',
    using({ workgroup: { ...workgroup, arn: workgroup.arn.replace(account, '111111111111') } }),
    `warehouse.workgroup.arn must be in the environment's account and region, ${account} and ${region}, got`,
  ],
  ['a size', using({ cluster: 'a', nodeType: 'ra3.large' }), 'warehouse.nodeType is unknown'],
  [
    'no region',
    using({ cluster: 'a' }, { region: undefined }),
    'region must be given, since environments.test.warehouse',
  ],
])('an existing warehouse is refused with %s', (_, changes, message) => {
  expect(problems(changes)).toEqual([expect.stringContaining(`environments.test.${message}`)]);
});

const resources = ({ data }: ReturnType<typeof templates>) => {
  const all = (data.toJSON() as { Resources: Resources }).Resources;
  return Object.values(all);
};
const rolesOf = ({ data }: ReturnType<typeof templates>) =>
  Object.entries(data.findResources('AWS::IAM::Role')).filter(([id]) => id.startsWith('WarehouseRoles'));

describe.each([
  [
    'cluster',
    using({ cluster: 'analytics', adminSecretKey }),
    'arn:aws:redshift:eu-west-1:555566667777:cluster:analytics',
  ],
  ['workgroup', using({ workgroup, adminSecretKey }), workgroup.arn],
])('an existing %s', (what, changes, arn) => {
  const made = templates(changes);

  test('is no resource, and neither is its network', () => {
    expect(problems(changes)).toEqual([]);
    const types = new Set(resources(made).map(({ Type }) => Type));
    expect([...types].filter((type) => /Redshift|EC2/.test(type))).toEqual([]);
    expect(costOf(resources(made) as never, 'eu-west-1' as never)).toBeDefined();
    made.data.hasOutput('WarehouseName', { Value: 'analytics' });
    made.data.hasOutput('WarehouseKind', { Value: what === 'cluster' ? 'provisioned' : 'serverless' });
  });

  test('its roles have the names that its owner is told, and open to the users of this warehouse alone', () => {
    const [attached] = ownerGrants(testEnvironment(changes), [shopPipeline()], account);
    expect(attached).toMatchObject({ kind: 'attached roles', resource: arn });
    const names = rolesOf(made).map(([, { Properties }]) => `arn:aws:iam::${account}:role/${Properties.RoleName}`);
    expect((attached!.add as { IamRoles: string[] }).IamRoles.toSorted()).toEqual(names.toSorted());
    for (const [, { Properties }] of rolesOf(made))
      for (const { Condition } of Properties.AssumeRolePolicyDocument.Statement)
        expect(JSON.stringify(Condition)).toContain(what === 'cluster' ? ':dbuser:analytics/' : ':dbuser:serverless-');
  });

  test('its secret is read by the function of deployments alone, with the key', () => {
    const readers = [made.data, made.pipelines].flatMap((template) =>
      Object.entries(template.findResources('AWS::IAM::Policy')).flatMap(([id, { Properties }]) =>
        JSON.stringify(Properties).includes(adminSecret) ? [id.replace(/DefaultPolicy.*/, '')] : [],
      ),
    );
    expect(readers).toEqual([expect.stringContaining('WarehouseObjectsRole')]);
    const policy = Object.entries(made.pipelines.findResources('AWS::IAM::Policy')).find(([id]) =>
      id.startsWith('WarehouseObjectsRole'),
    )![1];
    expect(policy['Properties'].PolicyDocument.Statement).toContainEqual({
      Effect: 'Allow',
      Action: 'kms:Decrypt',
      Resource: [adminSecretKey, expect.anything()],
      Condition: { StringEquals: { 'kms:ViaService': `secretsmanager.${region}.amazonaws.com` } },
    });
  });

  test('statements of deployments leave its isolation level, and set what its parameters may lack by user', () => {
    const text = JSON.stringify(made.pipelines.toJSON());
    expect(text).not.toContain('isolation level');
    for (const user of ['millrace_owner', 'millrace_load_shop'])
      expect(text).toContain(`alter user ${user} set enable_case_sensitive_identifier to true`);
    expect(JSON.stringify(templates({}).pipelines.toJSON())).not.toContain('alter user millrace_owner set');
  });
});
