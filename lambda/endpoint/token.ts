import { createHmac, timingSafeEqual } from 'node:crypto';
import { maxTokenSeconds, type TokenClaims, type TokenKeys } from './contract';

/**
 * Tokens are JWTs (RFC 7519) in the compact form, of one kind only: `{"alg":"HS256","typ":"JWT","kid":"…"}`. There is no choice of algorithm, so a
 * token cannot choose one either.
 */

/** A token that is not valid. The message is for its owner and contains nothing of the token. */
export class TokenError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TokenError';
  }
}

/** Difference of the clocks of the one who signs and the one who verifies, in seconds. */
const clockSeconds = 30;
const maxTokenBytes = 4096;
const kidPattern = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;
const minKeyCharacters = 32;
const scopePattern = /^[a-z][a-z0-9_]{0,127}\.(?:[a-z][a-z0-9_]{0,127}|\*)$/;
const namePattern = /^[a-z][a-z0-9_]{0,127}$/;

/** Reads the secret that holds the keys. Throws an error that names each fault and contains no key. */
export function parseKeys(text: string): TokenKeys {
  let keys: unknown;
  try {
    keys = JSON.parse(text);
  } catch {
    throw new Error('the secret of the token keys must be a JSON object');
  }
  if (!isObject(keys)) throw new Error('the secret of the token keys must be a JSON object');
  const faults = Object.entries(keys).flatMap(([kid, key]) => {
    if (!kidPattern.test(kid))
      return [`an id must be a letter and up to 31 letters, digits, - or _, got ${kid.slice(0, 40)}`];
    const isKey = typeof key === 'string' && key.length >= minKeyCharacters;
    return isKey ? [] : [`the key ${kid} must be a text of at least ${minKeyCharacters} characters`];
  });
  if (Object.keys(keys).length === 0) faults.push('it must have at least one key');
  if (faults.length > 0) throw new Error(`the secret of the token keys: ${faults.join('; ')}`);
  return keys as TokenKeys;
}

/** Signs with the last key. Throws a TokenError that names every fault of the claims. */
export function signToken(claims: TokenClaims, keys: TokenKeys): string {
  const kid = Object.keys(keys).at(-1);
  if (kid === undefined) throw new TokenError('there is no key to sign with');
  const faults = claimFaults(claims as unknown as Record<string, unknown>);
  if (faults.length > 0) throw new TokenError(faults.join('; '));
  const signed = `${encode({ alg: 'HS256', typ: 'JWT', kid })}.${encode(claims)}`;
  return `${signed}.${signature(signed, keys[kid]!)}`;
}

/**
 * The claims of a valid token.
 * @param nowSeconds since 1970
 * @throws TokenError
 */
export function verifyToken(token: string, keys: TokenKeys, environment: string, nowSeconds: number): TokenClaims {
  if (token.length > maxTokenBytes) throw new TokenError(`a token has at most ${maxTokenBytes} characters`);
  const [header, body, mac, ...more] = token.split('.') as [string, string?, string?, ...string[]];
  if (body === undefined || mac === undefined || more.length > 0) throw new TokenError('the token is no signed JWT');
  const { alg, kid, crit } = decode(header);
  if (alg !== 'HS256') throw new TokenError('the token must be signed with HS256');
  if (crit !== undefined) throw new TokenError('the token demands extensions');
  const key = typeof kid === 'string' && Object.hasOwn(keys, kid) ? keys[kid] : undefined;
  if (key === undefined) throw new TokenError('the key of the token is unknown');
  if (!isEqual(mac, signature(`${header}.${body}`, key))) throw new TokenError('the signature of the token is wrong');
  const claims = decode(body);
  const faults = claimFaults(claims);
  if (faults.length > 0) throw new TokenError(faults.join('; '));
  checkUse(claims as unknown as TokenClaims, environment, nowSeconds);
  return claims as unknown as TokenClaims;
}

/** The key that a token names. It proves nothing. Undefined for a text that is no token. */
export function kidOf(token: string): string | undefined {
  try {
    const { kid } = decode(token.slice(0, maxTokenBytes).split('.')[0]!);
    return typeof kid === 'string' ? kid : undefined;
  } catch {
    return undefined;
  }
}

/** True if a scope of the token covers the endpoint. */
export const coversEndpoint = (scopes: readonly string[], pipeline: string, name: string) =>
  scopes.includes(`${pipeline}.${name}`) || scopes.includes(`${pipeline}.*`);

function checkUse({ aud, iat, exp, nbf = iat }: TokenClaims, environment: string, nowSeconds: number): void {
  if (aud !== environment) throw new TokenError('the token is for another environment');
  if (nowSeconds >= exp) throw new TokenError('the token has expired');
  if (Math.max(iat, nbf) > nowSeconds + clockSeconds) throw new TokenError('the token is not valid yet');
}

const isSeconds = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value !== '' && value.length <= most;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Everything that is wrong with the form of the claims. */
function claimFaults({ jti, aud, scopes, fixed_params, rps, iat, exp, nbf }: Record<string, unknown>): string[] {
  const faults: string[] = [];
  const demand = (holds: boolean, sentence: string) => holds || faults.push(sentence);
  demand(isText(jti, 64), 'jti must be a text of 1 to 64 characters');
  demand(isText(aud, 64), 'aud must be the environment');
  const isScopes =
    Array.isArray(scopes) &&
    scopes.length > 0 &&
    scopes.every((scope) => typeof scope === 'string' && scopePattern.test(scope));
  demand(isScopes, 'scopes must be a list as ["estore.revenue", "estore.*"]');
  const isFixed =
    fixed_params === undefined ||
    (isObject(fixed_params) &&
      Object.entries(fixed_params).every(([name, value]) => namePattern.test(name) && typeof value === 'string'));
  demand(isFixed, 'fixed_params must be an object of texts');
  const isRate = rps === undefined || (typeof rps === 'number' && rps > 0 && rps <= 1000);
  demand(isRate, 'rps must be a number above 0, at most 1000');
  demand(nbf === undefined || isSeconds(nbf), 'nbf must be seconds since 1970');
  if (!isSeconds(iat) || !isSeconds(exp)) faults.push('iat and exp must be seconds since 1970');
  else demand(exp > iat && exp - iat <= maxTokenSeconds, `exp must be 1 to ${maxTokenSeconds} seconds after iat`);
  return faults;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A part of the token. Base64url in its one form: no padding, no other characters, so that a token has one text. */
function decode(part: string): Record<string, unknown> {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part) throw new TokenError('the token is no signed JWT');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new TokenError('the token is no signed JWT');
  }
  if (!isObject(value)) throw new TokenError('the token is no signed JWT');
  return value;
}

const signature = (text: string, key: string) => createHmac('sha256', key).update(text).digest('base64url');

/** Compares in constant time, by hashes of equal length. */
function isEqual(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHmac('sha256', 'compare').update(text).digest());
  return timingSafeEqual(a!, b!);
}
