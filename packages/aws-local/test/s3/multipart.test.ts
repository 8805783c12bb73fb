import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { signedFetch } from 'aws-local-kit/testing';
import { allow, region, type Services, startServices } from '../services';

let services: Services;
beforeEach(async () => {
  services = await startServices();
});
afterEach(() => services.stop());

const Bucket = 'history';
const arn = `arn:aws:s3:::${Bucket}`;
const MiB = 1024 * 1024;
const client = () => new S3Client(services.client());
const bucket = (properties: object = {}) =>
  services.create('AWS::S3::Bucket', 'Bucket', { BucketName: Bucket, ...properties });
const create = (Key: string, rest: object = {}, s3 = client()) =>
  s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...rest }));
const upload = (Key: string, UploadId: string | undefined, PartNumber: number, Body: Buffer, rest: object = {}) =>
  client().send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ...rest }));
const complete = (Key: string, UploadId: string | undefined, Parts: CompletedPart[], rest: object = {}) =>
  client().send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...rest }));
const read = async (Key: string, rest: object = {}) => {
  const answer = await client().send(new GetObjectCommand({ Bucket, Key, ...rest }));
  return Buffer.from(await answer.Body!.transformToByteArray());
};
const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest();
const crc32 = (bytes: Buffer) => {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(zlib.crc32(bytes));
  return value;
};
/** Bytes that differ from place to place. */
const bytesOf = (size: number, seed: number) => {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i += 4) bytes.writeUInt32LE((i * 2654435761 + seed) >>> 0, Math.min(i, size - 4));
  return bytes;
};
const first = bytesOf(5 * MiB, 1);
const second = bytesOf(7_000, 2);

/** An object of two parts, the second one uploaded first. */
async function twoParts(Key: string, declared: object = { ChecksumAlgorithm: 'CRC32' }) {
  const { UploadId } = await create(Key, declared);
  const parts = await Promise.all([upload(Key, UploadId, 7, second), upload(Key, UploadId, 2, first)]);
  const [b, a] = parts.map(({ ETag, ChecksumCRC32 }, i) => ({ ETag, ChecksumCRC32, PartNumber: [7, 2][i]! }));
  return { UploadId, Parts: [a!, b!] };
}

test('the parts become one object in the order of their numbers', async () => {
  await bucket();
  const { UploadId, Parts } = await twoParts('a b/ž.gz', {
    ChecksumAlgorithm: 'CRC32',
    ContentType: 'application/json',
    Metadata: { run: '7' },
  });
  const answer = await complete('a b/ž.gz', UploadId, Parts);
  const whole = Buffer.concat([first, second]);
  const ETag = `"${md5(Buffer.concat([md5(first), md5(second)])).toString('hex')}-2"`;
  expect(answer).toMatchObject({
    Bucket,
    Key: 'a b/ž.gz',
    ETag,
    ChecksumCRC32: `${crc32(Buffer.concat([crc32(first), crc32(second)])).toString('base64')}-2`,
    ChecksumType: 'COMPOSITE',
    ServerSideEncryption: 'AES256',
  });
  expect((await read('a b/ž.gz')).equals(whole)).toBe(true);
  const head = await client().send(new HeadObjectCommand({ Bucket, Key: 'a b/ž.gz', ChecksumMode: 'ENABLED' }));
  expect(head).toMatchObject({
    ContentLength: whole.length,
    ContentType: 'application/json',
    Metadata: { run: '7' },
    ETag,
    ChecksumCRC32: answer.ChecksumCRC32,
  });
  expect((await read('a b/ž.gz', { PartNumber: 2 })).equals(second)).toBe(true);
  const part = await client().send(new HeadObjectCommand({ Bucket, Key: 'a b/ž.gz', PartNumber: 1 }));
  expect(part).toMatchObject({ ContentLength: first.length, PartsCount: 2 });
  await expect(complete('a b/ž.gz', UploadId, Parts)).rejects.toMatchObject({ name: 'NoSuchUpload' });
});

