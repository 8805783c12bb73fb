import { createHash } from 'node:crypto';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { clientSettings, type Deadlines } from './client-settings';
import { type ListedPage, listObjects } from './list-objects';
import type {
  ConditionalObjects,
  ListedObject,
  ObjectBytes,
  ObjectCopies,
  ObjectDigests,
  ObjectListing,
  ObjectMetadata,
  ObjectStore,
  ObjectVersions,
} from './objects';
import { s3Bytes } from './s3-bytes';

/** S3's errors for a version that does not exist: 403 without permission to list, 405 for a delete marker. */
const gone = new Set(['NoSuchKey', 'NoSuchVersion', 'NotFound', 'AccessDenied', 'MethodNotAllowed']);

/** Errors of a conditional write: the object has changed, is being changed, or is gone (S3 guide, "Conditional writes"). */
const overtaken = new Set(['PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchKey']);

/** An entry of a listing with its storage class, which decides what a read costs. */
export type ListedWithClass = ListedObject & {
  /** `STANDARD`, `GLACIER_IR`, `DEEP_ARCHIVE`, … */
  readonly storageClass: string;
};

/** The objects below a prefix whose keys come after `after`, in the order of their keys, a page of up to 1,000 at a time. */
export async function* listPages(
  client: Pick<S3Client, 'send'>,
  Bucket: string,
  Prefix: string,
  StartAfter?: string,
): AsyncGenerator<ListedWithClass[]> {
  const request = (position: { StartAfter?: string; ContinuationToken?: string }) =>
    listObjects(client, { Bucket, Prefix, ...position });
  let next: Promise<ListedPage> | undefined = request({ StartAfter });
  while (next) {
    const { nextToken, entries }: ListedPage = await next;
    // The next page is on its way while the caller works on this one. Its error is thrown by the next turn.
    next = nextToken === undefined ? undefined : request({ ContinuationToken: nextToken });
    next?.catch(() => undefined);
    yield entries().map((object) => listedObject(object.Key!, object));
  }
}

/** The folders directly below a prefix, a page at a time. */
export async function* listFolders(
  client: Pick<S3Client, 'send'>,
  Bucket: string,
  Prefix: string,
): AsyncGenerator<string[]> {
  let ContinuationToken: string | undefined;
  do {
    const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix, Delimiter: '/', ContinuationToken }));
    yield (page.CommonPrefixes ?? []).map((folder) => folder.Prefix!);
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken);
}

/** Converts an object of S3's answer to a listing or a HEAD. */
export const listedObject = (
  key: string,
  object: { ETag?: string; Size?: number; LastModified?: Date; StorageClass?: string },
): ListedWithClass => ({
  key,
  etag: unquoted(object.ETag),
  size: object.Size ?? 0,
  lastModified: object.LastModified?.getTime() ?? 0,
  // S3 leaves out the standard class.
  storageClass: object.StorageClass ?? 'STANDARD',
});

/** S3, as the function's role may use it. */
export function connectObjects(deadlines?: Deadlines): ReturnType<typeof s3Objects> & ObjectBytes {
  const client = new S3Client(clientSettings(deadlines));
  return { ...s3Objects(client), ...s3Bytes(client) };
}

export const s3Objects = (
  client: Client,
): ObjectStore &
  ObjectListing &
  ObjectVersions &
  ObjectMetadata &
  ConditionalObjects &
  ObjectDigests &
  ObjectCopies => ({
  pages: (bucket, prefix, after) => listPages(client, bucket, prefix, after),
  folders: (bucket, prefix) => listFolders(client, bucket, prefix),
  ...objectStore(client),
  ...conditionalObjects(client),
  ...objectVersions(client),

  async digest(Bucket, Key) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of Body as unknown as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    return { bytes, sha256: hash.digest('hex') };
  },

  async copyWithin(Bucket, from, Key) {
    await client.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${encoded(from)}` }));
  },
});

type Client = Pick<S3Client, 'send'>;

const objectStore = (client: Client): ObjectStore => ({
  list: (bucket, prefix) => listKeys(client, bucket, prefix),

  async put(Bucket, Key, Body, ContentType) {
    await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType }));
  },

  async get(Bucket, Key) {
    return (await getWithEtag(client, Bucket, Key))?.text;
  },

  async delete(Bucket, Key) {
    await client.send(new DeleteObjectCommand({ Bucket, Key }));
  },
});

const conditionalObjects = (client: Client): ConditionalObjects => ({
  getWithEtag: (bucket, key) => getWithEtag(client, bucket, key),

  async putIf(Bucket, Key, Body, etag, ContentType) {
    const condition = etag === undefined ? { IfNoneMatch: '*' } : { IfMatch: `"${etag}"` };
    try {
      await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType, ...condition }));
      return true;
    } catch (error) {
      if (overtaken.has((error as Error).name)) return false;
      throw error;
    }
  },
});

const objectVersions = (client: Client): ObjectVersions & ObjectMetadata => ({
  async metadata({ bucket, key, versionId }, name) {
    try {
      const { Metadata } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }));
      return Metadata?.[name];
    } catch (error) {
      if (gone.has((error as Error).name)) return undefined;
      throw error;
    }
  },

  async find(Bucket, Prefix, etag) {
    let markers: { KeyMarker?: string; VersionIdMarker?: string } = {};
    do {
      const page = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix, ...markers }));
      // The key comes before longer keys that begin with it, and its newest version before older ones.
      for (const { Key, ETag, VersionId } of page.Versions ?? [])
        if (Key === Prefix && unquoted(ETag) === etag) return VersionId;
      if (page.NextKeyMarker !== Prefix) return undefined;
      markers = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    } while (markers.KeyMarker !== undefined);
    return undefined;
  },

  async copy(from, to) {
    const source = `${from.bucket}/${encoded(from.key)}?versionId=${encodeURIComponent(from.versionId)}`;
    try {
      await client.send(
        new CopyObjectCommand({
          Bucket: to.bucket,
          Key: to.key,
          CopySource: source,
          ServerSideEncryption: 'aws:kms',
          SSEKMSKeyId: to.kmsKeyArn,
        }),
      );
      return true;
    } catch (error) {
      if (gone.has((error as Error).name)) return false;
      throw error;
    }
  },
});

async function listKeys(client: Client, bucket: string, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of listPages(client, bucket, prefix)) keys.push(...page.map(({ key }) => key));
  return keys;
}

/** A key that is written and deleted between the calls is asked for again, so often. */
const lookups = 3;

async function getWithEtag(client: Client, Bucket: string, Key: string) {
  for (let lookup = 1; ; lookup += 1)
    try {
      const { Body, ETag } = await client.send(new GetObjectCommand({ Bucket, Key }));
      return { text: (await Body?.transformToString('utf-8')) ?? '', etag: unquoted(ETag) };
    } catch (error) {
      const { name } = error as Error;
      if (name === 'NoSuchKey') return undefined;
      if (name !== 'AccessDenied') throw error;
      // S3 answers AccessDenied for a missing key unless the role has s3:ListBucket on the whole bucket. A listing below the key is allowed.
      if (!(await listKeys(client, Bucket, Key)).includes(Key)) return undefined;
      // The key is there. It may have been written since it was asked for.
      if (lookup === lookups) throw error;
    }
}

const encoded = (key: string) => key.split('/').map(encodeURIComponent).join('/');
const unquoted = (etag: string | undefined) => (etag ?? '').replaceAll('"', '');
