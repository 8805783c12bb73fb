import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AwsError, type Principal, type ResourceState } from 'aws-local-kit';
import { signedHeaders } from 'aws-local-kit/testing';
import { type ApiGateway, createApiGateway } from '../../src/apigateway';
import { createMetrics } from '../../src/cloudwatch';
import { account, base, create, fakeLambda, region } from '../fakes';

const functionArn = `arn:aws:lambda:${region}:${account}:function:answers`;
const role: Principal = { kind: 'role', arn: `arn:aws:sts::${account}:assumed-role/reader/me`, roleArn: 'r', account };
const folder = mkdtempSync(join(tmpdir(), 'aws-local-api-'));
const opened: ApiGateway[] = [];
afterEach(() => Promise.all(opened.splice(0).map((gateway) => gateway.dispose())));
afterAll(() => rmSync(folder, { recursive: true }));

interface World {
  readonly answer?: (event: never, count: number) => unknown;
  readonly lambda?: ReturnType<typeof fakeLambda>;
  readonly routes?: Readonly<Record<string, object>>;
  readonly stage?: object;
  readonly integration?: object;
  readonly authorize?: () => void;
  readonly realNow?: () => number;
}

async function world({ answer = (event) => event, ...given }: World = {}) {
  const lambda = given.lambda ?? fakeLambda(answer);
  const { clock, onRun, events } = base();
  const metrics = createMetrics();
  const asked: unknown[] = [];
  const gateway = createApiGateway({
    ...{ account, region, clock, onRun, metrics, lambda, dataDir: folder, realNow: given.realNow },
    authorizer: {
      authorize(request) {
        asked.push(request);
        given.authorize?.();
      },
    },
    callerOf: (key) => (key === 'ASIAREADER' ? { principal: role, secretAccessKey: 'secret' } : undefined),
    userIdOf: () => 'AROAREADER:me',
  });
  opened.push(gateway);
  const make = (type: string, properties: object, logicalId: string) =>
    create(gateway.resources, `AWS::ApiGatewayV2::${type}`, properties, logicalId);
  const api = (await make('Api', { Name: 'test', ProtocolType: 'HTTP' }, 'Api')) as ResourceState;
  const common = { ApiId: api.ref };
  const { ref: integration } = await make(
    'Integration',
    {
      ...common,
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: functionArn,
      PayloadFormatVersion: '2.0',
      ...given.integration,
    },
    'Integration',
  );
  for (const [key, properties] of Object.entries(given.routes ?? { 'ANY /{rest+}': {} }))
    await make('Route', { ...common, RouteKey: key, Target: `integrations/${integration}`, ...properties }, key);
  await make('Stage', { ...common, StageName: '$default', AutoDeploy: true, ...given.stage }, 'Stage');
  const endpoint = String(api.attributes['ApiEndpoint']);
  return { gateway, lambda, endpoint, id: api.ref, metrics, events, asked, make, common, integration };
}

const json = async (url: string, init?: RequestInit) => (await fetch(url, init)).json();

/** A request whose headers and path reach the server as they are. */
function raw(endpoint: string, path: string, headers: Record<string, string | string[]> = {}, body?: string) {
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }>((resolve, reject) => {
    const request = http.request(endpoint, { path, headers, method: body === undefined ? 'GET' : 'POST' }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, body: text }));
    });
    request.on('error', reject).end(body);
  });
}

