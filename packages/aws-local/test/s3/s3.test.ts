import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { account, allow, type Services, start, startServices } from '../services';

let services: Services;
beforeEach(async () => {
  services = await startServices();
});
afterEach(() => services.stop());

const Bucket = 'history';
const arn = `arn:aws:s3:::${Bucket}`;
const client = () => new S3Client(services.client());
const bucket = (properties: object = {}) =>
  services.create('AWS::S3::Bucket', 'Bucket', { BucketName: Bucket, ...properties });
const put = (Key: string, Body: string | Buffer | Readable = Key, rest: object = {}) =>
  client().send(new PutObjectCommand({ Bucket, Key, Body, ...rest }));
const get = async (Key: string, rest: object = {}) => {
  const { Body } = await client().send(new GetObjectCommand({ Bucket, Key, ...rest }));
  return Body!.transformToString();
};

describe.each([
  ['a plain key', 'a/b/c.gz', 'a/b/c.gz'],
  ['blanks and plus', 'a b/c+d.txt', 'a b/c+d.txt'],
  ['a percent sign', 'a%2Fb', 'a%252Fb'],
  ['dots that climb', '../../etc/x', '%2E./%2E./etc/x'],
  ['an empty segment', 'a//b', 'a/%/b'],
  ['a trailing slash', 'folder/', 'folder/%'],
  ['letters outside ASCII', 'žluť/🐎', undefined],
  ['colons, quotes and stars', 'a:b"c*d?e<f', undefined],
  ['the internal folder', '.aws-local/journal.jsonl', '%2Eaws-local/journal.jsonl'],
  ['a segment too long for a file name', 'x'.repeat(900), undefined],
])('%s', (_, key, file) => {
  test('is stored below the bucket and read back', async () => {
    await bucket();
    await put(key, 'content');
    expect(await get(key)).toBe('content');
    const stored = services.s3.port.pathOf(Bucket, key);
    const relative = path.relative(path.join(services.dataDir, 's3', Bucket), stored);
    expect(relative.startsWith('..')).toBe(false);
    if (file) expect(relative).toBe(file);
    const { Contents } = await client().send(new ListObjectsV2Command({ Bucket }));
    expect(Contents!.map(({ Key }) => Key)).toEqual([key]);
  });
});

test('a key may be the folder of another', async () => {
  await bucket();
  for (const key of ['a', 'a/b', 'c/d', 'c']) await put(key);
  for (const key of ['a', 'a/b', 'c/d', 'c']) expect(await get(key)).toBe(key);
});

test('a streamed upload arrives decoded, with its checksum verified', async () => {
  await bucket();
  const chunks = [Buffer.alloc(70_000, 'a'), Buffer.alloc(70_000, 'b')];
  await put('big', Readable.from(chunks), { ContentLength: 140_000 });
  expect(await get('big')).toBe(Buffer.concat(chunks).toString());
  const head = await client().send(new HeadObjectCommand({ Bucket, Key: 'big', ChecksumMode: 'ENABLED' }));
  expect(head.ContentLength).toBe(140_000);
  expect(head.ChecksumCRC32).toBeDefined();
});

test.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
  'a wrong %s checksum is refused',
  async (algorithm) => {
    await bucket();
    await expect(put('k', 'x', { [`Checksum${algorithm}`]: Buffer.alloc(8).toString('base64') })).rejects.toMatchObject(
      { name: 'BadDigest' },
    );
  },
);

// The check value of each algorithm's definition: the checksum of the nine digits 123456789.
test.each([
  ['CRC32', 'cbf43926'],
  ['CRC32C', 'e3069283'],
  ['CRC64NVME', 'ae8b14860a799888'],
])('%s is computed as its definition says', async (algorithm, check) => {
  await bucket();
  await put('k', '123456789', { [`Checksum${algorithm}`]: Buffer.from(check, 'hex').toString('base64') });
});

test('an object keeps its type, encoding and metadata', async () => {
  await bucket();
  await put('k', 'x', { ContentType: 'application/json', ContentEncoding: 'gzip', Metadata: { run: '7' } });
  const head = await client().send(new HeadObjectCommand({ Bucket, Key: 'k' }));
  expect(head).toMatchObject({
    ContentType: 'application/json',
    ContentEncoding: 'gzip',
    Metadata: { run: '7' },
    ContentLength: 1,
  });
});

