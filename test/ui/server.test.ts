import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Activity, Snapshot } from '../../ui/api';
import { type Calls, type Page, Refusal, type Source, servePage } from '../../ui/server';

const folders: string[] = [];
const pages: Page[] = [];
afterEach(async () => {
  for (const page of pages.splice(0)) await page.dispose();
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const snapshot = (produced: number): Snapshot => ({
  environment: 'dev',
  now: 0,
  clockRate: 0,
  readOnly: false,
  catchingUp: false,
  warehouse: 'available',
  counts: { produced, terms: [{ name: 'events', records: produced }], balanced: true },
  pipelines: [],
  alarms: [],
});

/** A source whose state the test changes. It counts its snapshots. */
class Fake implements Source {
  produced = 1;
  snapshots = 0;
  listener: ((activity: Omit<Activity, 'id'>) => void) | undefined;
  readonly asked: unknown[] = [];

  version = () => String(this.produced);
  async snapshot() {
    this.snapshots++;
    return snapshot(this.produced);
  }
  onActivity(listener: (activity: Omit<Activity, 'id'>) => void) {
    this.listener = listener;
    return () => {
      this.listener = undefined;
    };
  }
  readonly calls = new Proxy({} as Calls, {
    get: (_, path) => async (input: unknown) => {
      this.asked.push([path, input]);
      return { done: 'done' };
    },
  });
  async download(): Promise<never> {
    throw new Refusal('there is no file');
  }
}

async function serve(source: Source = new Fake(), folder?: string) {
  const dataDir = folder ?? mkdtempSync(join(tmpdir(), 'millrace-page-'));
  folders.push(dataDir);
  const page = await servePage(dataDir, source);
  pages.push(page);
  const [, port, token] = /^http:\/\/127\.0\.0\.1:(\d+)\/#token=(.+)$/.exec(page.address)!;
  return { dataDir, page, port: Number(port), token: token!, ask: asker(Number(port)) };
}

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** Sends requests that a browser would not: any Host, any Origin. Reads to the end, or until the body has `until`. */
const asker =
  (port: number) =>
  (path: string, headers: Record<string, string> = {}, body?: string, until?: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port, path, method: body === undefined ? 'GET' : 'POST', headers },
        (given) => {
          let text = '';
          const answered = () => resolve({ status: given.statusCode!, headers: given.headers, body: text });
          given.on('data', (chunk: Buffer) => {
            text += chunk.toString();
            if (until === undefined || !text.includes(until)) return;
            answered();
            sent.destroy();
          });
          given.on('end', answered);
        },
      );
      sent.on('error', (error) => (until === undefined ? reject(error) : undefined));
      sent.end(body);
    });

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test('the token is random, its file is its owner’s, and a restart keeps token and port', async () => {
  const first = await serve();
  expect(first.token).toMatch(/^[\w-]{43}$/);
  expect(statSync(join(first.dataDir, 'token')).mode & 0o777).toBe(0o600);
  await pages.splice(0)[0]!.dispose();
  const second = await serve(new Fake(), first.dataDir);
  expect(second.page.address).toBe(first.page.address);
  expect((await serve()).token).not.toBe(first.token);
});

test('a port that another process took is replaced, and a damaged file of the token too', async () => {
  const first = await serve();
  const copy = mkdtempSync(join(tmpdir(), 'millrace-page-'));
  for (const file of ['page.json', 'token']) writeFileSync(join(copy, file), readFileSync(join(first.dataDir, file)));
  const second = await serve(new Fake(), copy);
  expect(second.token).toBe(first.token);
  expect(second.port).not.toBe(first.port);
  const damaged = mkdtempSync(join(tmpdir(), 'millrace-page-'));
  writeFileSync(join(damaged, 'page.json'), '{"port": 1');
  writeFileSync(join(damaged, 'token'), 'short');
  expect((await serve(new Fake(), damaged)).token).toMatch(/^[\w-]{43}$/);
});

test('everything that reads or changes something needs the token', async () => {
  const source = new Fake();
  const { ask, token } = await serve(source);
  for (const path of ['/api/live', '/api/sql', '/api/try', '/api/exports/file', '/api/nothing']) {
    expect((await ask(path)).status).toBe(401);
    expect((await ask(path, bearer(`${token.slice(1)}x`), '{}')).status).toBe(401);
    // A token in a query string would be logged, so it does not count.
    expect((await ask(`${path}?token=${token}`, {}, '{}')).status).toBe(401);
  }
  expect(source.asked).toEqual([]);
  expect((await ask('/api/try', bearer(token), '{"kind":"jump"}')).status).toBe(200);
  expect(source.asked).toEqual([['/api/try', { kind: 'jump' }]]);
});

test('a foreign Host and a foreign Origin are refused, also with the token', async () => {
  const { ask, token, port } = await serve();
  const sql = '{"kind":"jump"}';
  const refused: Record<string, string>[] = [
    { host: 'millrace.example' },
    { host: `millrace.example:${port}` },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `http://localhost:${port + 1}` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ];
  for (const headers of refused) {
    const answer = await ask('/api/try', { ...bearer(token), ...headers }, sql);
    expect([headers, answer.status]).toEqual([headers, 403]);
    expect((await ask('/', headers)).status).toBe(403);
  }
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`])
    expect((await ask('/api/try', { ...bearer(token), host, origin: `http://${host}` }, sql)).status).toBe(200);
});

