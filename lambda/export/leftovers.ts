import { type ExportItem, exportPrefix } from './contract';
import type { ExportHost } from './host';
import { parseUnloadName, runOfKey, runPrefix, sentinelKey, successKey, windowPrefix } from './layout';
import { readHead, type Success } from './publication';
import { parseSentinel } from './sentinel';

/**
 * Deletes one run: what says that it is complete first, its sentinel last, so that an interrupted deletion is taken up again. Only for runs
 * that can no longer be published.
 */
export async function deleteRun({ objects, bucket, engine, log }: ExportHost, prefix: string): Promise<void> {
  const [success, sentinel] = [successKey(prefix), sentinelKey(prefix)];
  const files = (await objects.list(bucket, prefix)).filter((key) => key !== success && key !== sentinel);
  for (const key of [success, ...files]) await objects.delete(bucket, key);
  await engine.forget(prefix);
  await objects.delete(bucket, sentinel);
  log('deleted what an unpublished run left', { prefix, objects: files.length });
}

/** Other runs of a window that is published: the pointer has moved past them. Those that are still being written are left to their own end. */
export async function deleteRivals(host: ExportHost, item: ExportItem, success: Success): Promise<void> {
  const { objects, bucket, plan } = host;
  const window = { start: Date.parse(success.window.start), revision: success.revision };
  const keys = await objects.list(bucket, windowPrefix(plan.pipeline, item.name, window));
  const rivals = new Set(keys.flatMap((key) => runOfKey(plan.pipeline, item.name, key) ?? []));
  rivals.delete(success.prefix);
  if (rivals.size === 0) return;
  const writing = await runsBeingWritten(host, item);
  for (const prefix of rivals) if (!writing.has(prefix)) await deleteRun(host, prefix);
}

/**
 * Deletes every run that is neither published nor can be: those that were begun on an older pointer, and what a deletion was interrupted at.
 * The order matters: what has no sentinel in the listing was published before it, if ever, and is in the ledger, which is read after it
 * and is never behind the pointer when this is called. What has one, and an older pointer, will never be published.
 */
export async function sweep(host: ExportHost, item: ExportItem, tick: number): Promise<void> {
  const { objects, bucket, plan, ledger } = host;
  const keys = new Set(await objects.list(bucket, exportPrefix(plan.pipeline, item.name)));
  const runs = new Set([...keys].flatMap((key) => runOfKey(plan.pipeline, item.name, key) ?? []));
  const { sequence } = await readHead(host, item);
  const writing = await runsBeingWritten(host, item);
  const published = await ledger.locations(item, tick);
  for (const prefix of runs) {
    if (published.has(`s3://${bucket}/${prefix}`) || writing.has(prefix)) continue;
    const key = sentinelKey(prefix);
    const text = keys.has(key) ? await objects.get(bucket, key) : undefined;
    const mayBePublished = keys.has(key) && (text === undefined || parseSentinel(text, key).basedOn >= sequence);
    if (!mayBePublished) await deleteRun(host, prefix);
  }
}

async function runsBeingWritten({ environment, plan, engine }: ExportHost, item: ExportItem): Promise<Set<string>> {
  const active = (await engine.recent(item.name)).filter(({ status }) => status === 'running');
  return new Set(
    active.flatMap(({ name }) => {
      const batch = parseUnloadName(environment, plan.pipeline, name);
      return (batch?.windows ?? []).map((window) => runPrefix(environment, plan.pipeline, batch!, window));
    }),
  );
}
