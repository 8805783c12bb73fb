import fs from 'node:fs';
import {
  AwsError,
  NotModelledError,
  type PolicyDocument,
  parseXml,
  type Service,
  type ServiceRequest,
  type ServiceResponse,
} from 'aws-local-kit';
import { parsePolicy } from '../iam/policy';
import type { ObjectVersion } from './bucket';
import { checkRequest, demands, putOptions, rangeOf } from './headers';
import { listObjects, listParameters, listVersions, listVersionsParameters, xml } from './listing';
import type { Bucket, S3 } from './s3';

/** Larger objects are streamed from disk. */
const bufferedBytes = 1024 * 1024;
const maxDeletes = 1000;

/** The S3 API in path style: `/<bucket>/<key>`. */
export function s3Service(s3: S3): Service {
  return {
    signingName: 's3',
    protocol: 'rest-xml',
    async handle(request) {
      const slash = request.path.indexOf('/', 1);
      const bucketName = unescaped(request.path.slice(1, slash < 0 ? undefined : slash));
      const key = slash < 0 ? '' : unescaped(request.path.slice(slash + 1));
      if (bucketName === '') return listBuckets(s3, request);
      if (key === '') return bucketRequest(s3, request, bucketName);
      return objectRequest(s3, request, s3.bucket(bucketName), key);
    },
  };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AwsError('InvalidURI', `Couldn't parse the specified URI: ${text}`);
  }
}

function listBuckets(s3: S3, request: ServiceRequest): ServiceResponse {
  if (request.method !== 'GET') throw new NotModelledError(`S3 ${request.method} /`);
  check(s3, request, ['max-buckets', 'prefix', 'bucket-region']);
  s3.options.authorizer.authorize({ principal: request.principal, action: 's3:ListAllMyBuckets', resource: '*' });
  const prefix = request.query.get('prefix') ?? '';
  const buckets = s3.buckets.filter(({ name }) => name.startsWith(prefix));
  return xml('ListAllMyBucketsResult', {
    Owner: { ID: s3.options.account },
    Buckets: {
      Bucket: buckets.map(({ name, createdAt }) => ({ Name: name, CreationDate: new Date(createdAt).toISOString() })),
    },
  });
}

function check(s3: S3, request: ServiceRequest, parameters: readonly string[]): void {
  checkRequest(request, parameters, s3.options.account);
}

function bucketRequest(s3: S3, request: ServiceRequest, name: string): ServiceResponse {
  const { method, query, principal } = request;
  if (method === 'PUT' && query.size === 0) throw new NotModelledError('S3 CreateBucket outside of a template');
  const bucket = s3.bucket(name);
  const sub = ['versions', 'versioning', 'policy', 'tagging', 'location', 'delete'].find((parameter) =>
    query.has(parameter),
  );
  const may = (action: string, context?: Record<string, string>) =>
    s3.authorize(principal, action, bucket, undefined, context);
  const listContext = () => {
    const context: Record<string, string> = { 's3:prefix': query.get('prefix') ?? '' };
    if (query.has('delimiter')) context['s3:delimiter'] = query.get('delimiter')!;
    if (query.has('max-keys')) context['s3:max-keys'] = query.get('max-keys')!;
    return context;
  };
  switch (`${method} ${sub ?? ''}`.trim()) {
    case 'HEAD':
      check(s3, request, []);
      may('s3:ListBucket');
      return { headers: { 'x-amz-bucket-region': s3.options.region } };
    case 'GET':
      check(s3, request, listParameters);
      if (query.get('list-type') !== '2') throw new NotModelledError('S3 ListObjects (version 1)');
      may('s3:ListBucket', listContext());
      return listObjects(bucket, request);
    case 'GET versions':
      check(s3, request, listVersionsParameters);
      may('s3:ListBucketVersions', listContext());
      return listVersions(bucket, request);
    case 'GET versioning':
      check(s3, request, ['versioning']);
      may('s3:GetBucketVersioning');
      return xml('VersioningConfiguration', { Status: bucket.settings.versioned ? 'Enabled' : undefined });
    case 'GET location':
      check(s3, request, ['location']);
      may('s3:GetBucketLocation');
      return xml('LocationConstraint', s3.options.region === 'us-east-1' ? '' : s3.options.region);
    case 'GET tagging':
      check(s3, request, ['tagging']);
      may('s3:GetBucketTagging');
      if (bucket.settings.tags.length === 0) throw new AwsError('NoSuchTagSet', 'The TagSet does not exist', 404);
      return xml('Tagging', { TagSet: { Tag: bucket.settings.tags.map(({ Key, Value }) => ({ Key, Value })) } });
    case 'GET policy':
      check(s3, request, ['policy']);
      may('s3:GetBucketPolicy');
      if (!bucket.policy) throw new AwsError('NoSuchBucketPolicy', 'The bucket policy does not exist', 404);
      return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(bucket.policy) };
    case 'PUT policy':
      check(s3, request, ['policy']);
      may('s3:PutBucketPolicy');
      bucket.policy = policyOf(request.body);
      return { status: 204 };
    case 'POST delete':
      check(s3, request, ['delete']);
      return deleteObjects(s3, request, bucket);
    default:
      throw new NotModelledError(`S3 ${method} of a bucket${sub ? ` with ?${sub}` : ''}`);
  }
}