test.each(['CRC32', 'CRC32C', 'CRC64NVME'])('a %s of the whole object is the one of its bytes', async (algorithm) => {
  await bucket();
  const { UploadId } = await create('k', { ChecksumAlgorithm: algorithm, ChecksumType: 'FULL_OBJECT' });
  const rest = { ChecksumAlgorithm: algorithm };
  const parts = [await upload('k', UploadId, 1, first, rest), await upload('k', UploadId, 2, second, rest)];
  const Parts = parts.map(({ ETag }, i) => ({ ETag, PartNumber: i + 1 }));
  const member = `Checksum${algorithm}` as 'ChecksumCRC32';
  const asPut = await client().send(
    new PutObjectCommand({
      Bucket,
      Key: 'put',
      Body: Buffer.concat([first, second]),
      ChecksumAlgorithm: algorithm as 'CRC32',
    }),
  );
  await expect(complete('k', UploadId, Parts, { [member]: 'AAAAAA==' })).rejects.toMatchObject({ name: 'BadDigest' });
  const answer = await complete('k', UploadId, Parts, { [member]: asPut[member] });
  expect([answer[member], answer.ChecksumType]).toEqual([asPut[member], 'FULL_OBJECT']);
});

describe('refuses to complete', () => {
  test('parts out of order, missing or of another ETag, and too small ones', async () => {
    await bucket();
    const { UploadId, Parts } = await twoParts('k');
    const [a, b] = Parts as [CompletedPart, CompletedPart];
    const attempt = (parts: CompletedPart[], rest: object = {}) => complete('k', UploadId, parts, rest);
    await expect(attempt([b, a])).rejects.toMatchObject({ name: 'InvalidPartOrder' });
    await expect(attempt([a, { ...b, PartNumber: 8 }])).rejects.toMatchObject({ name: 'InvalidPart' });
    await expect(attempt([a, { ...b, ETag: a.ETag }])).rejects.toMatchObject({ name: 'InvalidPart' });
    await expect(attempt([a, { ...b, ChecksumCRC32: a.ChecksumCRC32 }])).rejects.toMatchObject({ name: 'InvalidPart' });
    await expect(attempt([a, { ETag: b.ETag, PartNumber: 7 }])).rejects.toThrow(/must include the checksum.*part 7/);
    await expect(attempt([{ PartNumber: 2 }])).rejects.toMatchObject({ name: 'MalformedXML' });
    await expect(attempt([])).rejects.toMatchObject({ name: 'MalformedXML' });
    await expect(attempt([a, b], { MpuObjectSize: 3 })).rejects.toMatchObject({ name: 'InvalidRequest' });
    const small = await upload('k', UploadId, 3, second);
    await expect(
      attempt([a, { ETag: small.ETag, ChecksumCRC32: small.ChecksumCRC32, PartNumber: 3 }, b]),
    ).rejects.toMatchObject({ name: 'EntityTooSmall' });
    await attempt([a, b]);
  });

  test('where the precondition does not hold any more', async () => {
    await bucket();
    const { UploadId, Parts } = await twoParts('k');
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    await expect(complete('k', UploadId, Parts, { IfNoneMatch: '*' })).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
    expect((await read('k')).toString()).toBe('x');
    await complete('k', UploadId, Parts);
  });

  test('requests that are no such XML', async () => {
    await bucket();
    const { UploadId } = await create('k');
    const { credentials } = services.client();
    const url = `${services.gateway.endpoint}/${Bucket}/k?uploadId=${UploadId}`;
    const init = { method: 'POST', body: '<Complete' };
    const answer = await signedFetch(url, init, { service: 's3', region, ...credentials });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('<Code>MalformedXML</Code>')]);
  });
});

test.each([0, 10_001, 1.5])('part number %s is refused', async (number) => {
  await bucket();
  const { UploadId } = await create('k');
  await expect(upload('k', UploadId, number, second)).rejects.toThrow(/Part number must be an integer between 1/);
});

