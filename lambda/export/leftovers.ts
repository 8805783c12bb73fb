import { type ExportItem, exportPrefix } from './contract';
import type { ExportContext } from './host';
import { parseUnloadName, runOfKey, runPrefix, sentinelKey, successKey, windowPrefix } from './layout';
import { parseSentinel, readHead, type Success } from './publication';

/**
 * Deletes a run that can no longer be published: first its success file, last its sentinel, so that an interrupted deletion is continued by
 * `deleteLeftovers`.
 */
export async function deleteRun(context: ExportContext, item: ExportItem, prefix: string): Promise<void> {
  const { objects, bucket, engineOf, log } = context;
  const [success, sentinel] = [successKey(prefix), sentinelKey(prefix)];
  const files = (await objects.list(bucket, prefix)).filter((key) => key !== success && key !== sentinel);
  for (const key of [success, ...files]) await objects.delete(bucket, key);
  await engineOf(item).deleteStaged(prefix);
  await objects.delete(bucket, sentinel);
  log('deleted what an unpublished run left', { prefix, objects: files.length });
}

/** Deletes the other runs of a window that was published, except for those that are still being written. */
export async function deleteRivals(context: ExportContext, item: ExportItem, published: Success): Promise<void> {
  const { objects, bucket, plan } = context;
  const window = { start: Date.parse(published.window.start), revision: published.revision };
  const keys = await objects.list(bucket, windowPrefix(plan.pipeline, item.name, window));
  const rivals = runsOfKeys(context, item, keys);
  rivals.delete(published.prefix);
  if (rivals.size === 0) return;
  const writing = await runsBeingWritten(context, item);
  for (const prefix of rivals) if (!writing.has(prefix)) await deleteRun(context, item, prefix);
}

/**
 * Deletes every run that is not published and can't be any more. Call this after `catchUpLedger`. The order of the reads matters:
 * - A run without a sentinel in the listing was either published before the listing or is a deletion that was interrupted. The ledger is read
 *   after the listing, so it has every run that was published before.
 * - A run with a sentinel can be published only on top of the newest publication, so one that is based on an older publication can't.
 */
export async function deleteLeftovers(context: ExportContext, item: ExportItem, tick: number): Promise<void> {
  const { objects, bucket, plan, ledger } = context;
  const keys = new Set(await objects.list(bucket, exportPrefix(plan.pipeline, item.name)));
  const { sequence } = await readHead(context, item);
  const writing = await runsBeingWritten(context, item);
  const published = await ledger.locations(item, tick);
  for (const prefix of runsOfKeys(context, item, keys)) {
    if (published.has(`s3://${bucket}/${prefix}`) || writing.has(prefix)) continue;
    const key = sentinelKey(prefix);
    const text = keys.has(key) ? await objects.get(bucket, key) : undefined;
    const mayBePublished = keys.has(key) && (text === undefined || parseSentinel(text, key).basedOn >= sequence);
    if (!mayBePublished) await deleteRun(context, item, prefix);
  }
}

const runsOfKeys = ({ plan }: ExportContext, item: ExportItem, keys: Iterable<string>) =>
  new Set([...keys].flatMap((key) => runOfKey(plan.pipeline, item.name, key) ?? []));

async function runsBeingWritten(context: ExportContext, item: ExportItem): Promise<Set<string>> {
  const { environment, plan, engineOf } = context;
  const active = (await engineOf(item).recent(item)).filter(({ status }) => status === 'running');
  return new Set(
    active.flatMap(({ name }) => {
      const batch = parseUnloadName(environment, plan.pipeline, name);
      return (batch?.windows ?? []).map((window) => runPrefix(environment, plan.pipeline, batch!, window));
    }),
  );
}
