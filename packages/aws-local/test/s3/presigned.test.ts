import { createHmac } from 'node:crypto';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { presignedUrl } from 'aws-local-kit/testing';
import { region, type Services, startServices } from '../services';

let services: Services;
beforeEach(async () => {
  services = await startServices();
  await services.create('AWS::S3::Bucket', 'Bucket', { BucketName: 'history' });
  await new S3Client(services.client()).send(
    new PutObjectCommand({ Bucket: 'history', Key: 'a b/k.txt', Body: '0123456789' }),
  );
});
afterEach(() => services.stop());

const at = '/history/a%20b/k.txt';
const secondsAgo = (seconds: number) => new Date(Date.now() - seconds * 1000);

interface Presigned {
  readonly at?: Date;
  readonly seconds?: number;
  readonly key?: string;
  readonly method?: string;
  readonly more?: Readonly<Record<string, string>>;
}

/** A URL that is signed with version 4 of the signature, by the signer of the SDKs. */
function presigned(path: string, { key, method, more, ...others }: Presigned = {}): Promise<string> {
  const { accessKeyId, secretAccessKey } = services.iam.administrator.credentials;
  const signing = { service: 's3', region, accessKeyId: key ?? accessKeyId, secretAccessKey, ...others };
  return presignedUrl(`${services.gateway.endpoint}${path}?${new URLSearchParams(more)}`, { method }, signing);
}
const asked = async (url: string, init: RequestInit = {}) => {
  const answer = await fetch(url, init);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};

test('reads without any other credentials, in ranges too', async () => {
  expect(await asked(await presigned(at))).toMatchObject({ status: 200, text: '0123456789' });
  expect(await asked(await presigned(at), { headers: { range: 'bytes=-3' } })).toMatchObject({
    status: 206,
    text: '789',
  });
  const head = await asked(await presigned(at, { method: 'HEAD' }), { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '10']);
});

test('a range outside of the object is refused with its size', async () => {
  const { status, text } = await asked(await presigned(at), { headers: { range: 'bytes=10-' } });
  expect([status, text]).toEqual([416, expect.stringContaining('<ActualObjectSize>10</ActualObjectSize>')]);
});

test('writes, and the headers in its query count as headers', async () => {
  const path = '/history/new.json';
  const more = { 'x-amz-checksum-crc32': 'y/Q5Jg==', 'x-amz-meta-run': '7', 'x-id': 'PutObject' };
  const send = async (body: string) => asked(await presigned(path, { method: 'PUT', more }), { method: 'PUT', body });
  expect(await send('12345678')).toMatchObject({
    status: 400,
    text: expect.stringContaining('<Code>BadDigest</Code>'),
  });
  expect(await send('123456789')).toMatchObject({ status: 200 });
  expect((await asked(await presigned(path))).headers.get('x-amz-meta-run')).toBe('7');
});

test('the answer has the headers that the URL asks for', async () => {
  const more = { 'response-content-disposition': 'attachment; filename="k.txt"', 'response-content-type': 'text/csv' };
  const { headers } = await asked(await presigned(at, { more }));
  expect(headers.get('content-disposition')).toBe('attachment; filename="k.txt"');
  expect(headers.get('content-type')).toBe('text/csv');
});

test.each([
  ['has expired', { at: secondsAgo(61), seconds: 60 }, 403, 'AccessDenied', 'Request has expired'],
  ['is of an unknown key', { key: 'AKIAUNKNOWN' }, 403, 'InvalidAccessKeyId', 'AKIAUNKNOWN'],
])('a URL that %s is refused', async (_, options, status, code, message) => {
  const answer = await asked(await presigned(at, options));
  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(`<Code>${code}</Code>`)]);
  expect(answer.text).toContain(message);
});

test.each([
  ['another key', (url: string) => url.replace('k.txt?', 'other.txt?')],
  ['a longer life', (url: string) => url.replace('X-Amz-Expires=900', 'X-Amz-Expires=901')],
  ['another parameter', (url: string) => `${url}&response-content-type=text/html`],
  ['a life of more than a week', (url: string) => url.replace('X-Amz-Expires=900', 'X-Amz-Expires=604801')],
  ['no life', (url: string) => url.replace('X-Amz-Expires=900', 'X-Amz-Expires=0')],
  ['a date of another form', (url: string) => url.replace(/X-Amz-Date=[^&]*/, 'X-Amz-Date=today')],
])('a URL that was changed after it was signed is refused: %s', async (_, change) => {
  const { status, text } = await asked(change(await presigned(at)));
  expect([400, 403]).toContain(status);
  expect(text).toMatch(/<Code>(SignatureDoesNotMatch|AuthorizationQueryParametersError)<\/Code>/);
  expect(text).not.toContain('0123456789');
});

test('a URL signed with version 2, as boto3 does without a configuration, reads until it expires', async () => {
  const { accessKeyId, secretAccessKey } = services.iam.administrator.credentials;
  const url = (expires: number, secret: string) => {
    const signature = createHmac('sha1', secret).update(`GET\n\n\n${expires}\n${at}`).digest('base64');
    return `${services.gateway.endpoint}${at}?AWSAccessKeyId=${accessKeyId}&Signature=${encodeURIComponent(signature)}&Expires=${expires}`;
  };
  const now = Math.floor(Date.now() / 1000);
  expect(await asked(url(now + 60, secretAccessKey))).toMatchObject({ status: 200, text: '0123456789' });
  expect(await asked(url(now - 1, secretAccessKey))).toMatchObject({
    status: 403,
    text: expect.stringContaining('has expired'),
  });
  expect(await asked(url(now + 60, 'another'))).toMatchObject({
    status: 403,
    text: expect.stringContaining('<Code>SignatureDoesNotMatch</Code>'),
  });
});
