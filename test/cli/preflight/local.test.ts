import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Runtime, startRuntime } from '../../../local/runtime';
import { deployDev, deployedAt, devAssembly } from '../../e2e/image';
import { millrace } from '../io';

const folder = mkdtempSync(join(tmpdir(), 'millrace-preflight-'));
let runtime: Runtime;
const set = ['AWS_ENDPOINT_URL', 'AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];
const before = set.map((name) => process.env[name]);
jest.setTimeout(120_000);

beforeAll(async () => {
  await deployDev(folder);
  const clock = { start: deployedAt, rate: 0 };
  runtime = await startRuntime({ assemblyDir: await devAssembly(), stageName: 'dev', dataDir: folder, clock });
  const { accessKeyId, secretAccessKey, sessionToken } = runtime.administrator.credentials;
  const values = [runtime.endpoint, runtime.region, accessKeyId, secretAccessKey, sessionToken];
  for (const [i, name] of set.entries()) process.env[name] = values[i];
});
afterAll(async () => {
  for (const [i, name] of set.entries())
    if (before[i] === undefined) delete process.env[name];
    else process.env[name] = before[i];
  await runtime.dispose();
  rmSync(folder, { recursive: true, force: true });
});

test('the local services say what they model, and the rest cannot be told', async () => {
  const { code, stdout, stderr } = await millrace('preflight', 'dev', '--json');
  expect(stderr).toBe('');
  const answer = JSON.parse(stdout);
  expect(answer).toMatchObject({ environment: 'dev', region: runtime.region, account: '000000000000' });
  const of = (name: string) => answer.findings.find(({ check }: { check: string }) => check === name);
  // It is deployed, so its names are its own.
  expect(of('stack data')).toMatchObject({ result: 'ok', detail: 'millrace-dev-data is UPDATE_COMPLETE' });
  expect(of('cluster')).toBeUndefined();
  expect(of('zones').detail).toBe('service ec2 is not modelled by the local runtime');
  expect(of('Lambda concurrency').result).toBe("can't tell");
  expect(of('partner analytics').result).toBe('will fail');
  expect(code).toBe(1);
});

test('credentials that nobody has are refused in one sentence', async () => {
  const known = process.env['AWS_ACCESS_KEY_ID'];
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIANOBODY';
  try {
    const { code, stdout, stderr } = await millrace('preflight', 'dev');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: AWS does not accept the credentials in this region/);
  } finally {
    process.env['AWS_ACCESS_KEY_ID'] = known;
  }
});
