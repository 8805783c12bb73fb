import { gunzipSync } from 'node:zlib';
import { foldersToList, maxKnownFolders } from '../../../lambda/reconcile/folders';
import { PartWriter } from '../../../lambda/reconcile/parts';
import { WarehouseAsleepError } from '../../../lambda/shared/warehouse';
import { fakeReconcile, object } from './host';

test('queues the objects of the globs that are not in the ledger, and nothing else', async () => {
  const { tick, queued, ledger, listed, recorded } = fakeReconcile([
    'logs/2026/a.gz',
    'logs/2026/deep/b',
    'logs/x/c.gz',
    'logs/readme.txt',
    'logs/2026/folder/',
    'orders/d',
    'other/e.gz',
  ]);
  ledger.add('logs/x/c.gz');
  await tick();
  expect(queued).toEqual(['logs/2026/a.gz', 'logs/2026/deep/b', 'orders/d']);
  expect(listed.map(({ prefix }) => prefix)).toEqual(['logs/', 'orders/']);
  expect(recorded.map(({ values }) => values)).toEqual([
    { ReconcileCompleted: 1, ListedObjects: 4, MissingObjects: 3 },
  ]);
});

test('queues an object with the same message that S3 would have sent', async () => {
  const { tick, world, work } = fakeReconcile(['orders/ü b']);
  await tick();
  expect(world.listing).toEqual([
    { object_key: 'orders/ü b', etag: 'etag of orders/ü b', size: 7, last_modified: '2026-11-21 04:00:00' },
  ]);
  expect([...work.keys()]).toEqual([
    'listings/estore/20261121T0500Z/part-000000.ndjson.gz',
    'listings/estore/20261121T0500Z/manifest',
    'listings/estore/progress.json',
  ]);
  expect(JSON.parse(String(work.get('listings/estore/20261121T0500Z/manifest'))).entries).toEqual([
    {
      url: 's3://work/listings/estore/20261121T0500Z/part-000000.ndjson.gz',
      mandatory: true,
      meta: { content_length: expect.any(Number) },
    },
  ]);
});

test('leaves objects of the last two minutes to their notifications', async () => {
  const { tick, queued, bucket } = fakeReconcile(['orders/new', 'orders/old']);
  bucket[0] = object('orders/new', { lastModified: Date.parse('2026-11-21T04:58:30Z') });
  await tick();
  expect(queued).toEqual(['orders/old']);
});

test('does nothing while the backlog is long, and still reports that it ran', async () => {
  const { tick, world, warehouse, listed, recorded } = fakeReconcile(['orders/a']);
  world.depth = 1000;
  await tick();
  expect([warehouse.names, listed]).toEqual([[], []]);
  expect(recorded.map(({ values }) => values)).toEqual([{ ReconcileCompleted: 1 }]);
});

test('an empty bucket costs no statement', async () => {
  const { tick, warehouse, recorded } = fakeReconcile([]);
  await tick();
  expect(warehouse.names).toEqual([]);
  expect(recorded).toHaveLength(1);
});

test('sends no more messages than it may, the next run sends the rest', async () => {
  const { tick, queued, ledger } = fakeReconcile(['orders/a', 'orders/b', 'orders/c', 'orders/d'], { messages: 3 });
  await tick();
  expect(queued).toEqual(['orders/a', 'orders/b', 'orders/c']);
  for (const key of queued) ledger.add(key);
  await tick('05:30');
  expect(queued.slice(3)).toEqual(['orders/d']);
});

test('continues where the last run stopped, and begins again after the end', async () => {
  const keys = ['logs/2026/a', 'logs/2026/b', 'logs/2026/c', 'orders/d', 'orders/e', 'orders/f'];
  const { tick, listed, queued, work } = fakeReconcile(keys, { objects: 2 });
  await tick('05:00');
  expect(JSON.parse(String(work.get('listings/estore/cursor.json')))).toEqual({
    prefix: 'logs/',
    after: 'logs/2026/b',
  });
  await tick('05:30');
  await tick('06:00');
  expect(new Set(queued)).toEqual(new Set(keys));
  expect(work.has('listings/estore/cursor.json')).toBe(false);
  await tick('02:00', '2026-11-22');
  expect(listed.filter(({ prefix, after }) => prefix === 'logs/' && after === '')).toHaveLength(2);
});

