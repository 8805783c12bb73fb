import { notificationOf } from '../load/notification';
import type { RemainingMs } from '../shared/deadline';
import { asNumber, asText } from '../shared/parse';
import { parseTick } from '../shared/run-event';
import { render, renderAll } from '../shared/statement';
import { compactTime, formatStatementName } from '../shared/statement-name';
import { formatTimestamp, parseTimestamp } from '../shared/timestamp';
import { execute, type Row, WarehouseAsleepError } from '../shared/warehouse';
import { maxQueued } from './contract';
import { fullPassIsDue } from './folders';
import type { Limits, ReconcileHost } from './host';
import { Listing } from './listing';
import { deleteCursor, readCursor, readProgress, writeCursor, writeManifest, writeProgress } from './work-files';

export const defaultLimits: Limits = {
  objects: 5_000_000,
  messages: maxQueued,
  waiting: 1000,
  reserveMs: 6 * 60_000,
};

/** The notification of a younger object may still come. */
const youngMs = 2 * 60_000;
const dayMs = 86_400_000;
/** Time left at which no more messages are sent. */
const sendReserveMs = 10_000;

/**
 * Notifications may be lost. This function lists the history bucket, asks the warehouse which objects are neither loaded nor parked, and queues
 * those. A full pass once a day lists everything. Other runs list the keys after the last known one of each folder, so their cost depends on what is
 * new. An overwritten object, or a new one whose key sorts before the last, waits for the full pass if its notification was lost. All steps may be
 * repeated, since an object that is queued twice is loaded once.
 */
export const reconcileFunction =
  (host: ReconcileHost) =>
  async (event: unknown, remainingMs: RemainingMs): Promise<void> => {
    const { scheduledTime } = parseTick(event);
    const run: Run = {
      host,
      id: compactTime(scheduledTime),
      scheduledTime,
      limits: { ...defaultLimits, ...host.limits },
      remainingMs,
    };
    const waiting = await host.queues.depth(host.backlogUrl);
    if (waiting >= run.limits.waiting) {
      host.log('the backlog is being worked off, nothing to do', { messages: waiting });
      host.metrics(scheduledTime, { ReconcileCompleted: 1 });
      return;
    }
    try {
      await listAndQueue(run);
    } catch (error) {
      if (!(error instanceof WarehouseAsleepError)) throw error;
      host.log('the warehouse is asleep, left to the next tick', { error: error.message });
    }
  };

interface Run {
  readonly host: ReconcileHost;
  readonly id: string;
  readonly scheduledTime: number;
  readonly limits: Limits;
  readonly remainingMs: RemainingMs;
}

async function listAndQueue(run: Run): Promise<void> {
  const { host, scheduledTime } = run;
  const [progress, cursor] = [await readProgress(host), await readCursor(host)];
  const isFull = cursor !== undefined || fullPassIsDue(progress, scheduledTime, host.plan.fullPassHour);
  const beginsFull = isFull && !cursor;
  const listing = new Listing(host, run.id, run.limits, run.remainingMs, beginsFull ? undefined : progress);
  if (isFull) await listing.listAll(cursor);
  else await listing.listNew();
  const { parts, objects, stoppedAt } = await listing.end();
  if (parts.length > 0) await loadListing(run, parts, beginsFull);
  const fullAt = beginsFull ? scheduledTime : (progress?.fullAt ?? scheduledTime);
  // Objects that the last run left to their notifications are in the warehouse's listing already.
  const mayMiss = parts.length > 0 || (!isFull && progress?.pending);
  const missing = mayMiss ? await queueMissing(run, isFull ? 0 : fullAt - dayMs) : 0;
  // Written last, so that a killed run is repeated. The cursor comes before the progress: a full pass counts as begun only once its cursor is kept.
  if (stoppedAt) await writeCursor(host, stoppedAt);
  const pending = missing > 0 || listing.newest >= scheduledTime - youngMs;
  await writeProgress(host, { fullAt, pending, folders: listing.folders });
  if (cursor && !stoppedAt) await deleteCursor(host);
  reportRun(run, isFull, { objects, missing }, stoppedAt);
}

function reportRun(
  { host, id, scheduledTime }: Run,
  isFull: boolean,
  counts: { readonly objects: number; readonly missing: number },
  stoppedAt: unknown,
): void {
  const facts = { runId: id, ...(stoppedAt ? { stoppedAt } : {}) };
  const { objects, missing } = counts;
  host.metrics(scheduledTime, { ReconcileCompleted: 1, ListedObjects: objects, MissingObjects: missing }, facts);
  host.log('reconciled', { ...facts, pass: isFull ? 'full' : 'new keys', ...counts });
}

/** Copies what was listed into the warehouse's table `listing`. A new full pass replaces its rows. */
async function loadListing(
  run: Run,
  parts: readonly { readonly key: string; readonly bytes: number }[],
  replace: boolean,
): Promise<void> {
  const { host } = run;
  const values = { manifest: await writeManifest(host, run.id, parts), load_role: host.loadRoleArn };
  const statements = renderAll(replace ? host.plan.list : host.plan.append, values);
  await execute(host.warehouse, nameOf(run, 'list'), statements, run.remainingMs);
}

/**
 * Queues objects that are neither loaded nor parked. Returns their number.
 * @param since older objects are left out, in epoch milliseconds
 */
async function queueMissing(run: Run, since: number): Promise<number> {
  const { host, scheduledTime, limits, remainingMs } = run;
  const times = { before: formatTimestamp(scheduledTime - youngMs), since: formatTimestamp(since) };
  const sql = render(host.plan.missing, times);
  const { id } = await execute(host.warehouse, nameOf(run, 'missing'), sql, remainingMs);
  let sent = 0;
  for await (const page of host.warehouse.rowPages(id)) {
    const bodies = page.slice(0, limits.messages - sent).map((row) => messageOf(host, row));
    await host.queues.send(host.backlogUrl, bodies);
    sent += bodies.length;
    if (sent >= limits.messages || remainingMs() < sendReserveMs) break;
  }
  return sent;
}

const messageOf = ({ historyBucket }: ReconcileHost, row: Row) =>
  notificationOf(
    {
      bucket: historyBucket,
      key: asText(row.object_key, 'object_key'),
      etag: asText(row.etag, 'etag'),
      versionId: '',
      size: asNumber(row.size, 'size'),
    },
    parseTimestamp(row.last_modified, 'last_modified'),
  );

const nameOf = ({ host: { environment, plan }, id }: Run, step: 'list' | 'missing') =>
  formatStatementName({ environment, pipeline: plan.pipeline, purpose: 'reconcile', runId: id, step, attempt: 1 });
