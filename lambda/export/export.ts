import { latestFullPass } from '../shared/full-pass';
import type { Ended, Tick } from '../shared/run-event';
import { maxAttempts, WarehouseAsleepError } from '../shared/warehouse';
import { type ExportItem, windowStart } from './contract';
import { type Due, due, surveyDue } from './due';
import type { UnloadState } from './engine';
import type { Request } from './event';
import type { ExportHost } from './host';
import { type Batch, parseUnloadName, sentinelKey, unloadName } from './layout';
import type { LedgerState } from './ledger';
import { deleteRun, sweep } from './leftovers';
import { type Head, publishedAfter, readHead } from './publication';
import { complete, type Outcome, publish, runsOf, targetsOf } from './publish';
import { parseSentinel, type Sentinel } from './sentinel';

const dayMs = 86_400_000;
/** Unloads of an export whose end may have been missed: the newest, as one begins after the other has ended. */
const lookBack = 3;
/** Of two functions at once, one is through after that many looks. */
const maxLooks = 3;

/**
 * Publishes closed windows in order, some at a time, each export for itself. What is published is told by the pointer `latest.json`, what is
 * under way by the engine and the sentinels; whatever is repeated after a crash finds them and goes on from there.
 */
export const exporter = (host: ExportHost) => async (event: Tick | Request | Ended) => {
  try {
    if (event.kind === 'ended') await onEnd(host, event);
    else await onTick(host, event);
  } catch (error) {
    if (!(error instanceof WarehouseAsleepError)) throw error;
    host.log('the warehouse is asleep, left to the next tick', { error: error.message });
  }
};

