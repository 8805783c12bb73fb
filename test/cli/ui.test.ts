import { mkdtempSync, rmSync } from 'node:fs';
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
