import { gunzipSync } from 'node:zlib';
import { parseNotification } from '../../../lambda/load/notification';
import type { ReconcilePlan } from '../../../lambda/reconcile/contract';
import type { Limits } from '../../../lambda/reconcile/host';
import { reconcileFunction } from '../../../lambda/reconcile/reconcile';
import type { ListedObject } from '../../../lambda/shared/objects';
import type { Row } from '../../../lambda/shared/warehouse';
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
export const object = (key: string, changes: Partial<ListedObject> = {}): ListedObject => ({
  key,
  etag: `etag of ${key}`,
  size: 7,
  lastModified: written,
  ...changes,
});

/** The reconcile function on fakes: a bucket with pages of two, a work bucket, a queue and a warehouse that compares its listing with its ledger. */
export function fakeReconcile(keys: readonly string[], limits: Partial<Limits> = {}) {
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
  const core = reconcileFunction({
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
    core({ kind: 'start', scheduledTime: `${day}T${time}:00Z` }, () => world.remainingMs);
  return { warehouse, recorded, bucket, work, ledger, queued, listed, world, tick };
}
