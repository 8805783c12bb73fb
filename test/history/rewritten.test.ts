import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { notificationOf } from '../../lambda/load/notification';
import { reloadMessage } from '../../lambda/load/reload';
import { forgetKeys, keyId, markOf } from '../../lambda/shared/forget-keys';
import { renderAll } from '../../lambda/shared/statement';
import { rewriteMetadata, tombstone } from '../../lambda/shared/tombstone';
import type { Pipeline } from '../../pipelines/definition';
import { claimStatements, markStatements, swapStatements } from '../../sql';
import { buckets, forgetSecret, outsider, owner } from '../support/cloud';
import { inProcess } from '../support/sdk';
import { SeamWorld } from '../support/seam';
import { runStep } from '../support/template';

const pipeline: Pipeline = {
  name: 'shop',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['id'] },
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'who', path: ['who'], type: 'varchar', maxBytes: 16 },
  ],
  subject: ['who'],
  history: [
    { name: 'files', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip' },
    { name: 'once', globs: ['once/*.gz'], format: 'ndjson', compression: 'gzip', overwritten: 'alarm' },
  ],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
};
const keys = forgetKeys(forgetSecret, 'shop');

let world: SeamWorld;
beforeEach(async () => {
  world = await SeamWorld.open(pipeline);
});
afterEach(() => world.dispose());

