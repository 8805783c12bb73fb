import { gunzipSync } from 'node:zlib';
import { BusyError } from '../../../lambda/endpoint/problem';
import { WarehouseAsleepError } from '../../../lambda/shared/warehouse';
import { bearer, bodyOf, fakeEndpoints, item, row, settled } from './host';

const path = '/v1/estore/revenue.json?since=2026-11-21T00:00:00Z';

describe('an answer', () => {
  test('has types, rows, freshness, and numbers beyond 53 bits as texts', async () => {
    const { world, ask } = fakeEndpoints();
    world.freshness = settled();
    const answer = await ask(path);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'private, no-cache',
      vary: 'Authorization, Accept-Encoding',
      'millrace-run': '20261121T0955Z',
      'millrace-truncated': 'false',
    });
    expect(bodyOf(answer)).toEqual({
      meta: [
        { name: 'hour', type: 'timestamp' },
        { name: 'revenue', type: 'decimal(12,2)' },
        { name: 'sales', type: 'bigint' },
        { name: 'detail', type: 'super' },
      ],
      data: [{ hour: '2026-11-21T09:00:00.5Z', revenue: '12.50', sales: '9007199254740993', detail: { a: [1] } }],
      rows: 1,
      statistics: { elapsedMs: 0, cached: false },
      freshness: {
        run: '20261121T0955Z',
        refreshedAt: '2026-11-21T09:56:00.000Z',
        completeUntil: '2026-11-21T09:55:00.000Z',
        refreshing: false,
      },
      truncated: false,
    });
  });

  test('comes from a statement with the values of its parameters, that waits and is cancelled in time', async () => {
    const { world, ask } = fakeEndpoints();
    world.freshness = settled();
    await ask(`${path}&product_id=007`);
    expect(world.queries).toEqual([
      {
        name: 'millrace/dev/estore/endpoint/20261121T0955Z/revenue/1',
        sql: 'select 1',
        params: [
          { name: 'since', value: '2026-11-21 00:00:00.000000' },
          { name: 'product_id', value: '7' },
          { name: 'limit', value: '100' },
        ],
        token: expect.stringMatching(/^[0-9a-f]{64}$/),
        waitSeconds: 20,
      },
    ]);
  });

  test('says that it is truncated, and names the failed views that the endpoint reads', async () => {
    const { world, ask } = fakeEndpoints();
    world.freshness = settled('20261121T0955Z', {
      done: { ...settled().done!, failed: ['hourly_revenue', 'carts'] },
    });
    world.outcome = () => ({ rows: [row(), row(), row(), row()] });
    const answer = await ask(path);
    expect(bodyOf(answer)).toMatchObject({ rows: 3, truncated: true, freshness: { failed: ['hourly_revenue'] } });
    expect(answer.headers).toMatchObject({ 'millrace-truncated': 'true', 'millrace-failed-views': 'hourly_revenue' });
  });

  test('as CSV quotes fields, and tells null from an empty text', async () => {
    const columns = [
      { name: 'a', type: 'varchar(20)' },
      { name: 'b', type: 'double' },
    ];
    const { world, ask } = fakeEndpoints({ items: [item({ columns, maxRows: 9 })] });
    world.outcome = () => ({
      rows: [
        ['x,"y"\n', 1.5],
        ['', null],
        [null, 2],
      ],
    });
    const answer = await ask(path.replace('.json', '.csv'));
    expect(answer.headers['content-type']).toContain('text/csv');
    expect(answer.body).toBe('a,b\r\n"x,""y""\n",1.5\r\n"",\r\n,2\r\n');
  });

  test('as NDJSON has one line for each row', async () => {
    const { world, ask } = fakeEndpoints();
    world.outcome = () => ({ rows: [row('1'), ['2026-11-21 10:00:00', null, '2', '{"b":\n2}']] });
    const answer = await ask(path.replace('.json', '.ndjson'));
    expect(
      answer.body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { hour: '2026-11-21T09:00:00.5Z', revenue: '12.50', sales: '1', detail: { a: [1] } },
      { hour: '2026-11-21T10:00:00Z', revenue: null, sales: '2', detail: { b: 2 } },
    ]);
  });

  test('is compressed for a caller that takes gzip', async () => {
    const { world, ask } = fakeEndpoints({ items: [item({ maxRows: 1000 })] });
    world.outcome = () => ({ rows: Array.from({ length: 100 }, () => row()) });
    const answer = await ask(path, { headers: { 'accept-encoding': 'br, gzip' } });
    expect(answer).toMatchObject({ isBase64Encoded: true, headers: { 'content-encoding': 'gzip' } });
    expect(JSON.parse(gunzipSync(Buffer.from(answer.body, 'base64')).toString()).rows).toBe(100);
    const plain = await ask(path, { headers: { 'accept-encoding': 'gzip;q=0' } });
    expect(plain.isBase64Encoded).toBe(false);
  });

  test('to HEAD has no body', async () => {
    const { ask } = fakeEndpoints();
    expect(await ask(path, { method: 'HEAD' })).toMatchObject({ statusCode: 200, body: '' });
  });
});

