import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
  type StorageClass,
} from '@aws-sdk/client-s3';
import { listedObject } from '../../lambda/shared/s3';
import type { ObjectFacts, ObjectVersion, ObjectVersions } from './ports';

type Client = Pick<S3Client, 'send'>;

/** S3's errors for a version that does not exist. A delete marker is a version without bytes: 405. */
const gone = new Set(['NoSuchKey', 'NoSuchVersion', 'NotFound', 'MethodNotAllowed']);
/** Errors of a conditional write: the object has changed, is being changed, or is gone (S3 guide, "Conditional writes"). */
const overtaken = new Set(['PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchKey']);
/** The SDK can send a buffer again after a lost connection, but not a stream. */
const bufferedBytes = 16 * 1024 * 1024;

export const s3Versions = (client: Client): ObjectVersions => ({
  pages: (bucket, prefix) => versionPages(client, bucket, prefix),

  async read(Bucket, Key, VersionId) {
    const answer = await unlessGone(() => client.send(new GetObjectCommand({ Bucket, Key, VersionId })));
    return answer?.Body as unknown as AsyncIterable<Uint8Array> | undefined;
  },

  async facts(Bucket, Key, VersionId) {
    const answer = await unlessGone(() => client.send(new HeadObjectCommand({ Bucket, Key, VersionId })));
    return answer && factsOf(answer);
  },

  async replace(Bucket, Key, etag, file, facts) {
    const { size } = await stat(file);
    const Body = size <= bufferedBytes ? await readFile(file) : createReadStream(file);
    const condition = { IfMatch: `"${etag}"`, ContentLength: size };
    try {
      const { ETag, VersionId } = await client.send(
        new PutObjectCommand({ Bucket, Key, Body, ...condition, ...headersOf(facts) }),
      );
      return { etag: listedObject(Key, { ETag }).etag, versionId: VersionId ?? 'null', size };
    } catch (error) {
      if (overtaken.has((error as Error).name)) return undefined;
      throw error;
    }
  },

  async delete(Bucket, Key, VersionId) {
    await unlessGone(() => client.send(new DeleteObjectCommand({ Bucket, Key, VersionId })));
  },
});

async function* versionPages(client: Client, Bucket: string, Prefix: string): AsyncGenerator<ObjectVersion[]> {
  let markers: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
  while (markers !== undefined) {
    const page: Awaited<ReturnType<typeof listOnce>> = await listOnce(client, { Bucket, Prefix, ...markers });
    const versions = (page.Versions ?? []).map((version) => versionOf(version, false));
    const deletions = (page.DeleteMarkers ?? []).map((marker) => versionOf(marker, true));
    yield [...versions, ...deletions].sort((a, b) => compareKeys(a.key, b.key));
    markers =
      page.IsTruncated && page.NextKeyMarker !== undefined
        ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
        : undefined;
  }
}

const listOnce = (client: Client, input: { Bucket: string; Prefix: string }) =>
  client.send(new ListObjectVersionsCommand(input));

const versionOf = (
  version: { Key?: string; VersionId?: string; IsLatest?: boolean; ETag?: string; Size?: number; LastModified?: Date },
  isDeleteMarker: boolean,
): ObjectVersion => ({
  ...listedObject(version.Key!, version),
  versionId: version.VersionId ?? 'null',
  isLatest: version.IsLatest === true,
  isDeleteMarker,
});

const compareKeys = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

const factsOf = (head: HeadObjectCommandOutput): ObjectFacts => ({
  metadata: head.Metadata ?? {},
  ...(head.ContentType !== undefined && { contentType: head.ContentType }),
  ...(head.ContentEncoding !== undefined && { contentEncoding: head.ContentEncoding }),
  ...(head.ContentDisposition !== undefined && { contentDisposition: head.ContentDisposition }),
  ...(head.ContentLanguage !== undefined && { contentLanguage: head.ContentLanguage }),
  ...(head.CacheControl !== undefined && { cacheControl: head.CacheControl }),
  ...(head.StorageClass !== undefined && { storageClass: head.StorageClass }),
});

const headersOf = (facts: ObjectFacts) => ({
  Metadata: { ...facts.metadata },
  ContentType: facts.contentType,
  ContentEncoding: facts.contentEncoding,
  ContentDisposition: facts.contentDisposition,
  ContentLanguage: facts.contentLanguage,
  CacheControl: facts.cacheControl,
  StorageClass: facts.storageClass as StorageClass | undefined,
});

async function unlessGone<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    // An answer to HEAD has no body, so only its status says what is wrong.
    const { name, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    if (gone.has(name) || [404, 405].includes($metadata?.httpStatusCode ?? 0)) return undefined;
    throw error;
  }
}
