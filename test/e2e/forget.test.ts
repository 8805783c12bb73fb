import { gunzipSync } from 'node:zlib';
import { DeleteObjectCommand, GetObjectCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { connect } from '../../cli/cloud/connect';
import type { Cloud } from '../../cli/cloud/ports';
import { forgetPipeline } from '../../cli/forget/forget-pipeline';
import { pipeline } from '../../pipelines/estore/pipeline';
import { fakeContext } from '../cli/cloud';
import { secondTierTest as test } from '../support/tier';
import { type Dev, event, gzipped, HOUR_MS, startDev } from './dev';

jest.setTimeout(540_000);

const start = Date.UTC(2026, 10, 21, 9);
const MINUTE_MS = 60_000;
let dev: Dev;
let s3: S3Client;

beforeAll(async () => {
  dev = await startDev(start);
  const { endpoint, region } = dev.runtime;
  s3 = new S3Client({ endpoint, region, credentials: dev.runtime.administrator.credentials, forcePathStyle: true });
}, 300_000);
afterAll(async () => {
  s3?.destroy();
  await dev?.dispose();
});

const gone = 'gone-person-4711';
const count = async (sql: string) => Number((await dev.query(sql))[0]![0]);
const purchase = (customer: string, more = {}) =>
  event(customer, { action: 'purchase', product: { product_id: 'p-1', price: 10 }, ...more });

/** Every version of every object of a bucket whose bytes, unpacked, have the text. */
async function versionsWith(bucket: string, needle: string): Promise<string[]> {
  const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket }));
  const found = [];
  for (const { Key, VersionId } of Versions) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key, VersionId }));
    const bytes = Buffer.from(await Body!.transformToByteArray());
    const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
    if (plain.includes(needle)) found.push(`${Key} ${VersionId}`);
  }
  return found;
}

const others = () =>
  dev.query(
    `select 'event', customer_id, product_id, action, coalesce(shard_id, '-'), coalesce(sequence_number, '-'), run_id from estore.events where customer_id <> '${gone}' union all
select 'duplicate', event_id, source, '', '', '', run_id from estore.duplicates union all
select 'reject', reason, source, '', '', '', run_id from estore.rejects order by 1, 2, 3, 4, 5, 6, 7`,
  );

test('a person is erased everywhere, and nothing brings them back', async () => {
  const history = dev.output(/^HistoryBucketName/);
  const archive = dev.output(/^ArchiveBucketName/);
  const exportsBucket = dev.output(/^ExportsBucketName/);
  const object = gzipped([event('h-1'), event(gone), event('h-2'), event(gone, { action: 'wrong' })]);
  await dev.put('estore/2026/11/one.gz', object);
  await dev.put('estore/2026/11/two.gz', gzipped([event('h-3'), event('h-4')]));
  await dev.put('estore/2026/11/old.gz', gzipped([event('h-5'), event(gone, { action: 'view' })]));
  await dev.pass(3 * MINUTE_MS);
  await dev.put('estore/2026/11/old.gz', gzipped([event('h-6')]));
  await s3.send(new DeleteObjectCommand({ Bucket: history, Key: 'estore/2026/11/two.gz' }));
  await dev.send([
    purchase('s-1'),
    purchase(gone),
    purchase(gone),
    event(gone, { action: 'return' }),
    event(gone, { action: 'wrong' }),
    { customer_id: 's-2' },
  ]);
  // Purchases are of 10:00 of the day before, so their window is published.
  await dev.pass(2 * HOUR_MS);
  expect(await count(`select count(*) from estore.events where customer_id = '${gone}'`)).toBe(4);
  expect(await versionsWith(history, gone)).toHaveLength(2);
  expect(await versionsWith(archive, gone)).toHaveLength(1);
  const before = { others: await others(), exports: await dev.json('exports', 'show', 'estore.purchases') };
  expect(before.exports.publications.length).toBeGreaterThan(0);
  const report = await dev.json('forget', `customer_id=${gone}`);
  expect(report.pipelines[0].places.find(({ place }: { place: string }) => place === 'events').rows).toBe(4);
  const dirty = await dev.json('forget', '--verify', `customer_id=${gone}`);
  expect(dirty.clean).toBe(false);
  expect(new Set(dirty.pipelines[0].finds.map(({ place }: { place: string }) => place))).toEqual(
    new Set(['events', 'rejects', 'history', 'archive', 'exports', 'views']),
  );
  expect(JSON.stringify(dirty)).not.toContain(gone);

  const many = await dev.cli('forget', `customer_id=${gone}`, '--apply');
  expect(many).toMatchObject({ code: 2 });
  expect(many.stderr).toContain('events are of these subjects');
  const first = await dev.cli('forget', `customer_id=${gone}`, '--apply', '--yes-many', '--no-wait', '--json');
  expect(first.stderr).toBe('');
  expect(first.code).toBe(3);
  const { pipelines } = JSON.parse(first.stdout);
  expect(pipelines[0]).toMatchObject({
    pipeline: 'estore',
    marks: 1,
    erased: { events: 4 },
    history: { objectsRewritten: 1, recordsReplaced: 2, versionsDeleted: 2, problems: [] },
    archive: { objectsRewritten: 1, versionsDeleted: 1, problems: [] },
  });
  expect(pipelines[0].left.map(({ kind }: { kind: string }) => kind)).toContain('views');
  expect((await dev.cli('forget', '--status')).code).toBe(3);
  expect(await versionsWith(history, gone)).toEqual([]);
  expect(await versionsWith(archive, gone)).toEqual([]);

  await dev.pass(3 * MINUTE_MS);
  const second = await dev.json('forget', '--apply', '--no-wait');
  expect(second.pipelines[0].erased).toEqual({ events: 0, duplicates: 0, rejects: 0 });
  await dev.pass(HOUR_MS);
  const third = await dev.cli('forget', '--apply', '--no-wait');
  expect(third.stdout).toContain('Nothing is left to do');
  expect(third.code).toBe(0);
  expect(await versionsWith(exportsBucket, gone)).toEqual([]);
  const clean = await dev.cli('forget', '--verify');
  expect(clean.stdout).toContain('Nothing was found that should be gone');
  expect(clean.code).toBe(0);
  expect((await dev.cli('forget', '--verify', `customer_id=${gone}`)).code).toBe(0);
  expect((await dev.cli('forget', '--status')).code).toBe(0);
  expect((await dev.cli('exports', 'verify')).code).toBe(0);
  const after = await others();
  expect(after.filter(([kind]) => kind === 'event')).toEqual(before.others.filter(([kind]) => kind === 'event'));
  expect(after.filter(([kind]) => kind === 'reject')).toHaveLength(1);

  // Nothing brings the person back.
  await dev.put('estore/2026/11/again.gz', object);
  await dev.put('estore/2026/11/one.gz', object);
  await dev.send([purchase(gone), event(gone, { action: 'wrong' })]);
  await dev.live(() => dev.cli('backfill', '--from', 'archive', '--pipeline', 'estore', '--apply'));
  await dev.cli('reprocess', 'estore/2026/11/old.gz', '--timeout', '1');
  await dev.live(() => dev.cli('redrive', '--apply'));
  await dev.pass(3 * MINUTE_MS);
  await dev.cli('rejects', '--pipeline', 'estore', '--retry', '--apply');
  await dev.pass(HOUR_MS);
  expect(await count(`select count(*) from estore.events where customer_id = '${gone}'`)).toBe(0);
  const { clean: isClean, pipelines: found } = await dev.json('forget', '--verify');
  expect(isClean).toBe(false);
  expect(found[0].finds.map(({ place }: { place: string }) => place).sort()).toEqual(['archive', 'history', 'history']);
  expect((await dev.cli('forget', '--status')).stdout).toContain('of the forgotten came since');
  expect((await dev.cli('forget', '--apply', '--no-wait')).code).toBe(0);
  expect((await dev.json('forget', '--verify')).pipelines[0].finds).toEqual([]);
  expect((await dev.cli('forget', '--status')).code).toBe(0);
  expect(await versionsWith(history, gone)).toEqual([]);
  expect(await versionsWith(archive, gone)).toEqual([]);
});