test.each([
  ['bytes=0-3', '0123'],
  ['bytes=7-', '789'],
  ['bytes=-2', '89'],
  ['bytes=8-100', '89'],
])('the range %s is %s', async (Range, expected) => {
  await bucket();
  await put('k', '0123456789');
  expect(await get('k', { Range })).toBe(expected);
});

test('a range past the end is refused', async () => {
  await bucket();
  await put('k', '0123456789');
  await expect(get('k', { Range: 'bytes=10-' })).rejects.toMatchObject({ name: 'InvalidRange' });
});

test('If-None-Match: * lets only the first writer in, If-Match only who knows the object', async () => {
  await bucket();
  const first = await put('k', '1', { IfNoneMatch: '*' });
  await expect(put('k', '2', { IfNoneMatch: '*' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
  await expect(put('k', '2', { IfMatch: '"0123"' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
  await put('k', '2', { IfMatch: first.ETag });
  expect(await get('k')).toBe('2');
});

test('a listing is in pages and rolls up at the delimiter', async () => {
  await bucket();
  for (const key of ['a/1', 'a/2', 'b', 'c/1', 'd', 'ž']) await put(key);
  const pages: string[][] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await client().send(
      new ListObjectsV2Command({ Bucket, Delimiter: '/', MaxKeys: 2, ContinuationToken }),
    );
    pages.push([
      ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix!),
      ...(page.Contents ?? []).map(({ Key }) => Key!),
    ]);
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken);
  expect(pages).toEqual([['a/', 'b'], ['c/', 'd'], ['ž']]);
  const { Contents, KeyCount } = await client().send(
    new ListObjectsV2Command({ Bucket, Prefix: 'a/', StartAfter: 'a/1' }),
  );
  expect([Contents!.map(({ Key }) => Key), KeyCount]).toEqual([['a/2'], 1]);
});

test.each([
  ['with surrogates', ['\u{1f600}', '\uff5e', 'é', '~', 'a', '<&"\'>']],
  ['without', ['\uff5e', 'é', '~', 'a', '<&"\'>']],
])('a listing has the order of UTF-8 bytes, and the keys as they are: %s', async (_, keys) => {
  await bucket();
  for (const key of keys) await put(key);
  for (const EncodingType of [undefined, 'url'] as const) {
    const { Contents } = await client().send(new ListObjectsV2Command({ Bucket, EncodingType }));
    const listed = Contents!.map(({ Key }) => (EncodingType === 'url' ? decodeURIComponent(Key!) : Key!));
    expect(listed).toEqual([...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  }
});

test('version 1 of a listing names the next page if there is a delimiter, else its last key does', async () => {
  await bucket();
  for (const key of ['a/1', 'a/2', 'b', 'c/1', 'd']) await put(key);
  const page = (rest: object) => client().send(new ListObjectsCommand({ Bucket, MaxKeys: 2, ...rest }));
  const first = await page({ Delimiter: '/' });
  expect([first.CommonPrefixes, first.Contents!.map(({ Key }) => Key)]).toEqual([[{ Prefix: 'a/' }], ['b']]);
  const second = await page({ Delimiter: '/', Marker: first.NextMarker });
  expect([second.CommonPrefixes, second.Contents!.map(({ Key }) => Key)]).toEqual([[{ Prefix: 'c/' }], ['d']]);
  expect([second.IsTruncated, second.NextMarker]).toEqual([false, undefined]);
  const plain = await page({ Marker: 'a/1' });
  expect([plain.Contents!.map(({ Key }) => Key), plain.IsTruncated, plain.NextMarker]).toEqual([
    ['a/2', 'b'],
    true,
    undefined,
  ]);
});

test('a read heeds what the caller knows of the object', async () => {
  await bucket();
  const { ETag } = await put('k', 'x');
  const before = new Date(start - 60_000);
  const after = new Date(start + 60_000);
  const unchanged = { $metadata: { httpStatusCode: 304 } };
  const failed = { name: 'PreconditionFailed' };
  await expect(get('k', { IfNoneMatch: ETag })).rejects.toMatchObject(unchanged);
  await expect(get('k', { IfModifiedSince: after })).rejects.toMatchObject(unchanged);
  await expect(get('k', { IfUnmodifiedSince: before })).rejects.toMatchObject(failed);
  await expect(get('k', { IfMatch: '"0123"' })).rejects.toMatchObject(failed);
  expect(await get('k', { IfMatch: ETag, IfUnmodifiedSince: before })).toBe('x');
  expect(await get('k', { IfNoneMatch: '"0123"', IfModifiedSince: after })).toBe('x');
});

test('a copy has the bytes of its source, encoded keys included', async () => {
  await bucket();
  await put('a b/ž', 'content', { Metadata: { run: '7' } });
  await client().send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: encodeURI(`${Bucket}/a b/ž`) }));
  expect(await get('copy')).toBe('content');
  expect((await client().send(new HeadObjectCommand({ Bucket, Key: 'copy' }))).Metadata).toEqual({ run: '7' });
});

describe('a versioned bucket', () => {
  beforeEach(() => bucket({ VersioningConfiguration: { Status: 'Enabled' } }));

  test('keeps what is overwritten and what is deleted', async () => {
    const first = await put('k', '1');
    const second = await put('k', '2');
    await client().send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    await expect(get('k')).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(await get('k', { VersionId: first.VersionId })).toBe('1');
    expect(await get('k', { VersionId: second.VersionId })).toBe('2');
    const { DeleteMarkers, Versions } = await client().send(new ListObjectVersionsCommand({ Bucket }));
    expect(Versions!.map(({ VersionId, IsLatest }) => [VersionId, IsLatest])).toEqual([
      [second.VersionId, false],
      [first.VersionId, false],
    ]);
    await client().send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: DeleteMarkers![0]!.VersionId }));
    expect(await get('k')).toBe('2');
    await client().send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: second.VersionId }));
    expect(await get('k')).toBe('1');
    expect(services.s3.port.pathOf(Bucket, 'k')).toBe(path.join(services.dataDir, 's3', Bucket, 'k'));
  });

  test('is emptied as CDK empties it', async () => {
    for (const key of ['a', 'a', 'b/c']) await put(key);
    await client().send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
    const { Versions, DeleteMarkers } = await client().send(new ListObjectVersionsCommand({ Bucket }));
    const Objects = [...Versions!, ...DeleteMarkers!].map(({ Key, VersionId }) => ({ Key: Key!, VersionId }));
    expect(Objects).toHaveLength(4);
    const answer = await client().send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(answer.Errors).toBeUndefined();
    expect((await client().send(new ListObjectVersionsCommand({ Bucket }))).Versions).toBeUndefined();
    expect(fs.readdirSync(path.join(services.dataDir, 's3', Bucket))).toEqual(['.aws-local']);
  });
});