describe('a kept answer', () => {
  test('is given again while the run is the same, in every format from one statement', async () => {
    const { world, ask, byToken } = fakeEndpoints();
    world.freshness = settled();
    const first = await ask(path);
    const second = await ask(`/v1/estore/revenue.json?limit=0100&since=2026-11-21`);
    expect(bodyOf(second)).toMatchObject({ statistics: { cached: true }, rows: 1 });
    expect(second.headers['etag']).toBe(first.headers['etag']);
    await ask(path.replace('.json', '.csv'));
    expect(byToken.size).toBe(1);
    expect(
      world.metrics.map(({ EndpointCacheHits, EndpointStatements }) => [EndpointCacheHits, EndpointStatements]),
    ).toEqual([
      [0, 1],
      [1, 0],
      [0, 1],
    ]);
  });

  test('is not given for other parameters, another run, or the same run with another end', async () => {
    const { world, ask } = fakeEndpoints();
    world.freshness = settled();
    await ask(path);
    await ask(`${path}&limit=99`);
    world.freshness = settled('20261121T1000Z');
    await ask(path);
    world.freshness = settled('20261121T1000Z', {
      done: { ...settled('20261121T1000Z').done!, refreshedAt: '2026-11-21T10:01:00.000Z' },
    });
    await ask(path);
    expect(world.queries).toHaveLength(4);
    expect(new Set(world.queries.map(({ token }) => token)).size).toBe(4);
  });

  test.each([
    [
      'a run was opened during the statement',
      () => settled('20261121T0955Z', { open: [{ run: '20261121T1000Z', since: '2026-11-21T10:00:00.000Z' }] }),
    ],
    ['a run finished during the statement', () => settled('20261121T1000Z')],
    ['the document was lost during the statement', () => undefined],
  ])('does not exist if %s', async (_, after) => {
    const { world, ask } = fakeEndpoints();
    world.freshness = settled();
    world.outcome = () => {
      world.freshness = after();
      return { rows: [row()] };
    };
    const answer = await ask(path);
    expect(bodyOf(answer).freshness.run).toBe('20261121T0955Z');
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(answer.headers['etag']).toBeUndefined();
    world.freshness = settled();
    expect(bodyOf(await ask(path)).statistics.cached).toBe(false);
  });

  test('of the run before is given while a run is open; others are computed, each with its own statement', async () => {
    const { world, ask } = fakeEndpoints();
    world.freshness = settled();
    await ask(path);
    world.freshness = settled('20261121T0955Z', {
      open: [{ run: '20261121T1000Z', since: '2026-11-21T10:00:00.000Z' }],
    });
    const kept = await ask(path);
    expect(bodyOf(kept)).toMatchObject({ statistics: { cached: true }, freshness: { refreshing: true } });
    await ask(`${path}&limit=7`);
    const computed = await ask(`${path}&limit=7`);
    expect(computed.headers['etag']).toBeUndefined();
    expect(world.queries.map(({ token }) => token)).toEqual([
      expect.stringMatching(/^[0-9a-f]{64}$/),
      'unique-1',
      'unique-2',
    ]);
  });

  test('is answered with 304 to a caller that has it, without a statement', async () => {
    const { world, ask } = fakeEndpoints();
    world.freshness = settled();
    const etag = (await ask(path)).headers['etag']!;
    for (const given of [etag, `"other", ${etag}`, etag.replace('W/', '')]) {
      const again = await ask(path, { headers: { 'if-none-match': given } });
      expect(again).toMatchObject({ statusCode: 304, body: '', headers: { etag, 'millrace-run': '20261121T0955Z' } });
    }
    expect((await ask(path, { headers: { 'if-none-match': '"other"' } })).statusCode).toBe(200);
    world.freshness = settled('20261121T1000Z');
    expect((await ask(path, { headers: { 'if-none-match': etag } })).statusCode).toBe(200);
  });

  test('is shared by equal requests that come at the same time', async () => {
    const { world, ask } = fakeEndpoints();
    world.freshness = settled();
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(path)));
    expect(answers.map((answer) => bodyOf(answer).rows)).toEqual([1, 1, 1, 1, 1]);
    expect(world.queries).toHaveLength(1);
  });

  test('of another instance is given without a statement', async () => {
    const one = fakeEndpoints();
    const other = fakeEndpoints();
    other.world.shared = one.world.shared;
    for (const { world } of [one, other]) world.freshness = settled();
    const computed = await one.ask(path);
    const given = await other.ask(path);
    expect(bodyOf(given)).toMatchObject({ data: bodyOf(computed).data, statistics: { cached: true } });
    expect(given.headers['etag']).toBe(computed.headers['etag']);
    expect(other.world.queries).toEqual([]);
    other.world.freshness = settled('20261121T0956Z');
    await other.ask(path);
    expect(other.world.queries).toHaveLength(1);
  });

  test('is what the instance finds that waited for its turn, or has none', async () => {
    const { ask, world } = fakeEndpoints();
    world.freshness = settled();
    world.statementsPerSecond = 0.5;
    world.statementBurst = 1;
    await ask(path);
    const [key, text] = [...world.shared][0]!;
    world.nowMs += 1100;
    const asked = ask(`${path}&limit=1`, {});
    // The other question has another key. Its text comes while the request waits.
    world.shared.get = (wanted) => (wanted === key || world.slept.length > 0 ? text : undefined);
    expect(bodyOf(await asked)).toMatchObject({ statistics: { cached: true } });
    expect(world.queries).toHaveLength(1);
  });

  test('is shared only if it is exact', async () => {
    const { ask, world } = fakeEndpoints();
    world.freshness = settled('20261121T0955Z', {
      open: [{ run: '20261121T0956Z', since: '2026-11-21T10:00:00.000Z' }],
    });
    await ask(path);
    world.freshness = settled();
    world.outcome = () => {
      world.freshness = settled('20261121T0957Z');
      return { rows: [row()] };
    };
    await ask(path);
    expect(world.shared.size).toBe(0);
  });

  test('that cannot be shared is given all the same', async () => {
    const { ask, world } = fakeEndpoints();
    world.freshness = settled();
    world.failing = 'shared';
    expect((await ask(path)).statusCode).toBe(200);
    expect(bodyOf(await ask(path))).toMatchObject({ statistics: { cached: true } });
    expect(world.queries).toHaveLength(1);
    expect(world.logged).toHaveLength(2);
    world.failing = undefined;
    world.freshness = settled('20261121T0957Z');
    world.shared.get = () => 'half an answer';
    expect((await ask(path)).statusCode).toBe(200);
    expect(world.queries).toHaveLength(2);
  });

  test('does not exist before the first run', async () => {
    const { ask } = fakeEndpoints();
    const answer = await ask(path);
    expect(bodyOf(answer).freshness).toEqual({ run: null, refreshedAt: null, completeUntil: null, refreshing: false });
    expect(answer.headers['etag']).toBeUndefined();
  });
});