test('the page is small, asks for nothing elsewhere, and its policy allows nothing else', async () => {
  const { ask } = await serve();
  let bytes = 0;
  for (const path of ['/', '/page.js', '/page.css', '/icon.svg']) {
    const { status, headers } = await ask(path, { 'accept-encoding': 'gzip' });
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(headers['content-security-policy']).not.toMatch(/unsafe|https?:|\*/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    bytes += Number(headers['content-length']);
    expect((await ask(path, { 'if-none-match': String(headers['etag']) })).status).toBe(304);
  }
  expect(bytes).toBeLessThan(64_000);
  const html = (await ask('/')).body;
  expect(html).not.toMatch(/<script>|style=|\bon\w+=|https?:/);
  expect((await ask('/../package.json')).status).toBe(404);
  expect((await ask('/', {}, '{}')).status).toBe(405);
});

const liveOf = async (ask: ReturnType<typeof asker>, token: string, until: string, lastId?: string) => {
  const headers = { ...bearer(token), ...(lastId === undefined ? {} : { 'last-event-id': lastId }) };
  const { body, headers: answered } = await ask('/api/live', headers, undefined, until);
  const events = body.split('\n\n').flatMap((text) => {
    const [, id, data] = /^id: (.*)\ndata: (.*)$/m.exec(text) ?? [];
    return id === undefined ? [] : [{ id, data: JSON.parse(data!) as { snapshot?: Snapshot; activity?: Activity[] } }];
  });
  return { events, type: answered['content-type'] };
};

test('events continue after a break: what the page knows is not sent again', async () => {
  const source = new Fake();
  const { ask, token } = await serve(source);
  const happened = (what: string) => source.listener!({ at: 0, kind: 'function', what, failed: false });
  happened('first');
  const first = await liveOf(ask, token, '"produced":1');
  expect(first.type).toBe('text/event-stream');
  const known = first.events.at(-1)!;
  happened('second');
  const second = await liveOf(ask, token, 'second', known.id);
  expect(second.events.flatMap(({ data }) => data.activity?.map(({ what }) => what) ?? [])).toEqual(['second']);
  expect(second.events.some(({ data }) => data.snapshot !== undefined)).toBe(false);
  source.produced = 2;
  const third = await liveOf(ask, token, '"produced":2', second.events.at(-1)!.id);
  expect(third.events.at(-1)!.data.snapshot!.counts.produced).toBe(2);
  // An id of an earlier process is ignored.
  const other = await liveOf(ask, token, '"produced":2', '000000000000-99-99');
  expect(other.events.flatMap(({ data }) => data.activity?.map(({ what }) => what) ?? [])).toEqual(['first', 'second']);
});

test('a source that fails is a message on the page, and not the end of the runtime', async () => {
  const source = new Fake();
  source.version = () => {
    throw new Error('the runtime ends');
  };
  source.snapshot = async () => {
    throw new Error('the warehouse is closed');
  };
  const { ask, token } = await serve(source);
  const { events } = await liveOf(ask, token, 'problem');
  expect(events[0]!.data).toEqual({ problem: 'the warehouse is closed' });
});

test('after a snapshot that took long, the next one does not wait for ten times as long', async () => {
  const source = new Fake();
  const read = source.snapshot.bind(source);
  source.snapshot = async () => {
    await new Promise((resolve) => setTimeout(resolve, source.produced === 1 ? 1000 : 0));
    return read();
  };
  const { ask, token } = await serve(source);
  const began = performance.now();
  setTimeout(() => {
    source.produced = 2;
  }, 1100);
  await liveOf(ask, token, '"produced":2');
  expect(performance.now() - began).toBeLessThan(8000);
});

test('nothing is read while no page is open, nor while nothing happens', async () => {
  const source = new Fake();
  const { ask, token } = await serve(source);
  await liveOf(ask, token, '"produced":1');
  const read = source.snapshots;
  source.produced = 2;
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(source.snapshots).toBe(read);
});

test.each([
  ['/api/sql', '{"sql": "", "id": "1"}', 'sql must be a text of 1 to 200000 characters, got ""'],
  ['/api/sql', '{"sql": "select 1"}', 'id must be a text of 1 to 64 characters, got nothing'],
  ['/api/series', '{"minutes": 1e9}', 'minutes must be a number from 1 to 43200, got 1000000000'],
  ['/api/try', '{"kind": "rate", "rate": -1}', 'rate must be a number from 0 to 3600, got -1'],
  ['/api/try', '{"kind": "fault", "fault": "fire"}', /^fault must be one of lose-notification, .*, got "fire"$/],
  ['/api/try', '{"kind": "__proto__"}', /^kind must be one of rate, jump, send, fault, got "__proto__"$/],
  ['/api/rejects/retry', '{"pipeline": "estore", "reason": "x"}', 'apply must be true or false, got nothing'],
  ['/api/why', '[]', 'the body must be a JSON object, got []'],
  ['/api/why', '{', /^the body must be JSON: /],
  ['/api/exports/file', 'null', 'the body must be a JSON object, got null'],
  ['/api/exports/file', '{"key": 7}', 'key must be a text of 1 to 1024 characters, got 7'],
])('%s refuses %s and names the field', async (path, body, message) => {
  const { ask, token } = await serve();
  const answer = await ask(path, bearer(token), body);
  expect(answer.status).toBe(400);
  expect((JSON.parse(answer.body) as { error: string }).error).toMatch(message);
});

test('a body that is too large is refused, and so is a call that does not exist', async () => {
  const { ask, token } = await serve();
  const large = await ask('/api/sql', bearer(token), JSON.stringify({ sql: 'x'.repeat(1_100_000), id: '1' }));
  expect(large.status).toBe(400);
  expect(large.body).toMatch(/at most 1000000 bytes/);
  expect((await ask('/api/__proto__', bearer(token), '{}')).status).toBe(404);
  expect((await ask('/api/toString', bearer(token), '{}')).status).toBe(404);
});
