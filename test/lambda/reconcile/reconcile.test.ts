import { gunzipSync } from 'node:zlib';
import { parseNotification } from '../../../lambda/load/notification';
import type { ReconcilePlan } from '../../../lambda/reconcile/contract';
import { PartWriter } from '../../../lambda/reconcile/parts';
import { type Limits, reconcile } from '../../../lambda/reconcile/reconcile';
import { mostTails, tailsToList } from '../../../lambda/reconcile/tails';
import type { ListedObject } from '../../../lambda/shared/objects';
import { parseTick } from '../../../lambda/shared/run-event';
import { type Row, WarehouseAsleepError } from '../../../lambda/shared/warehouse';
import { FakeWarehouse, type Outcome, quiet, recordMetrics } from '../fakes';

const plan: ReconcilePlan = {
  pipeline: 'estore',
  globs: ['logs/*/*.gz', 'logs/2026/**', 'orders/*'],
  fullPassHour: 2,
  list: ['delete from listing', 'copy listing {{manifest}} {{load_role}}'],
  append: ['copy listing {{manifest}} {{load_role}}'],
  missing: 'missing {{before}} {{since}}',
};
const written = Date.parse('2026-11-21T04:00:00Z');
const object = (key: string, changes: Partial<ListedObject> = {}): ListedObject => ({
  key,
  etag: `etag of ${key}`,
  size: 7,
  lastModified: written,
  ...changes,
});

/** A bucket of pages of two, a work bucket, a queue and a warehouse that compares its listing with its ledger. */
function setUp(keys: readonly string[], limits: Partial<Limits> = {}) {
  const warehouse = new FakeWarehouse();
  const { metrics, recorded } = recordMetrics();
  const bucket = [...keys].sort().map((key) => object(key));
  const work = new Map<string, string | Uint8Array>();
  const ledger = new Set<string>();
  const queued: string[] = [];
  const listed: { prefix: string; after?: string }[] = [];
  const world = { pages: 0, depth: 0, remainingMs: 3_600_000, failAt: '', listing: [] as Row[] };
  const fail = (call: string) => {
    if (world.failAt !== call) return;
    world.failAt = '';
    throw new Error(`killed at ${call}`);
  };
  warehouse.outcome = ({ name, statements }): Outcome => {
    if (name.includes('/list/')) {
      const url = /'s3:\/\/work\/([^']*)'/.exec(statements.at(-1)!)![1]!;
      const { entries } = JSON.parse(String(work.get(url)));
      const added = entries.flatMap((entry: { url: string }) =>
        gunzipSync(work.get(entry.url.replace('s3://work/', '')) as Uint8Array)
          .toString()
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)),
      );
      world.listing = statements.length > 1 ? added : [...world.listing, ...added];
      return {};
    }
    const [before, since] = [...statements[0]!.matchAll(/'([^']*)'/g)].map(([, time]) => time);
    return {
      rows: world.listing.filter(
        ({ object_key, last_modified }) =>
          !ledger.has(String(object_key)) && String(last_modified) < before! && String(last_modified) >= since!,
      ),
    };
  };
  const on = reconcile({
    environment: 'dev',
    historyBucket: 'history',
    workBucket: 'work',
    loadRoleArn: 'arn:role',
    backlogUrl: 'https://backlog',
    plan,
    warehouse: Object.assign(warehouse, {
      async *rowPages(id: string) {
        const rows = await warehouse.rows(id);
        for (let i = 0; i < rows.length; i += 2) yield rows.slice(i, i + 2);
      },
    }),
    objects: {
      async put(_, key, body) {
        fail('put');
        work.set(key, body);
        if (key.endsWith('cursor.json')) fail('cursor');
      },
      get: async (_, key) => work.get(key)?.toString(),
      async delete(_, key) {
        work.delete(key);
      },
      async *folders(_, prefix) {
        listed.push({ prefix, after: '/' });
        const found = bucket.map(({ key }) => key).filter((key) => key.startsWith(prefix));
        const names = found.filter((key) => key.includes('/', prefix.length));
        yield [...new Set(names.map((key) => key.slice(0, key.indexOf('/', prefix.length) + 1)))];
      },
      async *pages(_, prefix, after = '') {
        listed.push({ prefix, after });
        const found = bucket.filter(({ key }) => key.startsWith(prefix) && key > after);
        for (let i = 0; i < found.length; i += 2) {
          fail('page');
          world.pages += 1;
          yield found.slice(i, i + 2);
        }
      },
    },
    queues: {
      async send(url, bodies) {
        expect(url).toBe('https://backlog');
        fail('send');
        queued.push(...bodies.map((body) => parseNotification(body)[0]!.key));
      },
      depth: async () => world.depth,
    },
    log: quiet,
    metrics,
    limits,
  });
  const tick = (time = '05:00', day = '2026-11-21') =>
    on(parseTick({ kind: 'start', scheduledTime: `${day}T${time}:00Z` }), () => world.remainingMs);
  return { warehouse, recorded, bucket, work, ledger, queued, listed, world, tick };
}

