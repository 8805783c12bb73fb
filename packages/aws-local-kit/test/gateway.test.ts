import http2 from 'node:http2';
import net from 'node:net';
import { createGateway, type Gateway, jsonService } from '../src/gateway';
import { decodeCbor } from '../src/gateway/cbor';
import { AwsError, type Principal, type Service } from '../src/ports';
import { type Signing, secret, signedFetch, signedHeaders } from './sign';

const caller: Principal = {
  kind: 'administrator',
  arn: 'arn:aws:iam::000000000000:user/administrator',
  account: '000000000000',
};
const callerOf = (key: string) => (key === 'KNOWN' ? { principal: caller, secretAccessKey: secret } : undefined);
const faults: unknown[] = [];
let gateway: Gateway;

const echo = jsonService('echo', 'json-1.1', 'Echo_1', {
  Say: (input, principal) => ({ input, caller: principal.arn }),
  Fail: () => {
    throw new AwsError('LimitExceededException', 'too much');
  },
  Deny: () => {
    throw new AwsError('AccessDeniedException', 'no');
  },
  Crash: () => {
    throw new TypeError('a defect');
  },
});
const failing = (signingName: string, protocol: Service['protocol']): Service => ({
  signingName,
  protocol,
  async handle() {
    throw new AwsError('AccessDeniedException', 'a < b');
  },
});
const raw: Service = {
  signingName: 's3',
  protocol: 'rest-xml',
  handle: async ({ body, headers, principal }) => ({
    headers: { 'x-seen': JSON.stringify({ headers, kind: principal.kind }) },
    body,
  }),
};

beforeEach(async () => {
  faults.length = 0;
  gateway = await createGateway({
    callerOf,
    services: [echo, raw, failing('xml', 'rest-xml'), failing('rest', 'rest-json'), failing('sts', 'query')],
    region: 'eu-west-1',
    maxBodyBytes: 1000,
    controlToken: 'the-token',
    onFault: (error) => faults.push(error),
  });
  gateway.addInternal('/_internal/', ({ path, method }) => ({ body: `${method} ${path}` }), 'open');
  gateway.addInternal('/_internal/control/', ({ path, method }) => ({ body: `${method} ${path}` }));
});
afterEach(() => gateway.dispose());

const post = (
  service: string,
  headers: Record<string, string> = {},
  body: string | Buffer = '{}',
  signing: Partial<Signing> = {},
) => signedFetch(`${gateway.endpoint}/`, { method: 'POST', headers, body }, { service, ...signing });
const say = (operation: string, body?: string) => post('echo', { 'x-amz-target': `Echo_1.${operation}` }, body);

test('finds the service by the credential scope and the caller by the key', async () => {
  const response = await say('Say', '{"a":1}');
  expect(response.headers.get('content-type')).toBe('application/x-amz-json-1.1');
  expect(await response.json()).toEqual({ input: { a: 1 }, caller: caller.arn });
});

test('speaks HTTP/2 with prior knowledge on the same port, many requests on one connection', async () => {
  const session = http2.connect(gateway.endpoint);
  const ask = async (n: number) => {
    const body = JSON.stringify({ n });
    const init = { method: 'POST', headers: { 'x-amz-target': 'Echo_1.Say' }, body };
    const headers = await signedHeaders(`${gateway.endpoint}/`, init, { service: 'echo' });
    return new Promise<unknown>((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': '/', ...headers });
      let text = '';
      stream.on('data', (chunk) => (text += chunk));
      stream.on('end', () => resolve(JSON.parse(text).input));
      stream.on('error', reject);
      stream.end(body);
    });
  };
  expect(await Promise.all([1, 2, 3].map(ask))).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  session.close();
});

test('tells the protocols apart when the first bytes come one by one', async () => {
  const socket = net.connect(gateway.port, '127.0.0.1');
  const answer = new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (chunk) => (text += chunk));
    socket.on('close', () => resolve(text));
  });
  for (const character of 'PUT /_internal/x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n') {
    socket.write(character);
    await new Promise(setImmediate);
  }
  expect(await answer).toMatch(/^HTTP\/1.1 200 OK[\s\S]*PUT \/_internal\/x/);
});

test('open paths of the runtime itself need no signature', async () => {
  expect(await (await fetch(`${gateway.endpoint}/_internal/a/b?c`, { method: 'PUT' })).text()).toBe(
    'PUT /_internal/a/b',
  );
});

test.each([
  ['an unknown operation', () => say('Sing'), 501, 'NotModelled', /echo:Sing is not modelled/],
  ['an inherited name', () => say('constructor'), 501, 'NotModelled', /constructor/],
  [
    'another target',
    () => post('echo', { 'x-amz-target': 'Other.Say' }),
    400,
    'UnknownOperationException',
    /Other.Say/,
  ],
  ['a body that is not JSON', () => say('Say', '{'), 400, 'SerializationException', /not JSON/],
  [
    'an unknown service',
    () => post('dynamodb', { 'x-amz-target': 'DynamoDB_20120810.ListTables' }),
    501,
    'NotModelled',
    /service dynamodb/,
  ],
  [
    'an unknown key',
    () => post('echo', {}, '{}', { accessKeyId: 'OTHER' }),
    403,
    'UnrecognizedClientException',
    /OTHER/,
  ],
  [
    'another region',
    () => post('echo', {}, '{}', { region: 'us-east-1' }),
    403,
    'InvalidSignatureException',
    /us-east-1, expected eu-west-1/,
  ],
  [
    'a body that is too large',
    () => say('Say', JSON.stringify('x'.repeat(1000))),
    413,
    'RequestEntityTooLargeException',
    /1000 bytes/,
  ],
  ['an error of the service', () => say('Fail'), 400, 'LimitExceededException', /too much/],
  ['what policies forbid', () => say('Deny'), 400, 'AccessDeniedException', /no/],
])('answers %s in the protocol', async (_, call, status, code, message) => {
  const response = await call();
  expect(response.status).toBe(status);
  expect(await response.json()).toEqual({ __type: code, message: expect.stringMatching(message) });
  expect(faults).toEqual([]);
});

