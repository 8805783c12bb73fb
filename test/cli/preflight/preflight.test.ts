import { documented, same } from '../documented';
import { millrace } from '../io';
import { type Answers, fakeAws, fresh } from './aws';

let aws: Awaited<ReturnType<typeof fakeAws>>;
let answers: Answers = fresh;
const names = [
  'AWS_ENDPOINT_URL',
  'AWS_REGION',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_EC2_METADATA_DISABLED',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_MAX_ATTEMPTS',
  'AWS_DEFAULT_REGION',
  'AWS_PROFILE',
];
const before = Object.fromEntries(names.map((name) => [name, process.env[name]]));
const environment = (changes: Record<string, string | undefined>) => {
  for (const [name, value] of Object.entries(changes))
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
};

beforeAll(async () => {
  aws = await fakeAws(() => answers);
});
beforeEach(() => {
  answers = fresh;
  aws.calls.length = 0;
  environment({
    ...Object.fromEntries(names.map((name) => [name, undefined])),
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  });
});
afterAll(async () => {
  environment(before);
  await aws.close();
});

async function run(...args: string[]) {
  const { code, stdout: out, stderr: err } = await millrace('preflight', ...args);
  return { code, out, err };
}

interface Found {
  check: string;
  result: string;
  detail: string;
  mend?: string;
  permission?: string;
}
async function findings(changes: Answers = {}, name = 'dev'): Promise<{ code: number; of: (check: string) => Found }> {
  answers = { ...fresh, ...changes };
  const { code, out } = await run(name, '--json');
  const all = (JSON.parse(out) as { findings: Found[] }).findings;
  return { code, of: (check) => all.find((finding) => finding.check === check)! };
}

test('a new account: a line each; it can reserve nothing for endpoints, and the example partner will fail', async () => {
  const { code, out, err } = await run('dev');
  expect(err).toBe('');
  expect(code).toBe(1);
  expect(out).toMatch(/^dev in 555566667777, eu-west-1, as arn:aws:iam::555566667777:user\/ann\n/);
  const lines = out.split('\n').slice(2, -3);
  expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([
    expect.stringMatching(
      /^will fail +Lambda reservation +the endpoints reserve 20 concurrent executions, and this account can reserve none: 10 of 10 are not reserved, and AWS keeps 100 of them/,
    ),
    expect.stringMatching(
      /^will fail +partner analytics .*111122223333:root is an example .*Mend it: put the partner's own account/,
    ),
  ]);
  expect(lines.length).toBeGreaterThan(12);
  expect(aws.calls.every((call) => /:(Get|Describe|List)/.test(call))).toBe(true);
});