test('a part needs the checksum that the upload declared, and the right one', async () => {
  await bucket();
  const { UploadId } = await create('k', { ChecksumAlgorithm: 'SHA256' });
  await expect(upload('k', UploadId, 1, second, { ChecksumAlgorithm: 'CRC32' })).rejects.toThrow(
    /expected checksum Type: sha256, actual checksum Type: crc32/,
  );
  await expect(upload('k', UploadId, 1, second, { ChecksumSHA256: 'AAAA' })).rejects.toMatchObject({
    name: 'BadDigest',
  });
  await expect(create('k', { ChecksumAlgorithm: 'SHA1', ChecksumType: 'FULL_OBJECT' })).rejects.toThrow(
    /FULL_OBJECT.*SHA1/,
  );
});

test('uploads and parts are listed in pages, and gone once aborted', async () => {
  await bucket();
  const { UploadId } = await create('logs/a', { ChecksumAlgorithm: 'CRC32' });
  for (const number of [3, 1, 2]) await upload('logs/a', UploadId, number, second);
  const replaced = await upload('logs/a', UploadId, 3, first);
  const pages: (number | undefined)[][] = [];
  let PartNumberMarker: string | undefined;
  do {
    const page = await client().send(
      new ListPartsCommand({ Bucket, Key: 'logs/a', UploadId, MaxParts: 2, PartNumberMarker }),
    );
    pages.push(page.Parts!.map(({ PartNumber }) => PartNumber));
    PartNumberMarker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
    if (!page.IsTruncated) expect(page.Parts!.at(-1)).toMatchObject({ ETag: replaced.ETag, Size: first.length });
  } while (PartNumberMarker);
  expect(pages).toEqual([[1, 2], [3]]);

  for (const key of ['logs/b', 'logs/b', 'other']) await create(key);
  const keys: string[] = [];
  let markers: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
  while (markers) {
    const page: ListMultipartUploadsCommandOutput = await client().send(
      new ListMultipartUploadsCommand({ Bucket, MaxUploads: 1, ...markers }),
    );
    keys.push(...page.Uploads!.map(({ Key }) => Key!));
    markers = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined;
  }
  expect(keys).toEqual(['logs/a', 'logs/b', 'logs/b', 'other']);
  const rolled = await client().send(new ListMultipartUploadsCommand({ Bucket, Delimiter: '/' }));
  expect([rolled.CommonPrefixes, rolled.Uploads!.map(({ Key }) => Key)]).toEqual([[{ Prefix: 'logs/' }], ['other']]);

  await client().send(new AbortMultipartUploadCommand({ Bucket, Key: 'logs/a', UploadId }));
  await expect(upload('logs/a', UploadId, 1, second)).rejects.toMatchObject({ name: 'NoSuchUpload' });
  await expect(client().send(new ListPartsCommand({ Bucket, Key: 'logs/a', UploadId }))).rejects.toMatchObject({
    name: 'NoSuchUpload',
  });
});

test('an upload outlives a restart', async () => {
  await bucket();
  const { UploadId, Parts } = await twoParts('k');
  await services.stop();
  services = await startServices({ dataDir: services.dataDir });
  await bucket();
  await complete('k', UploadId, Parts);
  expect((await read('k')).length).toBe(first.length + second.length);
  const head = await client().send(new HeadObjectCommand({ Bucket, Key: 'k', PartNumber: 2 }));
  expect([head.PartsCount, head.ContentLength]).toEqual([2, second.length]);
});

