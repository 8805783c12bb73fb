/**
 * Reasons for an AWS error that lie outside the requested resource:
 * - `credentials`: missing, wrong or expired
 * - `region`: unknown, unreachable or not enabled
 * - `denied`: a permission is missing
 * - `throttled`: the same call may succeed later
 * - `clock`: the machine's clock is wrong
 */
export type AwsErrorKind = 'credentials' | 'region' | 'denied' | 'throttled' | 'clock';

export interface AwsErrorMeaning {
  readonly kind: AwsErrorKind;
  /** Says to a person what is wrong and what to do. */
  readonly sentence: string;
}

interface Shape {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
}

const logIn = 'log in again (`aws sso login`, `aws configure`, or AWS_PROFILE)';

/**
 * Meanings by the SDK's error name: codes of the services ("Common Error Types" of each API reference) and the SDK's
 * own errors.
 */
const meanings: readonly (readonly [RegExp, AwsErrorKind, (message: string) => string])[] = [
  [
    /^(CredentialsProviderError|TokenProviderError)$/,
    'credentials',
    (message) =>
      /expired/i.test(message)
        ? `the AWS credentials have expired: ${logIn}`
        : `no AWS credentials were found: ${logIn.replace('again ', '')}`,
  ],
  [
    /^(ExpiredToken|ExpiredTokenException|TokenRefreshRequired|UnauthorizedException)$/,
    'credentials',
    () => `the AWS credentials have expired: ${logIn}`,
  ],
  [
    /^(InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|AuthFailure|InvalidToken|NotAuthorized)$/,
    'credentials',
    () =>
      'AWS does not accept the credentials in this region: the key is wrong or deleted, or the region is not enabled for the account (`aws account list-regions --region-opt-status-contains ENABLED`)',
  ],
  [
    /^(SignatureDoesNotMatch|InvalidSignatureException|IncompleteSignature|IncompleteSignatureException)$/,
    'credentials',
    (message) =>
      /expired|clock|skew/i.test(message)
        ? 'the clock of this machine is wrong, so AWS refuses the signature: set it'
        : `AWS refuses the signature: the secret key does not belong to the access key; ${logIn}`,
  ],
  [
    /^(MissingAuthenticationToken|MissingAuthenticationTokenException)$/,
    'credentials',
    () => `AWS demands credentials: ${logIn}`,
  ],
  [
    /^(RequestExpired|RequestTimeTooSkewed)$/,
    'clock',
    () => 'the clock of this machine is wrong, so AWS refuses the request: set it',
  ],
  [
    /^(OptInRequired|RegionDisabledException|SubscriptionRequiredException)$/,
    'region',
    () =>
      'the region, or the service in it, is not enabled for the account (`aws account enable-region --region-name <region>`)',
  ],
  [
    /^(AccessDenied|AccessDeniedException|UnauthorizedOperation|Client\.UnauthorizedOperation|AuthorizationError|Forbidden)$/,
    'denied',
    (message) => `a permission is missing: ${message}`,
  ],
  [
    /^(Throttling|ThrottlingException|ThrottledException|TooManyRequestsException|RequestLimitExceeded|SlowDown|PriorRequestNotComplete)$/,
    'throttled',
    () => 'AWS throttles these calls: try again in a minute',
  ],
];

/**
 * Returns undefined for errors about the requested resource, and for errors that AWS does not document for every call.
 */
export function meaningOf(error: unknown): AwsErrorMeaning | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { name = '', code = '', message = '' } = error as Shape;
  if (/^Region is missing$/i.test(message))
    return {
      kind: 'region',
      sentence: 'no region is known: name `region` in environments/<environment>.ts, or set AWS_REGION',
    };
  // The SDK wraps connection errors. Only the message names the host.
  const host = /getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (\S+)/.exec(message)?.[1];
  if (host !== undefined)
    return {
      kind: 'region',
      sentence: `${host} was not found: the region is wrong, does not have the service, or there is no network`,
    };
  const refusing = /connect ECONNREFUSED (\S+)/.exec(message)?.[1];
  if (refusing !== undefined)
    return {
      kind: 'region',
      sentence: `nothing answers at ${refusing}: check the network, the proxy, and AWS_ENDPOINT_URL`,
    };
  const known = meanings.find(([names]) => names.test(name) || names.test(code));
  return known && { kind: known[1], sentence: known[2](message) };
}