test('an event has what API Gateway documents for payload format 2.0', async () => {
  const { endpoint, id, lambda } = await world({ routes: { 'GET /a/{one}/{rest+}': {} } });
  const query = 'b=2&a=%20x&b=3&flag&e=';
  const { body } = await raw(endpoint, `/a/%C3%A9%2520/c/d?${query}`, {
    'X-Two': ['1', '2'],
    Cookie: 'k=v; l=w',
    'User-Agent': 'test',
  });
  const host = new URL(endpoint).host;
  expect(JSON.parse(body)).toEqual({
    version: '2.0',
    routeKey: 'GET /a/{one}/{rest+}',
    rawPath: '/a/é%20/c/d',
    rawQueryString: query,
    cookies: ['k=v', 'l=w'],
    headers: {
      'content-length': '0',
      host,
      'user-agent': 'test',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-port': new URL(endpoint).port,
      'x-forwarded-proto': 'http',
      'x-two': '1,2',
    },
    queryStringParameters: { a: ' x', b: '2,3', e: '', flag: '' },
    pathParameters: { one: 'é ', rest: 'c/d' },
    requestContext: {
      accountId: account,
      apiId: id,
      domainName: host,
      domainPrefix: id,
      http: { method: 'GET', path: '/a/é%20/c/d', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
      requestId: expect.stringMatching(/^[\w-]{16}$/),
      routeKey: 'GET /a/{one}/{rest+}',
      stage: '$default',
      time: '04/Mar/2026:05:00:30 +0000',
      timeEpoch: Date.UTC(2026, 2, 4, 5, 0, 30),
    },
    isBase64Encoded: false,
  });
  expect(lambda.invocations[0]).toMatchObject({
    principal: { kind: 'service', arn: 'apigateway.amazonaws.com' },
    functionArn,
    sourceArn: `arn:aws:execute-api:${region}:${account}:${id}/$default/GET/a/{one}/{rest+}`,
  });
});

test.each([
  ['application/json', 'ä', 'ä', false],
  ['text/csv; charset=utf-8', 'ä', 'ä', false],
  ['application/problem+json', '{}', '{}', false],
  ['application/x-www-form-urlencoded', 'a=1', 'YT0x', true],
  ['application/octet-stream', 'ä', 'w6Q=', true],
])('a body of %s is text or base64', async (type, sent, expected, isBase64Encoded) => {
  const { endpoint } = await world();
  const event = await json(`${endpoint}/a`, { method: 'POST', body: sent, headers: { 'content-type': type } });
  expect(event).toMatchObject({ body: expected, isBase64Encoded });
});

test.each([
  [
    { statusCode: 201, headers: { 'X-A': 1 }, cookies: ['a=1', 'b=2'], body: 'made' },
    201,
    'made',
    'text/plain; charset=utf-8',
  ],
  [{ statusCode: '200', body: 'w6Q=', isBase64Encoded: true }, 200, 'ä', 'text/plain; charset=utf-8'],
  [{ statusCode: 304, headers: { ETag: '"a"' } }, 304, '', 'text/plain; charset=utf-8'],
  [{ rows: 1 }, 200, '{"rows":1}', 'application/json'],
  ['text', 200, 'text', 'application/json'],
  [{ statusCode: 'no' }, 500, '{"message":"Internal Server Error"}', 'application/json'],
  [{ statusCode: 200, body: { not: 'text' } }, 500, '{"message":"Internal Server Error"}', 'application/json'],
  [{ statusCode: 200, headers: { a: [] } }, 500, '{"message":"Internal Server Error"}', 'application/json'],
  [
    { statusCode: 200, body: 'x'.repeat(6 * 1024 * 1024 + 1) },
    500,
    '{"message":"Internal Server Error"}',
    'application/json',
  ],
])('a result %# becomes its answer', async (result, status, body, type) => {
  const { endpoint } = await world({ answer: () => result });
  const answer = await fetch(`${endpoint}/a`);
  expect(answer.status).toBe(status);
  expect(await answer.text()).toBe(body);
  expect(answer.headers.get('content-type')).toBe(type);
  expect(answer.headers.get('apigw-requestid')).toMatch(/^[\w-]{16}$/);
  if (status === 201) expect([answer.headers.getSetCookie(), answer.headers.get('x-a')]).toEqual([['a=1', 'b=2'], '1']);
});

test('errors are those of API Gateway', async () => {
  const failing = fakeLambda(() => {
    throw new Error('broken');
  });
  const { endpoint } = await world({ lambda: failing, routes: { 'GET /a': {} } });
  expect(await raw(endpoint, '/b')).toMatchObject({ status: 404, body: '{"message":"Not Found"}' });
  expect(await raw(endpoint, '/a', {}, 'posted')).toMatchObject({ status: 404 });
  expect(await raw(endpoint, '/%E0%A4%A')).toMatchObject({ status: 400, body: '{"message":"Bad Request"}' });
  expect(await raw(endpoint, '/a')).toMatchObject({ status: 500, body: '{"message":"Internal Server Error"}' });
  expect(await raw(endpoint, '/a', { 'x-long': 'x'.repeat(10_300) })).toMatchObject({ status: 431 });
});

test('a body over 10 MB is refused', async () => {
  const { endpoint, lambda } = await world();
  const body = 'x'.repeat(10 * 1024 * 1024 + 1);
  const answer = await fetch(`${endpoint}/a`, { method: 'POST', body });
  expect([answer.status, await answer.text()]).toEqual([413, '{"message":"Request Entity Too Large"}']);
  expect(lambda.invocations).toHaveLength(0);
});

test('a function that takes too long gives 503, and one that is throttled or may not be invoked 503 and 500', async () => {
  const results = [
    () => new Promise<never>(() => {}),
    () => Promise.reject(new AwsError('TooManyRequestsException', 'Rate Exceeded', 429)),
    () => Promise.reject(new AwsError('AccessDeniedException', 'no')),
  ];
  const lambda = { ...fakeLambda(), invoke: () => results.shift()!() };
  const { endpoint } = await world({ lambda, integration: { TimeoutInMillis: 50 } });
  expect(await raw(endpoint, '/a')).toMatchObject({ status: 503, body: '{"message":"Service Unavailable"}' });
  expect(await raw(endpoint, '/a')).toMatchObject({ status: 503, body: '{"message":"Service Unavailable"}' });
  expect(await raw(endpoint, '/a')).toMatchObject({ status: 500, body: '{"message":"Internal Server Error"}' });
});

test('a stage throttles by rate and burst, and a route by its own', async () => {
  let now = 0;
  const { endpoint } = await world({
    realNow: () => now,
    routes: { 'GET /a': {}, 'GET /b': {} },
    stage: {
      DefaultRouteSettings: { ThrottlingRateLimit: 2, ThrottlingBurstLimit: 2 },
      RouteSettings: { 'GET /b': { ThrottlingRateLimit: 1, ThrottlingBurstLimit: 1 } },
    },
  });
  const statuses = async (...paths: string[]) => {
    const all = [];
    for (const path of paths) all.push((await raw(endpoint, path)).status);
    return all;
  };
  expect(await statuses('/a', '/a', '/a', '/b', '/b')).toEqual([200, 200, 429, 200, 429]);
  now = 500;
  expect(await statuses('/a', '/a', '/b')).toEqual([200, 429, 429]);
  expect(await raw(endpoint, '/a')).toMatchObject({ body: '{"message":"Too Many Requests"}' });
});

test('the access log has the variables of its format, without the query, and one line for a request', async () => {
  const format = JSON.stringify({
    id: '$context.requestId',
    path: '$context.path',
    route: '$context.routeKey',
    status: '$context.status',
    agent: '$context.identity.userAgent',
    caller: '$context.identity.caller',
    error: '$context.error.message',
  });
  const { endpoint, gateway } = await world({
    routes: { 'GET /a/{x}': {} },
    stage: {
      AccessLogSettings: {
        DestinationArn: `arn:aws:logs:${region}:${account}:log-group:access`,
        Format: format,
      },
    },
  });
  await raw(endpoint, '/a/1?token=secret', { 'User-Agent': 'a"\\b' });
  await raw(endpoint, '/b?token=secret');
  await gateway.dispose();
  const lines = readFileSync(join(folder, 'logs', 'access.log'), 'utf8')
    .trim()
    .split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      id: expect.any(String),
      path: '/a/1',
      route: 'GET /a/{x}',
      status: '200',
      agent: 'a"\\b',
      caller: '-',
      error: '-',
    },
    { id: expect.any(String), path: '/b', route: '-', status: '404', agent: '-', caller: '-', error: 'Not Found' },
  ]);
});

