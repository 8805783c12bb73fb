import { createHash } from 'node:crypto';
import fs from 'node:fs';
import {
  AwsError,
  NotModelledError,
  type ServiceRequest,
  type ServiceResponse,
  storing,
  type XmlElement,
} from 'aws-local-kit';
import type { ObjectVersion } from './bucket';
import {
  type ChecksumType,
  checksum,
  checksumHeader,
  checksumsOf,
  checksumTypes,
  verifiedChecksums,
} from './checksums';
import { copyRange } from './copying';
import { checkRequest, demands, putOptions } from './headers';
import { bodyXml, encoding, xml } from './listing';
import { versionHeaders } from './reading';
import type { Bucket, S3 } from './s3';
import { type Fill, readPieces, type Upload, type UploadPart, writeFile } from './uploads';

/** Limits of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const maxParts = 10_000;
const smallestPartBytes = 5 * 1024 * 1024;

const uploadPart = ['uploadId', 'partNumber'];

/** Handles the operations of multipart uploads. Undefined for any other request. */
export function multipartRequest(
  s3: S3,
  request: ServiceRequest,
  bucket: Bucket,
  key: string,
): ServiceResponse | undefined {
  const { method, query } = request;
  const check = (parameters: readonly string[]) => checkRequest(request, parameters, s3.options.account);
  if (method === 'POST' && query.has('uploads')) {
    check(['uploads']);
    return create(s3, request, bucket, key);
  }
  const id = query.get('uploadId');
  if (id === null) return undefined;
  switch (method) {
    case 'PUT':
      check(uploadPart);
      return put(s3, request, bucket, key, id);
    case 'POST':
      check(['uploadId']);
      return complete(s3, request, bucket, key, id);
    case 'DELETE':
      check(['uploadId']);
      s3.authorize(request.principal, 's3:AbortMultipartUpload', bucket, key);
      bucket.uploads.end(bucket.uploads.get(id, key));
      return { status: 204 };
    case 'GET':
      check(['uploadId', 'max-parts', 'part-number-marker', 'encoding-type']);
      return listParts(s3, request, bucket, key, id);
    default:
      return undefined;
  }
}

function create(s3: S3, request: ServiceRequest, bucket: Bucket, key: string): ServiceResponse {
  const { headers, principal } = request;
  const { headers: stored = {}, ...options } = putOptions({ ...request, body: Buffer.alloc(0) });
  s3.writable(principal, bucket, key, { context: options.context });
  const upload = bucket.uploads.begin({
    key,
    headers: { 'content-type': 'binary/octet-stream', ...stored, ...s3.encrypt(principal, bucket, key, options) },
    context: options.context ?? {},
    checksum: checksumWanted(headers),
    initiator: principal.arn,
    initiated: s3.options.clock.now(),
  });
  const answer = xml('InitiateMultipartUploadResult', { Bucket: bucket.name, Key: key, UploadId: upload.id });
  return { ...answer, headers: { ...answer.headers, ...encryptionHeaders(upload), ...checksumDeclaration(upload) } };
}

function checksumWanted(headers: Readonly<Record<string, string>>): Upload['checksum'] {
  const algorithm = headers['x-amz-checksum-algorithm'];
  const type = headers['x-amz-checksum-type'] as ChecksumType | undefined;
  if (algorithm === undefined) {
    if (type === undefined) return undefined;
    throw new AwsError(
      'InvalidRequest',
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header',
    );
  }
  const types = checksumTypes[algorithm];
  if (!types) throw new NotModelledError(`header x-amz-checksum-algorithm: ${algorithm}`);
  if (type !== undefined && !types.includes(type))
    throw new AwsError('InvalidRequest', `The ${type} checksum type cannot be used with the ${algorithm} algorithm`);
  return { algorithm, type: type ?? types[0]! };
}