function policyOf(body: Buffer): PolicyDocument {
  try {
    const policy = JSON.parse(body.toString()) as PolicyDocument;
    parsePolicy(policy, 'resource', 'bucket policy');
    return policy;
  } catch (cause) {
    throw new AwsError('MalformedPolicy', (cause as Error).message);
  }
}

async function objectRequest(s3: S3, request: ServiceRequest, bucket: Bucket, key: string): Promise<ServiceResponse> {
  const { method, headers, query, principal } = request;
  const versionId = query.get('versionId') ?? undefined;
  switch (method) {
    case 'GET':
    case 'HEAD':
      check(s3, request, ['versionId']);
      return readObject(s3, request, bucket, key, versionId);
    case 'PUT': {
      check(s3, request, []);
      if (headers['x-amz-copy-source'] !== undefined) return copyObject(s3, request, bucket, key);
      const version = s3.write(principal, bucket, key, request.body, putOptions(request));
      return {
        headers: {
          ...versionHeaders(version),
          ...pick(version, 'x-amz-checksum-'),
          ...pick(version, 'x-amz-server-side-'),
        },
      };
    }
    case 'DELETE': {
      check(s3, request, ['versionId']);
      const removed = s3.remove(principal, bucket, key, versionId);
      const marker: Record<string, string> = removed?.deleteMarker ? { 'x-amz-delete-marker': 'true' } : {};
      const version: Record<string, string> =
        removed && bucket.settings.versioned ? { 'x-amz-version-id': removed.versionId } : {};
      return { status: 204, headers: { ...marker, ...version } };
    }
    default:
      throw new NotModelledError(`S3 ${method} of an object`);
  }
}

function readObject(
  s3: S3,
  request: ServiceRequest,
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
): ServiceResponse {
  const { headers } = request;
  const version = s3.readable(request.principal, bucket, key, versionId);
  const etag = version.etag.replaceAll('"', '');
  const wanted = (header: string) => headers[header]?.split(',').map((tag) => tag.trim().replaceAll('"', ''));
  const ifMatch = wanted('if-match');
  if (ifMatch && !ifMatch.includes('*') && !ifMatch.includes(etag))
    throw new AwsError(
      'PreconditionFailed',
      'At least one of the pre-conditions you specified did not hold: If-Match',
      412,
    );
  const ifNoneMatch = wanted('if-none-match');
  if (ifNoneMatch?.some((tag) => tag === '*' || tag === etag)) return { status: 304, headers: versionHeaders(version) };
  for (const header of ['if-modified-since', 'if-unmodified-since'])
    if (headers[header] !== undefined) throw new NotModelledError(`header ${header} of S3`);

  const range = rangeOf(headers['range'], version.size);
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
  const status = range ? 206 : 200;
  if (request.method === 'HEAD') return { status, headers: answer };
  return { status, headers: answer, body: content(bucket.store.pathOf(version), version.size, range) };
}

