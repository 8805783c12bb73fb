import {
  AwsError,
  NotModelledError,
  type PolicyDocument,
  type Service,
  type ServiceRequest,
  type ServiceResponse,
} from 'aws-local-kit';
import { parsePolicy } from '../iam/policy';
import { copyObject } from './copying';
import { checkRequest, putOptions, unescaped } from './headers';
import {
  bodyXml,
  listObjects,
  listObjectsV1,
  listParameters,
  listParametersV1,
  listVersions,
  listVersionsParameters,
  xml,
} from './listing';
import { listUploads, listUploadsParameters, multipartRequest } from './multipart';
import { notificationRequest, notificationResponse } from './notification-documents';
import { parseNotifications } from './notifications';
import { pick, readObject, readParameters, versionHeaders } from './reading';
import { type Bucket, noSuchKey, type S3 } from './s3';

const maxDeletes = 1000;
/** Largest content of one PutObject or UploadPart. A body is in memory while it is written, so AWS's 5 GiB are too many. */
const maxContentBytes = 256 * 1024 * 1024;
/** Room for the documents of 1,000 keys to delete and of 10,000 parts, of the longest kind. */
const maxDocumentBytes = 8 * 1024 * 1024;

/** The S3 API with path-style addresses: `/<bucket>/<key>`. */
export function s3Service(s3: S3): Service {
  return {
    signingName: 's3',
    protocol: 'rest-xml',
    maxBodyBytes: ({ method, query }) =>
      method === 'PUT' && !query.has('policy') ? maxContentBytes : maxDocumentBytes,
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

async function bucketRequest(s3: S3, request: ServiceRequest, name: string): Promise<ServiceResponse> {
  const { method, query, principal } = request;
  if (method === 'PUT' && query.size === 0) {
    check(s3, request, []);
    s3.options.authorizer.authorize({ principal, action: 's3:CreateBucket', resource: `arn:aws:s3:::${name}` });
    s3.create(name);
    return { headers: { location: `/${name}` } };
  }
  const bucket = s3.bucket(name);
  const sub = ['versions', 'versioning', 'policy', 'tagging', 'location', 'delete', 'uploads', 'notification'].find(
    (parameter) => query.has(parameter),
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
      check(s3, request, query.get('list-type') === '2' ? listParameters : listParametersV1);
      may('s3:ListBucket', listContext());
      return query.get('list-type') === '2' ? listObjects(bucket, request) : listObjectsV1(bucket, request);
    case 'GET uploads':
      check(s3, request, listUploadsParameters);
      may('s3:ListBucketMultipartUploads', listContext());
      return listUploads(s3, bucket, request);
    case 'GET versions':
      check(s3, request, listVersionsParameters);
      may('s3:ListBucketVersions', listContext());
      return listVersions(bucket, request);
    case 'GET versioning':
      check(s3, request, ['versioning']);
      may('s3:GetBucketVersioning');
      return xml('VersioningConfiguration', { Status: bucket.settings.versioned ? 'Enabled' : undefined });
    case 'PUT versioning': {
      check(s3, request, ['versioning']);
      may('s3:PutBucketVersioning');
      const status = bodyXml(request.body, 'VersioningConfiguration').children.find((c) => c.name === 'Status')?.text;
      if (status !== 'Enabled') throw new NotModelledError(`versioning ${status} of a bucket`);
      s3.save(s3.open(name, { ...bucket.settings, versioned: true }));
      return {};
    }
    case 'GET notification':
      check(s3, request, ['notification']);
      may('s3:GetBucketNotification');
      return notificationResponse(bucket);
    case 'PUT notification': {
      check(s3, request, ['notification']);
      may('s3:PutBucketNotification');
      const notifications = parseNotifications(notificationRequest(request.body), 'NotificationConfiguration');
      await s3.setNotifications(bucket, notifications.queues, false);
      bucket.eventBridge = notifications.eventBridge;
      s3.save(bucket);
      return {};
    }
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
      s3.save(bucket);
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
  const ofUpload = multipartRequest(s3, request, bucket, key);
  if (ofUpload) return ofUpload;
  switch (method) {
    case 'GET':
      if (query.has('tagging')) return objectTagging(s3, request, bucket, key);
      check(s3, request, readParameters);
      return readObject(s3, request, bucket, key);
    case 'HEAD':
      check(s3, request, readParameters);
      return readObject(s3, request, bucket, key);
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
      const removed = s3.remove(principal, bucket, key, query.get('versionId') ?? undefined);
      const marker: Record<string, string> = removed?.deleteMarker ? { 'x-amz-delete-marker': 'true' } : {};
      const version: Record<string, string> =
        removed && bucket.settings.versioned ? { 'x-amz-version-id': removed.versionId } : {};
      return { status: 204, headers: { ...marker, ...version } };
    }
    default:
      throw new NotModelledError(`S3 ${method} of an object`);
  }
}

/** Objects have no tags here: an upload with tags is refused. */
function objectTagging(s3: S3, request: ServiceRequest, bucket: Bucket, key: string): ServiceResponse {
  check(s3, request, ['tagging', 'versionId']);
  const versionId = request.query.get('versionId');
  const action = versionId === null ? 's3:GetObjectTagging' : 's3:GetObjectVersionTagging';
  s3.authorize(request.principal, action, bucket, key);
  const version = versionId === null ? bucket.store.current(key) : bucket.store.version(key, versionId);
  if (!version || version.deleteMarker) throw noSuchKey(key);
  return xml('Tagging', { TagSet: {} });
}

function deleteObjects(s3: S3, request: ServiceRequest, bucket: Bucket): ServiceResponse {
  const root = bodyXml(request.body, 'Delete');
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
