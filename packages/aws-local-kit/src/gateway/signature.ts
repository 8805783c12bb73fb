import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { AwsError } from '../ports';

/** A request as it came over the wire, which is what its signature covers. */
export interface WireRequest {
  readonly method: string;
  /** Path without the query, percent-encoded. */
  readonly path: string;
  /** Query without the question mark, percent-encoded. */
  readonly query: string;
  /** All values of a header, by its name in lower case. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

/** What a version 4 signature names, wherever it is in the request. */
export interface Signature {
  /** `<key id>/<date>/<region>/<signing name>/aws4_request`. */
  readonly credential: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `yyyyMMddTHHmmssZ`. */
  readonly date: string;
  /** True for a presigned URL. */
  readonly inQuery: boolean;
}

const algorithm = 'AWS4-HMAC-SHA256';
export const emptyHash = createHash('sha256').digest('hex');
const unsignedPayload = 'UNSIGNED-PAYLOAD';
/** How far a signature's date may be from this machine's clock, in milliseconds. */
const longestSkewMs = 15 * 60_000;

export const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
export const hmac = (key: string | Buffer, data: string | Buffer): Buffer =>
  createHmac('sha256', key).update(data).digest();

/**
 * Keys by secret and scope. A key holds for one day, region and service, so few are needed; making one takes four HMACs.
 */
const signingKeys = new Map<string, Buffer>();
const mostKeys = 1_000;

/** @param scope `<date>/<region>/<signing name>` */
export function signingKey(secret: string, scope: string): Buffer {
  const id = `${secret}/${scope}`;
  const known = signingKeys.get(id);
  if (known) return known;
  if (signingKeys.size >= mostKeys) signingKeys.clear();
  const [date = '', region = '', service = ''] = scope.split('/');
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), 'aws4_request');
  signingKeys.set(id, key);
  return key;
}

/** The signature of the Authorization header. @throws AwsError naming the part that is missing */
export function headerSignature(authorization: string, date: string | undefined): Signature {
  if (!authorization.startsWith(`${algorithm} `))
    throw incomplete(`the Authorization header must begin with ${algorithm}`);
  const part = (name: string): string => {
    const found = new RegExp(`[\\s,]${name}=([^,\\s]+)`).exec(authorization)?.[1];
    if (found === undefined) throw incomplete(`the Authorization header has no ${name}`);
    return found;
  };
  const credential = part('Credential');
  const signedHeaders = part('SignedHeaders').toLowerCase().split(';');
  const signature = part('Signature');
  if (date === undefined) throw incomplete('the request has neither X-Amz-Date nor Date');
  return { credential, signedHeaders, signature, date, inQuery: false };
}

const incomplete = (message: string) => new AwsError('IncompleteSignatureException', message, 400);

/**
 * Finds the hash of the payload that the signature covers.
 * @param given the value of x-amz-content-sha256, in a header or in the query
 * @returns undefined if it is the hash of the body
 */
export function payloadHash(given: string | undefined, { inQuery }: Signature, isS3: boolean): string | undefined {
  if (given !== undefined) return given;
  if (!inQuery && isS3)
    throw new AwsError('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256', 400);
  return inQuery && isS3 ? unsignedPayload : undefined;
}

/** True if the value of x-amz-content-sha256 is the hash of the whole body. */
export const isHash = (value: string): boolean => /^[0-9a-f]{64}$/.test(value);

/**
 * Verifies a version 4 signature.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * @param now the machine's clock in epoch milliseconds
 * @throws AwsError that says what is wrong
 */
export function verifySignature(
  request: WireRequest,
  signature: Signature,
  { secret, hash, isS3, now }: { readonly secret: string; readonly hash: string; readonly isS3: boolean; now: number },
): void {
  const [, day = '', region = '', service = ''] = signature.credential.split('/');
  if (!signature.date.startsWith(day) || day.length !== 8)
    throw mismatch(`the credential scope is of ${day}, the request of ${signature.date.slice(0, 8)}`);
  if (!signature.inQuery) checkSkew(signature.date, now, isS3);
  checkSignedHeaders(request, signature, isS3);
  const scope = `${day}/${region}/${service}`;
  const key = signingKey(secret, scope);
  const isRight = canonicalRequests(request, signature, hash, isS3).some((canonical) => {
    const text = `${algorithm}\n${signature.date}\n${scope}/aws4_request\n${sha256(canonical)}`;
    return isSame(hmac(key, text).toString('hex'), signature.signature);
  });
  if (!isRight)
    throw mismatch(
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
    );
}

/** The code differs by protocol: see `asSignatureCode` of the gateway. */
const mismatch = (message: string) => new AwsError('SignatureDoesNotMatch', message, 403);