test.each([
  [
    'bootstrap',
    { 'ssm:GetParameter': { code: 'ParameterNotFound' } },
    'npx cdk bootstrap aws://555566667777/eu-west-1',
  ],
  [
    'bootstrap',
    { 'ssm:GetParameter': { Parameter: { Value: '4' } } },
    'npx cdk bootstrap aws://555566667777/eu-west-1',
  ],
  [
    'stack data',
    {
      'cloudformation:DescribeStacks':
        '<Stacks><member><StackName>s</StackName><StackStatus>UPDATE_ROLLBACK_FAILED</StackStatus></member></Stacks>',
    },
    'aws cloudformation continue-update-rollback --stack-name millrace-dev-data',
  ],
  [
    'zones',
    {
      'ec2:DescribeAvailabilityZones':
        '<availabilityZoneInfo><item><zoneName>eu-west-1a</zoneName><zoneState>available</zoneState></item></availabilityZoneInfo>',
    },
    'set another `region` in environments/dev.ts',
  ],
  [
    'node type',
    { 'redshift:DescribeOrderableClusterOptions': '<OrderableClusterOptions/>' },
    'set another `warehouse.nodeType` or `region` in environments/dev.ts',
  ],
  [
    'node type',
    {
      'redshift:DescribeOrderableClusterOptions':
        '<OrderableClusterOptions><OrderableClusterOption><AvailabilityZones><AvailabilityZone><Name>eu-west-1c</Name></AvailabilityZone></AvailabilityZones></OrderableClusterOption></OrderableClusterOptions>',
    },
    'set another `warehouse.nodeType` or `region` in environments/dev.ts',
  ],
  [
    'Lambda concurrency',
    { 'lambda:GetAccountSettings': { AccountLimit: { ConcurrentExecutions: 10, UnreservedConcurrentExecutions: 5 } } },
    'aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000',
  ],
  [
    'Lambda reservation',
    { 'lambda:GetAccountSettings': { AccountLimit: { ConcurrentExecutions: 10, UnreservedConcurrentExecutions: 10 } } },
    'set `endpoints: { reserved: false }` in environments/dev.ts, or aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000',
  ],
  [
    'Lambda reservation',
    {
      'lambda:GetAccountSettings': {
        AccountLimit: { ConcurrentExecutions: 1000, UnreservedConcurrentExecutions: 115 },
      },
    },
    'set `endpoints: { concurrency: 15 }` in environments/dev.ts, or aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1005',
  ],
  [
    'VPCs',
    { 'servicequotas:GetServiceQuota': { Quota: { Value: 1 } } },
    'aws service-quotas request-service-quota-increase --service-code vpc --quota-code L-F678F1CE --desired-value 2',
  ],
  [
    'streams',
    {
      'kinesis:DescribeLimits': {
        OnDemandStreamCount: 49,
        OnDemandStreamCountLimit: 50,
        OpenShardCount: 0,
        ShardLimit: 200,
      },
    },
    'aws service-quotas list-service-quotas --service-code kinesis',
  ],
  [
    'cluster',
    {
      'redshift:DescribeClusters':
        '<Clusters><Cluster><ClusterIdentifier>millrace-dev</ClusterIdentifier></Cluster></Clusters>',
    },
    'give the environment another `name`, or remove the cluster',
  ],
  [
    'stream estore',
    { 'kinesis:DescribeStreamSummary': { StreamDescriptionSummary: { StreamName: 'millrace-dev-estore' } } },
    'aws kinesis delete-stream --stream-name millrace-dev-estore',
  ],
  [
    'role of analytics',
    { 'iam:GetRole': '<Role><RoleName>millrace-dev-analytics</RoleName></Role>' },
    'aws iam delete-role --role-name millrace-dev-analytics',
  ],
] as [string, Answers, string][])('will fail: %s, and what mends it', async (check, changes, mend) => {
  const { code, of } = await findings(changes);
  expect(code).toBe(1);
  expect(of(check)).toMatchObject({ result: 'will fail', mend });
});

test('--json has the names and types that its documentation shows', async () => {
  answers = { ...fresh, 'ssm:GetParameter': { code: 'ParameterNotFound' } };
  same(JSON.parse((await run('dev', '--json')).out), documented.get('preflight'), 'preflight');
});

test('a name that is taken, perhaps by the environment itself, is not told', async () => {
  const { of } = await findings({
    'cloudformation:DescribeStacks': { code: 'AccessDenied', status: 403 },
    'redshift:DescribeClusters':
      '<Clusters><Cluster><ClusterIdentifier>millrace-dev</ClusterIdentifier></Cluster></Clusters>',
  });
  expect(of('cluster')).toMatchObject({ result: "can't tell", detail: expect.stringContaining('is not known') });
});

test('what is deployed already holds its own names', async () => {
  const stacks = '<Stacks><member><StackName>s</StackName><StackStatus>UPDATE_COMPLETE</StackStatus></member></Stacks>';
  const { of } = await findings({ 'cloudformation:DescribeStacks': stacks });
  expect(of('stack data')).toMatchObject({ result: 'ok', detail: 'millrace-dev-data is UPDATE_COMPLETE' });
  expect([of('cluster'), of('stream estore'), of('role of analytics'), of('VPCs')]).toEqual(Array(4).fill(undefined));
});

test('an account with room can reserve, and a deployed API has its reservation', async () => {
  const AccountLimit = { ConcurrentExecutions: 1000, UnreservedConcurrentExecutions: 120 };
  const room = await findings({ 'lambda:GetAccountSettings': { AccountLimit } });
  expect(room.of('Lambda reservation')).toMatchObject({
    result: 'ok',
    detail: 'the endpoints reserve 20 of 120 unreserved executions',
  });
  const output = '<Outputs><member><OutputKey>ApiUrl</OutputKey><OutputValue>u</OutputValue></member></Outputs>';
  const stacks = `<Stacks><member><StackName>s</StackName><StackStatus>UPDATE_COMPLETE</StackStatus>${output}</member></Stacks>`;
  const deployed = await findings({ 'cloudformation:DescribeStacks': stacks });
  expect(deployed.of('Lambda reservation')).toBeUndefined();
});

