import { page } from '../../../cli/commands/handover/page';
import { makePlan } from '../../../cli/plan/make-plan';
import { treeStates } from '../../../cli/plan/state';
import type { Account, WorkgroupFacts } from '../../../cli/preflight/account';
import { preflight } from '../../../cli/preflight/checks';
import { existingFindings } from '../../../cli/preflight/existing';
import { ownerGrants } from '../../../lib/existing/owner-grants';
import { shopPipeline, testEnvironment } from '../../lib/fixtures';

const [account, region] = ['555566667777', 'eu-west-1'];
const pipelines = [shopPipeline()];
const roles = ['stream-read', 'load', 'unload', 'full-export'].map(
  (name) => `arn:aws:iam::${account}:role/millrace-test-warehouse-${name}`,
);
const adminSecret = `arn:aws:secretsmanager:${region}:${account}:secret:admin-Ab12Cd`;
const workgroup = {
  name: 'analytics',
  arn: `arn:aws:redshift-serverless:${region}:${account}:workgroup/0aaa`,
  namespace: 'facts',
};
const environmentOf = (of: object) =>
  testEnvironment({ account, region, warehouse: { kind: 'existing', adminSecret, ...of } });
const [onCluster, onWorkgroup] = [environmentOf({ cluster: 'analytics' }), environmentOf({ workgroup })];
const facts: WorkgroupFacts = { status: 'AVAILABLE', roles, arn: workgroup.arn, namespace: 'facts' };

describe('preflight of a warehouse', () => {
  const found = async (environment: typeof onCluster, answer: WorkgroupFacts | undefined, hasRoles: boolean) => {
    const asked: string[] = [];
    const look = (what: string) => async (name: string) => {
      asked.push(`${what} ${name}`);
      return answer;
    };
    const own = { existingCluster: look('cluster'), existingWorkgroup: look('workgroup') } as unknown as Account;
    const [finding] = await Promise.all(
      existingFindings({ environment, pipelines, account: own, accountId: account }, hasRoles),
    );
    expect(asked).toEqual([environment === onCluster ? 'cluster analytics' : 'workgroup analytics']);
    return [finding!.result, finding!.mend ?? finding!.detail];
  };

  test.each<[string, typeof onCluster, WorkgroupFacts | undefined, boolean, unknown[]]>([
    ['has the roles', onCluster, facts, true, ['ok', 'the cluster analytics is available and has the roles']],
    [
      'has the roles, Serverless',
      onWorkgroup,
      facts,
      true,
      ['ok', 'the workgroup analytics is available and has the roles'],
    ],
    ['is missing', onCluster, undefined, false, ['will fail', 'correct `warehouse.cluster` in environments/test.ts']],
    [
      'has another namespace',
      onWorkgroup,
      { ...facts, namespace: 'other' },
      true,
      ['will fail', 'correct `warehouse.workgroup` in environments/test.ts'],
    ],
    [
      'is paused',
      onCluster,
      { ...facts, status: 'paused' },
      true,
      ['will fail', 'aws redshift resume-cluster --cluster-identifier analytics'],
    ],
    [
      'lacks roles that are not deployed',
      onCluster,
      { ...facts, roles: [] },
      false,
      ['ok', expect.stringContaining('Deploy millrace-test-data first, then let its owner attach the roles')],
    ],
    [
      'lacks a role',
      onCluster,
      { ...facts, roles: roles.slice(1) },
      true,
      ['will fail', 'npx millrace handover test has what its owner adds'],
    ],
  ])('that %s', async (_, environment, answer, hasRoles, expected) => {
    expect(await found(environment, answer, hasRoles)).toEqual(expected);
  });

  test('asks neither for zones, nor a network, nor a name of a cluster', async () => {
    const asked = new Set<string>();
    const own = new Proxy({} as Account, {
      get: (_, name: string) => async () => {
        asked.add(name);
        throw new Error('no network');
      },
    });
    const checks = (await preflight({ environment: onCluster, pipelines, account: own, accountId: account })).map(
      ({ check }) => check,
    );
    expect(checks).toContain('existing warehouse');
    expect(checks.filter((check) => /zones|VPC|node type|^cluster/i.test(check))).toEqual([]);
    expect([asked.has('zones'), asked.has('vpcs')]).toEqual([false, false]);
  });
});

test('plan says what is made in the warehouse, and handover what its owner adds', () => {
  const { changes } = makePlan('test', 'nothing', { before: [], after: treeStates(onCluster, pipelines) });
  const change = changes.find(({ object }) => object === 'warehouse')!;
  expect([change.action, change.summary]).toEqual(['added', 'analytics is used. Millrace did not make it.']);
  expect(change.notes.join(' ')).toMatch(/schema of each pipeline.*`millrace_owner`.*Nothing else/);
  const text = page(onCluster, pipelines, account, ownerGrants(onCluster, pipelines, account));
  for (const role of roles) expect(text).toContain(role);
  expect(text).toContain('aws redshift modify-cluster-iam-roles');
  expect(text).toContain('Kinesis, S3 and STS');
});
