import { literalPrefixes } from '../load/contract';
import { globMatcher } from '../load/glob';
import { notificationOf } from '../load/notification';
import type { Log } from '../shared/log';
import type { Metrics } from '../shared/metrics';
import type { ListedObject, ObjectListing, ObjectStore } from '../shared/objects';
import { asJson, asNumber, asRecord, asText } from '../shared/parse';
import type { Queues } from '../shared/queue';
import type { Tick } from '../shared/run-event';
import { render, renderAll } from '../shared/statement';
import { compactTime, formatStatementName } from '../shared/statement-name';
import { formatTimestamp, parseTimestamp } from '../shared/timestamp';
import { execute, type RowPages, type Warehouse, WarehouseAsleepError } from '../shared/warehouse';
import { listingPrefix, type ReconcilePlan } from './contract';
import { PartWriter } from './parts';
import {
  deepPrefixes,
  folderOf,
  formatMemory,
  fullPassIsDue,
  type Memory,
  parseMemory,
  type Tail,
  tailsToList,
} from './tails';

export interface ReconcileHost {
  readonly environment: string;
  readonly historyBucket: string;
  readonly workBucket: string;
  readonly loadRoleArn: string;
  readonly backlogUrl: string;
  readonly plan: ReconcilePlan;
  readonly warehouse: Warehouse & RowPages;
  readonly objects: Pick<ObjectStore, 'put' | 'get' | 'delete'> & ObjectListing;
  readonly queues: Queues;
  readonly log: Log;
  readonly metrics: Metrics;
  /** @default `defaultLimits` */
  readonly limits?: Partial<Limits>;
}

export interface Limits {
  /** Objects that one run may list; the next goes on where it stopped. */
  readonly objects: number;
  /** Messages that one run may send; what it leaves is still missing in the next. */
  readonly messages: number;
  /** With so many messages in the backlog queue a run does nothing: what it would send is mostly there already. */
  readonly waiting: number;
  /** Time that is kept for the statements and the messages when the listing has to stop, in milliseconds. */
  readonly reserveMs: number;
}

export const defaultLimits: Limits = {
  objects: 5_000_000,
  messages: 100_000,
  waiting: 1000,
  reserveMs: 6 * 60_000,
};

/** Younger objects are left to their notifications. */
const youngMs = 2 * 60_000;
const dayMs = 86_400_000;

/** Where the listing goes on: `after` is the last key that was listed below `prefix`. */
interface Cursor {
  readonly prefix: string;
  readonly after: string;
}

/**
 * Lists the history bucket, asks the warehouse which objects are neither loaded nor parked, and queues those: notifications may be lost.
 * Once a day everything is listed. Between, a run lists what comes after the last keys of the folders, which bounds it by what is new; an object that was
 * put late under an older key, or overwritten, and whose notification was lost, is found by the daily listing. All of it may be repeated: an object that is queued twice is loaded once.
 */
export const reconcile =
  (host: ReconcileHost) =>
  async ({ scheduledTime }: Tick, remainingMs: () => number): Promise<void> => {
    const limits = { ...defaultLimits, ...host.limits };
    const waiting = await host.queues.depth(host.backlogUrl);
    if (waiting >= limits.waiting) {
      host.log('the backlog is being worked off, nothing to do', { messages: waiting });
      host.metrics(scheduledTime, { ReconcileCompleted: 1 });
      return;
    }
    try {
      await run(host, scheduledTime, limits, remainingMs);
    } catch (error) {
      if (!(error instanceof WarehouseAsleepError)) throw error;
      host.log('the warehouse is asleep, left to the next tick', { error: error.message });
    }
  };