test.each([
  ['bootstrap', 'ssm:GetParameter', 'ssm:GetParameter'],
  ['stack data', 'cloudformation:DescribeStacks', 'cloudformation:DescribeStacks'],
  ['zones', 'ec2:DescribeAvailabilityZones', 'ec2:DescribeAvailabilityZones'],
  [
    'node type',
    'redshift:DescribeOrderableClusterOptions',
    'redshift:DescribeOrderableClusterOptions, ec2:DescribeAvailabilityZones',
  ],
  ['service-linked role', 'iam:GetRole', 'iam:GetRole'],
  ['Lambda concurrency', 'lambda:GetAccountSettings', 'lambda:GetAccountSettings'],
  ['VPCs', 'servicequotas:GetServiceQuota', 'ec2:DescribeVpcs and servicequotas:GetServiceQuota'],
  ['streams', 'kinesis:DescribeLimits', 'kinesis:DescribeLimits'],
  ['cluster', 'redshift:DescribeClusters', 'redshift:DescribeClusters'],
])("can't tell: %s without %s", async (check, operation, permission) => {
  const code = operation.startsWith('ec2')
    ? 'UnauthorizedOperation'
    : /^(iam|redshift|cloudformation)/.test(operation)
      ? 'AccessDenied'
      : 'AccessDeniedException';
  const { of } = await findings({ [operation]: { code, message: 'User is not authorized', status: 403 } });
  expect(of(check)).toMatchObject({ result: "can't tell", permission, detail: `you lack ${permission}` });
});

test('a throttled question is tried again, and then not told', async () => {
  const { of } = await findings({ 'iam:GetRole': { code: 'Throttling', message: 'Rate exceeded' } });
  expect(of('service-linked role')).toEqual({
    check: 'service-linked role',
    result: "can't tell",
    detail: 'AWS throttles these calls: try again in a minute',
  });
  expect(aws.calls.filter((call) => call === 'iam:GetRole').length).toBeGreaterThanOrEqual(3);
});

describe('without an answer to who you are, one sentence on stderr and exit code 1', () => {
  test.each([
    ['ExpiredToken', /credentials have expired: log in again/],
    ['ExpiredTokenException', /credentials have expired: log in again/],
    ['InvalidClientTokenId', /does not accept the credentials in this region: .*not enabled for the account/],
    ['SignatureDoesNotMatch', /secret key does not belong to the access key/],
    ['OptInRequired', /region, or the service in it, is not enabled/],
    ['RequestExpired', /clock of this machine is wrong/],
    ['AccessDenied', /a permission is missing: User is not authorized/],
    ['Throttling', /AWS throttles these calls/],
  ])('%s', async (code, sentence) => {
    answers = { 'sts:GetCallerIdentity': { code, message: 'User is not authorized', status: 403 } };
    const { code: exit, out, err } = await run('dev');
    expect([exit, out]).toEqual([1, '']);
    expect(err).toMatch(sentence);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  test('no credentials', async () => {
    environment({ AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined });
    expect(await run('dev')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^error: no AWS credentials were found: log in/),
    });
  });

  test('no region', async () => {
    environment({ AWS_REGION: undefined });
    expect(await run('dev')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^error: no region is known: name `region` in/),
    });
  });

  test('a region that does not exist', async () => {
    environment({ AWS_ENDPOINT_URL: 'http://sts.eu-west-9.invalid' });
    expect(await run('dev')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/sts\.eu-west-9\.invalid was not found: the region is wrong/),
    });
  });
});

test('an unknown environment is refused before anything is asked', async () => {
  const { code, err } = await run('test');
  expect([code, aws.calls]).toEqual([2, []]);
  expect(err).toMatch(/the environment must be one of dev, staging, prod, got 'test'/);
});
