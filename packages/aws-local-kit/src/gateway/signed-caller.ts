import type { Principal } from '../ports';
import { AwsError, NotModelledError } from '../ports';
import { authenticate, type Caller } from './authenticate';
import { signedRequest } from './presigned';
import type { WireRequest } from './signature';

export interface SignedCallerOptions {
  /** The service's name in a SigV4 credential scope. */
  readonly signingName: string;
  readonly region: string;
  /** Finds the caller by access key id. Returns undefined if the key or its session token is unknown. */
  readonly callerOf: (accessKeyId: string, sessionToken?: string) => Caller | undefined;
  /** The machine's clock in epoch milliseconds. */
  readonly now: number;
}

/**
 * Verifies the version 4 signature of a request that did not come through the gateway.
 * @returns the caller and its access key id
 * @throws AwsError if the request is not signed, or its signature is wrong; NotModelledError for a presigned URL
 */
export function signedCaller(
  wire: WireRequest,
  body: Buffer,
  { signingName, region, callerOf, now }: SignedCallerOptions,
): { readonly principal: Principal; readonly accessKeyId: string } {
  const headers = Object.fromEntries([...wire.headers].map(([name, values]) => [name, values.join(', ')]));
  const given = new URLSearchParams(wire.query);
  const signed = signedRequest(headers, given, now);
  if (signed.signature?.inQuery || signed.accessKeyV2) throw new NotModelledError(`a presigned URL of ${signingName}`);
  const [accessKeyId = '', , , service] = signed.credential?.split('/') ?? [];
  if (service !== signingName)
    throw new AwsError('MissingAuthenticationTokenException', `the request is not signed for ${signingName}`, 403);
  const handle = () => Promise.reject(new Error('not called'));
  const services = new Map([[signingName, { signingName, protocol: 'rest-json' as const, handle }]]);
  const { principal, verifyBody } = authenticate(wire, given, signed, { callerOf, services, region, now });
  verifyBody(body);
  return { principal, accessKeyId };
}
