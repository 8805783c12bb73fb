import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Interrupted } from '../../cli/failure';
import { interruptible } from '../../cli/interrupt';

const never = () => new Promise<never>(() => {});
const root = join(__dirname, '../..');

test('a command that ends by itself has its result, and no listener is left', async () => {
  const source = new EventEmitter();
  expect(
    await interruptible(
      async () => 7,
      () => 'report',
      source,
    ),
  ).toBe(7);
  await expect(
    interruptible(
      () => Promise.reject(new Error('broken')),
      () => 'report',
      source,
    ),
  ).rejects.toThrow('broken');
  expect(source.eventNames()).toEqual([]);
});

test.each(['SIGINT', 'SIGTERM'])('%s ends a command that does not listen, with the report', async (signal) => {
  const source = new EventEmitter();
  const ended = interruptible(never, () => 'half is done', source);
  source.emit(signal);
  await expect(ended).rejects.toEqual(new Interrupted('half is done'));
});

test('a command that listens may clean up', async () => {
  const source = new EventEmitter();
  let clean = false;
  const act = async (signal: AbortSignal) => {
    await once(signal, 'abort');
    await new Promise(setImmediate);
    clean = true;
    throw new Error('its own error');
  };
  const ended = interruptible(act, () => 'report', source);
  source.emit('SIGINT');
  await expect(ended).rejects.toThrow('report');
  expect(clean).toBe(true);
});

test('Ctrl-C ends `generate --stream` whose stream never answers, and says what is done', async () => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  let child: ChildProcess | undefined;
  try {
    const args = ['generate', '--stream', 's', '--endpoint', `http://127.0.0.1:${port}`, '--events', '5000'];
    const start = ['--seed', '7', '--start', '2026-11-21T10:00:00Z'];
    const keys = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's' };
    child = spawn(process.execPath, ['bin/millrace.js', ...args, ...start], {
      cwd: root,
      env: { ...process.env, ...keys },
    });
    let stderr = '';
    child.stderr!.on('data', (chunk) => {
      stderr += chunk;
    });
    await once(server, 'connection');
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    expect(stderr).toMatch(
      /^interrupted after [\d.]+ s\n {2}not done {2}send: .*\nRecords that the stream accepted stay there\. With --seed 7 --start 2026-11-21T10:00:00\.000Z the same records/m,
    );
    expect(code).toBe(130);
  } finally {
    child?.kill('SIGKILL');
    server.close();
  }
});