function content(
  file: string,
  size: number,
  range: { start: number; end: number } | undefined,
): Buffer | NodeJS.ReadableStream {
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

function copyObject(s3: S3, request: ServiceRequest, bucket: Bucket, key: string): ServiceResponse {
  const { headers, principal } = request;
  const [path = '', parameters = ''] = headers['x-amz-copy-source']!.replace(/^\//, '').split('?');
  const slash = path.indexOf('/');
  const sourceBucket = s3.bucket(unescaped(path.slice(0, slash)));
  const sourceVersion = new URLSearchParams(parameters).get('versionId') ?? undefined;
  const source = s3.readable(principal, sourceBucket, unescaped(path.slice(slash + 1)), sourceVersion);
  const directive = headers['x-amz-metadata-directive'] ?? 'COPY';
  if (directive !== 'COPY' && directive !== 'REPLACE')
    throw new NotModelledError(`header x-amz-metadata-directive: ${directive}`);
  const kept = Object.entries(source.headers).filter(
    ([name]) =>
      !name.startsWith('x-amz-server-side-encryption') && (directive === 'COPY' || name.startsWith('x-amz-checksum-')),
  );
  const replaced = directive === 'REPLACE' ? putOptions({ ...request, body: Buffer.alloc(0) }).headers : {};
  const version = s3.write(principal, bucket, key, fs.readFileSync(sourceBucket.store.pathOf(source)), {
    ...demands(headers),
    headers: { ...Object.fromEntries(kept), ...replaced },
    event: 'ObjectCreated:Copy',
  });
  return {
    ...xml('CopyObjectResult', { LastModified: new Date(version.lastModified).toISOString(), ETag: version.etag }),
    headers: { 'content-type': 'application/xml', ...versionHeaders(version), ...pick(version, 'x-amz-server-side-') },
  };
}

function deleteObjects(s3: S3, request: ServiceRequest, bucket: Bucket): ServiceResponse {
  const root = parseXml(request.body.toString());
  const objects = root.children.filter(({ name }) => name === 'Object');
  const quiet = root.children.some(({ name, text }) => name === 'Quiet' && text === 'true');
  if (objects.length === 0 || objects.length > maxDeletes)
    throw new AwsError(
      'MalformedXML',
      `a DeleteObjects request must name 1 to ${maxDeletes} objects, got ${objects.length}`,
    );
  const deleted: Record<string, string | boolean | undefined>[] = [];
  const errors: Record<string, string>[] = [];
  for (const object of objects) {
    for (const { name } of object.children)
      if (name !== 'Key' && name !== 'VersionId') throw new NotModelledError(`${name} of S3 DeleteObjects`);
    const text = (name: string) => object.children.find((child) => child.name === name)?.text;
    const key = text('Key') ?? '';
    const versionId = text('VersionId');
    try {
      const removed = s3.remove(request.principal, bucket, key, versionId);
      deleted.push({
        Key: key,
        VersionId: versionId,
        DeleteMarker: removed?.deleteMarker,
        DeleteMarkerVersionId: removed?.deleteMarker ? removed.versionId : undefined,
      });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const code = error.code === 'AccessDeniedException' ? 'AccessDenied' : error.code;
      errors.push({ Key: key, Code: code, Message: error.message });
    }
  }
  return xml('DeleteResult', { Deleted: quiet ? [] : deleted, Error: errors });
}

function versionHeaders(version: ObjectVersion): Record<string, string> {
  return { etag: version.etag, ...(version.versionId === 'null' ? {} : { 'x-amz-version-id': version.versionId }) };
}

function pick(version: ObjectVersion, prefix: string): Record<string, string> {
  return Object.fromEntries(Object.entries(version.headers).filter(([name]) => name.startsWith(prefix)));
}
