import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Credentials } from 'aws-local-kit';
import { allow, deny, type Services, startServices } from '../services';

let services: Services;
beforeEach(async () => {
  services = await startServices();
});
afterEach(() => services.stop());

const Bucket = 'history';
const arn = `arn:aws:s3:::${Bucket}`;
const client = (credentials?: Credentials) => new S3Client(services.client(credentials));
const bucket = (properties: object = {}) =>
  services.create('AWS::S3::Bucket', 'Bucket', { BucketName: Bucket, ...properties });
const put = (Key: string, Body = Key) => client().send(new PutObjectCommand({ Bucket, Key, Body }));
const get = (Key: string) => client().send(new GetObjectCommand({ Bucket, Key }));

test('a role reads and writes what its policy names', async () => {
  await bucket();
  await put('in/a', 'x');
  const { credentials } = await services.role('Loader', [
    allow('s3:GetObject', `${arn}/in/*`),
    allow('s3:ListBucket', arn, { Condition: { StringLike: { 's3:prefix': 'in/*' } } }),
  ]);
  const loader = client(credentials);
  await expect(loader.send(new GetObjectCommand({ Bucket, Key: 'in/a' }))).resolves.toBeDefined();
  await expect(loader.send(new ListObjectsV2Command({ Bucket, Prefix: 'in/x' }))).resolves.toBeDefined();
  await expect(loader.send(new ListObjectsV2Command({ Bucket }))).rejects.toMatchObject({ name: 'AccessDenied' });
  await expect(loader.send(new GetObjectCommand({ Bucket, Key: 'out/a' }))).rejects.toMatchObject({
    name: 'AccessDenied',
  });
  await expect(loader.send(new PutObjectCommand({ Bucket, Key: 'in/b', Body: 'x' }))).rejects.toMatchObject({
    name: 'AccessDenied',
    message: expect.stringContaining('s3:PutObject'),
    $metadata: { httpStatusCode: 403 },
  });
});

test('who may not list a bucket cannot tell a missing object from a forbidden one', async () => {
  await bucket();
  const { credentials } = await services.role('Reader', [allow('s3:GetObject', `${arn}/*`)]);
  await expect(client(credentials).send(new GetObjectCommand({ Bucket, Key: 'none' }))).rejects.toMatchObject({
    name: 'AccessDenied',
  });
  await expect(get('none')).rejects.toMatchObject({ name: 'NoSuchKey' });
});

test('a deny of the bucket policy binds the administrator too', async () => {
  await bucket();
  const statement = { ...deny('s3:PutObject', `${arn}/closed/*`), Principal: '*' };
  await services.create('AWS::S3::BucketPolicy', 'Policy', {
    Bucket,
    PolicyDocument: { Version: '2012-10-17', Statement: [statement] },
  });
  await put('open/a');
  await expect(put('closed/a')).rejects.toMatchObject({ name: 'AccessDenied' });
});

test('the policy that demands TLS takes loopback as TLS', async () => {
  await bucket();
  const statement = {
    ...deny('s3:*', [arn, `${arn}/*`], { Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    Principal: { AWS: '*' },
  };
  await services.create('AWS::S3::BucketPolicy', 'Policy', {
    Bucket,
    PolicyDocument: { Version: '2012-10-17', Statement: [statement] },
  });
  await put('a');
});

test('an encrypted bucket needs the key as well, to write and to read', async () => {
  const key = await services.create('AWS::KMS::Key', 'Key', {});
  const keyArn = String(key.attributes['Arn']);
  const byDefault = { ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: keyArn } };
  await bucket({ BucketEncryption: { ServerSideEncryptionConfiguration: [byDefault] } });
  await put('k', 'secret');
  const all = allow('s3:*', [arn, `${arn}/*`]);
  const keyless = client((await services.role('Keyless', [all])).credentials);
  const writer = client((await services.role('Writer', [all, allow('kms:GenerateDataKey', keyArn)])).credentials);
  const via = { Condition: { StringEquals: { 'kms:ViaService': 's3.eu-west-1.amazonaws.com' } } };
  const reader = client((await services.role('Reader', [all, allow('kms:Decrypt', keyArn, via)])).credentials);
  const putCommand = () => new PutObjectCommand({ Bucket, Key: 'new', Body: 'x' });
  const getCommand = () => new GetObjectCommand({ Bucket, Key: 'k' });
  await expect(keyless.send(putCommand())).rejects.toMatchObject({
    name: 'AccessDenied',
    message: expect.stringContaining('kms:GenerateDataKey'),
  });
  await expect(keyless.send(getCommand())).rejects.toMatchObject({
    name: 'AccessDenied',
    message: expect.stringContaining('kms:Decrypt'),
  });
  await expect(writer.send(getCommand())).rejects.toMatchObject({ name: 'AccessDenied' });
  await expect(writer.send(putCommand())).resolves.toMatchObject({
    ServerSideEncryption: 'aws:kms',
    SSEKMSKeyId: keyArn,
  });
  await expect(reader.send(getCommand())).resolves.toMatchObject({ SSEKMSKeyId: keyArn });
  await expect(reader.send(putCommand())).rejects.toMatchObject({ name: 'AccessDenied' });
});