test('requests are counted', async () => {
  const { endpoint, metrics, id } = await world({ routes: { 'GET /a': {} } });
  await raw(endpoint, '/a');
  await raw(endpoint, '/b');
  const of = (name: string) =>
    metrics
      .find('AWS/ApiGateway', name)
      .filter(({ dimensions }) => dimensions['ApiId'] === id && !dimensions['Stage'])
      .map(({ value }) => value);
  expect([of('Count'), of('4xx'), of('5xx')]).toEqual([
    [1, 1],
    [0, 1],
    [0, 0],
  ]);
  expect([of('Latency').length, of('IntegrationLatency').length]).toEqual([2, 1]);
});

describe('who may call', () => {
  const signed = (endpoint: string, path: string, secretAccessKey = 'secret', service = 'execute-api') =>
    signedHeaders(`${endpoint}${path}`, {}, { service, region, accessKeyId: 'ASIAREADER', secretAccessKey });
  const iam = { 'GET /iam/{rest+}': { AuthorizationType: 'AWS_IAM' }, 'GET /open': { AuthorizationType: 'NONE' } };

  test('a route with AWS_IAM takes a signature for execute-api and asks IAM for the route', async () => {
    const { endpoint, asked, id } = await world({ routes: iam });
    const { body, status } = await raw(endpoint, '/iam/a', await signed(endpoint, '/iam/a'));
    expect(status).toBe(200);
    expect(asked).toEqual([
      {
        principal: role,
        action: 'execute-api:Invoke',
        resource: `arn:aws:execute-api:${region}:${account}:${id}/$default/GET/iam/a`,
      },
    ]);
    expect(JSON.parse(body).requestContext.authorizer).toEqual({
      iam: {
        accessKey: 'ASIAREADER',
        accountId: account,
        callerId: 'AROAREADER:me',
        cognitoIdentity: null,
        principalOrgId: null,
        userArn: role.arn,
        userId: 'AROAREADER:me',
      },
    });
  });

  test.each<[string, (endpoint: string) => Promise<Record<string, string>>]>([
    ['no signature', async () => ({})],
    ['a token', async () => ({ authorization: 'Bearer abc' })],
    ['a wrong secret', (endpoint) => signed(endpoint, '/iam/a', 'wrong')],
    ['a signature for another path', (endpoint) => signed(endpoint, '/iam/b')],
    ['a signature for another service', (endpoint) => signed(endpoint, '/iam/a', 'secret', 's3')],
    [
      'an unknown key',
      async (endpoint) => {
        const headers = await signed(endpoint, '/iam/a');
        return { ...headers, authorization: headers['authorization']!.replace('ASIAREADER', 'ASIAOTHER') };
      },
    ],
  ])('%s is refused', async (_what, headersOf) => {
    const { endpoint, lambda } = await world({ routes: iam });
    const answer = await raw(endpoint, '/iam/a', await headersOf(endpoint));
    expect(answer).toMatchObject({ status: 403, body: '{"message":"Forbidden"}' });
    expect(lambda.invocations).toHaveLength(0);
  });

  test('a caller whose role lacks the permission is refused', async () => {
    const { endpoint } = await world({
      routes: iam,
      authorize: () => {
        throw new AwsError('AccessDeniedException', 'no');
      },
    });
    expect((await raw(endpoint, '/iam/a', await signed(endpoint, '/iam/a'))).status).toBe(403);
  });

  test.each([
    [{ Host: 'evil.example' }, 'Host must be'],
    [{ Origin: 'https://evil.example' }, 'Origin must be'],
    [{ 'Sec-Fetch-Site': 'cross-site' }, 'Sec-Fetch-Site must be'],
  ])('a page of another site is refused: %j', async (headers, message) => {
    const { endpoint, lambda } = await world({ routes: iam });
    const answer = await raw(endpoint, '/open', headers);
    expect(answer.status).toBe(403);
    expect(answer.body).toContain(message);
    expect(lambda.invocations).toHaveLength(0);
  });
});

