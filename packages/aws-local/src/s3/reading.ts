import fs from 'node:fs';
import { AwsError, type ServiceRequest, type ServiceResponse } from 'aws-local-kit';
import type { ObjectVersion } from './bucket';
import { type ByteRange, failedPrecondition, rangeOf, sameTag } from './headers';
import type { Bucket, S3 } from './s3';

/** Larger objects are streamed from disk. */
const bufferedBytes = 1024 * 1024;

/** Query parameters of a GET that replace a header of the response, for example `response-content-type`. */
const overrides = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
].map((header) => `response-${header}`);

export const readParameters = ['versionId', 'partNumber', ...overrides];

/** GetObject and HeadObject. */
export function readObject(s3: S3, request: ServiceRequest, bucket: Bucket, key: string): ServiceResponse {
  const { headers, query, principal } = request;
  const version = s3.readable(principal, bucket, key, query.get('versionId') ?? undefined);
  if (isUnchanged(version, headers)) return { status: 304, headers: versionHeaders(version) };
  const part = query.get('partNumber');
  const ofPart = part === null ? undefined : rangeOfPart(version, part);
  const asked = sameTag(headers['if-range'] ?? version.etag, version.etag) ? headers['range'] : undefined;
  const range = ofPart ?? rangeOf(asked, version.size);
  const status = range ? 206 : 200;
  const answer = answerHeaders(version, request, range);
  if (part !== null && version.partSizes) answer['x-amz-mp-parts-count'] = String(version.partSizes.length);
  if (request.method === 'HEAD') return { status, headers: answer };
  return { status, headers: answer, body: content(bucket.store.pathOf(version), version.size, range) };
}

function answerHeaders(
  version: ObjectVersion,
  { headers, query, principal }: ServiceRequest,
  range: ByteRange | undefined,
): Record<string, string> {
  const answer: Record<string, string> = {
    ...version.headers,
    ...versionHeaders(version),
    'last-modified': new Date(version.lastModified).toUTCString(),
    'accept-ranges': 'bytes',
    'content-length': String(range ? range.end - range.start + 1 : version.size),
  };
  if (range) answer['content-range'] = `bytes ${range.start}-${range.end}/${version.size}`;
  if (range || headers['x-amz-checksum-mode'] !== 'ENABLED')
    for (const name of Object.keys(answer)) if (name.startsWith('x-amz-checksum-')) delete answer[name];
  for (const parameter of overrides) {
    const value = query.get(parameter);
    if (value === null) continue;
    if (principal.kind === 'anonymous')
      throw new AwsError('InvalidRequest', `${parameter} cannot be used with anonymous GET requests`);
    answer[parameter.slice('response-'.length)] = value;
  }
  return answer;
}

/**
 * True if the caller already has the object.
 * @throws AwsError PreconditionFailed
 */
function isUnchanged(version: ObjectVersion, headers: Readonly<Record<string, string>>): boolean {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
  // HTTP dates have whole seconds.
  const modified = Math.floor(version.lastModified / 1000) * 1000;
  const unmodifiedSince = Date.parse(headers['if-unmodified-since'] ?? '');
  const modifiedSince = Date.parse(headers['if-modified-since'] ?? '');
  if (ifMatch !== undefined && !sameTag(ifMatch, version.etag)) throw failedPrecondition('If-Match');
  // If-Match takes precedence over If-Unmodified-Since, and If-None-Match over If-Modified-Since (GetObject's page).
  if (ifMatch === undefined && modified > unmodifiedSince) throw failedPrecondition('If-Unmodified-Since');
  if (ifNoneMatch !== undefined) return sameTag(ifNoneMatch, version.etag);
  return modified <= modifiedSince;
}

/** The bytes of one part of a multipart upload. Any other object is its own part 1. */
function rangeOfPart({ partSizes, size }: ObjectVersion, text: string): ByteRange | undefined {
  const number = Number(text);
  const count = partSizes?.length ?? 1;
  if (!/^\d+$/.test(text) || number < 1 || number > 10_000)
    throw new AwsError('InvalidArgument', `Part number must be an integer between 1 and 10000, got ${text}`);
  if (number > count) throw new AwsError('InvalidPartNumber', `The object has ${count} parts, not ${number}`, 416);
  if (size === 0) return undefined;
  const start = (partSizes ?? []).slice(0, number - 1).reduce((sum, bytes) => sum + bytes, 0);
  return { start, end: start + (partSizes?.[number - 1] ?? size) - 1 };
}

function content(file: string, size: number, range: ByteRange | undefined): Buffer | NodeJS.ReadableStream {
  const { start, end } = range ?? { start: 0, end: size - 1 };
  if (end < start) return Buffer.alloc(0);
  const descriptor = fs.openSync(file, 'r');
  if (end - start >= bufferedBytes) return fs.createReadStream('', { fd: descriptor, start, end });
  try {
    const bytes = Buffer.alloc(end - start + 1);
    fs.readSync(descriptor, bytes, 0, bytes.length, start);
    return bytes;
  } finally {
    fs.closeSync(descriptor);
  }
}

export function versionHeaders(version: ObjectVersion): Record<string, string> {
  return { etag: version.etag, ...(version.versionId === 'null' ? {} : { 'x-amz-version-id': version.versionId }) };
}

export function pick(version: ObjectVersion, prefix: string): Record<string, string> {
  return Object.fromEntries(Object.entries(version.headers).filter(([name]) => name.startsWith(prefix)));
}