function checkSkew(date: string, now: number, isS3: boolean): void {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  if (year === undefined) throw incomplete(`X-Amz-Date must be in the form yyyyMMddTHHmmssZ, got ${date}`);
  const signedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Math.abs(signedAt - now) <= longestSkewMs) return;
  const difference = 'The difference between the request time and the current time is too large.';
  if (isS3) throw new AwsError('RequestTimeTooSkewed', difference, 403);
  throw mismatch(`Signature expired: ${date} is not within 15 minutes of the current time`);
}

/** The host and every x-amz- header must be signed, or a third party could change them. */
function checkSignedHeaders({ headers }: WireRequest, { signedHeaders, inQuery }: Signature, isS3: boolean): void {
  if (!signedHeaders.includes('host') && !signedHeaders.includes(':authority'))
    throw mismatch("the header 'host' must be signed");
  if (!isS3) return;
  const unsigned = [...headers.keys()].filter(
    (name) =>
      name.startsWith('x-amz-') && !signedHeaders.includes(name) && !(inQuery && name === 'x-amz-content-sha256'),
  );
  if (unsigned.length > 0)
    throw new AwsError('AccessDenied', 'There were headers present in the request which were not signed', 403, {
      HeadersNotSigned: unsigned.join(', '),
    });
}

/**
 * The forms that the signed text may have. A client may send a character as it is and sign its percent-encoding, and a
 * plus in a query may stand for itself or for a blank.
 */
function canonicalRequests(request: WireRequest, signature: Signature, hash: string, isS3: boolean): string[] {
  const { method, path, query } = request;
  const paths = isS3 ? [encoded(path, true), path] : [encoded(path, false), path];
  const queries = [canonicalQuery(query, false), ...(query.includes('+') ? [canonicalQuery(query, true)] : [])];
  const lines = signature.signedHeaders.map((name) => `${name}:${headerText(request, name)}\n`).join('');
  const end = `${lines}\n${signature.signedHeaders.join(';')}\n${hash}`;
  return [...new Set(paths)].flatMap((one) => queries.map((other) => `${method}\n${one}\n${other}\n${end}`));
}

function headerText({ headers }: WireRequest, name: string): string {
  const values = headers.get(name) ?? (name === 'host' ? headers.get(':authority') : undefined) ?? [];
  return values.map((value) => value.trim().replace(/(?<! ) {2,}/g, ' ')).join(',');
}

function encoded(path: string, decodeFirst: boolean): string {
  return path
    .split('/')
    .map((segment) => encode(decodeFirst ? decoded(segment) : segment))
    .join('/');
}

function canonicalQuery(query: string, plusIsBlank: boolean): string {
  return query
    .split('&')
    .filter((pair) => pair !== '' && !pair.startsWith('X-Amz-Signature='))
    .map((pair) => {
      const equals = pair.indexOf('=');
      const parts = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
      return parts.map((part) => encode(decoded(plusIsBlank ? part.replaceAll('+', ' ') : part)));
    })
    .sort(([one, oneValue], [other, otherValue]) => compare(one!, other!) || compare(oneValue!, otherValue!))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** Percent-encodes everything but RFC 3986's unreserved characters. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Parameters in a query that are part of the resource in a version 2 signature. */
const subresources = new Set([
  ...['acl', 'cors', 'delete', 'lifecycle', 'location', 'logging', 'notification', 'partNumber', 'policy'],
  ...['requestPayment', 'response-cache-control', 'response-content-disposition', 'response-content-encoding'],
  ...['response-content-language', 'response-content-type', 'response-expires', 'restore', 'tagging', 'torrent'],
  ...['uploadId', 'uploads', 'versionId', 'versioning', 'versions', 'website'],
]);

/**
 * Verifies the version 2 signature of a presigned URL, which boto3 makes without a configuration.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
 * @param given the parameters of the query
 */
export function verifySignatureV2(
  { method, path, headers }: WireRequest,
  given: URLSearchParams,
  secret: string,
): void {
  const amz = new Map<string, string>();
  for (const [name, values] of headers) if (name.startsWith('x-amz-')) amz.set(name, values.join(','));
  for (const [name, value] of given) if (name.toLowerCase().startsWith('x-amz-')) amz.set(name.toLowerCase(), value);
  const resource = [...given]
    .filter(([name]) => subresources.has(name))
    .sort(([one], [other]) => compare(one, other))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`));
  const text = [
    method,
    headers.get('content-md5')?.[0] ?? '',
    headers.get('content-type')?.[0] ?? '',
    given.get('Expires') ?? '',
    ...[...amz].sort(([one], [other]) => compare(one, other)).map(([name, value]) => `${name}:${value}`),
    `${path}${resource.length > 0 ? `?${resource.join('&')}` : ''}`,
  ].join('\n');
  const expected = createHmac('sha1', secret).update(text).digest('base64');
  if (!isSame(expected, given.get('Signature') ?? ''))
    throw mismatch('The request signature we calculated does not match the signature you provided.');
}
