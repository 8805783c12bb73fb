import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeRuntimeFile } from '../../cli/commands/runtime-file';
import { pageAccess, writePort } from '../../ui/server/access';
import { millrace } from './io';

const data = mkdtempSync(join(tmpdir(), 'millrace-ui-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));

test('ui prints the address of the page of a running runtime, and says how to start one', async () => {
  const none = await millrace('ui', '--no-open', '--data', data);
  expect(none.code).toBe(1);
  expect(none.stderr).toMatch(/no page is served over .*; start one with 'npm start'/);
  const { token } = pageAccess(data);
  writePort(data, 4711);
  expect((await millrace('ui', '--no-open', '--data', data)).code).toBe(1);
  writeRuntimeFile(data, {
    pid: process.pid,
    endpoint: 'http://127.0.0.1:1',
    region: 'eu-west-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    warehouse: { ClusterIdentifier: 'c', Database: 'd' },
    outputs: {},
    pipelineOutputs: {},
  });
  const { code, stdout } = await millrace('ui', '--no-open', '--data', data);
  expect([code, stdout]).toEqual([0, `http://127.0.0.1:4711/#token=${token}\n`]);
});

test('ui --environment names what is wrong with the environment and its outputs', async () => {
  const outputs = join(data, 'outputs.json');
  const ui = (...more: string[]) => millrace('ui', '--no-open', '--data', data, ...more);
  expect(await ui('--policy')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--policy needs --environment/),
  });
  expect(await ui('--environment', 'nosuch')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--environment must be one of dev, staging, prod, got 'nosuch'/),
  });
  const inDev = () => ui('--environment', 'dev', '--outputs', outputs);
  expect((await inDev()).stderr).toMatch(
    /--outputs .*outputs\.json: there is no such file; write it with: npx cdk deploy/,
  );
  writeFileSync(outputs, '{');
  expect((await inDev()).stderr).toMatch(/outputs\.json is not JSON/);
  writeFileSync(outputs, JSON.stringify({ 'millrace-prod-data': {} }));
  expect(await inDev()).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/has no stack millrace-dev-data, only millrace-prod-data/),
  });
  writeFileSync(outputs, JSON.stringify({ 'millrace-dev-data': {}, 'millrace-dev-pipelines': {} }));
  expect((await inDev()).stderr).toMatch(/environments\.dev\.region is not given, and the output KeyArn has none/);
});
