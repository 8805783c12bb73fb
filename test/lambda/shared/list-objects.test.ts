import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { listObjects } from '../../../lambda/shared/list-objects';
import { listPages } from '../../../lambda/shared/s3';

let server: Server;
let client: S3Client;
let answers: { status: number; body: string }[];
let requests: string[];

beforeEach(async () => {
  answers = [];
  requests = [];
  server = createServer((request, response) => {
    requests.push(request.url!);
    const { status, body } = answers.shift()!;
    response.writeHead(status, { 'content-type': 'application/xml' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  client = new S3Client({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 's' },
    forcePathStyle: true,
    maxAttempts: 1,
  });
});
afterEach(() => {
  client.destroy();
  server.close();
});

/** The members that S3's reference shows, of an object with an owner, a checksum and a restored copy. */
const whole = (key: string) => `<Contents>
  <ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>
  <ETag>&quot;70ee1738b6b21e2c8a43f3a5ab0eee71&quot;</ETag><Key>${key}</Key>
  <LastModified>2026-11-21T10:00:00.123Z</LastModified>
  <Owner><DisplayName>one</DisplayName><ID>75aa57f09aa0c8caeab4f8c24e99d10f</ID></Owner>
  <RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress></RestoreStatus>
  <Size>434234</Size><StorageClass>GLACIER_IR</StorageClass>
</Contents>`;
const page = (contents: string, token?: string) => `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix/><KeyCount>1</KeyCount>
<MaxKeys>1000</MaxKeys><IsTruncated>${token !== undefined}</IsTruncated>${contents}${token === undefined ? '' : `<NextContinuationToken>${token}</NextContinuationToken>`}</ListBucketResult>`;

const answer = (body: string, status = 200) => answers.push({ status, body });

test.each([
  ['no entry', ''],
  ['all members', whole('a/b')],
  ['references in a key', whole('a&lt;b&gt;&amp;amp;&apos;&#x9;&#38;&quot;')],
  ['letters outside ASCII', whole('žluť/🐎')],
  ['a key that looks like an element', whole('&lt;/Contents&gt;&lt;Size&gt;1&lt;/Size&gt;')],
  ['an object without bytes', '<Contents><Key>k/</Key><ETag>&#34;d&#34;</ETag><Size>0</Size></Contents>'],
  ['several entries', `${whole('a')}\n${whole('b')}${whole('c')}`],
])('reads %s as the SDK does', async (_, contents) => {
  answer(page(contents));
  answer(page(contents));
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'b' }));
  const listed = await listObjects(client, { Bucket: 'b' });
  const shown = ({ Key, ETag, Size, LastModified, StorageClass }: (typeof Contents)[number]) => [
    ...[Key, ETag, Size, LastModified?.getTime(), StorageClass],
  ];
  expect(listed.entries().map(shown)).toEqual(Contents.map(shown));
});

test('an error is the one that the SDK reads', async () => {
  answer('<Error><Code>AccessDenied</Code><Message>not you</Message></Error>', 403);
  await expect(listObjects(client, { Bucket: 'b' })).rejects.toMatchObject({
    name: 'AccessDenied',
    message: 'not you',
  });
});

test('the next page is asked for while the caller works on one', async () => {
  answer(page(whole('a'), 't&amp;1'));
  answer(page(whole('b')));
  const seen: string[][] = [];
  for await (const objects of listPages(client, 'b', '')) {
    if (seen.length === 0) await new Promise<void>((resolve) => server.once('request', () => resolve()));
    seen.push(objects.map(({ key }) => key));
  }
  expect(seen).toEqual([['a'], ['b']]);
  expect(requests[1]).toContain('continuation-token=t%261');
});

test('an error of the next page is thrown after this one', async () => {
  answer(page(whole('a'), 't'));
  answer('<Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>', 404);
  const seen: string[] = [];
  const all = async () => {
    for await (const objects of listPages(client, 'b', '')) seen.push(...objects.map(({ key }) => key));
  };
  await expect(all()).rejects.toMatchObject({ name: 'NoSuchBucket' });
  expect(seen).toEqual(['a']);
});
