import { createHash } from 'node:crypto';
import net from 'node:net';
import { createGateway, type Gateway, type GatewayOptions } from '../src/gateway';
import { ChunkSignatures } from '../src/gateway/chunk-signatures';
import { decodeAwsChunked } from '../src/gateway/chunked';
import type { Principal, Service } from '../src/ports';
import { presignedUrl, type Signing, secret, signedFetch, signedHeaders } from './sign';

const principal: Principal = {
  kind: 'administrator',
  arn: 'arn:aws:iam::000000000000:user/me',
  account: '000000000000',
};
const keys: Record<string, string> = { KNOWN: '', ASIASESSION: 'the-session-token' };
/** The clock of the requests in AWS's own example. */
let now: number | undefined;
const echo = (signingName: string, protocol: Service['protocol']): Service => ({
  signingName,
  protocol,
  maxBodyBytes: ({ method }) => (method === 'PUT' ? 100_000 : 100),
  handle: async ({ body, principal: caller, query }) => ({
    body: JSON.stringify({
      caller: caller.kind,
      bytes: body.length,
      sha256: createHash('sha256').update(body).digest('hex'),
      query: [...query],
    }),
  }),
});

let gateway: Gateway;
const open = (limits: Partial<GatewayOptions> = {}) =>
  createGateway({
    callerOf: (key, token = '') => (keys[key] === token ? { principal, secretAccessKey: secret } : undefined),
    credentialsHint: 'Ask the gateway',
    controlToken: 'the-token',
    services: [echo('s3', 'rest-xml'), echo('kinesis', 'json-1.1'), echo('sts', 'query'), echo('lambda', 'rest-json')],
    wallClock: () => now ?? Date.now(),
    ...limits,
  });
beforeEach(async () => {
  now = undefined;
  gateway = await open();
  gateway.addInternal('/_local/', () => ({ body: 'control' }));
});
afterEach(() => gateway.dispose());

const codeOf = async (response: Response) => {
  const text = await response.text();
  return [response.status, /<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? response.headers.get('x-amzn-errortype') ?? text];
};
type Init = Parameters<typeof signedFetch>[1];
const send = (path: string, init: Init, signing: Signing) => signedFetch(`${gateway.endpoint}${path}`, init, signing);

test.each<[string, Init, Signing]>([
  ['/bucket/a%20b/%E2%82%AC(1)!*~.gz?list-type=2&prefix=a%2Fb%20c&delimiter=%2F', {}, { service: 's3' }],
  ['/bucket/k?partNumber=1&uploadId=x', { method: 'PUT', body: 'bytes' }, { service: 's3' }],
  ['/bucket/k', { method: 'PUT', body: 'b', headers: { 'x-amz-meta-a': '  two   blanks ' } }, { service: 's3' }],
  ['/', { method: 'POST', body: '{}', headers: { 'x-amz-target': 'Kinesis.List' } }, { service: 'kinesis' }],
  ['/', { method: 'POST', body: 'Action=GetCallerIdentity' }, { service: 'sts' }],
  ['/2015-03-31/functions/arn%3Aaws%3Alambda/invocations', { method: 'POST', body: '{}' }, { service: 'lambda' }],
  ['/bucket/k', {}, { service: 's3', accessKeyId: 'ASIASESSION', sessionToken: 'the-session-token' }],
])('what the SDKs sign is right: %s', async (path, init, signing) => {
  expect(await codeOf(await send(path, init, signing))).toEqual([200, expect.stringContaining('administrator')]);
});

test.each([
  ['s3', 403, 'SignatureDoesNotMatch'],
  ['sts', 403, 'SignatureDoesNotMatch'],
  ['kinesis', 403, 'InvalidSignatureException'],
  ['lambda', 403, 'InvalidSignatureException'],
])('another secret is refused by %s in its own words, with a way to the right one', async (service, status, code) => {
  const response = await send('/b/k', { method: 'PUT', body: 'x' }, { service, secretAccessKey: 'another' });
  const text = await response.clone().text();
  expect(await codeOf(response)).toEqual([status, code]);
  expect(text).toContain('Ask the gateway');
  expect(text).not.toContain(secret);
});

