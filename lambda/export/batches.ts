import { mapAtMost, parallelObjects } from '../shared/at-most';
import { maxAttempts, pauseAfter } from '../shared/warehouse';
import type { ExportItem } from './contract';
import type { UnloadState } from './engine';
import type { ExportContext } from './host';
import { type Batch, parseUnloadName, sentinelKey, unloadName } from './layout';
import { deleteRun } from './leftovers';
import { type Head, parseSentinel, type Sentinel } from './publication';
import { catchUpLedger, publish, runsOf, targetsOf } from './publish';

/** How a call for a batch ended. */
export type Progress =
  /** Its windows are published, by this function or another. What is due next can be decided. */
  | 'done'
  /** Its unload, or a further attempt, is running or left to the next tick. */
  | 'pending';

/** Unloads follow each other, so only the newest may have ended without an event. */
const newestUnloads = 3;

/**
 * Begins a batch, or a further attempt. The sentinels are written before the engine begins, so that no reader takes unfinished files for a
 * complete run. An unload that has ended already is published at once.
 */
export async function submitBatch(
  context: ExportContext,
  item: ExportItem,
  batch: Batch,
  head: Head,
): Promise<Progress> {
  const { environment, plan, bucket, objects, log } = context;
  const engine = context.engineOf(item);
  const name = unloadName(environment, plan.pipeline, batch);
  if (!engine.hasTime()) {
    log('no time is left, the next tick goes on', { statement: name });
    return 'pending';
  }
  const sentinel: Sentinel = { basedOn: head.sequence, statement: name };
  await mapAtMost(parallelObjects, runsOf(context, batch), ({ prefix }) =>
    objects.put(bucket, sentinelKey(prefix), JSON.stringify(sentinel), 'application/json'),
  );
  const { id, end } = await engine.submit(item, { name, targets: targetsOf(context, item, batch) });
  log('submitted', { statement: name, id, windows: batch.windows.length });
  return end ? finishBatch(context, item, batch, id, end) : 'pending';
}

/** Publishes an unload that has ended, or tries it again. */
export async function finishBatch(
  context: ExportContext,
  item: ExportItem,
  batch: Batch,
  id: string,
  state: UnloadState,
): Promise<Progress> {
  if (state.status === 'failed') {
    const name = unloadName(context.environment, context.plan.pipeline, batch);
    const error = new Error(`${name} (${id}): ${state.error ?? 'no reason given'}`);
    return retryOrSplit(context, item, batch, { error, at: state.updatedAt, mayPass: state.mayPass });
  }
  const outcome = await publish(context, item, batch, { id, endedAt: state.updatedAt });
  if (outcome.kind !== 'wrong') return 'done';
  return retryOrSplit(context, item, batch, { error: outcome.error, at: state.updatedAt, mayPass: true });
}

interface FailedAttempt {
  readonly error: Error;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Whether another attempt may succeed. */
  readonly mayPass: boolean;
}

/**
 * Deletes the files of a failed attempt and submits another one: the same batch if that may succeed, otherwise its first half, so that the
 * windows before the faulty one are published. Throws when the faulty window is alone.
 */
async function retryOrSplit(
  context: ExportContext,
  item: ExportItem,
  batch: Batch,
  { error, at, mayPass }: FailedAttempt,
): Promise<Progress> {
  const basedOn = await basedOnOf(context, batch);
  for (const { prefix } of runsOf(context, batch)) await deleteRun(context, item, prefix);
  const retry = mayPass && batch.attempt < maxAttempts;
  if (!retry && batch.windows.length === 1) {
    const window = new Date(batch.windows[0]!.start).toISOString();
    context.metrics(at, { ExportFailed: 1 }, { export: item.name, window });
    throw error;
  }
  context.log('an attempt failed, another follows', { export: item.name, error: error.message });
  if (retry) await pauseAfter(context.warehouse, batch.attempt);
  const { head } = await catchUpLedger(context, item, batch.tick);
  // Another function has published since, so what is due has changed.
  if (head.sequence !== basedOn) return 'done';
  const half = batch.windows.slice(0, Math.ceil(batch.windows.length / 2));
  const next = retry ? { ...batch, attempt: batch.attempt + 1 } : { ...batch, attempt: 1, windows: half };
  return submitBatch(context, item, next, head);
}

/** Finishes unloads whose end no event reported. Returns the batch of the newest unload too. */
export async function finishMissedUnloads(
  context: ExportContext,
  item: ExportItem,
): Promise<{ readonly progress: Progress; readonly newest?: Batch }> {
  const { environment, plan, log } = context;
  const engine = context.engineOf(item);
  const known = (await engine.recent(item)).flatMap((unload) => {
    const batch = parseUnloadName(environment, plan.pipeline, unload.name);
    return batch ? [{ ...unload, batch }] : [];
  });
  const active = known.find(({ status }) => status === 'running');
  if (active) {
    log('an earlier run is active, nothing to do', { statement: active.name, id: active.id });
    return { progress: 'pending' };
  }
  const newest = known.sort((one, other) => other.createdAt - one.createdAt).slice(0, newestUnloads);
  for (const { id, name, batch } of newest) {
    if (!(await isUnfinished(context, batch))) continue;
    log('going on with an unload whose end was missed', { statement: name, id });
    if ((await finishBatch(context, item, batch, id, await engine.describe(id))) === 'pending')
      return { progress: 'pending' };
  }
  return { progress: 'done', newest: newest[0]?.batch };
}

/** False if the batch was published or given up: then none of its sentinels is left. */
export const isUnfinished = async (context: ExportContext, batch: Batch): Promise<boolean> =>
  (await basedOnOf(context, batch)) !== undefined;

/** Sequence of the publication that the batch is based on, by its sentinels. Undefined if none is left. */
async function basedOnOf(context: ExportContext, batch: Batch): Promise<number | undefined> {
  for (const { prefix } of runsOf(context, batch)) {
    const key = sentinelKey(prefix);
    const text = await context.objects.get(context.bucket, key);
    if (text !== undefined) return parseSentinel(text, key).basedOn;
  }
  return undefined;
}
