import {
  AwsError,
  NotModelledError,
  parseXml,
  type ServiceRequest,
  type ServiceResponse,
  type XmlElement,
  xmlDocument,
} from 'aws-local-kit';
import type { ObjectVersion } from './bucket';
import type { Bucket } from './s3';

const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';

export const listParameters = [
  'list-type',
  'prefix',
  'delimiter',
  'max-keys',
  'start-after',
  'continuation-token',
  'encoding-type',
  'fetch-owner',
];
export const listParametersV1 = ['list-type', 'prefix', 'delimiter', 'max-keys', 'marker', 'encoding-type'];
export const listVersionsParameters = [
  'versions',
  'prefix',
  'max-keys',
  'key-marker',
  'version-id-marker',
  'encoding-type',
];

export function xml(root: string, value: Parameters<typeof xmlDocument>[1]): ServiceResponse {
  return { headers: { 'content-type': 'application/xml' }, body: xmlDocument(root, value, namespace) };
}

/**
 * Parses a request's document.
 * @throws AwsError MalformedXML
 */
export function bodyXml(body: Buffer, root: string): XmlElement {
  try {
    const document = parseXml(body.toString());
    if (document.name === root) return document;
    throw new Error(`its root is ${document.name}, not ${root}`);
  } catch (cause) {
    throw new AwsError(
      'MalformedXML',
      `The XML you provided was not well-formed or did not validate: ${(cause as Error).message}`,
    );
  }
}

/** ListObjectsV2. */
export function listObjects(bucket: Bucket, { query }: ServiceRequest): ServiceResponse {
  const { encode, ...options } = common(query);
  const token = query.get('continuation-token');
  const after = token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString();
  const page = pageOf(bucket, { ...options, after });
  return xml('ListBucketResult', {
    ...shownOptions(bucket, query),
    KeyCount: page.contents.length + page.groups.length,
    IsTruncated: page.truncated,
    StartAfter: query.has('start-after') ? encode(query.get('start-after')!) : undefined,
    ContinuationToken: token ?? undefined,
    NextContinuationToken: page.truncated ? Buffer.from(page.last).toString('base64url') : undefined,
    ...shownPage(page, encode),
  });
}

/**
 * ListObjects, version 1. As on S3, a page names the start of the next one only if there is a delimiter. Otherwise the
 * next page starts after the page's last key.
 */
export function listObjectsV1(bucket: Bucket, { query }: ServiceRequest): ServiceResponse {
  const { encode, ...options } = common(query);
  const after = query.get('marker') ?? '';
  const page = pageOf(bucket, { ...options, after });
  return xml('ListBucketResult', {
    ...shownOptions(bucket, query),
    Marker: encode(after),
    NextMarker: page.truncated && options.delimiter !== '' ? encode(page.next) : undefined,
    IsTruncated: page.truncated,
    ...shownPage(page, encode),
  });
}

interface Page {
  readonly contents: readonly ObjectVersion[];
  /** Common prefixes. */
  readonly groups: readonly string[];
  readonly truncated: boolean;
  /** The last key that the page covers, as itself or as part of a group. */
  readonly last: string;
  /** The last key or group. */
  readonly next: string;
}

/** Keys in the order of their UTF-8 bytes, grouped at the delimiter. */
function pageOf(
  bucket: Bucket,
  { prefix, delimiter, maxKeys, after }: { prefix: string; delimiter: string; maxKeys: number; after: string },
): Page {
  const contents: ObjectVersion[] = [];
  const groups = new Set<string>();
  let last = '';
  let next = '';
  const page = (truncated: boolean) => ({ contents, groups: [...groups], truncated, last, next });
  for (const key of keysFrom(bucket.store.keys(), prefix, after)) {
    const version = bucket.store.current(key)!;
    if (version.deleteMarker) continue;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const group = cut < 0 ? undefined : key.slice(0, cut + delimiter.length);
    if (group !== undefined && (groups.has(group) || (after !== '' && after.startsWith(group)))) {
      if (groups.has(group)) last = key;
      continue;
    }
    if (contents.length + groups.size >= maxKeys) return page(maxKeys > 0);
    if (group === undefined) contents.push(version);
    else groups.add(group);
    last = key;
    next = group ?? key;
  }
  return page(false);
}

function shownOptions(bucket: Bucket, query: URLSearchParams): Record<string, string | number | undefined> {
  const { prefix, delimiter, maxKeys, encode } = common(query);
  return {
    Name: bucket.name,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: maxKeys,
    EncodingType: query.get('encoding-type') ?? undefined,
  };
}