describe('an error', () => {
  const problem = async (asked: ReturnType<ReturnType<typeof fakeEndpoints>['ask']>) => {
    const answer = await asked;
    expect(answer.headers).toMatchObject({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' });
    expect(bodyOf(answer)).toMatchObject({ status: answer.statusCode, instance: 'urn:millrace:request:r-1' });
    return { ...bodyOf(answer), headers: answer.headers };
  };

  test('400 names every violation with its parameter, and no value', async () => {
    const { ask, world } = fakeEndpoints();
    const answer = await problem(
      ask('/v1/estore/revenue.json?limit=s3cret&limit=2&product_id=501&customer_id=&x%20y=1&x%20y=2'),
    );
    expect(answer.status).toBe(400);
    expect(answer.violations).toEqual([
      { param: 'x y', detail: 'is unknown: the endpoint has since, product_id, customer_id, limit' },
      { param: 'since', detail: 'is required' },
      { param: 'product_id', detail: 'must be a whole number from 1 to 500' },
      { param: 'customer_id', detail: 'must be a text of 1 to 20 bytes of UTF-8, without U+0000' },
      { param: 'limit', detail: 'must be given once' },
    ]);
    expect(JSON.stringify([answer, world.logged, world.metrics])).not.toMatch(/s3cret|501/);
  });

  test.each(['since=%zz', 'since=%ff', `since=${'x'.repeat(17_000)}`])('400 for a query string %#', async (query) => {
    const { ask } = fakeEndpoints();
    expect((await problem(ask(`/v1/estore/revenue.json?${query}`))).status).toBe(400);
  });

  test('401 without a token says how to send one', async () => {
    const { get } = fakeEndpoints();
    const answer = await problem(get(path));
    expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer realm="millrace"' } });
    expect((await problem(get('/v1/estore/missing.json'))).status).toBe(401);
  });

  test('403 for an endpoint outside the scopes, whether it exists or not', async () => {
    const { get } = fakeEndpoints();
    const headers = bearer({ scopes: ['estore.carts', 'other.*'] });
    const [there, missing] = [
      await problem(get(path, { headers })),
      await problem(get('/v1/estore/nothing.json', { headers })),
    ];
    expect(there).toEqual(missing);
    expect(there.status).toBe(403);
  });

  test.each([
    '/v1/estore/nothing.json',
    '/v1/estore/revenue.xml',
    '/v1/estore',
    '/',
    '/v1/estore/revenue.json/',
    '/openapi.json',
    '/docs',
  ])('404 for %s', async (unknown) => {
    const { get } = fakeEndpoints();
    expect((await problem(get(unknown, { headers: bearer({ scopes: ['estore.*'] }) }))).status).toBe(404);
  });

  test('405 for other methods', async () => {
    const { ask } = fakeEndpoints();
    expect(await problem(ask(path, { method: 'POST' }))).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    });
  });

  test('413 for an answer of more than 5 MB, and for one that Lambda could not return', async () => {
    const columns = [{ name: 'a', type: 'varchar(65535)' }];
    const { ask, world } = fakeEndpoints({ items: [item({ columns, maxRows: 10_000 })] });
    world.outcome = () => ({ rows: Array.from({ length: 110 }, () => ['x'.repeat(50_000)]) });
    expect((await problem(ask(path))).status).toBe(413);
    world.outcome = () => ({ rows: Array.from({ length: 90 }, () => ['"'.repeat(25_000)]) });
    expect((await problem(ask(path))).status).toBe(413);
    const small = await ask(path, { headers: { 'accept-encoding': 'gzip' } });
    expect(small.statusCode).toBe(200);
  });

  test('429 when a token asks more than it may, with the seconds to wait', async () => {
    const { get, world } = fakeEndpoints();
    world.freshness = settled();
    const headers = bearer({ rps: 2 });
    expect([(await get(path, { headers })).statusCode, (await get(path, { headers })).statusCode]).toEqual([200, 200]);
    expect(await problem(get(path, { headers }))).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect((await get(path, { headers: bearer({ rps: 2, jti: 't2' }) })).statusCode).toBe(200);
    world.nowMs += 500;
    expect((await get(path, { headers })).statusCode).toBe(200);
  });

  test('429 when the endpoints may start no more statements, while kept answers are given', async () => {
    const { ask, world } = fakeEndpoints();
    world.freshness = settled();
    world.statementsPerSecond = 0.5;
    world.statementBurst = 2;
    expect((await ask(path)).statusCode).toBe(200);
    expect((await ask(`${path}&limit=1`)).statusCode).toBe(200);
    expect(await problem(ask(`${path}&limit=2`))).toMatchObject({ status: 429, headers: { 'retry-after': '2' } });
    expect((await ask(path)).statusCode).toBe(200);
    expect(world.queries).toHaveLength(2);
    expect(world.slept).toEqual([]);
  });

  test('a request waits for its turn, up to a second', async () => {
    const { ask, world } = fakeEndpoints();
    world.statementsPerSecond = 2;
    world.statementBurst = 1;
    expect((await ask(`${path}&limit=1`)).statusCode).toBe(200);
    world.nowMs += 100;
    expect((await ask(`${path}&limit=2`)).statusCode).toBe(200);
    expect(world.slept).toEqual([400]);
    expect(world.queries).toHaveLength(2);
  });

  test('429 when the Data API throttles', async () => {
    const { ask, world } = fakeEndpoints();
    world.outcome = () => {
      throw new BusyError();
    };
    expect(await problem(ask(path))).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
  });

  test.each([
    [true, 30],
    [false, 300],
  ])('503 when the warehouse is asleep (returning: %s)', async (returning, seconds) => {
    const { ask, world } = fakeEndpoints();
    world.outcome = () => {
      throw new WarehouseAsleepError('the cluster c is paused', returning);
    };
    expect(await problem(ask(path))).toMatchObject({ status: 503, headers: { 'retry-after': `${seconds}` } });
    world.outcome = () => ({
      status: 'FAILED',
      error: 'connection lost',
      warehouse: { kind: returning ? 'returning' : 'paused', status: 'x' },
    });
    expect((await problem(ask(path))).status).toBe(503);
  });

  test('503 when the keys or the freshness cannot be read', async () => {
    const { ask, world } = fakeEndpoints();
    world.failing = 'freshness';
    expect(await problem(ask(path))).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    world.failing = 'keys';
    world.nowMs += 3_600_000 - 60_000;
    expect((await ask(path)).statusCode).toBe(200);
    const cold = fakeEndpoints();
    cold.world.failing = 'keys';
    expect((await problem(cold.ask(path))).status).toBe(503);
    expect(JSON.stringify(cold.world.logged)).not.toContain('denied');
  });

  test('504 when the statement does not end in time; it is cancelled', async () => {
    const { ask, world } = fakeEndpoints();
    world.outcome = () => ({ status: 'STARTED' });
    expect((await problem(ask(path))).status).toBe(504);
    expect(world.cancelled).toEqual(['id-1']);
    expect((await problem(ask(path, { remainingMs: 500 }))).status).toBe(504);
    expect(world.queries).toHaveLength(1);
  });

  test('500 tells the id of the statement and nothing of its SQL or error', async () => {
    const { ask, world } = fakeEndpoints();
    world.outcome = () => ({ status: 'FAILED', error: 'division by zero in customer c7' });
    const answer = await problem(ask(`${path}&customer_id=c7`));
    expect(answer).toMatchObject({ status: 500, detail: expect.stringContaining('id-1') });
    world.outcome = () => {
      throw new TypeError('select c7');
    };
    expect((await problem(ask(`${path}&customer_id=c7&limit=3`))).status).toBe(500);
    expect(JSON.stringify([answer, world.logged, world.metrics])).not.toMatch(/c7|division|select/);
  });
});