test('queues the objects of the globs that are not in the ledger, and nothing else', async () => {
  const { tick, queued, ledger, listed, recorded } = setUp([
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

test('tells of an object as S3 would have done', async () => {
  const { tick, world, work } = setUp(['orders/ü b']);
  await tick();
  expect(world.listing).toEqual([
    { object_key: 'orders/ü b', etag: 'etag of orders/ü b', size: 7, last_modified: '2026-11-21 04:00:00' },
  ]);
  expect([...work.keys()]).toEqual([
    'listings/estore/20261121T0500Z/part-000000.ndjson.gz',
    'listings/estore/20261121T0500Z/manifest',
    'listings/estore/memory.json',
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
  const { tick, queued, bucket } = setUp(['orders/new', 'orders/old']);
  bucket[0] = object('orders/new', { lastModified: Date.parse('2026-11-21T04:58:30Z') });
  await tick();
  expect(queued).toEqual(['orders/old']);
});

test('does nothing while the backlog is long, and says that it was there', async () => {
  const { tick, world, warehouse, listed, recorded } = setUp(['orders/a']);
  world.depth = 1000;
  await tick();
  expect([warehouse.names, listed]).toEqual([[], []]);
  expect(recorded.map(({ values }) => values)).toEqual([{ ReconcileCompleted: 1 }]);
});

test('an empty bucket costs no statement', async () => {
  const { tick, warehouse, recorded } = setUp([]);
  await tick();
  expect(warehouse.names).toEqual([]);
  expect(recorded).toHaveLength(1);
});

test('sends no more messages than it may, the next run sends the rest', async () => {
  const { tick, queued, ledger } = setUp(['orders/a', 'orders/b', 'orders/c', 'orders/d'], { messages: 3 });
  await tick();
  expect(queued).toEqual(['orders/a', 'orders/b', 'orders/c']);
  for (const key of queued) ledger.add(key);
  await tick('05:30');
  expect(queued.slice(3)).toEqual(['orders/d']);
});

test('goes on where the run before had to stop, and begins again after the end', async () => {
  const keys = ['logs/2026/a', 'logs/2026/b', 'logs/2026/c', 'orders/d', 'orders/e', 'orders/f'];
  const { tick, listed, queued, work } = setUp(keys, { objects: 2 });
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

describe('between two listings of everything', () => {
  /** A thousand objects in four folders, all loaded, and what one run lists of them. */
  async function loaded() {
    const keys = Array.from({ length: 1000 }, (_, i) => `logs/s${i % 4}/${String(i).padStart(4, '0')}.gz`);
    const made = setUp(keys);
    for (const key of keys) made.ledger.add(key);
    await made.tick('03:00');
    const add = (key: string, changes = {}) => {
      made.bucket.push(object(key, { lastModified: Date.parse('2026-11-21T03:05:00Z'), ...changes }));
      made.bucket.sort((a, b) => (a.key < b.key ? -1 : 1));
    };
    made.world.pages = 0;
    return { ...made, add };
  }

  test('a run lists the ends of folders and folders that are new, whatever the history holds', async () => {
    const { tick, queued, add, world, warehouse, recorded } = await loaded();
    add('logs/s1/9999.gz');
    add('logs/s9/0001.gz');
    await tick('03:15');
    expect([...queued].sort()).toEqual(['logs/s1/9999.gz', 'logs/s9/0001.gz']);
    expect(world.pages).toBe(2);
    expect(recorded.at(-1)!.values).toEqual({ ReconcileCompleted: 1, ListedObjects: 2, MissingObjects: 2 });
    expect(warehouse.statements.at(-2)!.submission.statements).toEqual([expect.stringMatching(/^copy /)]);
  });

  test('a run that finds nothing new asks the warehouse nothing, once what it queued is loaded', async () => {
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

  test('an object that is left to its notification is looked at again', async () => {
    const { tick, queued, add } = await loaded();
    add('logs/s1/9999.gz', { lastModified: Date.parse('2026-11-21T03:14:30Z') });
    await tick('03:15');
    expect(queued).toEqual([]);
    await tick('03:30');
    expect(queued).toEqual(['logs/s1/9999.gz']);
  });

  test('an object that is put late under an older key is found by the listing of everything, also when its tick was missed', async () => {
    const { tick, queued, add } = await loaded();
    add('logs/s1/0000-late.gz');
    await tick('03:15');
    await tick('01:45', '2026-11-22');
    expect(queued).toEqual([]);
    await tick('03:30', '2026-11-22');
    expect(queued).toEqual(['logs/s1/0000-late.gz']);
  });

  test('of many folders only those that were written to last are looked at', () => {
    const folders = Array.from({ length: 500 }, (_, i) => `logs/${i}/`);
    const tails = new Map(folders.map((folder, i) => [folder, { after: `${folder}x`, newest: i }]));
    const listed = tailsToList([...folders, 'logs/new/'], tails);
    expect(listed).toHaveLength(mostTails + 1);
    expect(listed.slice(0, 2).map(({ prefix }) => prefix)).toEqual(['logs/new/', 'logs/499/']);
  });
});

test('stops listing when its time runs out', async () => {
  const { tick, world, queued, work } = setUp(['orders/a', 'orders/b', 'orders/c']);
  world.remainingMs = 5 * 60_000;
  await tick();
  expect(queued).toEqual(['orders/a', 'orders/b']);
  expect(work.has('listings/estore/cursor.json')).toBe(true);
});

test.each(['page', 'put', 'send', 'cursor'])('killed at a %s, the next run queues what is missing', async (call) => {
  const { tick, world, queued } = setUp(['orders/a', 'orders/b', 'orders/c'], call === 'cursor' ? { objects: 2 } : {});
  world.failAt = call;
  await expect(tick('05:00')).rejects.toThrow(`killed at ${call}`);
  for (const time of ['05:30', '06:00']) await tick(time);
  expect(new Set(queued)).toEqual(new Set(['orders/a', 'orders/b', 'orders/c']));
});

test('a statement that fails is loud, a sleeping warehouse is not', async () => {
  const { tick, warehouse, recorded } = setUp(['orders/a']);
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
  for (let i = 0; i < 100; i += 1) await writer.add(object(`k${i}`));
  const written = await writer.end();
  expect(written.map(({ key }) => key).slice(0, 2)).toEqual(['p-000000.ndjson.gz', 'p-000001.ndjson.gz']);
  expect(Math.max(...parts)).toBeLessThan(1200);
  expect(writer.objects).toBe(100);
});
