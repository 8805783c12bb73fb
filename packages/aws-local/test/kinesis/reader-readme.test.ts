import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateStreamCommand, KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { buildSync } from 'esbuild';
import { type Services, startServices } from '../services';

const HOUR_MS = 3_600_000;
/** The address in the README's last example, which stands for the user's own. */
const ADDRESS = 'https://example.com';

/** The examples of the reader's README, as they are written there. */
const examples = [
  ...readFileSync(join(__dirname, '../../../kinesis-reader/README.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g),
].map(([, code]) => code!);

let services: Services;
let kinesis: KinesisClient;
let folder: string;
const children: ChildProcess[] = [];
const programsFolder = mkdtempSync(join(tmpdir(), 'reader-readme-programs-'));
afterAll(() => rmSync(programsFolder, { recursive: true }));
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'reader-readme-'));
  services = await startServices({ now: Date.now() - 2 * HOUR_MS });
  services.real.now = Date.now();
  kinesis = new KinesisClient(services.client());
  await kinesis.send(new CreateStreamCommand({ StreamName: 'clicks', ShardCount: 2 }));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  kinesis.destroy();
  await services.stop();
  rmSync(folder, { recursive: true });
});

const put = (...payloads: string[]) =>
  kinesis.send(
    new PutRecordsCommand({
      StreamName: 'clicks',
      Records: payloads.map((text) => ({ PartitionKey: text, Data: Buffer.from(text) })),
    }),
  );

const programs = new Map<string, string>();

/** Bundles an example with the reader, and returns the file. */
function bundled(code: string): string {
  const known = programs.get(code);
  if (known) return known;
  const outfile = join(programsFolder, `${programs.size}.mjs`);
  programs.set(code, outfile);
  buildSync({
    stdin: { contents: code, resolveDir: __dirname, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    banner: {
      js: `import { createRequire } from 'node:module'; const require = createRequire(${JSON.stringify(__filename)});`,
    },
  });
  return outfile;
}

/** Starts an example in a process that finds the local Kinesis as it would find AWS: by its environment alone. */
function start(code: string): { readonly child: ChildProcess; readonly ended: Promise<readonly [number, string]> } {
  const { accessKeyId, secretAccessKey } = services.iam.administrator.credentials;
  const child = spawn(process.execPath, [bundled(code)], {
    cwd: folder,
    env: {
      AWS_ENDPOINT_URL: services.gateway.endpoint,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      NODE_NO_WARNINGS: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      text += chunk;
    });
  return { child, ended: once(child, 'close').then(([status]) => [status as number, text] as const) };
}

const run = (code: string) => start(code).ended;

test('the past hour, then what came since', async () => {
  await put('{"n":1}');
  services.clock.advanceTo(Date.now());
  await put('{"n":2}', '{"n":3}');
  const numbers = (text: string) => [...text.matchAll(/\{ n: (\d) \}/g)].map(([, n]) => n).sort();
  const [status, text] = await run(examples[0]!);
  expect([status, numbers(text)]).toEqual([0, ['2', '3']]);
  await put('{"n":4}');
  const [, later] = await run(examples[0]!);
  expect(later).toMatch(/^shardId-00000000000[01] \{ n: 4 \}\n$/);
});

test('a decoder of your own', async () => {
  await put('ann,/home');
  expect(await run(examples[1]!)).toEqual([0, 'ann /home\n']);
});

describe('to an HTTP API', () => {
  let api: Server;
  let status: number;
  const posted: string[] = [];
  beforeEach(async () => {
    api = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      posted.push(Buffer.concat(parts).toString());
      response.writeHead(status).end();
      api.emit('posted');
    }).listen(0, '127.0.0.1');
    await once(api, 'listening');
  });
  afterEach(() => api.close());

  test('what the API refused is posted again, what it took is committed', async () => {
    expect(examples[2]).toContain(ADDRESS);
    const code = examples[2]!.replace(ADDRESS, `http://127.0.0.1:${(api.address() as AddressInfo).port}`);
    await put('{"n":1}');
    status = 500;
    expect(await run(code)).toEqual([1, expect.stringContaining('Error: status 500')]);
    status = 200;
    // The example follows the stream: what comes while it runs is posted, too, and the one before is then committed.
    const { child, ended } = start(code);
    await once(api, 'posted');
    await put('{"n":2}');
    await once(api, 'posted');
    child.kill('SIGKILL');
    await ended;
    expect(posted).toEqual(['[{"n":1}]', '[{"n":1}]', '[{"n":2}]']);
    const saved = JSON.parse(readFileSync(join(folder, 'api.json'), 'utf8'));
    expect(Object.values(saved.shards)).toContainEqual(expect.objectContaining({ after: expect.any(String) }));
  });
});

test('there is no other example', () => expect(examples).toHaveLength(3));
