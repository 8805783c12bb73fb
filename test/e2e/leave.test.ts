import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis';
import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { parseManifest } from '../../cli/full/manifest';
import { pipelines } from '../../pipelines';
import { pipelineTables } from '../../sql/tables/names';
import { documented, same } from '../cli/documented';
import { type Dev, event, gzipped, HOUR_MS, startDev } from './dev';
import { deployedAt } from './image';

jest.setTimeout(400_000);

const folder = mkdtempSync(join(tmpdir(), 'millrace-leave-'));
const copy = join(folder, 'copy');
let a: Dev;
let b: Dev;

async function sendBytes(dev: Dev, Data: Uint8Array, PartitionKey: string): Promise<void> {
  const { endpoint, region, administrator } = dev.runtime;
  const client = new KinesisClient({ endpoint, region, credentials: administrator.credentials });
  await client.send(new PutRecordCommand({ StreamName: 'millrace-dev-estore', PartitionKey, Data }));
  client.destroy();
}

const sold = (customer: string, hour: number) =>
  event(customer, {
    action: 'purchase',
    product: { product_id: 'p-1', price: 12.5 },
    timestamp: `2026-11-21T0${hour}:10:00`,
  });

beforeAll(async () => {
  a = await startDev(deployedAt);
  await a.send([sold('a-1', 9), sold('a-2', 9), sold('a-2', 9), event('a-3'), { customer_id: 'lacks the rest' }]);
  await sendBytes(a, Buffer.from([0xff, 0x00, 0x7b]), 'short');
  await sendBytes(a, Buffer.alloc(70_000, 0xfe), 'long');
  await sendBytes(a, Buffer.from(JSON.stringify({ ...event('a-4'), note: 'ü'.repeat(70_000) })), 'big');
  await a.put('estore/2026/11/h.gz', gzipped([event('h-1'), event('h-2'), event('a-3'), { customer_id: 'no' }]));
  await a.pass(2 * HOUR_MS);
  b = await startDev(deployedAt);
}, 300_000);
afterAll(async () => {
  await a?.dispose();
  await b?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Rows as texts, with the shard and the run as an import writes them. */
async function rowsOf(dev: Dev, table: string, imported: string | undefined): Promise<string[]> {
  const columns: Record<string, string> = {
    events:
      'event_id, customer_id, product_id, action, price, occurred_at, source, partition_key, arrived_at, merged_at, json_serialize(payload.customer_id), json_size(payload)',
    duplicates: 'event_id, source, partition_key, arrived_at, merged_at',
    rejects:
      "source, partition_key, arrived_at, object_key, line, reason, json_serialize(payload), octet_length(unparsed), from_varbyte(substring(unparsed, 1, 20), 'hex'), merged_at, reasons",
    ledger: 'object_key, etag, source, size, row_count, loaded_at',
  };
  const position = table === 'ledger' ? '' : ', shard_id, sequence_number';
  const rows = await dev.query(
    `select ${columns[table]}${position}, run_id from estore.${table}${imported === undefined ? '' : ` where run_id like 'imported-%'`}`,
  );
  return rows
    .map((row) => row.join(' | '))
    .map((row) =>
      imported === undefined ? row.replace('shardId-', 'foreign-') : row.replace(`imported-${imported}:`, ''),
    )
    .sort();
}

const views = pipelines.flatMap(({ name, views: of }) => of.map((view) => `${name}.${view.name}`));
const rowsIn = async (dev: Dev, view: string) =>
  (await dev.query(`select * from ${view}`)).map((row) => row.join(' | ')).sort();

const manifestIn = (dir: string) => parseManifest(readFileSync(join(dir, 'manifest.json'), 'utf8'), dir);

test('everything is written from one point in time, with a manifest that balances', async () => {
  const result = await a.json('export-all', '--to', copy);
  same(result, documented.get('export-all'), 'export-all');
  expect(result.pipelines[0]).toMatchObject({
    name: 'estore',
    equation: { records: 12, events: 6, duplicates: 2, rejects: 4, skipped: 0, waiting: 0, balanced: true },
    rows: { rejects: 3, rejects_large: 1, ledger: 1 },
  });
  const manifest = manifestIn(copy);
  for (const { tables } of manifest.pipelines)
    for (const { files, rows } of tables) {
      expect(files.reduce((sum, file) => sum + file.rows, 0)).toBe(rows);
      for (const { path, bytes, sha256 } of files) {
        expect(readFileSync(join(copy, path))).toHaveLength(bytes);
        expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      }
    }
  expect(manifest.pipelines[0]!.tables.find(({ name }) => name === 'exports')!.rows).toBeGreaterThan(0);
});

test('a manifest is never overwritten, and a call that was killed is continued', async () => {
  const text = readFileSync(join(copy, 'manifest.json'), 'utf8');
  const again = await a.cli('export-all', '--to', copy);
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('has a full export already') });
  expect(readFileSync(join(copy, 'manifest.json'), 'utf8')).toBe(text);

  const bucket = a.output(/^ExportsBucketName$/);
  const to = `s3://${bucket}/full-exports/killed`;
  // The second pipeline fails: the first is written, and the call ends.
  a.trouble.statement = (name) =>
    /export-all\/.*\/pageviews\//.test(name)
      ? { kind: 'fail', error: 'ERROR: the unload of this test is refused' }
      : undefined;
  const failed = await a.cli('export-all', '--to', to);
  expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('the unload of this test is refused') });
  a.trouble.statement = () => undefined;
  // As if the call was killed after the unload of the first pipeline, before it wrote what it knows.
  const { endpoint, region, administrator } = a.runtime;
  const s3 = new S3Client({ endpoint, region, credentials: administrator.credentials, forcePathStyle: true });
  await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'full-exports/killed/estore/pipeline.json' }));
  s3.destroy();
  const [before] = await a.query(
    "select count(*) from sys_unload_history where unloaded_location like '%killed/estore%'",
  );
  const result = await a.json('export-all', '--to', to);
  const [after] = await a.query(
    "select count(*) from sys_unload_history where unloaded_location like '%killed/estore%'",
  );
  expect(after).toEqual(before);
  expect(result.pipelines.map(({ name }: { name: string }) => name)).toEqual(['estore', 'pageviews']);
  const third = await a.cli('export-all', '--to', to);
  expect(third).toMatchObject({ code: 2, stderr: expect.stringContaining('a manifest is never overwritten') });
});