test.each([true, false])('a restart finds what was there (versioned: %s)', async (versioned) => {
  const properties = versioned ? { VersioningConfiguration: { Status: 'Enabled' } } : {};
  await bucket(properties);
  await put('k', '1', { Metadata: { run: '7' } });
  const { VersionId, ETag } = await put('k', '2');
  await put('gone');
  await client().send(new DeleteObjectCommand({ Bucket, Key: 'gone' }));
  await services.stop();
  services = await startServices({ dataDir: services.dataDir });
  await bucket(properties);
  expect(await get('k')).toBe('2');
  const head = await client().send(new HeadObjectCommand({ Bucket, Key: 'k' }));
  expect([head.ETag, head.VersionId]).toEqual([ETag, VersionId]);
  expect((await services.s3.port.list(services.iam.administrator.principal, Bucket, '')).map(({ key }) => key)).toEqual(
    ['k'],
  );
});

test('a kill between the journal and the move of the file is made good', async () => {
  await bucket();
  await put('k', 'old');
  await services.stop();
  const internal = path.join(services.dataDir, 's3', Bucket, '.aws-local');
  fs.writeFileSync(path.join(internal, 'incoming', 'f00'), 'new!');
  const version = { key: 'k', versionId: 'null', size: 4, etag: '"x"', lastModified: 1, file: 'k', headers: {} };
  fs.appendFileSync(
    path.join(internal, 'journal.jsonl'),
    `${JSON.stringify({ put: version, temporary: '.aws-local/incoming/f00' })}\n`,
  );
  services = await startServices({ dataDir: services.dataDir });
  await bucket();
  expect(await get('k')).toBe('new!');
});