async function onTick(host: ExportHost, event: Tick | Request): Promise<void> {
  const asked = event.kind === 'request' ? event.export : undefined;
  const items = host.plan.exports.filter(({ name }) => asked === undefined || asked === name);
  if (items.length === 0)
    throw new Error(`export must be one of ${host.plan.exports.map(({ name }) => name).join(', ')}, got ${asked}`);
  const failures: unknown[] = [];
  for (const item of items) {
    try {
      await look(host, item, event);
    } catch (error) {
      if (error instanceof WarehouseAsleepError) throw error;
      host.log('an export failed', { export: item.name, error: String(error) });
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, `exports failed: ${failures.map(String).join('; ')}`);
}

async function look(host: ExportHost, item: ExportItem, event: Tick | Request): Promise<void> {
  const tick = event.scheduledTime;
  if (!(await resume(host, item))) return;
  if (event.kind === 'request' && event.rerun !== undefined) return rerun(host, item, tick, event.rerun);
  await startNext(host, item, tick, 1);
  if (event.kind === 'tick' && Math.floor(tick / dayMs) !== Math.floor((tick - host.tickEveryMs) / dayMs))
    await sweep(host, item, tick);
}

async function onEnd(host: ExportHost, { statementName, statementId }: Ended): Promise<void> {
  const { environment, plan, log } = host;
  const batch = parseUnloadName(environment, plan.pipeline, statementName);
  const item = plan.exports.find(({ name }) => name === batch?.export);
  if (!batch || !item) return log('not an export of this function, ignored', { statement: statementName });
  if ((await baseOf(host, batch)) === undefined)
    return log('published or given up before', { statement: statementName });
  if (await finish(host, item, batch, statementId, await host.engine.describe(statementId)))
    await startNext(host, item, batch.tick, batch.ordinal + 1);
}

/** An unload that has ended is published, or tried again. False when another attempt is under way. */
async function finish(
  host: ExportHost,
  item: ExportItem,
  batch: Batch,
  id: string,
  state: UnloadState,
): Promise<boolean> {
  if (state.status === 'failed') {
    const error = new Error(
      `${unloadName(host.environment, host.plan.pipeline, batch)} (${id}): ${state.error ?? 'no reason given'}`,
    );
    return again(host, item, batch, error, state.updatedAt, state.mayPass);
  }
  const outcome: Outcome = await publish(host, item, batch, { id, endedAt: state.updatedAt });
  if (outcome.kind === 'wrong') return again(host, item, batch, outcome.error, state.updatedAt, true);
  return true;
}

/**
 * After a failed attempt: its files go, and another follows if that may help. A failure that will come again is looked for in half of the
 * windows, so that those before it are published; of one window alone it is thrown. True when somebody else has published since, so that
 * what is due has to be decided anew.
 */
async function again(
  host: ExportHost,
  item: ExportItem,
  batch: Batch,
  error: Error,
  at: number,
  mayPass: boolean,
): Promise<boolean> {
  const basedOn = await baseOf(host, batch);
  for (const { prefix } of runsOf(host, batch)) await deleteRun(host, prefix);
  const repeat = mayPass && batch.attempt < maxAttempts;
  if (!repeat && batch.windows.length === 1) {
    const window = new Date(batch.windows[0]!.start).toISOString();
    host.metrics(at, { ExportFailed: 1 }, { export: item.name, window });
    throw error;
  }
  host.log('an attempt failed, another follows', { export: item.name, error: error.message });
  const { head } = await standing(host, item, batch.tick);
  if (head.sequence !== basedOn) return true;
  const half = batch.windows.slice(0, Math.ceil(batch.windows.length / 2));
  await submit(
    host,
    item,
    repeat ? { ...batch, attempt: batch.attempt + 1 } : { ...batch, attempt: 1, windows: half },
    head,
  );
  return false;
}

/** The publication that the batch was begun on; undefined when no sentinel of it is left, since it was published or given up. */
async function baseOf(host: ExportHost, batch: Batch): Promise<number | undefined> {
  for (const { prefix } of runsOf(host, batch)) {
    const key = sentinelKey(prefix);
    const text = await host.objects.get(host.bucket, key);
    if (text !== undefined) return parseSentinel(text, key).basedOn;
  }
  return undefined;
}

/** False while an unload of the export is under way. One whose end was missed is brought to it first. */
async function resume(host: ExportHost, item: ExportItem): Promise<boolean> {
  const { environment, plan, engine, log } = host;
  const known = (await engine.recent(item.name)).flatMap((unload) => {
    const batch = parseUnloadName(environment, plan.pipeline, unload.name);
    return batch ? [{ ...unload, batch }] : [];
  });
  const active = known.find(({ status }) => status === 'running');
  if (active) {
    log('an earlier run is active, nothing to do', { statement: active.name, id: active.id });
    return false;
  }
  const newest = known.sort((one, other) => other.createdAt - one.createdAt).slice(0, lookBack);
  for (const { id, name, batch } of newest) {
    if ((await baseOf(host, batch)) === undefined) continue;
    log('going on with an unload whose end was missed', { statement: name, id });
    if (!(await finish(host, item, batch, id, await engine.describe(id)))) return false;
  }
  return true;
}

/** What is published, by the chain and by the ledger, after the ledger has got everything that the chain has. */
async function standing(
  host: ExportHost,
  item: ExportItem,
  tick: number,
): Promise<{ readonly head: Head; readonly state: LedgerState }> {
  for (let look = 0; look < maxLooks; look += 1) {
    // In this order: the ledger follows the pointer, so one that is read first is never ahead.
    const state = await host.ledger.state(item, tick);
    const head = await readHead(host, item);
    if (head.sequence === state.sequence) return { head, state };
    if (head.sequence < state.sequence)
      throw new Error(
        `${item.name}: latest.json is at publication ${head.sequence}, the ledger at ${state.sequence}; restore the newer version of latest.json`,
      );
    const missing = await publishedAfter(host, head, state.sequence);
    host.log('finishing publications that were interrupted', { export: item.name, publications: missing.length });
    await complete(host, item, tick, missing);
  }
  throw new Error(`${item.name}: another function publishes at the same time; the next tick goes on`);
}

async function startNext(host: ExportHost, item: ExportItem, tick: number, ordinal: number): Promise<void> {
  const { ledger, log } = host;
  const atOnce = host.engine.windowsAtOnce(item);
  const left = item.windowsPerTick - (ordinal - 1) * atOnce;
  if (left <= 0) return log('the rest is left to the next tick', { export: item.name });
  const { head, state } = await standing(host, item, tick);
  const everyMs = ordinal === 1 ? host.tickEveryMs : 0;
  const wanted = surveyDue(item, state, tick, everyMs);
  const fullPassAt = wanted === 'changes' ? latestFullPass(tick, host.plan.fullPassHour) : undefined;
  const survey = wanted ? await ledger.survey(item, tick, fullPassAt) : [];
  const next = due(item, state, survey, tick, Math.min(atOnce, left));
  tellLate(host, item, next, tick);
  if (next.windows.length === 0) return log('nothing is due', { export: item.name });
  await submit(host, item, { export: item.name, tick, ordinal, attempt: 1, windows: next.windows }, head);
}

function tellLate({ log, metrics }: ExportHost, item: ExportItem, { lateRows, lateWindows }: Due, tick: number): void {
  if (lateRows === 0) return;
  const windows = lateWindows.slice(0, 20).map((start) => new Date(start).toISOString());
  log('rows came after their window was published, or have no time, and are in no file', {
    export: item.name,
    rows: lateRows,
    windows,
  });
  metrics(tick, { LateRows: lateRows }, { export: item.name });
}

/** One window that was published before, once more. */
async function rerun(host: ExportHost, item: ExportItem, tick: number, start: number): Promise<void> {
  const at = new Date(start).toISOString();
  const { head } = await standing(host, item, tick);
  const revisions = await host.ledger.revisions(item, tick, start);
  if (windowStart(item.content.window, start) !== start || revisions.length === 0)
    throw new Error(`rerun must be the start of a published window of ${item.name}, got ${at}`);
  const revision = Math.max(...revisions) + 1;
  await submit(host, item, { export: item.name, tick, ordinal: 1, attempt: 1, windows: [{ start, revision }] }, head);
}

/**
 * Sentinels first, so that no reader takes what the engine has written so far for a complete run. What has come to its end already is
 * published here and now, and what is due next follows.
 */
async function submit(host: ExportHost, item: ExportItem, batch: Batch, head: Head): Promise<void> {
  const { environment, plan, bucket, objects, engine, log } = host;
  const name = unloadName(environment, plan.pipeline, batch);
  if (!engine.mayBegin(item)) return log('no time is left, the next tick goes on', { statement: name });
  const sentinel: Sentinel = { basedOn: head.sequence, statement: name };
  for (const { prefix } of runsOf(host, batch))
    await objects.put(bucket, sentinelKey(prefix), JSON.stringify(sentinel), 'application/json');
  const { id, end } = await engine.submit(item, { name, targets: targetsOf(host, item, batch) });
  log('submitted', { statement: name, id, windows: batch.windows.length });
  if (end && (await finish(host, item, batch, id, end))) await startNext(host, item, batch.tick, batch.ordinal + 1);
}