describe('what was changed after it was signed is refused', () => {
  const url = () => `${gateway.endpoint}/bucket/key?prefix=a`;
  const init: Init = { method: 'PUT', body: 'bytes', headers: { 'x-amz-meta-a': '1' } };
  const signed = () => signedHeaders(url(), init, { service: 's3' });
  const sent = async (at: string, headers: Record<string, string>, change: Init = {}) =>
    codeOf(await fetch(at, { ...init, ...change, headers } as RequestInit));

  test('path, query, method, header and body', async () => {
    const headers = await signed();
    expect(await sent(url(), headers)).toEqual([200, expect.any(String)]);
    const wrong = [403, 'SignatureDoesNotMatch'];
    expect(await sent(url().replace('key', 'other'), headers)).toEqual(wrong);
    expect(await sent(`${url()}&max-keys=1`, headers)).toEqual(wrong);
    expect(await sent(url(), headers, { method: 'POST' })).toEqual(wrong);
    expect(await sent(url(), { ...headers, 'x-amz-meta-a': '2' })).toEqual(wrong);
    expect(await sent(url(), headers, { body: 'other' })).toEqual([400, 'XAmzContentSHA256Mismatch']);
  });

  test('a header that is added', async () => {
    expect(await sent(url(), { ...(await signed()), 'x-amz-copy-source': '/other/key' })).toEqual([
      403,
      'AccessDenied',
    ]);
  });

  test('a body whose hash is not in a header', async () => {
    const init = { method: 'POST', body: '{"a":1}' };
    const { 'x-amz-content-sha256': _, ...headers } = await signedHeaders(`${gateway.endpoint}/`, init, {
      service: 'kinesis',
    });
    expect((await fetch(gateway.endpoint, { method: 'POST', body: '{"a":2}', headers })).status).toBe(403);
  });
});

test('a request of yesterday is refused, and one of a few minutes ago is not', async () => {
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
  const from = async (minutes: number, service: string) =>
    codeOf(await send('/b/k', {}, { service, at: minutesAgo(minutes) }));
  expect(await from(14, 's3')).toEqual([200, expect.any(String)]);
  expect(await from(24 * 60, 's3')).toEqual([403, 'RequestTimeTooSkewed']);
  expect(await from(16, 'kinesis')).toEqual([403, 'InvalidSignatureException']);
});

test('a wrong, a missing and a foreign session token are refused', async () => {
  for (const sessionToken of [undefined, 'another'])
    expect(await codeOf(await send('/b/k', {}, { service: 's3', accessKeyId: 'ASIASESSION', sessionToken }))).toEqual([
      403,
      'InvalidAccessKeyId',
    ]);
});

test('a presigned URL holds for its method, its key and its session only', async () => {
  const signing = { service: 's3', accessKeyId: 'ASIASESSION', sessionToken: 'the-session-token' };
  const url = await presignedUrl(`${gateway.endpoint}/bucket/a%20b.gz`, {}, signing);
  expect((await fetch(url)).status).toBe(200);
  expect(await codeOf(await fetch(url.replace('a%20b', 'a%20c')))).toEqual([403, 'SignatureDoesNotMatch']);
  expect(await codeOf(await fetch(url, { method: 'DELETE' }))).toEqual([403, 'SignatureDoesNotMatch']);
  expect(await codeOf(await fetch(url.replace('the-session-token', 'x')))).toEqual([403, 'InvalidAccessKeyId']);
});

/**
 * The example of "Signature calculations for the authorization header: transferring a payload in multiple chunks".
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 */
describe('a body in signed chunks', () => {
  const signatures = [
    'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
    '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
    'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
  ];
  const chunk = (bytes: number, signature: string) =>
    `${bytes.toString(16)};chunk-signature=${signature}\r\n${'a'.repeat(bytes)}\r\n`;
  const body = chunk(65_536, signatures[0]!) + chunk(1_024, signatures[1]!) + chunk(0, signatures[2]!);
  const seed = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9';
  const request = (sent: string) =>
    new Promise<string>((resolve, reject) => {
      now = Date.parse('2013-05-24T00:00:00Z');
      const socket = net.connect(gateway.port, '127.0.0.1');
      let answer = '';
      socket.on('data', (data) => (answer += data));
      socket.on('close', () => resolve(answer));
      socket.on('error', reject);
      socket.write(
        [
          'PUT /examplebucket/chunkObject.txt HTTP/1.1',
          'host: s3.localhost',
          'x-amz-date: 20130524T000000Z',
          'x-amz-storage-class: REDUCED_REDUNDANCY',
          `authorization: AWS4-HMAC-SHA256 Credential=KNOWN/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=${seed}`,
          'x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
          'content-encoding: aws-chunked',
          'x-amz-decoded-content-length: 66560',
          `content-length: ${sent.length}`,
          'connection: close',
          '',
          sent,
        ].join('\r\n'),
      );
    });

  test('has the signatures of the documentation', async () => {
    // The example's host is Amazon's, which is not a name of this machine. So its seed is given to the chunks alone.
    const credential = 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request';
    const of = () =>
      new ChunkSignatures(
        { credential, date: '20130524T000000Z', signature: seed, signedHeaders: [], inQuery: false },
        secret,
      );
    expect(decodeAwsChunked(Buffer.from(body), of()).body.length).toBe(66_560);
    const broken = body.replace('\r\naaaa', '\r\nabaa');
    expect(() => decodeAwsChunked(Buffer.from(broken), of())).toThrow('the signature of a chunk does not match');
    expect(() => decodeAwsChunked(Buffer.from(chunk(0, signatures[2]!)), of())).toThrow('does not match');
  });

  test('is refused if its seed is wrong', async () => {
    expect(await request(body)).toMatch(/^HTTP\/1.1 403 [\s\S]*SignatureDoesNotMatch/);
  });
});