describe('notifications', () => {
  const queueArn = 'arn:aws:sqs:eu-west-1:000000000000:arrivals';
  const filter = {
    S3Key: {
      Rules: [
        { Name: 'prefix', Value: 'events/' },
        { Name: 'suffix', Value: '.gz' },
      ],
    },
  };
  const notifying = {
    NotificationConfiguration: {
      QueueConfigurations: [{ Event: 's3:ObjectCreated:*', Queue: queueArn, Filter: filter }],
    },
  };
  const received = async () => {
    const messages = await services.sqs.port.receive(services.iam.administrator.principal, queueArn, 10);
    return messages.map(({ body }) => JSON.parse(body));
  };

  beforeEach(async () => {
    const { ref } = await services.create('AWS::SQS::Queue', 'Arrivals', { QueueName: 'arrivals' });
    const conditions = { ArnLike: { 'aws:SourceArn': arn }, StringEquals: { 'aws:SourceAccount': '000000000000' } };
    const statement = {
      ...allow('sqs:SendMessage', queueArn, { Condition: conditions }),
      Principal: { Service: 's3.amazonaws.com' },
    };
    await services.create('AWS::SQS::QueuePolicy', 'Policy', {
      Queues: [ref],
      PolicyDocument: { Version: '2012-10-17', Statement: [statement] },
    });
  });

  test('carry the encoded key of objects that match, after a test event', async () => {
    await bucket(notifying);
    expect(await received()).toMatchObject([{ Event: 's3:TestEvent', Bucket }]);
    await put('other/x.gz');
    await put('events/x.csv');
    const { ETag } = await put('events/a b+ž(1).gz', 'data');
    expect(await received()).toMatchObject([
      {
        Records: [
          {
            eventName: 'ObjectCreated:Put',
            s3: {
              bucket: { name: Bucket },
              object: { key: 'events/a+b%2B%C5%BE%281%29.gz', size: 4, eTag: ETag!.replaceAll('"', '') },
            },
          },
        ],
      },
    ]);
    expect(services.troubles).toEqual([]);
  });

  test('are refused at configuration when the queue does not let S3 in', async () => {
    await services.create('AWS::S3::Bucket', 'Other', { BucketName: 'other' });
    const configuration = { QueueConfigurations: [{ Event: 's3:ObjectCreated:*', Queue: queueArn }] };
    await expect(
      services.create('AWS::S3::Bucket', 'Other', { BucketName: 'other', NotificationConfiguration: configuration }),
    ).rejects.toThrow(/unable to validate.*s3.amazonaws.com is not authorized to perform: sqs:SendMessage/);
  });

  test('can be set in the form of CDK', async () => {
    await bucket();
    const configuration = {
      QueueConfigurations: [
        { Events: ['s3:ObjectRemoved:*'], QueueArn: queueArn, Filter: { Key: { FilterRules: [] } } },
      ],
    };
    const properties = {
      ServiceToken: 'x',
      BucketName: Bucket,
      NotificationConfiguration: configuration,
      Managed: 'true',
    };
    await services.create('Custom::S3BucketNotifications', 'Notifications', properties);
    await received();
    await put('k');
    await client().send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    expect(await received()).toMatchObject([{ Records: [{ eventName: 'ObjectRemoved:Delete' }] }]);
  });
});

