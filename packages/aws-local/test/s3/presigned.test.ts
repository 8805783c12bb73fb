import { createHash, createHmac } from 'node:crypto';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
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
const stamp = (date: Date) => date.toISOString().replace(/[-:]|\.\d+/g, '');
const secondsAgo = (seconds: number) => new Date(Date.now() - seconds * 1000);

/** A URL that is signed with version 4 of the signature, as SDKs presign it. */
function presigned(path: string, options: { at?: Date; seconds?: number; key?: string; more?: object } = {}): string {
  const { accessKeyId, secretAccessKey } = services.iam.administrator.credentials;
  const date = stamp(options.at ?? new Date());
  const scope = `${date.slice(0, 8)}/${region}/s3/aws4_request`;
  const query = new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${options.key ?? accessKeyId}/${scope}`,
    'X-Amz-Date': date,
    'X-Amz-Expires': String(options.seconds ?? 900),
    'X-Amz-SignedHeaders': 'host',
    ...options.more,
  });
  const text = ['AWS4-HMAC-SHA256', date, scope, createHash('sha256').update(`${path}?${query}`).digest('hex')];
  query.set('X-Amz-Signature', createHmac('sha256', secretAccessKey).update(text.join('\n')).digest('hex'));
  return `${services.gateway.endpoint}${path}?${query}`;
}
const asked = async (url: string, init: RequestInit = {}) => {
  const answer = await fetch(url, init);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};

test('reads without any other credentials, in ranges too', async () => {
  expect(await asked(presigned(at))).toMatchObject({ status: 200, text: '0123456789' });
  expect(await asked(presigned(at), { headers: { range: 'bytes=-3' } })).toMatchObject({ status: 206, text: '789' });
  const head = await asked(presigned(at), { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '10']);
});

test('a range outside of the object is refused with its size', async () => {
  const { status, text } = await asked(presigned(at), { headers: { range: 'bytes=10-' } });
  expect([status, text]).toEqual([416, expect.stringContaining('<ActualObjectSize>10</ActualObjectSize>')]);
});

test('writes, and the headers in its query count as headers', async () => {
  const path = '/history/new.json';
  const more = { 'x-amz-checksum-crc32': 'y/Q5Jg==', 'x-amz-meta-run': '7', 'x-id': 'PutObject' };
  const send = (body: string) => asked(presigned(path, { more }), { method: 'PUT', body });
  expect(await send('12345678')).toMatchObject({
    status: 400,
    text: expect.stringContaining('<Code>BadDigest</Code>'),
  });
  expect(await send('123456789')).toMatchObject({ status: 200 });
  expect((await asked(presigned(path))).headers.get('x-amz-meta-run')).toBe('7');
});

test('the answer has the headers that the URL asks for', async () => {
  const more = { 'response-content-disposition': 'attachment; filename="k.txt"', 'response-content-type': 'text/csv' };
  const { headers } = await asked(presigned(at, { more }));
  expect(headers.get('content-disposition')).toBe('attachment; filename="k.txt"');
  expect(headers.get('content-type')).toBe('text/csv');
});

test.each([
  ['has expired', { at: secondsAgo(61), seconds: 60 }, 403, 'AccessDenied', 'Request has expired'],
  ['lives too long', { seconds: 604_801 }, 400, 'AuthorizationQueryParametersError', 'between 1 and 604800'],
  ['lives for no time', { seconds: 0 }, 400, 'AuthorizationQueryParametersError', 'between 1 and 604800'],
  ['has no date', { more: { 'X-Amz-Date': 'today' } }, 400, 'AuthorizationQueryParametersError', 'yyyyMMdd'],
  ['is of an unknown key', { key: 'AKIAUNKNOWN' }, 403, 'InvalidAccessKeyId', 'AKIAUNKNOWN'],
])('a URL that %s is refused', async (_, options, status, code, message) => {
  const answer = await asked(presigned(at, options));
  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(`<Code>${code}</Code>`)]);
  expect(answer.text).toContain(message);
});

test('a URL signed with version 2, as boto3 does without a configuration, reads until it expires', async () => {
  const url = (expires: number) =>
    `${services.gateway.endpoint}${at}?AWSAccessKeyId=${services.iam.administrator.credentials.accessKeyId}&Signature=x%3D&Expires=${expires}`;
  const now = Math.floor(Date.now() / 1000);
  expect(await asked(url(now + 60))).toMatchObject({ status: 200, text: '0123456789' });
  expect(await asked(url(now - 1))).toMatchObject({ status: 403, text: expect.stringContaining('has expired') });
});