async function run(host: ReconcileHost, scheduledTime: number, limits: Limits, remainingMs: () => number) {
  const runId = compactTime(scheduledTime);
  const [memory, cursor] = [await readMemory(host), await readCursor(host)];
  const isFull = cursor !== undefined || fullPassIsDue(memory, scheduledTime, host.plan.fullPassHour);
  const listing = new Listing(host, runId, limits, remainingMs, cursor || !isFull ? memory : undefined);
  if (isFull) await listing.everything(cursor);
  else await listing.ends();
  const { parts, objects, stoppedAt } = await listing.end();
  const fullAt = isFull && !cursor ? scheduledTime : (memory?.fullAt ?? scheduledTime);
  let missing = 0;
  if (parts.length > 0) {
    const manifest = await writeManifest(host, runId, parts);
    const values = { manifest: `s3://${host.workBucket}/${manifest}`, load_role: host.loadRoleArn };
    const statements = renderAll(isFull && !cursor ? host.plan.list : host.plan.append, values);
    await execute(host.warehouse, nameOf(host, runId, 'list'), statements, remainingMs);
  }
  // What was left to its notification before is in the listing already.
  if (parts.length > 0 || (!isFull && memory?.pending)) {
    const since = isFull ? 0 : fullAt - dayMs;
    missing = await queueMissing(host, runId, scheduledTime, since, limits, remainingMs);
  }
  // Last, so that a run which was killed is begun again where it began; a pass that goes on has its cursor before it counts as begun.
  if (stoppedAt) await put(host, cursorKey(host), JSON.stringify(stoppedAt));
  const pending = missing > 0 || listing.newest >= scheduledTime - youngMs;
  await put(host, memoryKey(host), formatMemory({ fullAt, pending, tails: listing.tails }));
  if (cursor && !stoppedAt) await host.objects.delete(host.workBucket, cursorKey(host));
  host.metrics(
    scheduledTime,
    { ReconcileCompleted: 1, ListedObjects: objects, MissingObjects: missing },
    { runId, ...(stoppedAt ? { stoppedAt } : {}) },
  );
  host.log('reconciled', {
    runId,
    pass: isFull ? 'full' : 'ends',
    objects,
    missing,
    ...(stoppedAt ? { stoppedAt } : {}),
  });
}

/** Writes the pipeline's objects to parts. */
class Listing {
  readonly tails: Map<string, Tail>;
  /** When the newest object was written, in epoch milliseconds. */
  newest = 0;
  private stoppedAt: Cursor | undefined;
  private readonly parts: PartWriter;
  private readonly matchers: ((key: string) => boolean)[];
  private readonly folderOf: ReturnType<typeof folderOf>;

  constructor(
    private readonly host: ReconcileHost,
    runId: string,
    private readonly limits: Limits,
    private readonly remainingMs: () => number,
    memory: Memory | undefined,
  ) {
    const { workBucket, objects, plan } = host;
    this.tails = new Map(memory?.tails);
    this.matchers = plan.globs.map(globMatcher);
    this.folderOf = folderOf(plan.globs);
    this.parts = new PartWriter(`${runFolder(host, runId)}part-`, (key, body) =>
      objects.put(workBucket, key, body, 'application/gzip'),
    );
  }

  /** From the cursor of the run before on, until the end of the bucket or of the time. */
  async everything(cursor: Cursor | undefined): Promise<void> {
    const prefixes = literalPrefixes(this.host.plan.globs);
    const first = cursor ? prefixes.findIndex((prefix) => prefix >= cursor.prefix) : 0;
    for (const prefix of first < 0 ? [] : prefixes.slice(first)) {
      const last = await this.list(prefix, prefix, prefix === cursor?.prefix ? cursor.after : undefined);
      if (last === undefined) continue;
      this.stoppedAt = { prefix, after: last };
      break;
    }
  }

  /** What comes after the last keys that were listed: folders that are new are listed whole. */
  async ends(): Promise<void> {
    const { plan, objects, historyBucket } = this.host;
    const deep = new Set(deepPrefixes(plan.globs));
    for (const prefix of literalPrefixes(plan.globs)) {
      const folders = [prefix];
      if (deep.has(prefix)) {
        folders.pop();
        for await (const page of objects.folders(historyBucket, prefix)) folders.push(...page);
        if (folders.length === 0) folders.push(prefix);
      }
      for (const tail of tailsToList(folders, this.tails))
        if ((await this.list(prefix, tail.prefix, tail.after)) !== undefined) return;
    }
  }

