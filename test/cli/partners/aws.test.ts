import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillBuckets, partnersAssembly, type Started, startPartners } from './site';

jest.setTimeout(120_000);
const folder = mkdtempSync(join(tmpdir(), 'millrace-partners-aws-'));
const outputs = join(folder, 'outputs.json');
let started: Started;

beforeAll(async () => {
  started = await startPartners(partnersAssembly(join(folder, 'assembly')), join(folder, 'data'));
  await fillBuckets(started);
  writeFileSync(outputs, JSON.stringify(started.runtime.deployment.outputs));
  const { credentials } = started.runtime.iam.outsider('arn:aws:iam::111122223333:root');
  const lines = [
    '[partner]',
    `aws_access_key_id = ${credentials.accessKeyId}`,
    `aws_secret_access_key = ${credentials.secretAccessKey}`,
    `aws_session_token = ${credentials.sessionToken}`,
  ];
  writeFileSync(join(folder, 'credentials'), `${lines.join('\n')}\n`);
});
afterAll(async () => {
  await started?.runtime.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** As somebody with credentials of AWS runs it: found by the SDK, at an endpoint that the environment names. */
function partners(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(
    process.execPath,
    [join(__dirname, '../../../bin/millrace.js'), 'partners', ...args, '--environment', 'dev', '--outputs', outputs],
    {
      env: {
        ...started.runtime.environment,
        PATH: process.env['PATH'],
        AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
        AWS_CONFIG_FILE: join(folder, 'none'),
      },
    },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

test('verify tries the role as the principal of the profile', async () => {
  const { code, stdout } = await partners('verify', 'analytics', '--as', 'partner', '--json');
  const { checks, ...counts } = JSON.parse(stdout);
  expect(checks.filter(({ result }: { result: string }) => result !== 'holds')).toEqual([]);
  expect(counts).toEqual({ holds: checks.length, broken: 0, unproven: 0 });
  expect(checks.length).toBeGreaterThan(30);
  expect(code).toBe(0);
});

test('verify proves nothing without a profile, and says so', async () => {
  const { code, stdout } = await partners('verify', 'analytics');
  expect(stdout).toMatch(/unproven.*name a profile with --as/);
  expect(code).toBe(1);
});

test('a principal that is somebody else’s does not open the role', async () => {
  const { code, stdout } = await partners('verify', 'materialize', '--as', 'partner', '--json');
  expect(JSON.parse(stdout).broken).toBe(0);
  expect(code).toBe(0);
});

test('onboard and list read the outputs', async () => {
  const { stdout } = await partners('onboard', 'analytics', '--json');
  expect(JSON.parse(stdout)).toMatchObject({
    roleArn: 'arn:aws:iam::000000000000:role/millrace-dev-analytics',
    externalIds: [expect.stringMatching(/^[A-Za-z0-9]{40}$/)],
    bucket: started.site.data['ExportsBucketName'],
  });
  expect((await partners('list')).stdout).toMatch(/analytics .*millrace-dev-analytics/);
});

test('a partner that nobody defined is named with those that there are', async () => {
  const { code, stderr } = await partners('onboard', 'nobody');
  expect(stderr).toMatch(/partner must be one of environments\.dev\.partners \(analytics, materialize\), got 'nobody'/);
  expect(code).toBe(2);
});