describe('a statement that failed', () => {
  test('in an earlier request is submitted again under another token', async () => {
    const { ask, world } = fakeEndpoints();
    world.freshness = settled();
    world.outcome = () => ({ status: 'ABORTED' });
    expect((await ask(path)).statusCode).toBe(504);
    world.nowMs += 10_000;
    world.outcome = () => ({ rows: [row()] });
    expect((await ask(path)).statusCode).toBe(200);
    expect(world.queries.map(({ name }) => name.split('/').at(-1))).toEqual(['1', '2']);
  });

  test('for a passing reason is retried, three times at most', async () => {
    const { ask, world } = fakeEndpoints();
    world.outcome = ({ name }) =>
      name.endsWith('/3') ? { rows: [] } : { status: 'FAILED', error: 'ERROR: 1023 conflict' };
    expect((await ask(path)).statusCode).toBe(200);
    world.outcome = () => ({ status: 'FAILED', error: 'ERROR: 1023 conflict' });
    expect((await ask(path)).statusCode).toBe(503);
    expect(world.queries).toHaveLength(6);
  });
});

test('one line of metrics and log for each request', async () => {
  const { get, world } = fakeEndpoints();
  await get(path, { headers: bearer() });
  await get(path);
  expect(world.metrics).toEqual([
    {
      pipeline: 'estore',
      EndpointRequests: 1,
      EndpointMilliseconds: 0,
      EndpointRefusals: 0,
      EndpointThrottles: 0,
      EndpointErrors: 0,
      EndpointCacheHits: 0,
      EndpointStatements: 1,
      requestId: 'r-1',
      method: 'GET',
      status: 200,
      caller: 'token t1',
      endpoint: 'estore.revenue',
      format: 'json',
    },
    expect.objectContaining({ pipeline: 'none', EndpointRefusals: 1, status: 401, endpoint: 'estore.revenue' }),
  ]);
});

