import fs from 'node:fs';
import { AwsError, type ServiceRequest, type ServiceResponse, storing } from 'aws-local-kit';
import type { ObjectVersion } from './bucket';
import { demands, failedPrecondition, putOptions, sameTag, unescaped } from './headers';
import { xml } from './listing';
import { pick, versionHeaders } from './reading';
import type { Bucket, S3 } from './s3';
import { type Fill, readPieces } from './uploads';

/**
 * The source object named by `x-amz-copy-source`. Throws if the caller may not read it or its conditions do not hold.
 */
export function copySource(s3: S3, { headers, principal }: ServiceRequest): { bucket: Bucket; version: ObjectVersion } {
  const given = headers['x-amz-copy-source']!;
  const [path = '', parameters = ''] = given.replace(/^\//, '').split('?');
  const slash = path.indexOf('/');
  if (slash < 1)
    throw new AwsError('InvalidArgument', `x-amz-copy-source must be <bucket>/<encoded key>, got ${given}`);
  const bucket = s3.bucket(unescaped(path.slice(0, slash)));
  const versionId = new URLSearchParams(parameters).get('versionId') ?? undefined;
  const version = s3.readable(principal, bucket, unescaped(path.slice(slash + 1)), versionId);
  checkSource(version, headers);
  return { bucket, version };
}

function checkSource(version: ObjectVersion, headers: Readonly<Record<string, string>>): void {
  const condition = (name: string) => headers[`x-amz-copy-source-if-${name}`];
  const modified = Math.floor(version.lastModified / 1000) * 1000;
  const match = condition('match');
  const noneMatch = condition('none-match');
  const failed = (name: string) => failedPrecondition(`x-amz-copy-source-if-${name}`);
  if (match !== undefined && !sameTag(match, version.etag)) throw failed('match');
  if (match === undefined && modified > Date.parse(condition('unmodified-since') ?? ''))
    throw failed('unmodified-since');
  if (noneMatch !== undefined && sameTag(noneMatch, version.etag)) throw failed('none-match');
  if (noneMatch === undefined && modified <= Date.parse(condition('modified-since') ?? ''))
    throw failed('modified-since');
}

/** The bytes that UploadPartCopy copies: the whole source, or `x-amz-copy-source-range`. */
export function copyRange(s3: S3, request: ServiceRequest): { fill: Fill } {
  const { bucket, version } = copySource(s3, request);
  const given = request.headers['x-amz-copy-source-range'];
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(given ?? `bytes=0-${Math.max(0, version.size - 1)}`) ?? [];
  if (first === undefined)
    throw new AwsError('InvalidArgument', `x-amz-copy-source-range must be bytes=<first>-<last>, got ${given}`);
  const [start, end] = [Number(first), given === undefined ? version.size - 1 : Number(last)];
  if (given !== undefined && (start > end || end >= version.size))
    throw new AwsError('InvalidRange', `${given} is not within the ${version.size} bytes of the source`, 416);
  return { fill: (write) => readPieces(bucket.store.pathOf(version), start, end, write) };
}

export function copyObject(s3: S3, request: ServiceRequest, bucket: Bucket, key: string): ServiceResponse {
  const { headers, principal } = request;
  const source = copySource(s3, request);
  const directive = headers['x-amz-metadata-directive'] ?? 'COPY';
  if (directive !== 'COPY' && directive !== 'REPLACE')
    throw new AwsError('InvalidArgument', `x-amz-metadata-directive must be COPY or REPLACE, got ${directive}`);
  const options = demands(headers);
  if (directive === 'COPY' && source.bucket === bucket && source.version.key === key && !options.encryption)
    throw new AwsError(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  const replaced = directive === 'REPLACE' ? putOptions({ ...request, body: Buffer.alloc(0) }).headers : {};
  const copied = bucket.store.temporaryFile();
  let version: ObjectVersion;
  try {
    storing(`the bucket ${bucket.name}`, copied, () =>
      fs.copyFileSync(source.bucket.store.pathOf(source.version), copied, fs.constants.COPYFILE_FICLONE),
    );
    version = s3.write(principal, bucket, key, copied, {
      ...options,
      headers: { ...kept(source.version, directive), ...replaced },
      event: 'ObjectCreated:Copy',
    });
  } finally {
    fs.rmSync(copied, { force: true });
  }
  const answer = xml('CopyObjectResult', {
    LastModified: new Date(version.lastModified).toISOString(),
    ETag: version.etag,
  });
  return {
    ...answer,
    headers: { ...answer.headers, ...versionHeaders(version), ...pick(version, 'x-amz-server-side-') },
  };
}

/**
 * Headers that the copy takes over from the source. A copy is not multipart, so it does not take over the checksum of
 * the parts' checksums.
 */
function kept(source: ObjectVersion, directive: string): Record<string, string> {
  const isComposite = source.headers['x-amz-checksum-type'] === 'COMPOSITE';
  return Object.fromEntries(
    Object.entries(source.headers).filter(([name]) => {
      if (name.startsWith('x-amz-server-side-encryption')) return false;
      if (name.startsWith('x-amz-checksum-')) return !isComposite;
      return directive === 'COPY';
    }),
  );
}
