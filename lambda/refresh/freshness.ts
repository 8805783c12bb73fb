import { type Freshness, freshnessKey, parseFreshness } from '../shared/freshness';
import { parseTimestamp } from '../shared/timestamp';
import type { StatementPart, StatementState } from '../shared/warehouse';
import type { RefreshHost } from './host';
import { activeRuns } from './statements';

/**
 * An open run may refresh views at any time, so its entry stays until the run closes it. Another run removes it if no statement of it is active and it
 * was opened this long ago. The function that opened it then has ended: a call takes at most two minutes. If the run goes on, it opens itself again.
 */
const deadMs = 5 * 60_000;

/** Writers meet only when runs overlap. */
const maxWrites = 10;

/** Enters the run before it refreshes views, each time. Nothing is refreshed if that fails, because answers could then be kept that are not exact. */
export async function openViews(host: RefreshHost, runId: string): Promise<void> {
  if (!host.plan.freshness) return;
  const since = new Date(host.now()).toISOString();
  await change(host, async (document) => {
    const open = document ? document.open : await activeEntries(host, since);
    const others = open.filter(({ run }) => run !== runId);
    return { ...(document ?? { pipeline: host.plan.pipeline }), open: [...others, { run: runId, since }] };
  });
}

/**
 * Replaces the run's entry by what its views have. `ended` is the statement that the plan names. A repeated call changes nothing.
 *
 * A run without an entry was removed by another one, or the document was lost and made again. Its views are part of what the other runs vouch for.
 */
export async function closeViews(host: RefreshHost, runId: string, ended: StatementState): Promise<void> {
  if (!host.plan.freshness) return;
  const { endedMs, completeUntil, failed } = await readEnd(host, ended);
  await change(host, async (document) => {
    if (document && !document.open.some(({ run }) => run === runId)) return undefined;
    const open = document ? document.open : await activeEntries(host, new Date(host.now()).toISOString());
    const earliestMs = document?.done ? Date.parse(document.done.refreshedAt) + 1 : 0;
    const refreshedAt = new Date(Math.max(endedMs, earliestMs)).toISOString();
    return {
      pipeline: host.plan.pipeline,
      done: { run: runId, refreshedAt, ...(completeUntil === undefined ? {} : { completeUntil }), failed },
      open: await withoutDead(
        host,
        open.filter(({ run }) => run !== runId),
      ),
    };
  });
}

/**
 * Records how far the views are complete after a run that found nothing new. `ended` is the statement that ended it. The views of such a run are as
 * complete as those of a run that refreshed them, so it becomes the first one of a document that names none.
 */
export async function extendViews(host: RefreshHost, runId: string, ended: StatementState): Promise<void> {
  if (!host.plan.freshness) return;
  const { endedMs, completeUntil, failed } = await readEnd(host, ended);
  const until = completeUntil === undefined ? {} : { completeUntil };
  await change(host, async (document) => {
    const done = document?.done;
    if (document && done) {
      const isLater = completeUntil !== undefined && (done.completeUntil ?? '') < completeUntil;
      return isLater ? { ...document, done: { ...done, ...until } } : undefined;
    }
    const open = document ? document.open : await activeEntries(host, new Date(host.now()).toISOString());
    if (open.some(({ run }) => run !== runId)) return undefined;
    const refreshedAt = new Date(endedMs).toISOString();
    return { pipeline: host.plan.pipeline, done: { run: runId, refreshedAt, ...until, failed }, open: [] };
  });
}

/** Writes what `next` makes of the document, unless that is undefined or another writer was faster; then it is asked again. */
async function change(
  host: RefreshHost,
  next: (document: Freshness | undefined) => Promise<Freshness | undefined>,
): Promise<void> {
  const { objects, bucket } = host.freshness;
  const key = freshnessKey(host.plan.pipeline);
  for (let write = 1; write <= maxWrites; write += 1) {
    const held = await objects.getWithEtag(bucket, key);
    const made = await next(held && parseFreshness(held.text));
    if (!made) return;
    if (await objects.putIf(bucket, key, `${JSON.stringify(made)}\n`, held?.etag, 'application/json')) return;
  }
  throw new Error(`${key} was changed by other writers ${maxWrites} times in a row`);
}

type Open = Freshness['open'];

const activeEntries = async (host: RefreshHost, since: string): Promise<Open> =>
  [...(await activeRuns(host))].map((run) => ({ run, since }));

async function withoutDead(host: RefreshHost, open: Open): Promise<Open> {
  const isOld = ({ since }: Open[number]) => host.now() - Date.parse(since) > deadMs;
  if (!open.some(isOld)) return open;
  const active = await activeRuns(host);
  const dead = open.filter((entry) => isOld(entry) && !active.has(entry.run));
  for (const { run } of dead) host.log('a run ended without closing its views', { run });
  return open.filter((entry) => !dead.includes(entry));
}

/** The results of the last two statements of a step: `complete_until`, and a row `view_name` for each view that could not be refreshed. */
async function readEnd({ warehouse }: RefreshHost, { parts, updatedAt }: StatementState) {
  const rowsOf = async ({ id, rows }: StatementPart) => (rows === 0 ? [] : warehouse.rows(id));
  const [complete, failures] = await Promise.all(parts.slice(-2).map(rowsOf));
  const until = parseTimestamp(complete?.[0]?.['complete_until'] ?? null, 'complete_until');
  return {
    endedMs: updatedAt,
    completeUntil: until === undefined ? undefined : new Date(until).toISOString(),
    failed: (failures ?? []).map(({ view_name }) => String(view_name)).sort(),
  };
}