  async end() {
    return { parts: await this.parts.end(), objects: this.parts.objects, stoppedAt: this.stoppedAt };
  }

  /** The last key, where it had to stop. */
  private async list(prefix: string, below: string, after: string | undefined): Promise<string | undefined> {
    for await (const page of this.host.objects.pages(this.host.historyBucket, below, after)) {
      for (const object of page) await this.add(prefix, object);
      const last = page.at(-1)?.key;
      const isLate = this.parts.objects >= this.limits.objects || this.remainingMs() < this.limits.reserveMs;
      if (last !== undefined && isLate) return last;
    }
    return undefined;
  }

  private async add(prefix: string, object: ListedObject): Promise<void> {
    const { key, lastModified } = object;
    const folder = this.folderOf(prefix, key);
    const newest = Math.max(lastModified, this.tails.get(folder)?.newest ?? 0);
    this.tails.set(folder, { after: key, newest });
    if (key.endsWith('/') || !this.matchers.some((matches) => matches(key))) return;
    this.newest = Math.max(this.newest, lastModified);
    await this.parts.add(object);
  }
}

async function writeManifest(
  host: ReconcileHost,
  runId: string,
  parts: readonly { readonly key: string; readonly bytes: number }[],
): Promise<string> {
  const key = `${runFolder(host, runId)}manifest`;
  const entries = parts.map((part) => ({
    url: `s3://${host.workBucket}/${part.key}`,
    mandatory: true,
    meta: { content_length: part.bytes },
  }));
  await host.objects.put(host.workBucket, key, JSON.stringify({ entries }), 'application/json');
  return key;
}

/** Returns how many objects it queued. */
async function queueMissing(
  host: ReconcileHost,
  runId: string,
  scheduledTime: number,
  since: number,
  limits: Limits,
  remainingMs: () => number,
): Promise<number> {
  const times = { before: formatTimestamp(scheduledTime - youngMs), since: formatTimestamp(since) };
  const sql = render(host.plan.missing, times);
  const { id } = await execute(host.warehouse, nameOf(host, runId, 'missing'), sql, remainingMs);
  let sent = 0;
  for await (const page of host.warehouse.rowPages(id)) {
    const bodies = page.slice(0, limits.messages - sent).map((row) =>
      notificationOf(
        {
          bucket: host.historyBucket,
          key: asText(row.object_key, 'object_key'),
          etag: asText(row.etag, 'etag'),
          versionId: '',
          size: asNumber(row.size, 'size'),
        },
        parseTimestamp(row.last_modified, 'last_modified'),
      ),
    );
    await host.queues.send(host.backlogUrl, bodies);
    sent += bodies.length;
    if (sent >= limits.messages || remainingMs() < 10_000) break;
  }
  return sent;
}

async function readCursor(host: ReconcileHost): Promise<Cursor | undefined> {
  const text = await host.objects.get(host.workBucket, cursorKey(host));
  if (text === undefined) return undefined;
  const cursor = asRecord(asJson(text, 'cursor'), 'cursor');
  return { prefix: asText(cursor.prefix, 'cursor.prefix'), after: asText(cursor.after, 'cursor.after') };
}

async function readMemory(host: ReconcileHost): Promise<Memory | undefined> {
  const text = await host.objects.get(host.workBucket, memoryKey(host));
  return text === undefined ? undefined : parseMemory(text);
}

const put = ({ objects, workBucket }: ReconcileHost, key: string, body: string) =>
  objects.put(workBucket, key, body, 'application/json');

const folder = ({ plan }: ReconcileHost) => `${listingPrefix}${plan.pipeline}/`;
const cursorKey = (host: ReconcileHost) => `${folder(host)}cursor.json`;
const memoryKey = (host: ReconcileHost) => `${folder(host)}memory.json`;
const runFolder = (host: ReconcileHost, runId: string) => `${folder(host)}${runId}/`;

const nameOf = ({ environment, plan }: ReconcileHost, runId: string, step: 'list' | 'missing') =>
  formatStatementName({ environment, pipeline: plan.pipeline, purpose: 'reconcile', runId, step, attempt: 1 });
