import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateStreamCommand, KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { DuckDBInstance } from '@duckdb/node-api';
import { type Dev, event, startDev } from './dev';

jest.setTimeout(300_000);

const MINUTE_MS = 60_000;
const stream = 'millrace-dev-estore';
let dev: Dev;
let folder: string;
let kinesis: KinesisClient;
const path = (name: string) => join(folder, name);
const lines = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-streams-'));
  dev = await startDev(Date.UTC(2026, 10, 21, 9));
  const { endpoint, region, administrator } = dev.runtime;
  kinesis = new KinesisClient({ endpoint, region, credentials: administrator.credentials });
  await dev.send([event('c-1'), event('c-2'), event('c-3')]);
  await dev.pass(20 * MINUTE_MS);
  await dev.send([event('c-4'), event('c-5')]);
  await kinesis.send(
    new PutRecordsCommand({
      StreamName: stream,
      Records: [{ Data: Buffer.from('not json\u0007'), PartitionKey: 'bad' }],
    }),
  );
}, 300_000);
afterAll(async () => {
  kinesis?.destroy();
  await dev?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const customers = (found: readonly { value?: { customer_id: string } }[]) =>
  found.map(({ value }) => value?.customer_id ?? 'not json').sort();

test('new makes a pipeline of the records of a stream', async () => {
  const { code, stdout, stderr } = await dev.cli('new', 'again', '--from', 'kinesis:estore', '--dry-run', '--json');
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toMatchObject({
    source: 'the stream estore',
    records: 6,
    sound: 5,
    faults: [{ reason: 'not JSON', records: 1 }],
    proof: { records: 6, events: 5, rejects: 1 },
    files: null,
  });
  const some = await dev.cli('new', 'again', '--from', `kinesis:${stream}`, '--dry-run', '--json', '--sample', '2');
  expect(JSON.parse(some.stdout)).toMatchObject({
    records: 2,
    notes: ['the oldest 2 records of the stream were read; --sample reads more'],
  });
});

describe('tail', () => {
  test('shows records as lines, cut and cleaned, and a reject with the reason of the merge', async () => {
    const { code, stdout, stderr } = await dev.cli('tail', 'estore', '--since', 'beginning', '--until', 'now');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.trimEnd().split('\n')).toHaveLength(6);
    expect(stdout).toMatch(/^09:20:00\.000 {2}#\d {3}bad {14}✘ payload: not JSON: not json $/m);
  });
  test('filters by value and by time, as JSON', async () => {
    const where = await dev.cli(
      'tail',
      'estore',
      '--since',
      'beginning',
      '--until',
      'now',
      '--json',
      '--where',
      'customer_id=c-2',
    );
    expect(customers(lines(where.stdout))).toEqual(['c-2']);
    const recent = await dev.cli('tail', 'estore', '--since', '10m', '--until', 'now', '--json');
    expect(customers(lines(recent.stdout))).toEqual(['c-4', 'c-5', 'not json']);
  });
  test('counts records, bytes and lag of each shard', async () => {
    const { stdout } = await dev.cli('tail', stream, '--since', 'beginning', '--until', 'now', '--rate');
    expect(stdout).toMatch(/shard +records\/s +bytes\/s +behind/);
    expect(stdout).toMatch(/shardId-000000000000 .* 0\.0 s/);
  });
  test.each<[string[], RegExp]>([
    [['nosuch'], /there is no such stream or shard in this account and region/],
    [['estore', '--since', 'yesterday'], /--since must be beginning, latest, a span .*, got 'yesterday'/],
    [['estore', '--where', 'x'], /--where must be a path and a value such as action=purchase, got 'x'/],
    [['estore', '--until', '2026'], /--until must be now, got '2026'/],
  ])('%j is one sentence', async (args, message) => {
    const { code, stderr } = await dev.cli('tail', ...args);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBeGreaterThan(0);
  });
});

describe('read', () => {
  const read = (...args: string[]) => dev.cli('read', 'estore', '--until', 'now', ...args);

  test('in pieces: exit code 3 while records are left, then 0, each record once in the file', async () => {
    const [state, out] = [path('state.json'), path('out.ndjson')];
    const codes: number[] = [];
    for (let i = 0; i < 4; i++) codes.push((await read('--state', state, '--out', out, '--max', '2')).code);
    expect(codes).toEqual([3, 3, 0, 0]);
    expect(customers(lines(readFileSync(out, 'utf8')))).toEqual(['c-1', 'c-2', 'c-3', 'c-4', 'c-5', 'not json']);
    expect(JSON.parse(readFileSync(state, 'utf8'))).toMatchObject({ version: 1, start: 'beginning' });
  });
  test('lines of a batch whose state was never saved are cut off', async () => {
    const [state, out] = [path('cut.json'), path('cut.ndjson')];
    await read('--state', state, '--out', out, '--max', '2');
    const whole = readFileSync(out, 'utf8');
    writeFileSync(out, `${whole}{"value":{"customer_id":"never com`);
    await read('--state', state, '--out', out);
    expect(customers(lines(readFileSync(out, 'utf8')))).toEqual(['c-1', 'c-2', 'c-3', 'c-4', 'c-5', 'not json']);
  });
  test('into DuckDB, where a second read without a state adds nothing', async () => {
    const out = path('records.duckdb');
    const { stdout } = await read('--out', out, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ stream: 'estore', records: 6, outcome: 'complete' });
    await read('--out', out);
    expect(await sql(out, `select count(*), count(undecodable), count(value->>'customer_id') from records`)).toEqual([
      ['6', '1', '5'],
    ]);
  });
  test('into Parquet', async () => {
    const out = path('records.parquet');
    await read('--out', out);
    expect(await sql(':memory:', `select count(*), max(arrived_at)::varchar from '${out}'`)).toEqual([
      ['6', '2026-11-21 09:20:00'],
    ]);
    const again = await read('--out', out);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('exists already; name another file')]);
  });
  test('to an address: batches, sent again with the same key until they are taken', async () => {
    const keys: string[] = [];
    const taken: object[] = [];
    const server = createServer((request, response) => {
      keys.push(String(request.headers['idempotency-key']));
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        if (keys.length % 2 === 0) taken.push(...JSON.parse(body));
        response.writeHead(keys.length % 2 === 0 ? 200 : 503, { 'retry-after': '0' }).end();
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`;
    const { code } = await read('--out', address, '--chunk', '2');
    server.close();
    expect(code).toBe(0);
    expect(customers(taken as never)).toEqual(['c-1', 'c-2', 'c-3', 'c-4', 'c-5', 'not json']);
    expect(new Set(keys).size * 2).toBe(keys.length);
  });
  test('a batch that the address refuses is not committed', async () => {
    const server = createServer((_, response) => response.writeHead(422).end());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`;
    const state = path('refused.json');
    const { code, stderr } = await read('--out', address, '--state', state);
    server.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(/did not take \d records, asked 1 times: status 422/);
    const { stdout } = await read('--state', state);
    expect(lines(stdout)).toHaveLength(6);
  });
  test.each<[string[], RegExp]>([
    [['--out', 'x.csv'], /--out must end in .ndjson, .parquet or .duckdb, or be an http address, got 'x.csv'/],
    [['--decode', 'xml'], /--decode must be json, text or bytes, got 'xml'/],
    [['--max', '0'], /--max must be a whole number from 1/],
    [['--json'], /--json needs --out/],
  ])('%j is one sentence', async (args, message) => {
    const { code, stderr } = await read(...args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
  test('a state that is damaged, or of another stream, is named and kept', async () => {
    const file = path('bad.json');
    for (const [text, message] of [
      ['{"version":1,', /bad.json is not the state of a reader: it is cut off or not JSON/],
      ['{"version":9}', /bad.json was written by a newer reader \(version 9/],
    ] as const) {
      writeFileSync(file, text);
      const { code, stderr } = await read('--state', file);
      expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
  });
});

describe('replay', () => {
  const target = async (name: string) => {
    await kinesis.send(new CreateStreamCommand({ StreamName: name, ShardCount: 2 }));
    return async () => lines((await dev.cli('read', name, '--until', 'now')).stdout);
  };
  const keys = (found: readonly { _kinesis: { partition: string } }[]) =>
    found.map(({ _kinesis }) => _kinesis.partition).sort();

  test('a file that read wrote, with its partition keys and bytes', async () => {
    const read = await target('again');
    await dev.cli('read', 'estore', '--until', 'now', '--out', path('source.ndjson'));
    expect(await dev.json('replay', path('source.ndjson'), '--stream', 'again')).toMatchObject({ records: 6 });
    const [found, source] = [await read(), lines(readFileSync(path('source.ndjson'), 'utf8'))];
    expect(customers(found)).toEqual(customers(source));
    expect(keys(found)).toEqual(keys(source));
    expect(found.find(({ base64 }) => base64).base64).toBe(Buffer.from('not json\u0007').toString('base64'));
  });
  test('another stream, in two runs with a state, and an hour of the archive', async () => {
    const read = await target('copy');
    const state = path('replay.json');
    const go = () => dev.json('replay', `stream:${stream}`, '--stream', 'copy', '--state', state);
    expect(await go()).toMatchObject({ records: 6 });
    expect(await go()).toMatchObject({ records: 0 });
    expect(await read()).toHaveLength(6);
    await dev.runtime.flushArchive();
    const fromArchive = await target('from-archive');
    const span = ['--from', '2026-11-21T09:10:00Z', '--to', '2026-11-21T10:00:00Z'];
    expect(
      await dev.json('replay', 'archive', '--pipeline', 'estore', '--stream', 'from-archive', ...span),
    ).toMatchObject({
      records: 3,
    });
    expect(customers(await fromArchive())).toEqual(['c-4', 'c-5', 'not json']);
  });
  test('other JSON by a field that holds the key, on from where a run ended, at a rate', async () => {
    const read = await target('keyed');
    const file = path('other.ndjson');
    const state = path('other.json');
    writeFileSync(
      file,
      Array.from({ length: 6 }, (_, n) => `{"n":12345678901234567890${n},"user":{"id":"u${n % 2}"}}\n`).join(''),
    );
    writeFileSync(state, JSON.stringify({ source: file, records: 2 }));
    const answer = await dev.json(
      'replay',
      file,
      '--stream',
      'keyed',
      '--key',
      'user.id',
      '--state',
      state,
      '--rate',
      '10',
    );
    expect(answer).toMatchObject({ records: 4 });
    expect(keys(await read())).toEqual(['u0', 'u0', 'u1', 'u1']);
    const text = await dev.cli('read', 'keyed', '--until', 'now', '--decode', 'text');
    expect(text.stdout).toContain('123456789012345678905');
  });
  test.each<[string[], RegExp]>([
    [['none.ndjson', '--stream', 'estore'], /none.ndjson: there is no such file/],
    [['package.json', '--stream', 'estore'], /package.json, line 1 is not JSON/],
    [['package.json', '--stream', 'estore', '--from', '2026-01-01'], /--from and --to are for archives and streams/],
  ])('%j is one sentence', async (args, message) => {
    const { code, stderr } = await dev.cli('replay', ...args);
    expect(stderr).toMatch(message);
    expect(code).toBeGreaterThan(0);
  });
});

async function sql(file: string, query: string): Promise<string[][]> {
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(query)).getRows().map((row) => row.map(String));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
