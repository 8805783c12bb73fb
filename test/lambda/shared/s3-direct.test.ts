import { S3Client } from '@aws-sdk/client-s3';
import { createGateway, type Gateway, type ServiceRequest, type ServiceResponse } from 'aws-local-kit';
import { directReads } from '../../../lambda/shared/s3-direct';

const credentials = { accessKeyId: 'ASIAPROBE', secretAccessKey: 'secret', sessionToken: 'token' };
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** S3 behind the gateway, which verifies signatures, and a reader with a clock. */
async function reader(answer: (request: ServiceRequest) => ServiceResponse | Promise<ServiceResponse>) {
  const requests: ServiceRequest[] = [];
  const service = {
    signingName: 's3',
    protocol: 'rest-xml' as const,
    handle: async (request: ServiceRequest) => {
      requests.push(request);
      return answer(request);
    },
  };
  const principal = { kind: 'role', arn: 'arn:aws:sts::1:assumed-role/r/s', account: '1' } as const;
  const gateway: Gateway = await createGateway({
    services: [service],
    region: 'eu-west-1',
    callerOf: () => ({ principal, secretAccessKey: credentials.secretAccessKey }),
  });
  const client = new S3Client({ endpoint: gateway.endpoint, region: 'eu-west-1', credentials, forcePathStyle: true });
  open.push(
    () => client.destroy(),
    () => gateway.dispose(),
  );
  const clock = { now: 0 };
  const read = directReads(client, () => clock.now);
  return { read: () => read('work', 'freshness/a b.json'), requests, clock };
}

test('asks S3 for every read, and S3 sends the object when it has changed', async () => {
  let body = 'one';
  const { read, requests } = await reader(({ headers }) =>
    headers['if-none-match'] === `"${body}"`
      ? { status: 304, headers: { etag: `"${body}"` } }
      : { headers: { etag: `"${body}"` }, body },
  );
  expect([await read(), await read()]).toEqual(['one', 'one']);
  body = 'two';
  expect([await read(), await read()]).toEqual(['two', 'two']);
  expect(requests).toHaveLength(4);
  expect(requests.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"one"', '"one"', '"two"']);
  expect(new Set(requests.map(({ path }) => path))).toEqual(new Set(['/work/freshness/a%20b.json']));
});

test.each([403, 404, 500])('leaves an answer of %d to the caller, and forgets the object', async (status) => {
  let fails = false;
  const { read, requests } = await reader(() => (fails ? { status } : { headers: { etag: '"1"' }, body: 'one' }));
  expect(await read()).toBe('one');
  fails = true;
  expect(await read()).toBeUndefined();
  fails = false;
  expect(await read()).toBe('one');
  expect(requests.at(-1)!.headers).not.toHaveProperty('if-none-match');
});

test('gives up after a second', async () => {
  const { read } = await reader(() => new Promise(() => {}));
  const began = performance.now();
  expect(await read()).toBeUndefined();
  expect(performance.now() - began).toBeGreaterThan(900);
});

test('signs the address again before its signature is no longer valid', async () => {
  const { read, requests, clock } = await reader(() => ({ headers: { etag: '"1"' }, body: 'one' }));
  await read();
  await read();
  clock.now += 11 * 60_000;
  await read();
  expect(requests.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"1"', undefined]);
});

test('is undefined where nothing answers', async () => {
  const client = new S3Client({ endpoint: 'http://127.0.0.1:1', region: 'eu-west-1', credentials });
  expect(await directReads(client)('work', 'key')).toBeUndefined();
  client.destroy();
});
