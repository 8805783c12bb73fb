import { rotateKeys } from '../../../cli/commands/api/keys';
import { assignments, claimsOf, lifetime } from '../../../cli/commands/api/token';
import type { EndpointItem } from '../../../lambda/endpoint/contract';
import { signToken, verifyToken } from '../../../lambda/endpoint/token';

const item = (name: string, changes: Partial<EndpointItem> = {}): EndpointItem => ({
  pipeline: 'shop',
  name,
  version: '1',
  params: [
    { name: 'customer', type: 'varchar', required: false, maxBytes: 10 },
    { name: 'limit', type: 'integer', required: false, max: '10' },
  ],
  clauses: [],
  statements: {},
  columns: [],
  views: [],
  maxRows: 1,
  timeoutSeconds: 1,
  ...changes,
});
const endpoints = [item('open'), item('cart', { tenant: 'customer' }), item('bare', { params: [] })];
const site = { environment: 'dev', endpoints, nowMs: Date.UTC(2026, 10, 21) };
const ask = (scopes: readonly string[], fixed: Readonly<Record<string, string>> = {}) =>
  claimsOf({ scopes, fixed, seconds: 60 }, site);

test('a token is valid in its environment, for its scopes, until it expires', () => {
  const keys = { k1: 'x'.repeat(32) };
  const claims = claimsOf({ scopes: ['shop.cart'], fixed: { customer: 'c7' }, seconds: 60, rps: 5 }, site);
  const token = signToken(claims, keys);
  const at = Date.UTC(2026, 10, 21) / 1000;
  expect(verifyToken(token, keys, 'dev', at + 59)).toMatchObject({
    scopes: ['shop.cart'],
    fixed_params: { customer: 'c7' },
    rps: 5,
  });
  expect(() => verifyToken(token, keys, 'dev', at + 60)).toThrow('expired');
  expect(() => verifyToken(token, keys, 'prod', at)).toThrow('another environment');
});

test.each<[readonly string[], Record<string, string>, string]>([
  [['shop.none'], {}, "--scope must be an endpoint (shop.open, shop.cart, shop.bare), got 'shop.none'"],
  [['store.*'], {}, "--scope must name a pipeline with endpoints (shop.*), got 'store.*'"],
  [['*'], {}, "--scope must be an endpoint (shop.open, shop.cart, shop.bare), got '*'"],
  [['shop.cart'], {}, 'shop.cart needs --fixed customer=<value>, because it is the tenant'],
  [['shop.bare'], { customer: 'c' }, '--fixed customer: shop.bare has no such parameter (it has none)'],
  [
    ['shop.open'],
    { limit: '11' },
    "--fixed limit must be a whole number from -2147483648 to 10 for shop.open, got '11'",
  ],
  [['shop.open'], { customer: 'x'.repeat(11) }, 'for shop.open'],
])('fails when a token for %j with %j would be useless', (scopes, fixed, message) => {
  expect(() => ask(scopes, fixed)).toThrow(message);
});

test('all faults are named at once', () => {
  expect(() => ask(['shop.*'], { limit: '11' })).toThrow(
    /shop\.cart needs --fixed customer(.|\n)*shop\.bare has no such parameter/,
  );
});

test.each([
  ['90s', 90],
  ['15m', 900],
  ['24h', 86_400],
  ['1d', 86_400],
])('%s is a lifetime', (text, seconds) => expect(lifetime('--expires')(text)).toBe(seconds));

test.each(['0s', '2d', '25h', '1', 'h', '-1h', '1.5h', '1w'])('%s is no lifetime', (text) => {
  expect(() => lifetime('--expires')(text)).toThrow(
    `--expires must be a time from 1s to 1d, such as 15m or 1h, got '${text}'`,
  );
});

test('assignments keep everything after the first equals sign, and each fault is named', () => {
  expect(assignments('--fixed', ['a=b=c', 'd='])).toEqual({ a: 'b=c', d: '' });
  expect(() => assignments('--fixed', ['A=1', 'b', 'c=1', 'c=2'])).toThrow(
    "--fixed must be name=value, got 'A=1'\n--fixed must be name=value, got 'b'\n--fixed gives c more than once",
  );
});

describe('a rotation', () => {
  const day = 86_400_000;
  const start = Date.UTC(2026, 10, 21);
  const rotate = (keys: Record<string, string>, nowMs: number, revoke = false) =>
    rotateKeys(keys, { nowMs, revoke, random: () => `new at ${nowMs}` });

  test('adds a key that signs, and keeps the old one until its last token has expired', () => {
    const first = rotate({ k1: 'old' }, start);
    expect(first).toMatchObject({ added: `k${start / 1000}`, removed: [], kept: ['k1'] });
    expect(Object.keys(first.keys).at(-1)).toBe(first.added);
    const early = rotate(first.keys, start + day);
    expect(early).toMatchObject({ removed: [], kept: ['k1', first.added] });
    const late = rotate(first.keys, start + day + 601_000);
    expect(late).toMatchObject({ removed: ['k1'], kept: [first.added] });
    expect(Object.keys(late.keys)).toEqual([first.added, late.added]);
  });

  test('of a key that still signs does not end its tokens, however old it is', () => {
    const { keys } = rotate({ k1: 'old' }, start);
    const { k1: _, ...signing } = keys;
    expect(rotate(signing, start + 30 * day)).toMatchObject({ removed: [], kept: Object.keys(signing) });
  });

  test('that revokes removes every older key', () => {
    const { keys, added } = rotate({ k1: 'old', k2: 'older' }, start, true);
    expect(Object.keys(keys)).toEqual([added]);
  });

  test('twice in a second gives two keys, and they differ', () => {
    const once = rotateKeys({ k1: 'old' }, { nowMs: start, revoke: false });
    const twice = rotateKeys(once.keys, { nowMs: start, revoke: false });
    expect(new Set(Object.values(twice.keys)).size).toBe(3);
    expect(Object.values(twice.keys).at(-1)!.length).toBeGreaterThanOrEqual(32);
  });
});
