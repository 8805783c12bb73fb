import { AwsError, NotModelledError, type ServiceRequest } from 'aws-local-kit';
import { verifiedChecksums } from './checksums';
import type { ObjectEvent } from './notifications';

export interface PutOptions {
  /** Response headers of the object: content type, user metadata, checksums. */
  readonly headers?: Record<string, string>;
  /** Encryption that the request itself demands. Without it, the bucket's setting applies. */
  readonly encryption?: { readonly algorithm: string; readonly kmsKey?: string };
  readonly ifNoneMatch?: string;
  readonly ifMatch?: string;
  readonly event?: ObjectEvent;
  readonly context?: Readonly<Record<string, string>>;
}

/**
 * Headers of AWS that the local runtime supports or can ignore. Any other would change the meaning, so it is refused.
 */
const known = new Set([
  'x-amz-api-version',
  'x-amz-date',
  'x-amz-content-sha256',
  'x-amz-security-token',
  'x-amz-user-agent',
  'x-amz-trailer',
  'x-amz-decoded-content-length',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-checksum-algorithm',
  'x-amz-checksum-mode',
  'x-amz-checksum-type',
  'x-amz-expected-bucket-owner',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-bucket-key-enabled',
  'x-amz-copy-source',
  'x-amz-copy-source-range',
  'x-amz-copy-source-if-match',
  'x-amz-copy-source-if-none-match',
  'x-amz-copy-source-if-modified-since',
  'x-amz-copy-source-if-unmodified-since',
  'x-amz-metadata-directive',
  'x-amz-tagging-directive',
  'x-amz-mp-object-size',
  'x-amz-storage-class',
  'x-amz-acl',
]);

const storedHeaders = [
  'content-type',
  'content-encoding',
  'content-disposition',
  'content-language',
  'cache-control',
  'expires',
];

/**
 * Checks the request's headers and query parameters.
 * @throws NotModelledError naming one that would change the meaning of the request
 */
export function checkRequest(request: ServiceRequest, parameters: readonly string[], account: string): void {
  for (const [name, value] of Object.entries(request.headers)) {
    if (!name.startsWith('x-amz-') || name.startsWith('x-amz-meta-') || name.startsWith('x-amz-checksum-')) continue;
    if (!known.has(name)) throw new NotModelledError(`header ${name} of S3`);
    if (name === 'x-amz-tagging-directive' && value !== 'COPY') throw new NotModelledError(`header ${name}: ${value}`);
    if (name === 'x-amz-storage-class' && value !== 'STANDARD') throw new NotModelledError(`header ${name}: ${value}`);
    if (name === 'x-amz-acl' && value !== 'private' && value !== 'bucket-owner-full-control')
      throw new NotModelledError(`header ${name}: ${value}`);
    if (name === 'x-amz-expected-bucket-owner' && value !== account)
      throw new AwsError('AccessDenied', `the bucket is of account ${account}, not of the expected ${value}`, 403);
  }
  const allowed = ['x-id', ...parameters];
  for (const name of request.query.keys())
    if (!allowed.includes(name)) throw new NotModelledError(`parameter ${name} of S3 ${request.method}`);
}

/** The options in an upload's headers. The checksums are verified. */
export function putOptions(request: ServiceRequest): PutOptions {
  const { headers } = request;
  const stored: Record<string, string> = verifiedChecksums(headers, request.body);
  for (const [name, value] of Object.entries(headers))
    if (storedHeaders.includes(name) || name.startsWith('x-amz-meta-')) stored[name] = value;
  return { ...demands(headers), headers: stored };
}

/** Encryption and preconditions of an upload or a copy, with their condition keys. */
export function demands(headers: Readonly<Record<string, string>>): PutOptions {
  const algorithm = headers['x-amz-server-side-encryption'];
  const kmsKey = headers['x-amz-server-side-encryption-aws-kms-key-id'];
  if (algorithm !== undefined && algorithm !== 'AES256' && algorithm !== 'aws:kms')
    throw new NotModelledError(`header x-amz-server-side-encryption: ${algorithm}`);
  const context: Record<string, string> = {};
  if (algorithm) context['s3:x-amz-server-side-encryption'] = algorithm;
  if (kmsKey) context['s3:x-amz-server-side-encryption-aws-kms-key-id'] = kmsKey;
  if (headers['x-amz-acl']) context['s3:x-amz-acl'] = headers['x-amz-acl'];
  return {
    encryption: algorithm ? { algorithm, kmsKey } : undefined,
    ifNoneMatch: headers['if-none-match'],
    ifMatch: headers['if-match'],
    context,
  };
}

/** A range of bytes that includes both ends. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The bytes that a Range header asks for. Undefined for the whole object, which is also the answer to several ranges.
 */
export function rangeOf(header: string | undefined, size: number): ByteRange | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start >= size || (first === '' && Number(last) === 0))
    throw new AwsError('InvalidRange', `The requested range is not satisfiable: ${header} of ${size} bytes`, 416, {
      ActualObjectSize: String(size),
      RangeRequested: header!,
    });
  return start > end ? undefined : { start, end };
}

/** True if a list of entity tags, as in If-Match, contains the object's. */
export function sameTag(list: string, etag: string): boolean {
  const plain = (tag: string) => tag.trim().replace(/^W\//, '').replaceAll('"', '');
  return list.split(',').some((tag) => plain(tag) === '*' || plain(tag) === plain(etag));
}

export function failedPrecondition(header: string): AwsError {
  return new AwsError(
    'PreconditionFailed',
    `At least one of the pre-conditions you specified did not hold: ${header}`,
    412,
    { Condition: header },
  );
}

export function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AwsError('InvalidURI', `Couldn't parse the specified URI: ${text}`);
  }
}