test('another bucket is refused with the policy to add, another prefix of the own bucket by name', async () => {
  const other = await a.cli('export-all', '--to', `s3://${a.output(/^HistoryBucketName$/)}/full`);
  expect(other.code).toBe(1);
  expect(other.stderr).toContain('aws iam put-role-policy --role-name');
  expect(other.stderr).toContain('"s3:PutObject"');
  const own = await a.cli('export-all', '--to', `s3://${a.output(/^ExportsBucketName$/)}/exports/estore`);
  expect(own).toMatchObject({ code: 2, stderr: expect.stringContaining('must be below') });
});

test('an import keeps every row, also while rows arrive, and the refresh goes on', async () => {
  const { id } = manifestIn(copy);
  // The same event, and others, arrive on the stream of the second environment. Its positions are equal to the first one's.
  await b.send([sold('a-1', 9), sold('b-1', 9), sold('b-2', 9), event('b-3'), event('b-4')]);
  await b.pass(10 * 60_000);
  const refused = await b.cli('import', '--from', copy, '--apply');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('--merge adds to them') });
  const dry = await b.json('import', '--from', copy, '--merge');
  expect(dry).toMatchObject({ applied: false, pipelines: [{ rowsBefore: { events: 5 }, sameStream: false }, {}] });
  // These are on the stream, but not merged yet.
  await b.send([sold('b-5', 9), event('b-6')]);
  const result = await b.json('import', '--from', copy, '--merge', '--apply');
  same(result, documented.get('import'), 'import');
  expect(result.pipelines[0].imported).toEqual({ events: 5, moved: 1, known: 0, publications: 0 });

  const events = (await rowsOf(a, 'events', undefined)).filter((row) => !row.includes(' | a-1 | '));
  expect(await rowsOf(b, 'events', id)).toEqual(events);
  for (const table of ['rejects', 'ledger'])
    expect(await rowsOf(b, table, id)).toEqual(await rowsOf(a, table, undefined));
  expect(await rowsOf(b, 'duplicates', id)).toHaveLength(3);
  expect(await rowsOf(b, 'duplicates', id)).toEqual(expect.arrayContaining(await rowsOf(a, 'duplicates', undefined)));

  await b.pass(10 * 60_000);
  const counts = async (dev: Dev) => (await dev.json('status', '--no-cost')).pipelines[0].counts;
  expect(await counts(b)).toMatchObject({ balanced: true, produced: 12 + 7 });
  const views = (dev: Dev) =>
    dev.query('select sum(views), sum(purchases) from (select 0 as views, purchases from estore.hourly_revenue) v');
  expect(Number((await views(b))[0]![1])).toBe(5);
  // The object of the first environment counts as loaded, if it is copied.
  await b.put('estore/2026/11/h.gz', gzipped([event('h-1'), event('h-2'), event('a-3'), { customer_id: 'no' }]));
  await b.send([event('b-7')]);
  await b.pass(30 * 60_000);
  const [[n]] = (await b.query('select count(*) from estore.events')) as [[string]];
  expect(Number(n)).toBe(6 + 6 + 1);
  expect(await counts(b)).toMatchObject({ balanced: true });
  expect(await b.query('select count(*) from estore.ledger')).toEqual([['1']]);
});

test('the same full export is imported once', async () => {
  const again = await b.json('import', '--from', copy, '--merge', '--apply');
  expect(again.pipelines).toMatchObject([
    { importedBefore: true, imported: null },
    { importedBefore: true, imported: null },
  ]);
});

