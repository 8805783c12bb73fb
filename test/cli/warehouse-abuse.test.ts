import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DescribeStatementCommand,
  ExecuteStatementCommand,
  GetStatementResultCommand,
} from '@aws-sdk/client-redshift-data';
import { type Signing, signedHeaders } from 'aws-local-kit/testing';
import fc from 'fast-check';
import { cases, seedOf } from '../support/tier';
import { dataClient, place, rows, run, startServer, type WarehouseProcess } from './warehouse-server';

jest.setTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), 'millrace-abused-'));
let server: WarehouseProcess;
let port: number;
/** Length of what the server had said on stderr before this test. */
let said = 0;
beforeAll(async () => {
  server = await startServer(folder);
  port = Number(new URL(server.endpoint).port);
});
afterEach(async () => {
  expect(await rows(dataClient(server.endpoint), 'select 1')).toEqual([[1]]);
  const news = server.stderr().slice(said);
  said += news.length;
  expect(news).toBe('');
});
afterAll(async () => {
  server.kill('SIGTERM');
  expect(await server.exited()).toBe(0);
  rmSync(folder, { recursive: true, force: true });
});

/** The headers of a signed request for an operation. */
const signed = (body: string | Buffer, operation = 'RedshiftData.ExecuteStatement', signing: Partial<Signing> = {}) =>
  signedHeaders(
    `${server.endpoint}/`,
    {
      method: 'POST',
      body: Buffer.from(body),
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': operation },
    },
    { service: 'redshift-data', accessKeyId: 'any', secretAccessKey: 'x', ...signing },
  );

async function post(
  body: string | Buffer,
  { authorization, target, service }: { authorization?: string; target?: string; service?: string } = {},
) {
  const response = await fetch(server.endpoint, {
    method: 'POST',
    body: new Uint8Array(Buffer.from(body)),
    headers: {
      ...(await signed(body, target, service === undefined ? {} : { service })),
      ...(authorization !== undefined && { authorization }),
    },
  });
  return {
    status: response.status,
    id: response.headers.get('x-amzn-requestid'),
    json: (await response.json()) as Record<string, string>,
  };
}

/** Sends bytes, and waits until the server closed the connection or answered something. */
async function raw(bytes: Uint8Array): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const over = Promise.race([once(socket, 'data'), once(socket, 'close'), once(socket, 'error')]).catch(
    () => undefined,
  );
  socket.end(bytes);
  await over;
  socket.destroy();
}

test.each([
  ['malformed JSON', '{"Sql":', {}, 'SerializationException'],
  ['a list', '[]', {}, 'SerializationException'],
  ['nothing', '', {}, 'ValidationException'],
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x80]), {}, 'SerializationException'],
  ['brackets 200,000 deep', '['.repeat(200_000), {}, 'SerializationException'],
  ['objects 100,000 deep', `{"Sql":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`, {}, 'SerializationException'],
  ['an unknown operation', '{}', { target: 'RedshiftData.DropEverything' }, 'NotModelled'],
  ['a name of every object', '{}', { target: 'RedshiftData.constructor' }, 'NotModelled'],
  ['another service', '{}', { target: 'Kinesis_20131202.PutRecord' }, 'UnknownOperationException'],
  ['no signature', '{}', { authorization: '' }, 'MissingAuthenticationTokenException'],
  ['half a signature', '{}', { authorization: 'AWS4-HMAC-SHA256 Credential=any' }, 'IncompleteSignatureException'],
  ["another service's signature", '{}', { service: 'ec2' }, 'NotModelled'],
  ['17 MB', 'x'.repeat(17 * 2 ** 20), {}, 'RequestEntityTooLargeException'],
])("%s gets an error of AWS's form", async (_, body, headers, type) => {
  const { status, id, json } = await post(body, headers);
  expect(json).toEqual({ __type: type, message: expect.stringMatching(/./) });
  expect(status).toBeGreaterThanOrEqual(400);
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
});

test('any bytes whatever end in an answer or a closed connection', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 2000 }), (bytes) => raw(bytes)),
    { numRuns: cases(50, 500), seed: seedOf(1) },
  );
  const starts = [
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n',
    'PRI * H',
    'GET / HTTP/9\r\n\r\n',
  ];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 500 }), (start, rest) =>
      raw(Buffer.concat([Buffer.from(start), rest])),
    ),
    { numRuns: cases(50, 500), seed: seedOf(2) },
  );
});

test('any JSON whatever gets an answer', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(
        fc.constantFrom(
          'Sql',
          'Sqls',
          'Database',
          'ClusterIdentifier',
          'DbUser',
          'Parameters',
          'WaitTimeSeconds',
          'Id',
          'NextToken',
          'MaxResults',
          'constructor',
          '__proto__',
        ),
        fc.jsonValue(),
      ),
      fc.constantFrom(
        'ExecuteStatement',
        'BatchExecuteStatement',
        'DescribeStatement',
        'GetStatementResult',
        'GetStatementResultV2',
        'CancelStatement',
        'ListStatements',
        'ListTables',
        'DescribeTable',
        'ListDatabases',
      ),
      async (input, operation) => {
        const { status, json } = await post(JSON.stringify(input), { target: `RedshiftData.${operation}` });
        expect([status, json['__type'] === 'InternalFailure']).toEqual([status, false]);
      },
    ),
    { numRuns: cases(100, 1000), seed: seedOf(3) },
  );
});

