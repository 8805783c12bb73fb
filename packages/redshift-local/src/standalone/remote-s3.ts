import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { AwsError, NotModelledError, type Principal, type S3ObjectInfo, type S3Port } from 'aws-local-kit';
import { awsErrorOf } from './remote-error';

/**
 * Reads and writes buckets of an S3 endpoint with the client's credentials. It does not assume the roles that
 * statements name. Failures are AwsErrors with the endpoint's code.
 */
export class RemoteS3 implements S3Port {
  /** @param ending aborts open calls */
  constructor(
    private readonly client: S3Client,
    private readonly ending: AbortSignal,
  ) {}

  async list(_: Principal, bucket: string, prefix: string): Promise<S3ObjectInfo[]> {
    const objects: S3ObjectInfo[] = [];
    let token: string | undefined;
    do {
      const page = await asked(() =>
        this.client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }), {
          abortSignal: this.ending,
        }),
      );
      for (const { Key, Size, ETag, LastModified } of page.Contents ?? [])
        objects.push({ key: Key!, size: Size ?? 0, etag: ETag ?? '', lastModified: LastModified?.getTime() ?? 0 });
      const next = page.IsTruncated ? page.NextContinuationToken : undefined;
      if (page.IsTruncated && (next === undefined || next === token))
        throw new AwsError('InternalError', `the S3 endpoint lists ${bucket}/${prefix} in pages without end`, 500);
      token = next;
    } while (token !== undefined);
    return objects;
  }

  async head(_: Principal, bucket: string, key: string): Promise<S3ObjectInfo> {
    return infoOf(
      key,
      await asked(() =>
        this.client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: this.ending }),
      ),
    );
  }

  async get(_: Principal, bucket: string, key: string): Promise<Buffer> {
    return asked(async () => {
      const answer = await this.client.send(new GetObjectCommand({ Bucket: bucket, Key: key }), {
        abortSignal: this.ending,
      });
      return Buffer.from(await answer.Body!.transformToByteArray());
    });
  }

  pathForRead(): Promise<string> {
    return Promise.reject(new NotModelledError('a file for an object of an S3 endpoint'));
  }

  /** Downloads the object. @throws AwsError IncompleteBody if fewer bytes arrive than the endpoint announced */
  async linkForRead(_: Principal, bucket: string, key: string, link: string): Promise<S3ObjectInfo> {
    return asked(async () => {
      const answer = await this.client.send(new GetObjectCommand({ Bucket: bucket, Key: key }), {
        abortSignal: this.ending,
      });
      await pipeline(answer.Body as Readable, createWriteStream(link), { signal: this.ending });
      const { size } = await stat(link);
      if (answer.ContentLength !== undefined && answer.ContentLength !== size)
        throw new AwsError(
          'IncompleteBody',
          `${size} of ${answer.ContentLength} bytes of s3://${bucket}/${key} arrived`,
        );
      return infoOf(key, { ...answer, ContentLength: size });
    });
  }

  async put(_: Principal, bucket: string, key: string, body: Buffer): Promise<S3ObjectInfo> {
    const answer = await asked(() =>
      this.client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentLength: body.length }), {
        abortSignal: this.ending,
      }),
    );
    return infoOf(key, { ...answer, ContentLength: body.length, LastModified: new Date() });
  }

  async putFile(_: Principal, bucket: string, key: string, file: string): Promise<S3ObjectInfo> {
    const { size } = await stat(file);
    const answer = await asked(() =>
      this.client.send(
        new PutObjectCommand({ Bucket: bucket, Key: key, Body: createReadStream(file), ContentLength: size }),
        { abortSignal: this.ending },
      ),
    );
    return infoOf(key, { ...answer, ContentLength: size, LastModified: new Date() });
  }

  async delete(_: Principal, bucket: string, key: string): Promise<void> {
    await asked(() =>
      this.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: this.ending }),
    );
  }

  pathOf(): string {
    throw new NotModelledError('a file for an object of an S3 endpoint');
  }
}

interface Answer {
  readonly ContentLength?: number;
  readonly ETag?: string;
  readonly VersionId?: string;
  readonly LastModified?: Date;
}

const infoOf = (key: string, answer: Answer): S3ObjectInfo => ({
  key,
  size: answer.ContentLength ?? 0,
  etag: answer.ETag ?? '',
  versionId: answer.VersionId,
  lastModified: answer.LastModified?.getTime() ?? 0,
});

async function asked<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw awsErrorOf('S3', error);
  }
}