describe('a full export that does not fit is refused by name', () => {
  const edited = (name: string, edit: (text: string) => string) => {
    const place = join(folder, name);
    cpSync(copy, place, { recursive: true });
    const path = join(place, 'manifest.json');
    writeFileSync(path, edit(readFileSync(path, 'utf8')));
    return place;
  };
  test.each([
    [
      'unknown',
      (text: string) => text.replaceAll('"pageviews"', '"pagewiews"'),
      /pipeline pagewiews of the full export is unknown: dev has estore, pageviews/,
    ],
    [
      'renamed',
      (text: string) => text.replaceAll('"price"', '"prize"'),
      /estore\.events\.price is missing in the full export\nestore\.events\.prize of the full export is missing here/,
    ],
    [
      'type',
      (text: string) => text.replaceAll('decimal(12,2)', 'decimal(18,4)'),
      /estore\.events\.price is decimal\(12,2\) here, decimal\(18,4\) in the full export/,
    ],
    [
      'identity',
      (text: string) => text.replace('"message_id"\n', '"page_path"\n'),
      /the identity of pageviews is message_id here, page_path in the full export/,
    ],
    [
      'newer',
      (text: string) => text.replace('"version": 1', '"version": 2'),
      /has version 2, this program reads up to 1/,
    ],
    ['foreign', () => '{"entries": []}', /is not the manifest of a full export/],
    ['broken', () => '{', /is not JSON/],
    [
      'outside',
      (text: string) => text.replace('"path": "estore/', '"path": "../estore/'),
      /pipelines\.0\.tables\.0\.files\.0\.path/,
    ],
  ])('%s', async (name, edit, message) => {
    const { code, stderr } = await b.cli('import', '--from', edited(name, edit));
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  test('a file that another has replaced, or that is gone', async () => {
    const c = await startDev(deployedAt);
    try {
      const place = edited('replaced', (text) => text);
      const folderOf = (table: string) => join(place, 'estore', readdirSync(join(place, 'estore'))[0]!, table);
      const events = join(folderOf('events'), readdirSync(folderOf('events'))[0]!);
      const good = readFileSync(events);
      rmSync(events);
      expect((await c.cli('import', '--from', place, '--apply')).stderr).toMatch(
        /is missing; the full export is damaged/,
      );
      writeFileSync(events, good);
      // The fingerprint of another state.
      const path = join(place, 'manifest.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace(/"fingerprint": "\d/, '"fingerprint": "9'));
      const wrong = await c.cli('import', '--from', place, '--apply');
      expect(wrong.stderr).toMatch(/estore\.events: the rows of the files are not those of the full export/);
      expect(await c.query('select count(*) from estore.events')).toEqual([['0']]);
      // The whole one fits, and gives the same views.
      expect((await c.cli('import', '--from', copy, '--apply')).stderr).not.toContain('error');
      await c.pass(10 * 60_000);
      for (const view of views) expect([view, await rowsIn(c, view)]).toEqual([view, await rowsIn(a, view)]);
      expect((await c.json('status', '--no-cost')).counts).toEqual((await a.json('status', '--no-cost')).counts);
    } finally {
      await c.dispose();
    }
  });

  test.each([
    ['ftp://x/y', /--from must be s3:\/\/bucket\/prefix or a folder/],
    ['s3://bucket', /must have a prefix after the bucket/],
    ['/nowhere/at/all', /has no manifest\.json/],
  ])('--from %s', async (from, message) => {
    const { code, stderr } = await b.cli('import', '--from', from);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
  });
});

test('a warehouse that was lost comes back beside its stream and its published files', async () => {
  const [estore] = pipelines;
  const tables = pipelineTables(estore!);
  const state = async () => ({
    counts: await a.json('status', '--no-cost').then(({ pipelines: [first] }) => first.counts),
    events: await rowsIn(a, '(select event_id, shard_id, sequence_number, run_id from estore.events) e'),
    exports: await a.query('select export, count(*) from estore.exports group by 1 order by 1'),
  });
  const last = join(folder, 'last');
  await a.json('export-all', '--to', last);
  const before = await state();
  for (const table of Object.values(tables))
    expect(await a.cli('sql', `delete from ${table}`)).toMatchObject({ code: 0 });
  const result = await a.json('import', '--from', last, '--merge', '--apply');
  expect(result.pipelines[0]).toMatchObject({
    sameStream: true,
    imported: { events: 6, moved: 0, known: 0, publications: 3 },
  });
  // Without a checkpoint the next merge reads all that the landing view holds.
  await a.pass(5 * 60_000);
  const after = await state();
  const runs = (text: string) => text.replace(/imported-[0-9a-f]+:/, '');
  expect({ ...after, events: after.events.map(runs).sort() }).toEqual(before);
});

test('the folder of an export is checked before anything is asked', async () => {
  const file = join(folder, 'a-file');
  writeFileSync(file, '');
  expect(await a.cli('export-all', '--to', file)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('is a file'),
  });
  expect(await a.cli('export-all', '--to', folder)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('is not empty'),
  });
  expect(existsSync(join(folder, 'begun.json'))).toBe(false);
});