test('HTTP/2 without TLS works as HTTP/1.1 does', async () => {
  const session = http2.connect(server.endpoint);
  const ask = async (body: string) => {
    const stream = session.request({ ':method': 'POST', ':path': '/', ...(await signed(body)) });
    stream.end(body);
    let text = '';
    for await (const chunk of stream) text += chunk;
    return JSON.parse(text);
  };
  expect(await ask(JSON.stringify({ ...place, Sql: 'select 1' }))).toMatchObject({
    Id: expect.any(String),
    ClusterIdentifier: 'demo',
  });
  expect(await ask('{')).toMatchObject({ __type: 'SerializationException' });
  session.destroy();
});

test('200 KB of SQL run or are refused', async () => {
  const client = dataClient(server.endpoint);
  const list = `select count(*) from (select 1 as a) where a in (${Array.from({ length: 29_000 }, (_, i) => i).join(', ')})`;
  expect(Buffer.byteLength(list)).toBeGreaterThan(190_000);
  const long = await run(client, list);
  expect(['FINISHED', 'FAILED']).toContain(long.Status);
  for (const sql of [
    '('.repeat(200_000),
    `select ${'1+'.repeat(100_000)}1`.slice(0, 204_000),
    `select '${'x'.repeat(204_000)}'`,
    '\u0000'.repeat(1000),
    `/*${'*'.repeat(200_000)}`,
  ]) {
    const { Status, Error: why } = await run(client, sql);
    expect(['FINISHED', 'FAILED']).toContain(Status);
    if (Status === 'FAILED') expect(why).toMatch(/^.{1,5000}$/s);
  }
});

test('500 statements at once all end, writers among readers', async () => {
  const client = dataClient(server.endpoint);
  await run(client, 'create table crowd (n integer)');
  const ids = await Promise.all(
    Array.from({ length: 500 }, async (_, i) => {
      const Sql = i % 5 === 0 ? `insert into crowd values (${i})` : `select ${i} as n, count(*) from crowd`;
      return (await client.send(new ExecuteStatementCommand({ ...place, Sql }))).Id!;
    }),
  );
  const ends = await Promise.all(
    ids.map(async (Id) => {
      for (;;) {
        const { Status } = await client.send(new DescribeStatementCommand({ Id, WaitTimeSeconds: 30 }));
        if (['FINISHED', 'FAILED', 'ABORTED'].includes(Status!)) return Status;
      }
    }),
  );
  expect(ends.filter((status) => status !== 'FINISHED')).toEqual([]);
  expect(await rows(client, 'select count(*), count(distinct n) from crowd')).toEqual([[100, 100]]);
});

const residentMegabytes = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))![1]) / 1024;
const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('results that nobody fetches cost little memory, and can still be fetched', async () => {
  const client = dataClient(server.endpoint);
  await run(client, 'create table digits (n integer)');
  await run(client, 'insert into digits values (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)');
  const Sql = `select a.n * 10 + b.n as n, repeat('x', 4000) as pad from digits a, digits b order by 1`;
  const amount = cases(250, 750);
  const before = residentMegabytes();
  const ids: string[] = [];
  const worker = async () => {
    while (ids.length < amount) {
      const { Id, Status } = await client.send(new ExecuteStatementCommand({ ...place, Sql, WaitTimeSeconds: 30 }));
      expect(Status).toBe('FINISHED');
      ids.push(Id!);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  // The results have 400 KB each.
  expect(residentMegabytes() - before).toBeLessThan(0.3 * amount);
  for (const Id of [ids[0]!, ids[amount / 2]!, ids.at(-1)!]) {
    const { Records, TotalNumRows } = await client.send(new GetStatementResultCommand({ Id }));
    expect([TotalNumRows, Records!.length]).toEqual([100, 100]);
  }
});

test('readers that do not read keep nobody else from reading', async () => {
  const client = dataClient(server.endpoint);
  const { Id } = await run(client, `select repeat('x', 60000) as a, n from digits order by n`);
  const body = JSON.stringify({ Id });
  const all = { ...(await signed(body, 'RedshiftData.GetStatementResult')), host: `127.0.0.1:${port}` };
  const lines = Object.entries({ ...all, 'content-length': body.length }).map(([name, text]) => `${name}: ${text}\r\n`);
  const sockets: Socket[] = [];
  for (let i = 0; i < 50; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.pause();
    const head = `POST / HTTP/1.1\r\n${lines.join('')}\r\n`;
    for (let n = 0; n < 10; n++) socket.write(head + body);
    sockets.push(socket);
  }
  expect(await rows(client, 'select count(*) from digits')).toEqual([[10]]);
  for (const socket of sockets) socket.destroy();
});