/** An environment whose process dies after so many calls: each is made, and its answer is lost. */
function dying(cloud: Cloud, calls: number): Cloud {
  let left = calls;
  const mortal = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value === 'object' && value !== null) return mortal(value);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const given: unknown = value.apply(target, args);
          if (!(given instanceof Promise)) return given;
          return given.then((answer: unknown) => {
            left -= 1;
            if (left < 0) throw new Error('killed');
            return answer;
          });
        };
      },
    });
  return { ...cloud, buckets: mortal(cloud.buckets), warehouse: mortal(cloud.warehouse) };
}

test('a call that is killed anywhere is finished by the next one, which knows no subject', async () => {
  const history = dev.output(/^HistoryBucketName/);
  const archive = dev.output(/^ArchiveBucketName/);
  const person = (n: number) => `killed-${n}-person`;
  const most = 40;
  // Every fourth call, up to the end.
  const step = 4;
  for (let n = 0; n < most; n += 1)
    await dev.put(`estore/2026/11/k${n}.gz`, gzipped([event(`k-${n}`), event(person(n)), event('k-all')]));
  await dev.send(Array.from({ length: most }, (_, n) => purchase(person(n))));
  await dev.pass(HOUR_MS);
  const counts = () =>
    dev.query(
      `select (select sum(rows_read) from estore.runs), (select count(*) from estore.duplicates), (select count(*) from estore.ledger where source <> 'replaced')`,
    );
  const before = { counts: await counts(), others: await others() };
  const isOther = ([kind, who]: string[]) => kind === 'event' && !/^killed-/.test(who!);
  const cloud = connect({ data: dev.data, outputs: '' });
  const [column] = pipeline.columns;
  let killed = 0;
  for (let n = 0; n < most; n += 1) {
    const first = fakeContext(dying(cloud, n * step), { timeoutMs: 600_000 });
    const work = forgetPipeline(first, pipeline, { subjects: [{ column: column!, values: [person(n)] }] });
    const ended = await work.then(
      () => true,
      (error: Error) => {
        if (!error.message.includes('killed')) throw error;
        return false;
      },
    );
    if (n % 2 === 0) await dev.pass(MINUTE_MS);
    const isMarked = (await count("select count(*) from estore.forgotten where run_id not like '%-swept'")) > 0;
    expect(isMarked).toBe(true);
    await forgetPipeline(fakeContext(cloud, { timeoutMs: 600_000 }), pipeline, {});
    if (n * step >= 8) {
      expect([n, await count(`select count(*) from estore.events where customer_id = '${person(n)}'`)]).toEqual([n, 0]);
      expect([n, await versionsWith(history, person(n))]).toEqual([n, []]);
      expect([n, await versionsWith(archive, person(n))]).toEqual([n, []]);
    }
    if (ended) break;
    killed += 1;
  }
  expect(killed).toBeGreaterThan(10);
  expect(killed).toBeLessThan(most);
  await dev.pass(3 * MINUTE_MS);
  cloud.close();
  expect((await others()).filter(isOther)).toEqual(before.others.filter(isOther));
  expect(await counts()).toEqual(before.counts);
});