function shownPage({ contents, groups }: Page, encode: (text: string) => string) {
  const iso = isoTexts();
  return {
    Contents: contents.map((version) => ({
      Key: encode(version.key),
      LastModified: iso(version.lastModified),
      ETag: version.etag,
      Size: version.size,
      StorageClass: 'STANDARD',
    })),
    CommonPrefixes: groups.map((group) => ({ Prefix: encode(group) })),
  };
}

/**
 * Keys with the prefix that come after `after`. A binary search skips the earlier keys, so the cost is that of one
 * page.
 */
function* keysFrom(keys: readonly string[], prefix: string, after: string): Generator<string> {
  const isBefore = (key: string, bound: Buffer) => Buffer.compare(Buffer.from(key), bound) < 0;
  const bound = Buffer.from(after);
  const wanted = Buffer.compare(Buffer.from(prefix), bound) > 0 ? Buffer.from(prefix) : bound;
  let low = 0;
  for (let high = keys.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (isBefore(keys[middle]!, wanted)) low = middle + 1;
    else high = middle;
  }
  for (let at = low; at < keys.length && keys[at]!.startsWith(prefix); at += 1) if (keys[at] !== after) yield keys[at]!;
}

/** ListObjectVersions: keys in order, each with the newest version first. */
export function listVersions(bucket: Bucket, { query }: ServiceRequest): ServiceResponse {
  const { prefix, maxKeys, encode } = common(query);
  const keyMarker = query.get('key-marker') ?? '';
  const versionMarker = query.get('version-id-marker') ?? '';
  const listed: { version: ObjectVersion; latest: boolean }[] = [];
  let truncated = false;
  for (const key of bucket.store.keys()) {
    const compared = Buffer.compare(Buffer.from(key), Buffer.from(keyMarker));
    if (!key.startsWith(prefix) || compared < 0 || (keyMarker !== '' && compared === 0 && versionMarker === ''))
      continue;
    const versions = bucket.store.versionsOf(key);
    const start =
      compared === 0 && versionMarker !== ''
        ? versions.findIndex(({ versionId }) => versionId === versionMarker) + 1
        : 0;
    for (const [i, version] of versions.entries()) {
      if (i < start) continue;
      if (listed.length >= maxKeys) truncated = true;
      else listed.push({ version, latest: i === 0 });
    }
    if (truncated) break;
  }
  const last = listed.at(-1)?.version;
  const output = ({ version, latest }: (typeof listed)[number]) => ({
    Key: encode(version.key),
    VersionId: version.versionId,
    IsLatest: latest,
    LastModified: new Date(version.lastModified).toISOString(),
    ...(version.deleteMarker ? {} : { ETag: version.etag, Size: version.size, StorageClass: 'STANDARD' }),
  });
  return xml('ListVersionsResult', {
    Name: bucket.name,
    Prefix: encode(prefix),
    KeyMarker: encode(keyMarker),
    VersionIdMarker: versionMarker,
    MaxKeys: maxKeys,
    IsTruncated: truncated,
    EncodingType: query.get('encoding-type') ?? undefined,
    NextKeyMarker: truncated && last ? encode(last.key) : undefined,
    NextVersionIdMarker: truncated && last ? last.versionId : undefined,
    Version: listed.filter(({ version }) => !version.deleteMarker).map(output),
    DeleteMarker: listed.filter(({ version }) => version.deleteMarker).map(output),
  });
}

function common(query: URLSearchParams) {
  const requested = query.get('max-keys') ?? '1000';
  if (!/^\d+$/.test(requested)) throw new AwsError('InvalidArgument', `max-keys must be a number, got ${requested}`);
  const [prefix, delimiter] = [query.get('prefix') ?? '', query.get('delimiter') ?? ''];
  return { prefix, delimiter, maxKeys: Math.min(Number(requested), 1000), encode: encoding(query) };
}

/** Encodes keys as the request demands. */
export function encoding(query: URLSearchParams): (text: string) => string {
  const wanted = query.get('encoding-type');
  if (wanted !== null && wanted !== 'url') throw new NotModelledError(`encoding-type ${wanted}`);
  if (wanted === null) return (text) => text;
  return (text) => (needsNoEncoding.test(text) ? text : encodeURIComponent(text).replace(/%2F/g, '/'));
}

/** Most keys. This is four times as fast as an encoding that changes nothing. */
const needsNoEncoding = /^[\w.!~*'()/-]*$/;

/** The text of a time. Objects that are listed together often have the same. */
function isoTexts(): (time: number) => string {
  let [last, text] = [Number.NaN, ''];
  return (time) => {
    if (time !== last) [last, text] = [time, new Date(time).toISOString()];
    return text;
  };
}
