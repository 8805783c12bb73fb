import { AwsError } from '../ports';
import { headerSignature, type Signature } from './signature';

/** Query parameters that form the signature of a presigned URL. Any other `x-amz-` parameter is a request header. */
const signature = [
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-expires',
  'x-amz-security-token',
  'x-amz-signature',
  'x-amz-signedheaders',
];
/** Query parameters of signature version 2, which S3 accepts too. */
const signatureV2 = ['AWSAccessKeyId', 'Expires', 'Signature'];
const longestSeconds = 604_800;

/** A request in the form of one that is signed in its headers, even if its URL is signed. */
export interface SignedRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** `<key id>/<date>/<region>/<signing name>/aws4_request`. */
  readonly credential?: string;
  readonly signature?: Signature;
  readonly sessionToken?: string;
  /** The access key of a URL signed with version 2. Only S3 accepts such a URL, and it names no region. */
  readonly accessKeyV2?: string;
  /** The error that says why the URL is not valid now. */
  readonly refused?: AwsError;
}

/**
 * Reads the signature of a presigned URL. SDKs move headers into its query (the checksum of a body, its encryption);
 * this turns them into headers again.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 * @param now the machine's clock in epoch milliseconds, which clients sign with
 */
export function signedRequest(
  headers: Readonly<Record<string, string>>,
  given: URLSearchParams,
  now: number,
): SignedRequest {
  const authorization = headers['authorization'];
  if (authorization !== undefined) return signedInHeaders(headers, given, authorization);
  if (given.has('AWSAccessKeyId') && given.has('Signature')) return signedV2(headers, given, now);
  const credential = given.get('X-Amz-Credential');
  if (credential === null) return { headers, query: given };
  const { moved, query } = withoutSignature(given, signature);
  return {
    headers: { ...moved, ...headers },
    query,
    credential,
    signature: {
      credential,
      signedHeaders: (given.get('X-Amz-SignedHeaders') ?? '').toLowerCase().split(';'),
      signature: given.get('X-Amz-Signature') ?? '',
      date: given.get('X-Amz-Date') ?? '',
      inQuery: true,
    },
    sessionToken: given.get('X-Amz-Security-Token') ?? headers['x-amz-security-token'],
    refused: expiry(given, now),
  };
}

function signedInHeaders(
  headers: Readonly<Record<string, string>>,
  query: URLSearchParams,
  authorization: string,
): SignedRequest {
  const signed = {
    headers,
    query,
    credential: /Credential=([^,\s]+)/.exec(authorization)?.[1],
    sessionToken: headers['x-amz-security-token'],
  };
  try {
    return { ...signed, signature: headerSignature(authorization, headers['x-amz-date'] ?? isoDate(headers['date'])) };
  } catch (error) {
    return { ...signed, refused: error as AwsError };
  }
}

/** The date of a Date header in the form of X-Amz-Date. */
function isoDate(date: string | undefined): string | undefined {
  const at = Date.parse(date ?? '');
  return Number.isNaN(at) ? undefined : new Date(at).toISOString().replace(/[-:]|\.\d+/g, '');
}

function signedV2(headers: Readonly<Record<string, string>>, given: URLSearchParams, now: number): SignedRequest {
  const { moved, query } = withoutSignature(given, ['x-amz-security-token']);
  for (const name of signatureV2) query.delete(name);
  const expires = Number(given.get('Expires'));
  return {
    headers: { ...moved, ...headers },
    query,
    accessKeyV2: given.get('AWSAccessKeyId')!,
    sessionToken: given.get('x-amz-security-token') ?? undefined,
    refused: expires * 1000 > now ? undefined : expired(),
  };
}

function withoutSignature(given: URLSearchParams, ofSignature: readonly string[]) {
  const query = new URLSearchParams();
  const moved: Record<string, string> = {};
  for (const [name, value] of given) {
    const lower = name.toLowerCase();
    if (ofSignature.includes(lower)) continue;
    if (lower.startsWith('x-amz-')) moved[lower] = value;
    else query.append(name, value);
  }
  return { moved, query };
}

function expiry(given: URLSearchParams, now: number): AwsError | undefined {
  const date = given.get('X-Amz-Date') ?? '';
  const seconds = given.get('X-Amz-Expires') ?? '';
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  if (year === undefined) return malformed(`X-Amz-Date must be in the form yyyyMMddTHHmmssZ, got ${date}`);
  if (!/^\d+$/.test(seconds) || Number(seconds) < 1 || Number(seconds) > longestSeconds)
    return malformed(`X-Amz-Expires must be between 1 and ${longestSeconds} seconds, got ${seconds}`);
  const signedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return signedAt + Number(seconds) * 1000 > now ? undefined : expired();
}

const expired = () => new AwsError('AccessDenied', 'Request has expired', 403);
const malformed = (message: string) => new AwsError('AuthorizationQueryParametersError', message, 400);