describe('between two full passes', () => {
  /** A thousand objects in four folders, all loaded, and what one run lists of them. */
  async function loaded() {
    const keys = Array.from({ length: 1000 }, (_, i) => `logs/s${i % 4}/${String(i).padStart(4, '0')}.gz`);
    const made = fakeReconcile(keys);
    for (const key of keys) made.ledger.add(key);
    await made.tick('03:00');
    const add = (key: string, changes = {}) => {
      made.bucket.push(object(key, { lastModified: Date.parse('2026-11-21T03:05:00Z'), ...changes }));
      made.bucket.sort((a, b) => (a.key < b.key ? -1 : 1));
    };
    made.world.pages = 0;
    return { ...made, add };
  }

  test('a run lists new keys of known folders and new folders, however large the history', async () => {
    const { tick, queued, add, world, warehouse, recorded } = await loaded();
    add('logs/s1/9999.gz');
    add('logs/s9/0001.gz');
    await tick('03:15');
    expect([...queued].sort()).toEqual(['logs/s1/9999.gz', 'logs/s9/0001.gz']);
    expect(world.pages).toBe(2);
    expect(recorded.at(-1)!.values).toEqual({ ReconcileCompleted: 1, ListedObjects: 2, MissingObjects: 2 });
    expect(warehouse.statements.at(-2)!.submission.statements).toEqual([expect.stringMatching(/^copy /)]);
  });

  test('a run that finds nothing new submits no statement, once what it queued is loaded', async () => {
    const { tick, queued, add, ledger, warehouse } = await loaded();
    add('logs/s1/9999.gz');
    await tick('03:15');
    await tick('03:30');
    expect(queued).toEqual(['logs/s1/9999.gz', 'logs/s1/9999.gz']);
    ledger.add('logs/s1/9999.gz');
    await tick('03:45');
    const asked = warehouse.statements.length;
    await tick('04:00');
    expect(warehouse.statements).toHaveLength(asked);
  });

  test('an object that is left to its notification is checked again', async () => {
    const { tick, queued, add } = await loaded();
    add('logs/s1/9999.gz', { lastModified: Date.parse('2026-11-21T03:14:30Z') });
    await tick('03:15');
    expect(queued).toEqual([]);
    await tick('03:30');
    expect(queued).toEqual(['logs/s1/9999.gz']);
  });

  test('an object with a late but older key is found by the full pass, even when its tick was missed', async () => {
    const { tick, queued, add } = await loaded();
    add('logs/s1/0000-late.gz');
    await tick('03:15');
    await tick('01:45', '2026-11-22');
    expect(queued).toEqual([]);
    await tick('03:30', '2026-11-22');
    expect(queued).toEqual(['logs/s1/0000-late.gz']);
  });

  test('of many known folders only those that were written to last are listed', () => {
    const folders = Array.from({ length: 500 }, (_, i) => `logs/${i}/`);
    const progress = new Map(folders.map((folder, i) => [folder, { after: `${folder}x`, newest: i }]));
    const listed = foldersToList([...folders, 'logs/new/'], progress);
    expect(listed).toHaveLength(maxKnownFolders + 1);
    expect(listed.slice(0, 2).map(({ prefix }) => prefix)).toEqual(['logs/new/', 'logs/499/']);
  });
});

test('stops listing when its time runs out', async () => {
  const { tick, world, queued, work } = fakeReconcile(['orders/a', 'orders/b', 'orders/c']);
  world.remainingMs = 5 * 60_000;
  await tick();
  expect(queued).toEqual(['orders/a', 'orders/b']);
  expect(work.has('listings/estore/cursor.json')).toBe(true);
});

test.each(['page', 'put', 'send', 'cursor'])('killed at a %s, the next run queues what is missing', async (call) => {
  const { tick, world, queued } = fakeReconcile(
    ['orders/a', 'orders/b', 'orders/c'],
    call === 'cursor' ? { objects: 2 } : {},
  );
  world.failAt = call;
  await expect(tick('05:00')).rejects.toThrow(`killed at ${call}`);
  for (const time of ['05:30', '06:00']) await tick(time);
  expect(new Set(queued)).toEqual(new Set(['orders/a', 'orders/b', 'orders/c']));
});

test('a statement that fails is loud, a sleeping warehouse is not', async () => {
  const { tick, warehouse, recorded } = fakeReconcile(['orders/a']);
  const { outcome } = warehouse;
  warehouse.outcome = () => ({ status: 'FAILED', error: 'permission denied' });
  await expect(tick('05:00')).rejects.toThrow('permission denied');
  warehouse.outcome = outcome;
  warehouse.submit = async () => {
    throw new WarehouseAsleepError('The cluster is paused', false);
  };
  await tick('05:30');
  expect(recorded).toEqual([]);
});

test('parts hold so many bytes and are written one after the other', async () => {
  const parts: number[] = [];
  const writer = new PartWriter(
    'p-',
    async (_, body) => {
      parts.push(gunzipSync(body).length);
    },
    1000,
  );
  await writer.add(Array.from({ length: 100 }, (_, i) => object(`k${i}`)));
  const written = await writer.end();
  expect(written.map(({ key }) => key).slice(0, 2)).toEqual(['p-000000.ndjson.gz', 'p-000001.ndjson.gz']);
  expect(Math.max(...parts)).toBeLessThan(1200);
  expect(writer.objects).toBe(100);
});
