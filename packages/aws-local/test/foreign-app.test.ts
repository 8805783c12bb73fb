import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { folderCredentials } from 'aws-local-kit';
import { main } from '../src/cli';

/** Below the repository, so that the app finds the CDK. */
const build = join(__dirname, '../../../build');
mkdirSync(build, { recursive: true });
const folder = mkdtempSync(join(build, 'foreign-app-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');
const app = /```js\n(\/\/ app\.js\n[\s\S]*?)```/.exec(readme)![1]!;

/** Runs the command line until `use` is done, and answers its exit code and what it wrote. */
async function run(args: readonly string[], use: (ready: { endpoint: string; outputs: object }) => Promise<void>) {
  const stop = new AbortController();
  let out = '';
  let err = '';
  const done = main(args, {
    stdout: {
      write(text) {
        out += text;
        if (text.startsWith('{')) use(JSON.parse(text)).finally(() => stop.abort());
      },
    },
    stderr: {
      write(text) {
        err += text;
      },
    },
    signal: stop.signal,
  });
  return { code: await done, out, err };
}

describe('the app of the README, which no part of this repository knows', () => {
  const data = join(folder, 'data');
  const assembly = join(folder, 'cdk.out');
  const log = join(data, 'logs/worker.log');
  beforeAll(() => {
    writeFileSync(join(folder, 'app.js'), app);
    execFileSync(process.execPath, ['app.js'], { cwd: folder, env: { ...process.env, CDK_VALIDATION: 'false' } });
  });

  const upload = async (endpoint: string, Key: string) => {
    const client = new S3Client({
      endpoint,
      region: 'eu-west-1',
      credentials: folderCredentials(data)[0],
      forcePathStyle: true,
    });
    await client.send(new PutObjectCommand({ Bucket: 'pictures', Key, Body: 'x' }));
    client.destroy();
    const deadline = Date.now() + 20_000;
    while (!(existsSync(log) && readFileSync(log, 'utf8').includes(Key)) && Date.now() < deadline) await wait(50);
  };

  test('an upload reaches the function by way of the queue, and a second start continues', async () => {
    const first = await run([assembly, '--data', data], ({ endpoint }) => upload(endpoint, 'cat.jpg'));
    expect(first.err).toContain('Pictures: CREATE_COMPLETE');
    expect(first.err).not.toContain('failed');
    expect(first.code).toBe(0);
    const second = await run([assembly, '--data', data], ({ endpoint }) => upload(endpoint, 'dog.jpg'));
    expect(second.err).not.toContain('create done');
    expect(second.code).toBe(0);
    const pictures = readFileSync(log, 'utf8').match(/^new picture: .*$/gm);
    expect(pictures).toEqual(['new picture: cat.jpg', 'new picture: dog.jpg']);
  });

  test('a stage that the app does not have is refused', async () => {
    const { code, err } = await run([assembly, '--data', data, '--stage', 'prod'], async () => {});
    expect(code).toBe(1);
    expect(err).toContain('has no stage prod; it has none');
  });
});

test.each([
  ['no folder', [], 'one folder is needed'],
  ['a port that is none', ['cdk.out', '--port', 'x'], "--port must be a whole number between 0 and 65535, got 'x'"],
  ['an option that is not known', ['cdk.out', '--portt', '1'], "Unknown option '--portt'"],
])('%s is refused with exit code 2', async (_, args, message) => {
  const { code, err } = await run(args, async () => {});
  expect(code).toBe(2);
  expect(err).toContain(message);
});

test('a folder without an assembly is refused', async () => {
  const { code, err } = await run([folder, '--data', join(folder, 'other')], async () => {});
  expect(code).toBe(1);
  expect(err).toContain('holds no cloud assembly');
});