test('only requests to endpoints that exist are counted by endpoint, without zeros', async () => {
  const { get, world } = fakeEndpoints();
  world.freshness = settled();
  await get(path, { headers: bearer() });
  await get(path, { headers: bearer() });
  await get('/v1/estore/invented.json', { headers: bearer() });
  await get(path);
  const dimensions = { Endpoint: 'revenue' };
  expect(world.parts).toEqual([
    { dimensions, names: ['EndpointMilliseconds'] },
    { dimensions, names: ['EndpointMilliseconds', 'EndpointCacheHits'] },
    undefined,
    undefined,
  ]);
});

test('the document and its page are served to everyone', async () => {
  const { get, world } = fakeEndpoints();
  const components = { schemas: {}, responses: {} };
  world.openapi = { openapi: '3.1.0', info: { title: 'T<', description: 'D' }, paths: {}, components };
  expect(bodyOf(await get('/openapi.json'))).toEqual(world.openapi);
  const page = await get('/docs');
  expect(page.body).toContain('<h1>T&lt;</h1>');
  const parameters = [{ name: 'format', required: false, schema: { type: 'string' } }];
  const paths = { '/v1/p/e.json': { get: { operationId: 'p_e', parameters, responses: {} } } };
  world.openapi = { openapi: '3.1.0', info: { title: 'T', description: 'D' }, paths, components };
  expect((await get('/docs')).body.match(/name="format"/g)).toHaveLength(1);
  expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
});