describe('refuses by name', () => {
  beforeEach(() => bucket());
  test.each([
    ['a storage class', () => put('k', 'x', { StorageClass: 'GLACIER' }), /x-amz-storage-class: GLACIER/],
    ['tags of an object', () => put('k', 'x', { Tagging: 'a=b' }), /x-amz-tagging/],
    [
      'a customer-provided key',
      () => put('k', 'x', { SSECustomerAlgorithm: 'AES256', SSECustomerKey: Buffer.alloc(32).toString('base64') }),
      /./,
    ],
  ])('%s', async (_, call, message) => {
    await expect(call()).rejects.toThrow(message);
  });

  test('properties that it does not model', async () => {
    const rule = { ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms:dsse' } };
    await expect(bucket({ BucketEncryption: { ServerSideEncryptionConfiguration: [rule] } })).rejects.toThrow(
      /SSEAlgorithm "aws:kms:dsse"/,
    );
    await expect(bucket({ VersioningConfiguration: { Status: 'Suspended' } })).rejects.toThrow(/Suspended/);
    const lambda = { LambdaConfigurations: [{ Event: 's3:ObjectCreated:*', Function: 'f' }] };
    await expect(bucket({ NotificationConfiguration: lambda })).rejects.toThrow(/LambdaConfigurations/);
  });
});

test('buckets and their tags are listed', async () => {
  await bucket({ Tags: [{ Key: 'aws-cdk:auto-delete-objects', Value: 'true' }] });
  expect((await client().send(new ListBucketsCommand({}))).Buckets!.map(({ Name }) => Name)).toEqual([Bucket]);
  expect((await client().send(new GetBucketTaggingCommand({ Bucket }))).TagSet).toEqual([
    { Key: 'aws-cdk:auto-delete-objects', Value: 'true' },
  ]);
});

test('a file is moved into place and announced like an upload', async () => {
  await bucket();
  const file = path.join(services.dataDir, 'part.parquet');
  fs.writeFileSync(file, 'bytes');
  const stored = await services.s3.port.putFile(services.iam.administrator.principal, Bucket, 'out/part.parquet', file);
  expect(stored).toMatchObject({ key: 'out/part.parquet', size: 5 });
  expect(fs.existsSync(file)).toBe(false);
  expect(await get('out/part.parquet')).toBe('bytes');
});

describe('a bucket that no template has', () => {
  const configuration = async () => {
    const [versioning, { $metadata: _, ...notifications }] = await Promise.all([
      client().send(new GetBucketVersioningCommand({ Bucket })),
      client().send(new GetBucketNotificationConfigurationCommand({ Bucket })),
    ]);
    return { status: versioning.Status, ...notifications };
  };

  test('is created and configured through the API, and is there after a restart', async () => {
    await client().send(new CreateBucketCommand({ Bucket }));
    await expect(client().send(new CreateBucketCommand({ Bucket }))).rejects.toThrow('you already own it');
    expect(await configuration()).toEqual({ status: undefined });
    const { attributes } = await services.create('AWS::SQS::Queue', 'Queue', { QueueName: 'theirs' });
    await services.create('AWS::SQS::QueuePolicy', 'Policy', {
      Queues: [`${services.gateway.endpoint}/${account}/theirs`],
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: '*', Action: 'sqs:SendMessage', Resource: '*' }],
      },
    });
    const QueueArn = String(attributes['Arn']);
    const Filter = { Key: { FilterRules: [{ Name: 'prefix' as const, Value: 'in/' }] } };
    const QueueConfigurations = [{ Id: 'own', QueueArn, Events: ['s3:ObjectCreated:*' as const], Filter }];
    const NotificationConfiguration = { QueueConfigurations, EventBridgeConfiguration: {} };
    await client().send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
    const VersioningConfiguration = { Status: 'Enabled' as const };
    await client().send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    await put('in/a');
    const configured = { status: 'Enabled', ...NotificationConfiguration };
    expect(await configuration()).toEqual(configured);
    await services.stop();
    services = await startServices({ dataDir: services.dataDir });
    expect(await configuration()).toEqual(configured);
    expect(await get('in/a')).toBe('in/a');
  });

  test('sends its events to EventBridge, with plain keys', async () => {
    const events: unknown[] = [];
    await services.stop();
    services = await startServices({ bus: { publish: (event) => void events.push(event) } });
    await client().send(new CreateBucketCommand({ Bucket }));
    await put('a b+c', 'xyz');
    await client().send(
      new PutBucketNotificationConfigurationCommand({
        Bucket,
        NotificationConfiguration: { EventBridgeConfiguration: {} },
      }),
    );
    await put('a b+c', 'xyz');
    await client().send(new DeleteObjectCommand({ Bucket, Key: 'a b+c' }));
    expect(events).toEqual([
      expect.objectContaining({
        source: 'aws.s3',
        'detail-type': 'Object Created',
        resources: [arn],
        detail: expect.objectContaining({
          bucket: { name: Bucket },
          object: expect.objectContaining({ key: 'a b+c', size: 3, etag: 'd16fb36f0911f878998c136191af705e' }),
          reason: 'PutObject',
        }),
      }),
      expect.objectContaining({
        'detail-type': 'Object Deleted',
        detail: expect.objectContaining({ 'deletion-type': 'Permanently Deleted' }),
      }),
    ]);
  });
});
