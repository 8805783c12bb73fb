import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { ObjectStore } from './objects';

export function s3Objects(client: Pick<S3Client, 'send'>): ObjectStore {
  const list = async (Bucket: string, Prefix: string) => {
    const keys: string[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken }));
      keys.push(...(page.Contents ?? []).map(({ Key }) => Key!));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken);
    return keys;
  };

  return {
    list,

    async put(Bucket, Key, Body, ContentType) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType }));
    },

    async get(Bucket, Key) {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
        return (await Body?.transformToString('utf-8')) ?? '';
      } catch (error) {
        const { name } = error as Error;
        if (name === 'NoSuchKey') return undefined;
        // Who may list only below a prefix is denied what is missing, since S3 tells nothing of keys without s3:ListBucket on all of them.
        if (name === 'AccessDenied' && !(await list(Bucket, Key)).includes(Key)) return undefined;
        throw error;
      }
    },

    async delete(Bucket, Key) {
      await client.send(new DeleteObjectCommand({ Bucket, Key }));
    },
  };
}