function put(s3: S3, request: ServiceRequest, bucket: Bucket, key: string, id: string): ServiceResponse {
  const { headers, principal, query } = request;
  s3.authorize(principal, 's3:PutObject', bucket, key, bucket.uploads.contextOf(id, key));
  const upload = bucket.uploads.get(id, key);
  const text = query.get('partNumber') ?? '';
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > maxParts)
    throw new AwsError('InvalidArgument', `Part number must be an integer between 1 and ${maxParts}, got ${text}`);
  s3.decrypt(principal, bucket, key, upload.headers);
  const isCopy = headers['x-amz-copy-source'] !== undefined;
  const source = isCopy ? copyRange(s3, request) : { fill: (write: (bytes: Buffer) => void) => write(request.body) };
  const checksums = isCopy ? copiedChecksums(upload, source.fill) : givenChecksums(upload, headers, request.body);
  const part = bucket.uploads.put(upload, { number, checksums, now: s3.options.clock.now() }, source.fill);
  if (!isCopy) return { headers: { etag: part.etag, ...part.checksums, ...encryptionHeaders(upload) } };
  const answer = xml('CopyPartResult', {
    LastModified: new Date(part.lastModified).toISOString(),
    ETag: part.etag,
    ...checksumMembers(part.checksums),
  });
  return { ...answer, headers: { ...answer.headers, ...encryptionHeaders(upload) } };
}