const file = (...lines: readonly (object | string)[]) =>
  gzipSync(lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
const [ann, bob] = [
  { id: '1', who: 'ann' },
  { id: '2', who: 'bob' },
];
const run = (statements: readonly string[], values: Record<string, string>) =>
  runStep(
    world.cloud.warehouse,
    { name: 'forget', mode: 'transaction', statements: renderAll(statements, values) },
    owner.name,
  );
const mark = () =>
  run(markStatements(pipeline), {
    marks: JSON.stringify([markOf(keys, 'who', 'ann')]),
    key_id: keyId(keys),
    run_id: 'forget',
  });
const counts = async () =>
  (
    await world.query(
      'select (select count(*) from shop.events), (select count(*) from shop.duplicates), (select count(*) from shop.skipped)',
    )
  )[0]!.map(Number);
const ledger = async () =>
  (await world.query('select object_key, etag, source from shop.ledger order by source desc, etag')).map((row) =>
    row.join(' '),
  );
const claims = async () => Number((await world.query('select count(*) from shop.rewrites'))[0]![0]);

/** An object with its bytes in the twin. */
interface Put {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly versionId: string;
  readonly size: number;
}
const s3 = () => new S3Client(inProcess(world.cloud.s3.service, outsider, (_, __, send) => send()));
async function put(key: string, body: Buffer, more: object = {}): Promise<Put> {
  const { ETag, VersionId } = await s3().send(
    new PutObjectCommand({ Bucket: buckets.history, Key: key, Body: body, ...more }),
  );
  return { bucket: buckets.history, key, etag: ETag!.replaceAll('"', ''), versionId: VersionId!, size: body.length };
}

/** Claims the object and writes another one in its place, as `npx millrace forget` does. */
async function rewrite(object: Put, body = file(tombstone, bob)): Promise<Put> {
  const rewriteId = randomUUID();
  await run(claimStatements(pipeline), { objects: JSON.stringify([{ ...object, rewriteId }]) });
  return put(object.key, body, { IfMatch: `"${object.etag}"`, Metadata: { [rewriteMetadata]: rewriteId } });
}
const swap = (object: Put, { etag, versionId, size }: Put) =>
  run(swapStatements(pipeline), {
    objects: JSON.stringify([{ ...object, newEtag: etag, newVersionId: versionId, newSize: size }]),
  });
const isIn = ({ key, etag }: Put, source: string) => `${key} ${etag} ${source}`;

describe.each(['in', 'once'])('an object of %s that was rewritten', (folder) => {
  const source = folder === 'in' ? 'files' : 'once';
  let before: Put;
  beforeEach(async () => {
    before = await put(`${folder}/a.gz`, file(ann, bob));
    await world.pass(1);
    expect(await counts()).toEqual([2, 0, 0]);
    await mark();
  });

  test('takes its place in the ledger before the command has swapped it, and is not loaded', async () => {
    const after = await rewrite(before);
    await world.pass(1);
    expect(await ledger()).toEqual([isIn(before, 'replaced'), isIn(after, source)]);
    expect(await claims()).toBe(0);
    expect(await counts()).toEqual([2, 0, 0]);
    // The command comes later and finds nothing to do.
    await swap(before, after);
    expect(await ledger()).toHaveLength(2);
    expect([world.waiting(), world.deadLetters()]).toEqual([0, []]);
  });

  test('is not loaded after the command has swapped it either', async () => {
    const after = await rewrite(before);
    await swap(before, after);
    await world.pass(1);
    // Notifications of both come again, and of the object before its version is gone.
    world.queue(notificationOf(before), notificationOf(after), notificationOf({ ...after, versionId: '' }));
    await world.pass(1);
    await s3().send(new DeleteObjectCommand({ Bucket: buckets.history, Key: before.key, VersionId: before.versionId }));
    world.queue(notificationOf(before));
    await world.pass(1);
    expect(await counts()).toEqual([2, 0, 0]);
    expect([world.waiting(), world.deadLetters()]).toEqual([0, []]);
  });

  test('is not found missing by the reconcile function, before and after the swap', async () => {
    const { port } = world.cloud.s3;
    await port.setNotifications(port.bucket(buckets.history), [], true);
    const after = await rewrite(before);
    await world.pass(10);
    await world.tick('reconcile');
    expect(await ledger()).toContain(isIn(after, source));
    await world.pass(25 * 60);
    await world.tick('reconcile');
    expect(await counts()).toEqual([2, 0, 0]);
    expect([world.waiting(), world.deadLetters()]).toEqual([0, []]);
  });

  test('is loaded if somebody else wrote it, whether there is a claim or not', async () => {
    await run(claimStatements(pipeline), { objects: JSON.stringify([{ ...before, rewriteId: randomUUID() }]) });
    await put(before.key, file({ id: '3', who: 'eve' }, ann), { Metadata: { [rewriteMetadata]: randomUUID() } });
    await world.pass(1);
    expect(await counts()).toEqual(folder === 'in' ? [3, 0, 1] : [2, 0, 0]);
    expect(world.deadLetters()).toHaveLength(folder === 'in' ? 0 : 1);
    expect(await claims()).toBe(1);
  });

  test('and that the ledger has no longer is loaded', async () => {
    await run([`delete from shop.ledger_${await version()} where object_key = '${before.key}'`], {});
    await rewrite(before, file(tombstone, { id: '3', who: 'eve' }));
    await world.pass(1);
    expect(await counts()).toEqual([3, 0, 1]);
    expect(await claims()).toBe(0);
  });
});

const version = async () =>
  String(
    (await world.query("select table_name from information_schema.tables where table_name like 'ledger_%'"))[0]![0],
  ).slice(7);

describe('a reload of a run whose object is being rewritten', () => {
  let before: Put;
  const runId = async () =>
    String((await world.query("select run_id from shop.ledger where source <> 'replaced'"))[0]![0]);
  beforeEach(async () => {
    before = await put('in/a.gz', file(ann, bob));
    await world.pass(1);
    await mark();
    const { port } = world.cloud.s3;
    await port.setNotifications(port.bucket(buckets.history), [], true);
  });

  test('waits for the swap', async () => {
    const replaced = await runId();
    const after = await rewrite(before);
    world.queue(reloadMessage(replaced));
    await world.pass(1);
    expect([world.waiting(), world.deadLetters()]).toEqual([1, []]);
    expect(await counts()).toEqual([2, 0, 0]);
    await swap(before, after);
    await world.pass(120);
    expect([world.waiting(), world.deadLetters()]).toEqual([0, []]);
    expect(await counts()).toEqual([1, 0, 1]);
    expect(await runId()).not.toBe(replaced);
  });

  test('after the swap reads the new object, whose tombstones count as the records did', async () => {
    const replaced = await runId();
    const after = await rewrite(before);
    await swap(before, after);
    world.queue(reloadMessage(replaced));
    await world.pass(1);
    expect([world.waiting(), world.deadLetters()]).toEqual([0, []]);
    expect(await counts()).toEqual([1, 0, 1]);
  });
});