describe('a template with what is not modelled is refused', () => {
  test.each<[string, World, string]>([
    ['another stage', { stage: { StageName: 'prod' } }, 'AWS::ApiGatewayV2::Stage Stage.StageName prod'],
    ['deployments', { stage: { AutoDeploy: false } }, 'without AutoDeploy'],
    ['a JWT authorizer', { routes: { 'GET /a': { AuthorizationType: 'JWT' } } }, 'AuthorizationType "JWT"'],
    ['payload 1.0', { integration: { PayloadFormatVersion: '1.0' } }, 'PayloadFormatVersion "1.0"'],
    ['HTTP_PROXY', { integration: { IntegrationType: 'HTTP_PROXY' } }, 'IntegrationType "HTTP_PROXY"'],
    [
      'a variable',
      {
        stage: {
          AccessLogSettings: {
            DestinationArn: 'arn:aws:logs:eu-west-1:000000000000:log-group:a',
            Format: '$context.requestId $context.authorizer.sub',
          },
        },
      },
      '$context.authorizer.sub',
    ],
    ['a missing target', { routes: { 'GET /a': { Target: 'integrations/none' } } }, 'names the integration none'],
  ])('%s', async (_what, given, message) => {
    await expect(world(given)).rejects.toThrow(message);
  });

  test('two routes with one key', async () => {
    const { make, common, integration } = await world({ routes: { 'GET /a': {} } });
    const properties = { ...common, RouteKey: 'GET /a', Target: `integrations/${integration}` };
    expect(() => make('Route', properties, 'Other')).toThrow('GET /a already exists');
  });
});