test('a defect of the runtime is answered and reported', async () => {
  const response = await say('Crash');
  expect([response.status, await response.json()]).toEqual([500, { __type: 'InternalFailure', message: 'a defect' }]);
  expect(faults).toEqual([expect.any(TypeError)]);
});

test.each([
  ['xml', /<Error><Code>AccessDenied<\/Code><Message>a &lt; b<\/Message>/],
  ['sts', /<ErrorResponse><Error><Type>Sender<\/Type><Code>AccessDenied<\/Code><Message>a &lt; b<\/Message>/],
  ['rest', /"message":"a < b"/],
])('a denial by %s has the form of its protocol and status 403', async (service, form) => {
  const response = await post(service);
  expect(response.status).toBe(403);
  expect(await response.text()).toMatch(form);
});

test('an unsigned request is anonymous to S3 and nobody to any other service', async () => {
  const anonymous = await fetch(`${gateway.endpoint}/bucket/key`);
  expect(JSON.parse(anonymous.headers.get('x-seen')!).kind).toBe('anonymous');
  const json = await fetch(gateway.endpoint, { method: 'POST', headers: { 'x-amz-target': 'Echo_1.Say' }, body: '{}' });
  expect([json.status, ((await json.json()) as { __type: string }).__type]).toEqual([
    403,
    'MissingAuthenticationTokenException',
  ]);
});

describe('aws-chunked bodies', () => {
  const headers = {
    'content-encoding': 'aws-chunked,gzip',
    'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'x-amz-decoded-content-length': '9',
  };
  const body = '4\r\nab\r\n\r\n5;chunk-signature=0\r\ncdefg\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n';

  test('are decoded, and their trailers are headers', async () => {
    const response = await post('s3', headers, body);
    expect(await response.text()).toBe('ab\r\ncdefg');
    const seen = JSON.parse(response.headers.get('x-seen')!).headers;
    expect(seen).toMatchObject({ 'content-encoding': 'gzip', 'x-amz-checksum-crc32': 'AAAA', 'content-length': '9' });
  });

  test.each([
    ['cut off', body.slice(0, 20), headers],
    ['shorter than announced', body, { ...headers, 'x-amz-decoded-content-length': '10' }],
    ['without a size', `zz\r\n${body}`, headers],
  ])('that are %s are refused', async (_, broken, withHeaders) => {
    const response = await post('s3', withHeaders, broken);
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining('<Code>IncompleteBody</Code>'),
    ]);
  });
});

test('a busy port is named', async () => {
  await expect(createGateway({ port: gateway.port, callerOf, services: [] })).rejects.toThrow(
    `port ${gateway.port} on 127.0.0.1 is in use by another process`,
  );
});

test('a disposed gateway lets go of its port and of open connections', async () => {
  const session = http2.connect(gateway.endpoint);
  await new Promise((resolve) => session.once('connect', resolve));
  const closed = new Promise((resolve) => session.once('close', resolve));
  session.on('error', () => {});
  await gateway.dispose();
  await closed;
  gateway = await createGateway({ port: gateway.port, callerOf, services: [] });
  expect(gateway.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});

describe('an error is in the protocol of its request, so that the client can read it', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };

  test('a service of the query protocol that is not modelled', async () => {
    const response = await post('sns', form, 'Action=ListTopics&Version=2010-03-31');
    expect(response.status).toBe(501);
    expect(response.headers.get('content-type')).toBe('text/xml');
    expect(await response.text()).toMatch(
      /<ErrorResponse><Error><Type>Receiver<\/Type><Code>NotModelled<\/Code><Message>service sns is not modelled by the local runtime/,
    );
  });

  test('EC2 has an envelope of its own', async () => {
    const text = await (await post('ec2', form, 'Action=DescribeVpcs')).text();
    expect(text).toMatch(/<Response><Errors><Error><Code>NotModelled<\/Code>.*<\/Errors><RequestID>/);
  });

  test('a service of rest-xml, of rest-json and of CBOR', async () => {
    expect(await (await post('route53', {}, '')).text()).toMatch(/<ErrorResponse><Error><Type>.*<Code>NotModelled/);
    expect(await (await post('eks', { 'content-type': 'application/json' })).json()).toEqual(
      expect.objectContaining({ message: 'service eks is not modelled by the local runtime' }),
    );
    const cbor = await post('monitoring', { 'smithy-protocol': 'rpc-v2-cbor', 'content-type': 'application/cbor' });
    expect(cbor.headers.get('smithy-protocol')).toBe('rpc-v2-cbor');
    expect(decodeCbor(Buffer.from(await cbor.arrayBuffer()))).toMatchObject({ __type: 'NotModelled' });
  });

  test('a modelled JSON service that is asked by the query protocol', async () => {
    expect(await (await post('echo', form, 'Action=Say')).text()).toMatch(/<Code>UnknownOperationException<\/Code>/);
  });
});
