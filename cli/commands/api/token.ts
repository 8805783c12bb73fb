import { randomUUID } from 'node:crypto';
import { type EndpointItem, maxTokenSeconds, type TokenClaims } from '../../../lambda/endpoint/contract';
import { signToken } from '../../../lambda/endpoint/token';
import { parseValue } from '../../../lambda/endpoint/values';
import type { ConnectOptions } from '../../cloud/connect';
import { Failure } from '../../failure';
import { apiSite, endpointName, findEndpoint, knownEndpoints } from './site';

export interface TokenRequest {
  /** `<pipeline>.<endpoint>` or `<pipeline>.*`. */
  readonly scopes: readonly string[];
  /** Values that the caller cannot choose, by parameter. */
  readonly fixed: Readonly<Record<string, string>>;
  readonly seconds: number;
  /** Requests a second. @default - no limit of its own */
  readonly rps?: number;
}

/**
 * The claims of a new token.
 * @throws Failure with everything that would make the token useless
 */
export function claimsOf(
  { scopes, fixed, seconds, rps }: TokenRequest,
  { environment, endpoints, nowMs }: { environment: string; endpoints: readonly EndpointItem[]; nowMs: number },
): TokenClaims {
  const opened = scopes.flatMap((scope) => openedBy(scope, endpoints));
  const faults = opened.flatMap((item) => faultsOf(item, fixed));
  if (faults.length > 0) throw new Failure([...new Set(faults)].join('\n'), 2);
  const iat = Math.floor(nowMs / 1000);
  return {
    jti: randomUUID(),
    aud: environment,
    scopes: [...new Set(scopes)],
    ...(Object.keys(fixed).length === 0 ? {} : { fixed_params: fixed }),
    ...(rps === undefined ? {} : { rps }),
    iat,
    exp: iat + seconds,
  };
}

/** Makes a token, signed with the newest key of the environment. */
export async function makeToken(options: ConnectOptions, request: TokenRequest) {
  const { environment, keys } = apiSite(options);
  const claims = claimsOf(request, { environment, endpoints: knownEndpoints(), nowMs: Date.now() });
  return { token: signToken(claims, await keys()), claims };
}

/** Lifetime of a token that is made for one call. */
export const ownTokenSeconds = 60;

/** A token fixes the tenant, so the request must not have it. */
export function splitTenant(values: Readonly<Record<string, string>>, tenant: string | undefined) {
  const isFixed = (name: string) => name === tenant;
  const all = Object.entries(values);
  return {
    fixed: Object.fromEntries(all.filter(([name]) => isFixed(name))),
    query: Object.fromEntries(all.filter(([name]) => !isFixed(name))),
  };
}

function openedBy(scope: string, endpoints: readonly EndpointItem[]): readonly EndpointItem[] {
  const pipeline = /^(.+)\.\*$/.exec(scope)?.[1];
  if (pipeline === undefined) return [findEndpoint(scope, endpoints, '--scope')];
  const own = endpoints.filter((item) => item.pipeline === pipeline);
  if (own.length > 0) return own;
  const known = [...new Set(endpoints.map((item) => `${item.pipeline}.*`))].join(', ') || 'there are none';
  throw new Failure(`--scope must name a pipeline with endpoints (${known}), got '${scope}'`, 2);
}

/** A token opens an endpoint only if it fixes the tenant, and fixes nothing that the endpoint lacks. */
function faultsOf(item: EndpointItem, fixed: Readonly<Record<string, string>>): string[] {
  const name = endpointName(item);
  const missing =
    item.tenant !== undefined && !Object.hasOwn(fixed, item.tenant)
      ? [`${name} needs --fixed ${item.tenant}=<value>, because it is the tenant`]
      : [];
  const wrong = Object.entries(fixed).flatMap(([param, value]) => {
    const known = item.params.find((each) => each.name === param);
    if (!known) {
      const names = item.params.map((each) => each.name).join(', ') || 'it has none';
      return [`--fixed ${param}: ${name} has no such parameter (${names})`];
    }
    const parsed = parseValue(known, value);
    return 'value' in parsed ? [] : [`--fixed ${param} must be ${parsed.allowed} for ${name}, got '${value}'`];
  });
  return [...missing, ...wrong];
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Creates a commander parser for `90s`, `15m`, `1h` or `1d`. */
export function lifetime(flag: string): (text: string) => number {
  return (text) => {
    const [, count, unit] = /^(\d{1,5})([smhd])$/.exec(text) ?? [];
    const seconds = count === undefined ? 0 : Number(count) * units[unit!]!;
    if (seconds >= 1 && seconds <= maxTokenSeconds) return seconds;
    throw new Failure(`${flag} must be a time from 1s to 1d, such as 15m or 1h, got '${text}'`, 2);
  };
}

/** Reads `name=value` texts. @throws Failure that names each one that is none, or is given twice */
export function assignments(flag: string, texts: readonly string[]): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  const faults: string[] = [];
  for (const text of texts) {
    const [, name, value] = /^([a-z][a-z0-9_]{0,127})=([\s\S]*)$/.exec(text) ?? [];
    if (name === undefined) faults.push(`${flag} must be name=value, got '${text}'`);
    else if (Object.hasOwn(values, name)) faults.push(`${flag} gives ${name} more than once`);
    else values[name] = value!;
  }
  if (faults.length > 0) throw new Failure(faults.join('\n'), 2);
  return values;
}