test('parts are copied from other objects, in whole and in ranges', async () => {
  await bucket();
  await client().send(new PutObjectCommand({ Bucket, Key: 'a b/ž', Body: first }));
  const { UploadId } = await create('k', { ChecksumAlgorithm: 'CRC32' });
  const copy = async (PartNumber: number, CopySourceRange?: string) => {
    const CopySource = encodeURI(`${Bucket}/a b/ž`);
    const { CopyPartResult } = await client().send(
      new UploadPartCopyCommand({ Bucket, Key: 'k', UploadId, PartNumber, CopySource, CopySourceRange }),
    );
    return { ...CopyPartResult!, PartNumber };
  };
  const Parts = [await copy(1), await copy(2, 'bytes=10-19')];
  expect(Parts[1]!.ChecksumCRC32).toBe(crc32(first.subarray(10, 20)).toString('base64'));
  await expect(copy(3, `bytes=0-${first.length}`)).rejects.toMatchObject({ name: 'InvalidRange' });
  await expect(copy(3, 'bytes=5-')).rejects.toMatchObject({ name: 'InvalidArgument' });
  await complete('k', UploadId, Parts);
  expect((await read('k')).equals(Buffer.concat([first, first.subarray(10, 20)]))).toBe(true);
});

describe('a copy', () => {
  const copy = (Key: string, rest: object = {}) =>
    client().send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/source`, ...rest }));

  test('of a multipart upload is an object in one piece', async () => {
    await bucket();
    const { UploadId, Parts } = await twoParts('source');
    await complete('source', UploadId, Parts);
    const { CopyObjectResult } = await copy('k');
    const whole = Buffer.concat([first, second]);
    expect(CopyObjectResult!.ETag).toBe(`"${md5(whole).toString('hex')}"`);
    expect((await read('k')).equals(whole)).toBe(true);
  });

  test('heeds the conditions on its source', async () => {
    await bucket();
    const { ETag } = await client().send(new PutObjectCommand({ Bucket, Key: 'source', Body: 'x' }));
    const failed = { name: 'PreconditionFailed' };
    await expect(copy('k', { CopySourceIfMatch: '"0123"' })).rejects.toMatchObject(failed);
    await expect(copy('k', { CopySourceIfNoneMatch: ETag })).rejects.toMatchObject(failed);
    await expect(copy('k', { CopySourceIfModifiedSince: new Date('2026-03-02') })).rejects.toMatchObject(failed);
    await expect(copy('k', { CopySourceIfUnmodifiedSince: new Date('2026-02-01') })).rejects.toMatchObject(failed);
    await copy('k', { CopySourceIfMatch: ETag });
  });

  test('onto itself has to change something', async () => {
    await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'source', Body: 'x', Metadata: { run: '7' } }));
    await expect(copy('source')).rejects.toThrow(/copy an object to itself/);
    await copy('source', { MetadataDirective: 'REPLACE', Metadata: { run: '8' } });
    const head = await client().send(new HeadObjectCommand({ Bucket, Key: 'source' }));
    expect(head.Metadata).toEqual({ run: '8' });
    expect((await read('source')).toString()).toBe('x');
  });
});

test('notifications name how an object came to be', async () => {
  const queueArn = 'arn:aws:sqs:eu-west-1:000000000000:arrivals';
  const { ref } = await services.create('AWS::SQS::Queue', 'Arrivals', { QueueName: 'arrivals' });
  const statement = { ...allow('sqs:SendMessage', queueArn), Principal: { Service: 's3.amazonaws.com' } };
  await services.create('AWS::SQS::QueuePolicy', 'Policy', {
    Queues: [ref],
    PolicyDocument: { Version: '2012-10-17', Statement: [statement] },
  });
  const QueueConfigurations = [
    { Event: 's3:ObjectCreated:CompleteMultipartUpload', Queue: queueArn },
    { Event: 's3:ObjectCreated:Copy', Queue: queueArn },
  ];
  await bucket({ NotificationConfiguration: { QueueConfigurations } });
  const received = async () => {
    const messages = await services.sqs.port.receive(services.iam.administrator.principal, queueArn, 10);
    return messages.flatMap(({ body }) => JSON.parse(body).Records ?? []);
  };
  await received();
  const { UploadId, Parts } = await twoParts('k');
  expect(await received()).toEqual([]);
  const { ETag } = await complete('k', UploadId, Parts);
  expect(await received()).toMatchObject([
    {
      eventName: 'ObjectCreated:CompleteMultipartUpload',
      s3: { object: { key: 'k', size: first.length + second.length, eTag: ETag!.replaceAll('"', '') } },
    },
  ]);
  await client().send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k` }));
  expect(await received()).toMatchObject([{ eventName: 'ObjectCreated:Copy', s3: { object: { key: 'copy' } } }]);
  expect(services.troubles).toEqual([]);
});

