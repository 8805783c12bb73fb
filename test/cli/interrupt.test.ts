import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../cli/commands/context';
import { forEach } from '../../cli/commands/history/sources';
import { writeRuntimeFile } from '../../cli/commands/runtime-file';
import { Interrupted } from '../../cli/failure';
import { interruptible } from '../../cli/interrupt';
import { pascalCase } from '../../lib/shared/names';
import { pipelines } from '../../pipelines';

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

/** Interrupts a command while a server that never answers has its request, and returns its exit code and stderr. */
async function interrupted(argsFor: (endpoint: string) => readonly string[], env: NodeJS.ProcessEnv = {}) {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  let child: ChildProcess | undefined;
  try {
    const args = argsFor(`http://127.0.0.1:${port}`);
    child = spawn(process.execPath, ['bin/millrace.js', ...args], { cwd: root, env: { ...process.env, ...env } });
    let stderr = '';
    child.stderr!.on('data', (chunk) => {
      stderr += chunk;
    });
    await once(server, 'connection');
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    return { code, stderr };
  } finally {
    child?.kill('SIGKILL');
    server.close();
  }
}

test('Ctrl-C ends `generate --stream` whose stream never answers, and says what is done', async () => {
  const start = ['--events', '5000', '--seed', '7', '--start', '2026-11-21T10:00:00Z'];
  const { code, stderr } = await interrupted(
    (endpoint) => ['generate', '--stream', 's', '--endpoint', endpoint, ...start],
    {
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 's',
    },
  );
  expect(stderr).toMatch(
    /^interrupted after [\d.]+ s\n {2}not done {2}send: .*\nRecords that the stream accepted stay there\. With --seed 7 --start 2026-11-21T10:00:00\.000Z the same records/m,
  );
  expect(code).toBe(130);
});

describe('Ctrl-C ends a command whose environment never answers, and says what is not done', () => {
  const data = mkdtempSync(join(tmpdir(), 'millrace-silent-'));
  afterAll(() => rmSync(data, { recursive: true, force: true }));

  /** A local runtime that runs and does not answer. */
  const silent = (endpoint: string) => {
    const names = ['HistoryBucketName', 'ArchiveBucketName', 'ExportsBucketName', 'WorkBucketName'];
    const scoped = ['StreamName', 'HistoryBacklogUrl', 'HistoryDeadLettersUrl'].flatMap((name) =>
      pipelines.map((pipeline) => `${pascalCase(pipeline.name)}${name}0A1B2C3D`),
    );
    writeRuntimeFile(data, {
      pid: process.pid,
      endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 's' },
      warehouse: { ClusterIdentifier: 'c', Database: 'd', SecretArn: 'arn' },
      outputs: Object.fromEntries([...names, ...scoped].map((name) => [name, `${endpoint}/${name}`])),
      pipelineOutputs: {},
    });
  };

  test.each([
    ['duplicates --apply', 'estore: reading the runs of history'],
    ['backfill --from history --apply', 'list: reading the ledger'],
    ['backfill --from stream --apply', 'read'],
    ['redrive --apply', 'letters: reading the queue'],
  ])('%s', async (line, stage) => {
    const { code, stderr } = await interrupted((endpoint) => {
      silent(endpoint);
      return [...line.split(' '), '--data', data];
    });
    expect(stderr).toMatch(/^interrupted after [\d.]+ s$/m);
    expect(stderr).toContain(`  not done  ${stage}`);
    expect(code).toBe(130);
  });
});

test('after Ctrl-C no other pipeline begins', async () => {
  const seen: string[] = [];
  const context = { remainingMs: () => (seen.length === 0 ? 1000 : 0) } as Context;
  const ended = forEach(context, pipelines, async ({ name }) => seen.push(name) > 0);
  await expect(ended).rejects.toThrow(`${pipelines[1]!.name}: the time is up; raise --timeout`);
  expect(seen).toEqual([pipelines[0]!.name]);
});
