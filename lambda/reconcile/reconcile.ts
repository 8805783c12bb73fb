import { literalPrefixes } from '../load/contract';
import { globMatcher } from '../load/glob';
import { notificationOf } from '../load/notification';
import type { Log } from '../shared/log';
import type { Metrics } from '../shared/metrics';
import type { ObjectListing, ObjectStore } from '../shared/objects';
import { asJson, asNumber, asRecord, asText } from '../shared/parse';
import type { Queues } from '../shared/queue';
import type { Tick } from '../shared/run-event';
import { render, renderAll } from '../shared/statement';
import { compactTime, formatStatementName } from '../shared/statement-name';
import { formatTimestamp, parseTimestamp } from '../shared/timestamp';
import { execute, type RowPages, type Warehouse, WarehouseAsleepError } from '../shared/warehouse';
import { listingPrefix, type ReconcilePlan } from './contract';
import { PartWriter } from './parts';

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

/** Where the listing goes on: `after` is the last key that was listed below `prefix`. */
interface Cursor {
  readonly prefix: string;
  readonly after: string;
}

/**
 * Lists the history bucket, asks the warehouse which objects are neither loaded nor parked, and queues those: notifications may be lost.
 * All of it may be repeated: an object that is queued twice is loaded once.
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
  const { parts, objects, stoppedAt } = await list(host, runId, limits, remainingMs);
  let missing = 0;
  if (parts.length > 0) {
    const manifest = await writeManifest(host, runId, parts);
    const values = { manifest: `s3://${host.workBucket}/${manifest}`, load_role: host.loadRoleArn };
    await execute(host.warehouse, nameOf(host, runId, 'list'), renderAll(host.plan.list, values), remainingMs);
    missing = await queueMissing(host, runId, scheduledTime, limits, remainingMs);
  }
  // Last, so that a run which was killed is begun again where it began.
  if (stoppedAt)
    await host.objects.put(host.workBucket, cursorKey(host), JSON.stringify(stoppedAt), 'application/json');
  else await host.objects.delete(host.workBucket, cursorKey(host));
  host.metrics(
    scheduledTime,
    { ReconcileCompleted: 1, ListedObjects: objects, MissingObjects: missing },
    { runId, ...(stoppedAt ? { stoppedAt } : {}) },
  );
  host.log('reconciled', { runId, objects, missing, ...(stoppedAt ? { stoppedAt } : {}) });
}

/** Writes the pipeline's objects to parts, from the cursor of the run before on, until the end of the bucket or of the time. */
async function list(host: ReconcileHost, runId: string, limits: Limits, remainingMs: () => number) {
  const { historyBucket, workBucket, objects, plan } = host;
  const matchers = plan.globs.map(globMatcher);
  const prefixes = literalPrefixes(plan.globs);
  const cursor = await readCursor(host);
  const parts = new PartWriter(`${runFolder(host, runId)}part-`, (key, body) =>
    objects.put(workBucket, key, body, 'application/gzip'),
  );
  let stoppedAt: Cursor | undefined;
  const first = cursor ? prefixes.findIndex((prefix) => prefix >= cursor.prefix) : 0;
  for (const prefix of first < 0 ? [] : prefixes.slice(first)) {
    const after = prefix === cursor?.prefix ? cursor.after : undefined;
    for await (const page of objects.pages(historyBucket, prefix, after)) {
      for (const object of page)
        if (!object.key.endsWith('/') && matchers.some((matches) => matches(object.key))) await parts.add(object);
      const last = page.at(-1)?.key;
      if (last !== undefined && (parts.objects >= limits.objects || remainingMs() < limits.reserveMs)) {
        stoppedAt = { prefix, after: last };
        break;
      }
    }
    if (stoppedAt) break;
  }
  return { parts: await parts.end(), objects: parts.objects, stoppedAt };
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
  limits: Limits,
  remainingMs: () => number,
): Promise<number> {
  const sql = render(host.plan.missing, { before: formatTimestamp(scheduledTime - youngMs) });
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

const folder = ({ plan }: ReconcileHost) => `${listingPrefix}${plan.pipeline}/`;
const cursorKey = (host: ReconcileHost) => `${folder(host)}cursor.json`;
const runFolder = (host: ReconcileHost, runId: string) => `${folder(host)}${runId}/`;

const nameOf = ({ environment, plan }: ReconcileHost, runId: string, step: 'list' | 'missing') =>
  formatStatementName({ environment, pipeline: plan.pipeline, purpose: 'reconcile', runId, step, attempt: 1 });