/** Verified checksums of a part. If the upload declared an algorithm, every part must have a checksum of it. */
function givenChecksums(
  { checksum: declared }: Upload,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Record<string, string> {
  const verified = verifiedChecksums(headers, body);
  if (declared && verified[checksumHeader(declared.algorithm)] === undefined) {
    const given = Object.keys(verified).map((name) => name.slice('x-amz-checksum-'.length));
    throw new AwsError(
      'InvalidRequest',
      `Checksum Type mismatch occurred, expected checksum Type: ${declared.algorithm.toLowerCase()}, actual checksum Type: ${given[0] ?? 'null'}`,
    );
  }
  return verified;
}

function copiedChecksums({ checksum: declared }: Upload, fill: Fill): Record<string, string> {
  if (!declared) return {};
  const computed = checksum(declared.algorithm);
  fill((bytes) => computed.update(bytes));
  return { [checksumHeader(declared.algorithm)]: computed.digest() };
}

function complete(s3: S3, request: ServiceRequest, bucket: Bucket, key: string, id: string): ServiceResponse {
  const { headers, principal } = request;
  s3.writable(principal, bucket, key, { ...demands(headers), context: bucket.uploads.contextOf(id, key) });
  const upload = bucket.uploads.get(id, key);
  s3.decrypt(principal, bucket, key, upload.headers);
  const parts = chosenParts(bucket, upload, bodyXml(request.body, 'CompleteMultipartUpload'));
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  const expected = headers['x-amz-mp-object-size'];
  if (expected !== undefined && Number(expected) !== size)
    throw new AwsError('InvalidRequest', `x-amz-mp-object-size is ${expected}, the parts have ${size} bytes`);
  const file = bucket.store.temporaryFile();
  const checksums = storing(
    `the bucket ${bucket.name}`,
    file,
    () => assemble(bucket, upload, parts, headers, file),
    () => fs.rmSync(file, { force: true }),
  );
  const etag = `"${md5OfParts(parts)}-${parts.length}"`;
  const stored = { ...upload.headers, ...checksums };
  const version = s3.place(principal, bucket, 'ObjectCreated:CompleteMultipartUpload', (now) =>
    bucket.store.putFile(key, file, now, stored, { size, etag, partSizes: parts.map((part) => part.size) }),
  );
  bucket.uploads.end(upload);
  return completed(bucket, version, upload);
}

function completed(bucket: Bucket, version: ObjectVersion, upload: Upload): ServiceResponse {
  const answer = xml('CompleteMultipartUploadResult', {
    Location: `/${bucket.name}/${version.key}`,
    Bucket: bucket.name,
    Key: version.key,
    ETag: version.etag,
    ...checksumMembers(version.headers),
    ChecksumType: upload.checksum?.type,
  });
  const { etag: _, ...versionId } = versionHeaders(version);
  return { ...answer, headers: { ...answer.headers, ...versionId, ...encryptionHeaders(upload) } };
}

/** The uploaded parts that the request lists. */
function chosenParts(bucket: Bucket, upload: Upload, list: XmlElement): UploadPart[] {
  const uploaded = new Map(bucket.uploads.parts(upload).map((part) => [part.number, part]));
  const listed = list.children.filter(({ name }) => name === 'Part');
  if (listed.length === 0 || listed.length > maxParts)
    throw new AwsError(
      'MalformedXML',
      `CompleteMultipartUpload must list 1 to ${maxParts} parts, got ${listed.length}`,
    );
  let before = 0;
  const parts = listed.map((element) => {
    const text = (name: string) => element.children.find((child) => child.name === name)?.text;
    const number = Number(text('PartNumber'));
    if (!(number > before))
      throw new AwsError('InvalidPartOrder', `Parts must be in ascending order: ${number} comes after ${before}`);
    before = number;
    const etag = text('ETag')?.trim().replaceAll('"', '');
    if (!etag) throw new AwsError('MalformedXML', `Part ${number} of CompleteMultipartUpload has no ETag`);
    const part = uploaded.get(number);
    if (part?.etag.replaceAll('"', '') !== etag || !part)
      throw new AwsError('InvalidPart', `Part ${number} was not uploaded, or its ETag is not ${etag}`);
    checkPart(upload, part, (algorithm) => text(`Checksum${algorithm}`));
    return part;
  });
  const small = parts.slice(0, -1).find(({ size }) => size < smallestPartBytes);
  if (small)
    throw new AwsError(
      'EntityTooSmall',
      `Every part but the last must have ${smallestPartBytes} bytes or more, part ${small.number} has ${small.size}`,
    );
  return parts;
}

function checkPart({ checksum: declared }: Upload, part: UploadPart, given: (algorithm: string) => string | undefined) {
  for (const algorithm of Object.keys(checksumTypes)) {
    const claimed = given(algorithm);
    const known = part.checksums[checksumHeader(algorithm)];
    if (claimed !== undefined && claimed !== known)
      throw new AwsError('InvalidPart', `Checksum${algorithm} of part ${part.number} is ${known}, not ${claimed}`);
    if (claimed === undefined && declared?.type === 'COMPOSITE' && declared.algorithm === algorithm)
      throw new AwsError(
        'InvalidRequest',
        `The upload was created using a ${algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${part.number} in the request.`,
      );
  }
}

/**
 * Writes the object's bytes to a file.
 * @returns its checksums as response headers
 */
function assemble(
  bucket: Bucket,
  upload: Upload,
  parts: readonly UploadPart[],
  headers: Readonly<Record<string, string>>,
  file: string,
): Record<string, string> {
  const declared = upload.checksum;
  const whole = declared?.type === 'FULL_OBJECT' ? checksum(declared.algorithm) : undefined;
  writeFile(file, (write) => {
    for (const part of parts)
      readPieces(bucket.uploads.pathOf(upload, part), 0, part.size - 1, (bytes) => {
        whole?.update(bytes);
        write(bytes);
      });
  });
  if (!declared) return {};
  const header = checksumHeader(declared.algorithm);
  const value = whole?.digest() ?? composite(declared.algorithm, parts);
  for (const [name, claimed] of checksumsOf(headers))
    if (name !== header || claimed.replace(/-\d+$/, '') !== value.replace(/-\d+$/, ''))
      throw new AwsError('BadDigest', `${name} is ${claimed}, the object's ${header} is ${value}`);
  return { [header]: value, 'x-amz-checksum-type': declared.type };
}

/** The checksum of the parts' checksums. */
function composite(algorithm: string, parts: readonly UploadPart[]): string {
  const computed = checksum(algorithm);
  for (const { checksums } of parts) computed.update(Buffer.from(checksums[checksumHeader(algorithm)]!, 'base64'));
  return `${computed.digest()}-${parts.length}`;
}

function md5OfParts(parts: readonly UploadPart[]): string {
  const hash = createHash('md5');
  for (const { etag } of parts) hash.update(Buffer.from(etag.replaceAll('"', ''), 'hex'));
  return hash.digest('hex');
}

function listParts(s3: S3, request: ServiceRequest, bucket: Bucket, key: string, id: string): ServiceResponse {
  const { query, principal } = request;
  s3.authorize(principal, 's3:ListMultipartUploadParts', bucket, key);
  const upload = bucket.uploads.get(id, key);
  const marker = wholeNumber(query, 'part-number-marker', 0);
  const max = Math.min(wholeNumber(query, 'max-parts', 1000), 1000);
  const rest = bucket.uploads.parts(upload).filter(({ number }) => number > marker);
  const page = rest.slice(0, max);
  return xml('ListPartsResult', {
    Bucket: bucket.name,
    Key: encoding(query)(key),
    EncodingType: query.get('encoding-type') ?? undefined,
    UploadId: id,
    Initiator: { ID: upload.initiator, DisplayName: upload.initiator },
    Owner: { ID: s3.options.account },
    StorageClass: 'STANDARD',
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? 0,
    MaxParts: max,
    IsTruncated: page.length < rest.length,
    ChecksumAlgorithm: upload.checksum?.algorithm,
    ChecksumType: upload.checksum?.type,
    Part: page.map((part) => ({
      PartNumber: part.number,
      LastModified: new Date(part.lastModified).toISOString(),
      ETag: part.etag,
      Size: part.size,
      ...checksumMembers(part.checksums),
    })),
  });
}

export const listUploadsParameters = [
  'uploads',
  'prefix',
  'delimiter',
  'max-uploads',
  'key-marker',
  'upload-id-marker',
  'encoding-type',
];

/** ListMultipartUploads: the uploads of a bucket that are not completed or aborted. */
export function listUploads(s3: S3, bucket: Bucket, { query }: ServiceRequest): ServiceResponse {
  const encode = encoding(query);
  const [prefix, delimiter] = [query.get('prefix') ?? '', query.get('delimiter') ?? ''];
  const [keyMarker, idMarker] = [query.get('key-marker') ?? '', query.get('upload-id-marker') ?? ''];
  const max = Math.min(wholeNumber(query, 'max-uploads', 1000), 1000);
  const uploads = bucket.uploads.list().filter(({ key }) => key.startsWith(prefix));
  const at = uploads.findIndex(({ key, id }) => key === keyMarker && id === idMarker);
  const isAfter = (key: string) => Buffer.compare(Buffer.from(key), Buffer.from(keyMarker)) > 0;
  const rest = keyMarker === '' ? uploads : uploads.filter(({ key }, i) => (at >= 0 ? i > at : isAfter(key)));
  const groupOf = (key: string) => {
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    return cut < 0 ? undefined : key.slice(0, cut + delimiter.length);
  };
  const groups = new Set<string>();
  const listed: Upload[] = [];
  let last: Upload | undefined;
  let truncated = false;
  for (const upload of rest) {
    const group = groupOf(upload.key);
    if (group !== undefined && (groups.has(group) || keyMarker.startsWith(group))) {
      if (groups.has(group)) last = upload;
      continue;
    }
    truncated = listed.length + groups.size >= max;
    if (truncated) break;
    if (group === undefined) listed.push(upload);
    else groups.add(group);
    last = upload;
  }
  return xml('ListMultipartUploadsResult', {
    Bucket: bucket.name,
    KeyMarker: encode(keyMarker),
    UploadIdMarker: idMarker,
    NextKeyMarker: truncated && last ? encode(last.key) : undefined,
    NextUploadIdMarker: truncated ? last?.id : undefined,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: query.get('encoding-type') ?? undefined,
    MaxUploads: max,
    IsTruncated: truncated,
    Upload: listed.map((upload) => ({
      Key: encode(upload.key),
      UploadId: upload.id,
      Initiator: { ID: upload.initiator, DisplayName: upload.initiator },
      Owner: { ID: s3.options.account },
      StorageClass: 'STANDARD',
      Initiated: new Date(upload.initiated).toISOString(),
      ChecksumAlgorithm: upload.checksum?.algorithm,
      ChecksumType: upload.checksum?.type,
    })),
    CommonPrefixes: [...groups].map((group) => ({ Prefix: encode(group) })),
  });
}

function wholeNumber(query: URLSearchParams, name: string, otherwise: number): number {
  const text = query.get(name) ?? String(otherwise);
  if (!/^\d+$/.test(text)) throw new AwsError('InvalidArgument', `${name} must be a whole number, got ${text}`);
  return Number(text);
}

function encryptionHeaders({ headers }: Upload): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('x-amz-server-side-')));
}

function checksumDeclaration({ checksum: declared }: Upload): Record<string, string> {
  if (!declared) return {};
  return { 'x-amz-checksum-algorithm': declared.algorithm, 'x-amz-checksum-type': declared.type };
}

/** Checksums as members of a response, for example `ChecksumCRC32`. */
function checksumMembers(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    checksumsOf(headers).map(([name, value]) => [
      `Checksum${name.slice('x-amz-checksum-'.length).toUpperCase()}`,
      value,
    ]),
  );
}
