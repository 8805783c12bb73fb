import type { EndpointItem, PartnerGrant, TokenKeys } from './contract';
import { Problem } from './problem';
import type { ApiRequest } from './request';
import { coversEndpoint, kidOf, TokenError, verifyToken } from './token';

/** Who asks. */
export interface Caller {
  /** For logs: `token <id>` or `partner <name>`. */
  readonly label: string;
  /** Requests a second, counted under `label`. @default - no limit */
  readonly rps?: number;
  /** Values of the parameters that the caller cannot choose for this endpoint. Undefined if the caller may not ask it. */
  fixedFor(pipeline: string, name: string): Readonly<Record<string, string>> | undefined;
}

const realm = 'Bearer realm="millrace"';

/**
 * @param keysFor returns the keys, read again if this one is not among them
 * @throws Problem 401
 */
export async function tokenCaller(
  { headers }: ApiRequest,
  keysFor: (kid: string | undefined) => Promise<TokenKeys>,
  environment: string,
  nowMs: number,
): Promise<Caller> {
  const token = /^Bearer +([\w.-]+)$/i.exec(headers['authorization'] ?? '')?.[1];
  if (token === undefined)
    throw new Problem('unauthorized', 'Send a token: Authorization: Bearer <token>.', {
      headers: { 'www-authenticate': realm },
    });
  const keys = await keysFor(kidOf(token));
  try {
    const { jti, scopes, fixed_params = {}, rps } = verifyToken(token, keys, environment, Math.floor(nowMs / 1000));
    const fixedFor = (pipeline: string, name: string) =>
      coversEndpoint(scopes, pipeline, name) ? fixed_params : undefined;
    return { label: `token ${jti}`, ...(rps === undefined ? {} : { rps }), fixedFor };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    throw new Problem('unauthorized', `The token is not valid: ${error.message}.`, {
      headers: {
        'www-authenticate': `${realm}, error="invalid_token", error_description="${error.message.replace(/["\\]/g, "'")}"`,
      },
    });
  }
}

const assumedRole = /^arn:[\w-]+:sts::(\d{12}):assumed-role\/([\w+=,.@-]+)\/[\w+=,.@-]+$/;

/** @throws Problem 403: the signer is no partner's role of this account */
export function partnerCaller(
  { signer, accountId }: ApiRequest,
  partners: Readonly<Record<string, PartnerGrant>>,
): Caller {
  const [, account, role] = assumedRole.exec(signer?.arn ?? '') ?? [];
  const isOwn = account !== undefined && account === accountId && signer?.accountId === accountId;
  const grant = isOwn && Object.hasOwn(partners, role!) ? partners[role!] : undefined;
  if (!grant) throw new Problem('forbidden', "Sign the request as a partner's role of this environment.");
  const fixedFor = (pipeline: string, name: string) => {
    const endpoint = `${pipeline}.${name}`;
    return Object.hasOwn(grant.endpoints, endpoint) ? grant.endpoints[endpoint]!.fixed : undefined;
  };
  return { label: `partner ${grant.partner}`, fixedFor };
}

/**
 * The values that the caller cannot choose.
 * @throws Problem 403: one is of no parameter of the endpoint, the tenant is not among them, or the request chooses one
 */
export function fixedValues(
  item: EndpointItem,
  fixed: Readonly<Record<string, string>>,
  query: readonly (readonly [string, string])[],
): Readonly<Record<string, string>> {
  const unknown = Object.keys(fixed).filter((name) => !item.params.some((param) => param.name === name));
  if (unknown.length > 0)
    throw new Problem('forbidden', `The caller is bound to ${unknown.join(', ')}, which this endpoint does not have.`);
  if (item.tenant !== undefined && !Object.hasOwn(fixed, item.tenant))
    throw new Problem('forbidden', `This endpoint demands a token that fixes ${item.tenant}.`);
  const chosen = [...new Set(query.map(([name]) => name))].filter((name) => Object.hasOwn(fixed, name));
  if (chosen.length > 0) throw new Problem('forbidden', `The caller cannot choose ${chosen.join(', ')}.`);
  return fixed;
}