test('each operation needs its permission', async () => {
  await bucket();
  const { credentials } = await services.role('uploader', [allow('s3:PutObject', `${arn}/in/*`)]);
  const s3 = new S3Client(services.client(credentials));
  await expect(create('out/k', {}, s3)).rejects.toMatchObject({ name: 'AccessDenied' });
  const unknown = { Bucket, Key: 'out/k', UploadId: 'x', PartNumber: 1, Body: 'x' };
  await expect(s3.send(new UploadPartCommand(unknown))).rejects.toMatchObject({ name: 'AccessDenied' });
  const { UploadId } = await create('in/k', {}, s3);
  const at = { Bucket, Key: 'in/k', UploadId };
  const { ETag } = await s3.send(new UploadPartCommand({ ...at, PartNumber: 1, Body: 'x' }));
  for (const [command, action] of [
    [new ListPartsCommand(at), 's3:ListMultipartUploadParts'],
    [new AbortMultipartUploadCommand(at), 's3:AbortMultipartUpload'],
    [new ListMultipartUploadsCommand({ Bucket }), 's3:ListBucketMultipartUploads'],
  ] as const)
    await expect(s3.send(command as ListPartsCommand)).rejects.toThrow(action);
  await s3.send(new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }));
});

test('a policy that demands encryption is satisfied once, when the upload begins', async () => {
  await bucket();
  const deny = {
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:PutObject',
    Resource: `${arn}/*`,
    Condition: { StringNotEquals: { 's3:x-amz-server-side-encryption': 'AES256' } },
  };
  await services.create('AWS::S3::BucketPolicy', 'Policy', {
    Bucket,
    PolicyDocument: { Version: '2012-10-17', Statement: [deny] },
  });
  await expect(create('k')).rejects.toMatchObject({ name: 'AccessDenied' });
  const { UploadId, Parts } = await twoParts('k', { ChecksumAlgorithm: 'CRC32', ServerSideEncryption: 'AES256' });
  await complete('k', UploadId, Parts);
});

test('the parts of an encrypted upload need the key', async () => {
  const statement = (actions: string[]) => [allow(['s3:PutObject'], `${arn}/*`), allow(actions, '*')];
  const { ref } = await services.create('AWS::KMS::Key', 'Key', {});
  await bucket({
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [
        { ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: ref } },
      ],
    },
  });
  const without = await services.role('without', statement(['kms:GenerateDataKey']));
  const s3 = new S3Client(services.client(without.credentials));
  const { UploadId, ServerSideEncryption } = await create('k', {}, s3);
  expect(ServerSideEncryption).toBe('aws:kms');
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuAndPermissions.html
  await expect(
    s3.send(new UploadPartCommand({ Bucket, Key: 'k', UploadId, PartNumber: 1, Body: 'x' })),
  ).rejects.toThrow('kms:Decrypt');
  const withKey = await services.role('with', statement(['kms:GenerateDataKey', 'kms:Decrypt']));
  const allowed = new S3Client(services.client(withKey.credentials));
  const { ETag } = await allowed.send(new UploadPartCommand({ Bucket, Key: 'k', UploadId, PartNumber: 1, Body: 'x' }));
  await allowed.send(
    new CompleteMultipartUploadCommand({
      Bucket,
      Key: 'k',
      UploadId,
      MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] },
    }),
  );
});
