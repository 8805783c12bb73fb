import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import type { TokenClaims } from '../../../lambda/endpoint/contract';
import { parseKeys, signToken, TokenError, verifyToken } from '../../../lambda/endpoint/token';
import { claims, environment, fakeEndpoints, item, keys, startMs, token } from './host';

const nowSeconds = startMs / 1000;
const verify = (text: string, at = nowSeconds) => verifyToken(text, keys, environment, at);
const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token with any header and claims, signed rightly. */
function forged(header: unknown, body: unknown, key = keys['k1']!): string {
  const signed = `${encode(header)}.${encode(body)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}
const header = { alg: 'HS256', typ: 'JWT', kid: 'k1' };

test('a token gives back its claims, and is signed with the last key', () => {
  const wanted = claims({ fixed_params: { customer_id: 'c7' }, rps: 5 });
  expect(verify(signToken(wanted, keys))).toEqual(wanted);
  expect(JSON.parse(Buffer.from(token().split('.')[0]!, 'base64url').toString())).toEqual({
    alg: 'HS256',
    typ: 'JWT',
    kid: 'k2',
  });
  expect(verify(forged(header, claims()))).toEqual(claims());
});

test('jose reads our tokens, and we read those of jose', () => {
  const script = `import { jwtVerify, SignJWT } from 'jose';
    const [token, k1, k2, claims, now] = JSON.parse(process.argv[1]);
    const bytes = (text) => new TextEncoder().encode(text);
    const { payload } = await jwtVerify(token, bytes(k2), { audience: 'dev', currentDate: new Date(now * 1000) });
    const made = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: 'k1' }).sign(bytes(k1));
    console.log(JSON.stringify({ payload, made }));`;
  const input = JSON.stringify([token(), keys['k1'], keys['k2'], claims(), nowSeconds]);
  const { payload, made } = JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', script, input]).toString(),
  );
  expect(payload).toEqual(claims());
  expect(verify(made)).toEqual(claims());
});

test.each([
  ['no algorithm', `${encode({ alg: 'none', kid: 'k1' })}.${encode(claims())}.`],
  ['no algorithm, with a signature', forged({ ...header, alg: 'none' }, claims())],
  ['another algorithm', forged({ ...header, alg: 'HS512' }, claims())],
  ['an asymmetric algorithm', forged({ ...header, alg: 'RS256' }, claims())],
  ['an algorithm in other case', forged({ ...header, alg: 'hs256' }, claims())],
  ['a list of algorithms', forged({ ...header, alg: ['HS256'] }, claims())],
  ['no key', forged({ alg: 'HS256' }, claims())],
  ['an unknown key', forged({ ...header, kid: 'k9' }, claims())],
  [
    'a key by an inherited name',
    forged({ ...header, kid: 'constructor' }, claims(), 'function Object() { [native code] }'),
  ],
  ['a key by path', forged({ ...header, kid: '../k1' }, claims())],
  ['a key in the header', forged({ ...header, kid: undefined, jwk: { kty: 'oct', k: encode('x') } }, claims(), 'x')],
  ['extensions', forged({ ...header, crit: ['exp'] }, claims())],
  ["another key's signature", forged(header, claims(), keys['k2'])],
  ['no signature', token().replace(/\.[^.]*$/, '.')],
  ['two parts', token().replace(/\.[^.]*$/, '')],
  ['four parts', `${token()}.x`],
  ['padding', `${token()}=`],
  ['other base64', token().replace(/.$/, '+')],
  ['claims that are no JSON', forged(header, 'x')],
  ['claims that are a list', forged(header, [claims()])],
  ['claims that are no UTF-8', `${encode(header)}.${Buffer.from([255]).toString('base64url')}.x`],
  ['a header that is null', forged('null', claims())],
  ['more than 4096 characters', forged(header, claims({ jti: 'x'.repeat(4096) }))],
  ['another environment', forged(header, claims({ aud: 'prod' }))],
  ['a list of environments', forged(header, { ...claims(), aud: ['dev', 'prod'] })],
  ['no scopes', forged(header, claims({ scopes: [] }))],
  ['a scope for everything', forged(header, claims({ scopes: ['*'] }))],
  ['a scope that is no text', forged(header, { ...claims(), scopes: [['estore.revenue']] })],
  ['scopes in one text', forged(header, { ...claims(), scopes: 'estore.revenue' })],
  ['a fixed value that is no text', forged(header, { ...claims(), fixed_params: { a: 1 } })],
  ['a negative rate', forged(header, claims({ rps: -1 }))],
  ['no end', forged(header, { ...claims(), exp: undefined })],
  ['an end as a text', forged(header, { ...claims(), exp: '9999999999' })],
  ['an end that is no number', forged(header, `{"exp":1e999}`)],
  ['a life of more than a day', forged(header, claims({ exp: claims().iat + 86_401 }))],
  ['an end before its beginning', forged(header, claims({ exp: claims().iat - 1 }))],
  ['a beginning an hour ahead', forged(header, claims({ iat: nowSeconds + 3000 }))],
  ['a validity that begins later', forged(header, claims({ nbf: nowSeconds + 60 }))],
  ['an end that has passed', forged(header, claims({ exp: nowSeconds }))],
])('a token with %s is refused', async (_, attack) => {
  expect(() => verify(attack)).toThrow(TokenError);
  const { get } = fakeEndpoints();
  const answer = await get('/v1/estore/revenue.json?since=2026-11-21', {
    headers: { authorization: `Bearer ${attack}` },
  });
  expect(answer.statusCode).toBe(401);
  expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="millrace"/);
});

test('any change of a byte makes a token invalid', () => {
  const valid = token();
  fc.assert(
    fc.property(fc.nat(valid.length - 1), fc.constantFrom(...'ABab01-_.+'), (at, character) => {
      fc.pre(valid[at] !== character);
      expect(() => verify(valid.slice(0, at) + character + valid.slice(at + 1))).toThrow(TokenError);
    }),
  );
});

test.each(['', 'Basic dTpw', 'Bearer', 'Bearer a b', `bearer\t${'x'}`, `Bearer ${'x.'.repeat(3000)}`])(
  'the header %j is 401',
  async (authorization) => {
    const { get } = fakeEndpoints();
    expect((await get('/v1/estore/revenue.json', { headers: { authorization } })).statusCode).toBe(401);
  },
);

test('a token in the address is none', async () => {
  const { get } = fakeEndpoints();
  for (const name of ['token', 'access_token', 'authorization'])
    expect((await get(`/v1/estore/revenue.json?since=2026-11-21&${name}=${token()}`)).statusCode).toBe(401);
});

test('a token for one endpoint opens no other', async () => {
  const items = [item(), item({ name: 'revenue_2' }), item({ pipeline: 'estore2' })];
  const { get } = fakeEndpoints({ items });
  const headers = { authorization: `Bearer ${token()}` };
  const statuses = [];
  for (const path of ['estore/revenue', 'estore/revenue_2', 'estore2/revenue', 'Estore/revenue', 'estore/revenue%2e'])
    statuses.push((await get(`/v1/${path}.json?since=2026-11-21`, { headers })).statusCode);
  expect(statuses).toEqual([200, 403, 403, 404, 404]);
});

test('a token opens no path of partners', async () => {
  const { ask } = fakeEndpoints({
    partners: { analytics: { partner: 'a', endpoints: { 'estore.revenue': { fixed: {} } } } },
  });
  expect((await ask('/iam/v1/estore/revenue.json?since=2026-11-21')).statusCode).toBe(403);
});

describe('a fixed parameter', () => {
  const tenant = () => fakeEndpoints({ items: [item({ tenant: 'customer_id' })] });
  const path = '/v1/estore/revenue.json?since=2026-11-21';
  const bound = (fixed_params: TokenClaims['fixed_params']) => ({
    authorization: `Bearer ${token({ fixed_params: fixed_params! })}`,
  });

  test('has the value of the token', async () => {
    const { get, world } = tenant();
    expect((await get(path, { headers: bound({ customer_id: 'c7' }) })).statusCode).toBe(200);
    expect(world.queries[0]!.params).toContainEqual({ name: 'customer_id', value: 'c7' });
  });

  test.each([
    'customer_id=c8',
    'customer_id=c7',
    'customer_id=',
    'customer%5Fid=c8',
    'customer_id=c7&customer_id=c8',
    'limit=x&customer_id=c8',
  ])('cannot be chosen by %s', async (query) => {
    const { get, world } = tenant();
    expect((await get(`${path}&${query}`, { headers: bound({ customer_id: 'c7' }) })).statusCode).toBe(403);
    expect(world.queries).toEqual([]);
  });

  test.each([
    ['no fixed parameter', {}],
    ['another fixed parameter', { product_id: '1' }],
    ['a parameter that the endpoint lacks', { customer_id: 'c7', other: 'x' }],
    ['a value that is not valid', { customer_id: 'x'.repeat(21) }],
    ['an empty value', { customer_id: '' }],
  ])('with %s is 403', async (_, fixed) => {
    const { get, world } = tenant();
    expect((await get(path, { headers: bound(fixed) })).statusCode).toBe(403);
    expect(world.queries).toEqual([]);
  });

  test('keeps the answers of tenants apart', async () => {
    const { get, world } = tenant();
    world.freshness = {
      pipeline: 'estore',
      done: { run: 'r', refreshedAt: '2026-11-21T09:00:00.000Z', failed: [] },
      open: [],
    };
    for (const customer_id of ['c7', 'c8', 'c7']) await get(path, { headers: bound({ customer_id }) });
    expect(world.queries.map(({ params }) => params[1]!.value)).toEqual(['c7', 'c8']);
  });
});

describe('a partner', () => {
  const partners = {
    analytics: { partner: 'acme', endpoints: { 'estore.revenue': { fixed: { customer_id: 'c7' } } } },
  };
  const path = '/iam/v1/estore/revenue.json?since=2026-11-21';
  const signer = (userArn: string, accountId = '111122223333') => ({ signer: { userArn, accountId } });
  const own = 'arn:aws:sts::111122223333:assumed-role/analytics/session-1';

  test("asks what its grant names, with the grant's values", async () => {
    const { get, world } = fakeEndpoints({ partners });
    expect((await get(path, signer(own))).statusCode).toBe(200);
    expect(world.queries[0]!.params).toContainEqual({ name: 'customer_id', value: 'c7' });
    expect(world.metrics[0]).toMatchObject({ caller: 'partner acme' });
    expect((await get(path.replace('revenue', 'carts'), signer(own))).statusCode).toBe(403);
    expect((await get(`${path}&customer_id=c8`, signer(own))).statusCode).toBe(403);
  });

  test.each([
    ['no signer', undefined, undefined],
    ["another account's role of the same name", 'arn:aws:sts::999999999999:assumed-role/analytics/s', '999999999999'],
    ['an account that differs from the ARN', own, '999999999999'],
    ['a role of another name', 'arn:aws:sts::111122223333:assumed-role/analytics2/s', undefined],
    ['a session named like the role', 'arn:aws:sts::111122223333:assumed-role/other/analytics', undefined],
    ['a user named like the role', 'arn:aws:iam::111122223333:user/analytics', undefined],
    ['an inherited name', 'arn:aws:sts::111122223333:assumed-role/constructor/s', undefined],
  ])('is not %s', async (_, arn, account) => {
    const { get } = fakeEndpoints({ partners });
    expect((await get(path, arn === undefined ? {} : signer(arn, account))).statusCode).toBe(403);
  });
});

describe('keys', () => {
  test('are read again when a token names a new one, and at most every ten seconds', async () => {
    const { get, world } = fakeEndpoints();
    world.keys = { k1: keys['k1']! };
    const headers = { authorization: `Bearer ${token()}` };
    const status = async () => (await get('/v1/estore/revenue.json?since=2026-11-21', { headers })).statusCode;
    expect([await status(), await status(), world.keyReads]).toEqual([401, 401, 1]);
    world.keys = keys;
    world.nowMs += 11_000;
    expect([await status(), world.keyReads]).toEqual([200, 2]);
  });

  test('that were removed are refused after five minutes', async () => {
    const { get, world } = fakeEndpoints();
    const headers = { authorization: `Bearer ${token()}` };
    const status = async () => (await get('/v1/estore/revenue.json?since=2026-11-21', { headers })).statusCode;
    expect(await status()).toBe(200);
    world.keys = { k1: keys['k1']!, k3: 'x'.repeat(32) };
    expect(await status()).toBe(200);
    world.nowMs += 5 * 60_000;
    expect(await status()).toBe(401);
  });

  test.each([
    ['no JSON', 'x'],
    ['a list', '["x"]'],
    ['no key', '{}'],
    ['a short key', '{"k1":"short-secret"}'],
    ['an id that is a number', `{"1":"${'x'.repeat(32)}"}`],
    ['a key that is no text', '{"k1":{}}'],
  ])('as %s are refused, by an error that shows none', (_, text) => {
    expect(() => parseKeys(text)).toThrow(/the secret of the token keys/);
    expect(() => parseKeys(text)).not.toThrow(/short-secret/);
  });
});

test('claims that nobody would accept are not signed', () => {
  const attempt = () => signToken({ ...claims(), exp: claims().iat + 90_000, scopes: [] }, keys);
  expect(attempt).toThrow(/scopes must be a list.*; exp must be 1 to 86400 seconds after iat/);
});
