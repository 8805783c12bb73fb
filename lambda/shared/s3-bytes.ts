import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { ObjectBytes } from './objects';

/** S3's errors for bytes that do not exist or may not be read. Without permission to list the bucket, S3 answers 403 for a missing key. */
const gone = new Set([
  'NoSuchKey',
  'NoSuchVersion',
  'NotFound',
  'AccessDenied',
  'MethodNotAllowed',
  'PreconditionFailed',
]);

export function s3Bytes(client: Pick<S3Client, 'send'>): ObjectBytes {
  return {
    async bytes({ bucket, key, etag, versionId }, last) {
      try {
        const { Body } = await client.send(
          new GetObjectCommand({
            Bucket: bucket,
            Key: key,
            ...(versionId ? { VersionId: versionId } : {}),
            ...(etag ? { IfMatch: `"${etag}"` } : {}),
            ...(last === undefined ? {} : { Range: `bytes=-${last}` }),
          }),
        );
        return (Body ?? nothing()) as AsyncIterable<Uint8Array>;
      } catch (error) {
        const { name } = error as Error;
        if (gone.has(name)) return undefined;
        // An empty object has no last bytes.
        if (name === 'InvalidRange') return nothing();
        throw error;
      }
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