describe('other programs and pages of this machine', () => {
  const raw = (lines: readonly string[]) =>
    new Promise<string>((resolve, reject) => {
      const socket = net.connect(gateway.port, '127.0.0.1');
      let answer = '';
      socket.on('data', (data) => (answer += data));
      socket.on('close', () => resolve(answer));
      socket.on('error', reject);
      socket.write([...lines, 'connection: close', '', ''].join('\r\n'));
    });
  const asked = (headers: readonly string[]) =>
    raw(['GET /_local/x HTTP/1.1', 'authorization: Bearer the-token', ...headers]);

  test.each(['127.0.0.1:80', 'localhost', '[::1]:1', 'bucket.s3.localhost:4700'])(
    'Host %s is this machine',
    async (host) => {
      expect(await asked([`host: ${host}`])).toMatch(/^HTTP\/1.1 200 /);
    },
  );

  test.each([
    ['host: evil.example'],
    ['host: 127.0.0.1.evil.example'],
    ['host: localhost.evil.example'],
    ['host: 10.0.0.1'],
    ['host: localhost', 'origin: http://evil.example'],
    ['host: localhost', 'origin: null'],
    ['host: localhost:80', 'origin: http://localhost:3000'],
    ['host: localhost', 'sec-fetch-site: cross-site'],
  ])('a request with %s %s is refused', async (...headers) => {
    expect(await asked(headers.filter(Boolean))).toMatch(/^HTTP\/1.1 403 /);
  });

  test('the paths of the runtime itself need its token, in a header', async () => {
    const at = `${gateway.endpoint}/_local/x`;
    expect((await fetch(at)).status).toBe(401);
    expect((await fetch(`${at}?token=the-token`)).status).toBe(401);
    expect((await fetch(at, { headers: { authorization: 'Bearer the-tokem' } })).status).toBe(401);
    expect((await fetch(at, { headers: { authorization: 'Bearer the-token' } })).status).toBe(200);
  });
});

describe('slow and oversized requests', () => {
  const instead = async (limits: Partial<GatewayOptions>) => {
    await gateway.dispose();
    gateway = await open(limits);
  };

  /** Sends some bytes and waits for the end of the connection. */
  const cut = (text: string) =>
    new Promise<string>((resolve) => {
      const socket = net.connect(gateway.port, '127.0.0.1', () => socket.write(text));
      let answer = '';
      socket.on('data', (data) => (answer += data));
      socket.on('error', () => {});
      socket.on('close', () => resolve(answer));
    });

  test('a connection without a request, and one whose headers do not end, are closed', async () => {
    await instead({ headersMs: 50 });
    expect(await cut('')).toBe('');
    expect(await cut('PRI * HT')).toBe('');
    expect(await cut('GET / HTTP/1.1\r\nhost: localhost\r\nx-a: ')).toMatch(/^(HTTP\/1.1 408 |$)/);
  });

  test('a body that stops is refused', async () => {
    await instead({ bodyPauseMs: 50 });
    const signed = await signedHeaders(`${gateway.endpoint}/b/k`, { method: 'PUT', body: '12345' }, { service: 's3' });
    const lines = Object.entries({
      ...signed,
      host: `127.0.0.1:${gateway.port}`,
      'content-length': '5',
      connection: 'close',
    });
    const answer = await cut(
      `PUT /b/k HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n123`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 400 [\s\S]*<Code>RequestTimeout<\/Code>/);
  });

  test.each([
    ['s3', 'PUT', 100_001, [400, 'EntityTooLarge']],
    ['s3', 'POST', 101, [400, 'MaxMessageLengthExceeded']],
    ['kinesis', 'POST', 101, [413, 'RequestEntityTooLargeException']],
  ])('a body for %s %s of %s bytes is refused before it is read', async (service, method, bytes, code) => {
    expect(await codeOf(await send('/b/k', { method, body: 'x'.repeat(bytes) }, { service }))).toEqual(code);
    expect(await codeOf(await send('/b/k', { method, body: 'x'.repeat(bytes - 1) }, { service }))).toEqual([
      200,
      expect.any(String),
    ]);
  });

  test('bodies that together exceed the memory are refused, until others have ended', async () => {
    await instead({ bodyPauseMs: 1_000, maxBodiesBytes: 150_000 });
    const headers = await signedHeaders(`${gateway.endpoint}/b/k`, { method: 'PUT', body: 'x' }, { service: 's3' });
    const held = net.connect(gateway.port, '127.0.0.1');
    const lines = Object.entries({ ...headers, host: `127.0.0.1:${gateway.port}`, 'content-length': '90000' });
    const closed = new Promise((resolve) => held.on('close', resolve));
    const refused = new Promise((resolve) => held.once('data', resolve));
    held.write(`PUT /b/k HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
    while (gateway.inFlight() === 0) await new Promise(setImmediate);
    const large = { method: 'PUT', body: 'x'.repeat(80_000) };
    expect(await codeOf(await send('/b/k', large, { service: 's3' }))).toEqual([503, 'SlowDown']);
    await refused;
    held.destroy();
    await closed;
    expect((await send('/b/k', large, { service: 's3' })).status).toBe(200);
  });
});
