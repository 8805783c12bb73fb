import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { s3Versions } from '../../../cli/cloud/object-versions';
import { type Cloud, createCloud, roleOf } from '../../support/cloud';
import { inProcess } from '../../support/sdk';

let cloud: Cloud;
let client: S3Client;
const folder = mkdtempSync(join(tmpdir(), 'millrace-versions-'));
const bucket = 'history';

beforeAll(async () => {
  const nothing = { delivery: () => undefined, statement: () => undefined, call: () => undefined };
  cloud = await createCloud({
    startMs: Date.UTC(2026, 10, 21, 9),
    streamName: 'none',
    shards: 1,
    retentionHours: 24,
    faults: nothing,
    killNext: () => undefined,
    handlers: () => ({}),
  });
  client = new S3Client(inProcess(cloud.s3.service, roleOf('operator'), (_, __, run) => run()));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await cloud.dispose();
});

const put = (Key: string, Body: string, more = {}) =>
  client.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ...more }));
const fileOf = (body: string) => {
  const file = join(folder, 'body');
  writeFileSync(file, body);
  return file;
};
const versionsBelow = async (prefix: string) => {
  const found = [];
  for await (const page of s3Versions(client).pages(bucket, prefix)) found.push(...page);
  return found;
};

test('an object is replaced on the condition that it is unchanged, and keeps its type, encoding and metadata', async () => {
  const versions = s3Versions(client);
  const facts = { ContentType: 'application/json', ContentEncoding: 'gzip', CacheControl: 'no-store' };
  const first = await put('a', 'one', { ...facts, Metadata: { origin: 'shop' } });
  const [before] = await versionsBelow('a');
  const kept = (await versions.facts(bucket, 'a', before!.versionId))!;
  expect(kept).toMatchObject({
    metadata: { origin: 'shop' },
    contentType: 'application/json',
    contentEncoding: 'gzip',
  });
  expect(await versions.replace(bucket, 'a', 'another etag', fileOf('x'), kept)).toBeUndefined();
  expect(await versions.replace(bucket, 'absent', before!.etag, fileOf('x'), kept)).toBeUndefined();
  const metadata = { ...kept.metadata, 'millrace-rewrite': 'id' };
  const written = await versions.replace(bucket, 'a', before!.etag, fileOf('two'), { ...kept, metadata });
  expect(written).toMatchObject({ size: 3 });
  expect(await versions.replace(bucket, 'a', before!.etag, fileOf('three'), kept)).toBeUndefined();
  const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'a' }));
  expect(head).toMatchObject({
    ...facts,
    Metadata: { origin: 'shop', 'millrace-rewrite': 'id' },
    VersionId: written!.versionId,
  });
  expect(head.ETag).toBe(`"${written!.etag}"`);
  expect(before!.versionId).toBe(first.VersionId);
});

test('versions are listed over all pages, read by their id, and deleted for good', async () => {
  const versions = s3Versions(client);
  for (let n = 0; n < 1003; n += 1) await put('b/many', `${n}`);
  await put('b/many2', 'other');
  const listed = await versionsBelow('b/many');
  expect(listed).toHaveLength(1004);
  expect(listed.filter(({ isLatest }) => isLatest).map(({ key }) => key)).toEqual(['b/many', 'b/many2']);
  const old = listed[5]!;
  const body = await versions.read(bucket, old.key, old.versionId);
  const chunks = [];
  for await (const chunk of body!) chunks.push(Buffer.from(chunk));
  expect(Buffer.concat(chunks).toString()).toBe('997');
  await versions.delete(bucket, old.key, old.versionId);
  await versions.delete(bucket, old.key, old.versionId);
  expect(await versions.read(bucket, old.key, old.versionId)).toBeUndefined();
  expect(await versions.facts(bucket, old.key, old.versionId)).toBeUndefined();
  expect(await versionsBelow('b/many')).toHaveLength(1003);
});

test('a file that is larger than a buffer is streamed', async () => {
  const versions = s3Versions(client);
  await put('c', 'small');
  const [before] = await versionsBelow('c');
  const large = 'x'.repeat(17 * 1024 * 1024);
  const written = await versions.replace(bucket, 'c', before!.etag, fileOf(large), { metadata: {} });
  expect(written!.size).toBe(large.length);
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: 'c' }));
  expect((await Body!.transformToByteArray()).length).toBe(large.length);
});
