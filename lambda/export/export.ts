import type { RemainingMs } from '../shared/deadline';
import { latestFullPass } from '../shared/full-pass';
import { asOneOf, asRecord, asText, asTime } from '../shared/parse';
import { type ExportsReport, exportsReportKey, type PauseState, readPauseState } from '../shared/pause';
import { type Ended, parseRunEvent, type Tick } from '../shared/run-event';
import { ownState, WarehouseAsleepError } from '../shared/warehouse';
import { finishBatch, finishMissedUnloads, isUnfinished, submitBatch } from './batches';
import { type ExportItem, windowStart } from './contract';
import {
  changedWindows,
  countOf,
  type Due,
  dueWindows,
  inTurn,
  mayLeaveWindows,
  surveyEveryMs,
  surveyNeeded,
} from './due';
import type { UnloadEngine } from './engine';
import type { ExportContext, ExportHost } from './host';
import { type Batch, parseUnloadName } from './layout';
import { type LedgerState, warehouseLedger } from './ledger';
import { deleteLeftovers } from './leftovers';
import { materializeEngine } from './materialize';
import type { Head } from './publication';
import { catchUpLedger } from './publish';
import { redshiftEngine } from './redshift';

const dayMs = 86_400_000;

/** An operator's RequestExport. */
interface Request {
  readonly kind: 'request';
  readonly export: string;
  /** Epoch milliseconds. */
  readonly scheduledTime: number;
  /** Start of a published window, epoch milliseconds. */
  readonly rerun?: number;
}

/**
 * Publishes closed windows in order, a batch at a time, each export independently. The function keeps no state. The pointer `latest.json` says
 * what is published; the engine's list of unloads and the sentinels say what is unfinished. So a repeated call continues after a crash.
 */
export const exportFunction = (host: ExportHost) => async (input: unknown, remainingMs: RemainingMs) => {
  const event = parseExportEvent(input);
  const context = contextOf(host, remainingMs);
  try {
    if (event.kind === 'ended') await continueAfterUnload(context, event);
    else {
      const pause = await pausing(host);
      await (pause ? finishBeforePause(context, pause) : publishExports(context, event, remainingMs));
    }
  } catch (error) {
    if (!(error instanceof WarehouseAsleepError)) throw error;
    host.log('the warehouse is asleep, left to the next tick', { error: error.message });
  }
};

/** A tick of the schedule, the end of an unload, or a RequestExport. Throws for anything else. */
export function parseExportEvent(event: unknown): Tick | Ended | Request {
  const fields = asRecord(event, 'event');
  if (fields['kind'] !== 'request') return parseRunEvent(event);
  asOneOf(fields['kind'], ['request'], 'event.kind');
  return {
    kind: 'request',
    export: asText(fields['export'], 'event.export'),
    scheduledTime: asTime(fields['time'], 'event.time'),
    ...(fields['rerun'] === undefined ? {} : { rerun: asTime(fields['rerun'], 'event.rerun') }),
  };
}

function contextOf(host: ExportHost, remainingMs: RemainingMs): ExportContext {
  const { environment, plan, warehouse } = host;
  const redshift = redshiftEngine(host);
  const materialize = host.materialize && materializeEngine(host, host.materialize, remainingMs);
  return {
    ...host,
    ledger: warehouseLedger({ environment, pipeline: plan.pipeline, warehouse, remainingMs }),
    engineOf({ name, engine }): UnloadEngine {
      if (engine !== 'materialize') return redshift;
      if (!materialize) throw new Error(`export ${name} needs a connection to Materialize, and the function has none`);
      return materialize;
    },
  };
}

/** The pause for which exports in progress are to end and no further one may start. */
async function pausing({ objects, workBucket }: ExportHost): Promise<PauseState | undefined> {
  const pause = await readPauseState(objects, workBucket);
  return pause?.phase === 'pausing' ? pause : undefined;
}

/** Finishes unloads in progress, and reports to the pause function whether there are some. */
async function finishBeforePause(context: ExportContext, { since }: PauseState): Promise<void> {
  const { plan, objects, workBucket, log } = context;
  let busy = false;
  for (const item of plan.exports) {
    const { progress } = await finishMissedUnloads(context, item);
    busy ||= progress === 'pending';
  }
  const report: ExportsReport = { busy, since };
  await objects.put(workBucket, exportsReportKey(plan.pipeline), JSON.stringify(report), 'application/json');
  log('the environment is being paused, no export starts', { busy });
}

/** With less time left, a tick begins no further export. One export takes seconds, unless the warehouse is busy. */
export const reservedMs = 60_000;

/**
 * Publishes what is due of all exports, or of the one that is requested. A failed export does not stop the others. Each tick begins with
 * another export, so that the time of the function runs out at other exports than in the tick before.
 */
async function publishExports(context: ExportContext, event: Tick | Request, remainingMs: RemainingMs): Promise<void> {
  const { plan, log } = context;
  const requested = event.kind === 'request' ? event.export : undefined;
  const items = plan.exports.filter(({ name }) => requested === undefined || requested === name);
  if (items.length === 0)
    throw new Error(`export must be one of ${plan.exports.map(({ name }) => name).join(', ')}, got ${requested}`);
  const failures: unknown[] = [];
  for (const [i, item] of inTurn(items, Math.floor(event.scheduledTime / everyMs(context))).entries()) {
    if (i > 0 && remainingMs() < reservedMs) {
      log('no time is left, the next ticks begin with the other exports', { exports: items.length - i });
      break;
    }
    try {
      await publishExport(context, item, event);
    } catch (error) {
      if (error instanceof WarehouseAsleepError) throw error;
      log('an export failed', { export: item.name, error: String(error) });
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, `exports failed: ${failures.map(String).join('; ')}`);
}

async function publishExport(context: ExportContext, item: ExportItem, event: Tick | Request): Promise<void> {
  const tick = event.scheduledTime;
  const { progress, newest } = await finishMissedUnloads(context, item);
  if (progress === 'pending') return;
  if (event.kind === 'request' && event.rerun !== undefined) return publishAgain(context, item, tick, event.rerun);
  const recent = newest && tick - newest.tick <= surveyEveryMs ? newest : undefined;
  await publishNext(context, item, { tick, ordinal: 1, previous: recent, requested: event.kind === 'request' });
  if (event.kind === 'tick' && isFirstOfDay(tick, everyMs(context))) await deleteLeftovers(context, item, tick);
}

const everyMs = ({ plan }: ExportContext) => plan.everyMinutes * 60_000;

const isFirstOfDay = (tick: number, intervalMs: number) =>
  Math.floor(tick / dayMs) !== Math.floor((tick - intervalMs) / dayMs);

async function continueAfterUnload(context: ExportContext, { statementName, statementId }: Ended): Promise<void> {
  const { environment, plan, engineOf, warehouse, log } = context;
  const batch = parseUnloadName(environment, plan.pipeline, statementName);
  const item = plan.exports.find(({ name }) => name === batch?.export);
  if (!batch || !item) return log('not an export of this function, ignored', { statement: statementName });
  if (!(await ownState(warehouse, statementId)))
    return log('another role submitted this statement, ignored', { statement: statementName, id: statementId });
  if (!(await isUnfinished(context, batch))) return log('published or given up before', { statement: statementName });
  const state = await engineOf(item).describe(statementId);
  if ((await finishBatch(context, item, batch, statementId, state)) === 'done' && !(await pausing(context)))
    await publishNext(context, item, { tick: batch.tick, ordinal: batch.ordinal + 1, previous: batch });
}

/** Publishes batch after batch, until nothing is due or an unload is pending. The end of a pending unload continues the chain. */
async function publishNext(context: ExportContext, item: ExportItem, first: Turn): Promise<void> {
  for (let turn = first; ; ) {
    const next = await nextBatch(context, item, turn);
    if (!next || (await submitBatch(context, item, next.batch, next.head)) === 'pending') return;
    turn = { tick: turn.tick, ordinal: turn.ordinal + 1, previous: next.batch };
  }
}

/** A batch of a tick that is to be decided. */
interface Turn {
  readonly tick: number;
  readonly ordinal: number;
  /** The batch before this one, of this tick or of a recent one. */
  readonly previous?: Batch;
  /** True if an operator asked for what is due. */
  readonly requested?: boolean;
}

/** How many windows a batch of a tick may have. */
const roomOf = ({ windowsPerTick }: ExportItem, ordinal: number, maxWindows: number) =>
  Math.min(maxWindows, windowsPerTick - (ordinal - 1) * maxWindows);

/** Undefined when nothing is due, or the tick has published as many windows as it may. */
async function nextBatch(
  context: ExportContext,
  item: ExportItem,
  { tick, ordinal, previous, requested }: Turn,
): Promise<{ readonly batch: Batch; readonly head: Head } | undefined> {
  const { ledger, plan, log } = context;
  const { maxWindows } = context.engineOf(item);
  const room = roomOf(item, ordinal, maxWindows);
  if (room <= 0) {
    log('the rest is left to the next tick', { export: item.name });
    return undefined;
  }
  const { head, state } = await catchUpLedger(context, item, tick);
  if (ordinal === 1) reportAge(context, item, state, tick);
  if (state.failure !== undefined) {
    log('the export waits: a view that it reads could not be refreshed', { export: item.name, failure: state.failure });
    return undefined;
  }
  // Late rows are counted by the first batch of a tick alone.
  const scheduled = surveyNeeded(item, state, tick, ordinal === 1 && !requested ? everyMs(context) : 0);
  const isLeft = previous && mayLeaveWindows(item, state, previous, roomOf(item, previous.ordinal, maxWindows));
  const wanted = requested || isLeft ? 'everything' : scheduled;
  const fullPassAt = wanted === 'changes' ? latestFullPass(tick, plan.fullPassHour) : undefined;
  const windows = wanted && (await context.engineOf(item).windows?.(item));
  const changed = windows
    ? changedWindows(item, windows, await ledger.published(item, tick))
    : wanted
      ? await ledger.survey(item, tick, fullPassAt)
      : [];
  const due = dueWindows(item, state, changed, tick, room);
  if (scheduled) reportLateRows(context, item, due, tick);
  if (due.windows.length === 0) {
    log('nothing is due', { export: item.name });
    return undefined;
  }
  return { batch: { export: item.name, tick, ordinal, attempt: 1, windows: due.windows }, head };
}

/** Reports how old the newest published window is before the tick publishes what is due. */
function reportAge({ metrics }: ExportContext, { name }: ExportItem, { lastEnd }: LedgerState, tick: number): void {
  if (lastEnd === undefined) return;
  metrics(tick, { ExportAgeMinutes: (tick - lastEnd) / 60_000 }, { export: name });
}

/** Writes one log line and one metric value for each reason. */
function reportLateRows(context: ExportContext, item: ExportItem, { late }: Due, tick: number): void {
  for (const reason of new Set(late.map((one) => one.reason))) {
    const rows = late.filter((one) => one.reason === reason);
    const windows = rows
      .slice(0, 20)
      .flatMap(({ window }) => (window === undefined ? [] : [new Date(window).toISOString()]));
    const facts = { export: item.name, reason, windows };
    context.log('rows are in no file', { ...facts, rows: countOf(rows) });
    context.metrics(tick, { LateRows: countOf(rows) }, facts);
  }
}

/** Publishes one window again, as a correction. */
async function publishAgain(context: ExportContext, item: ExportItem, tick: number, start: number): Promise<void> {
  const { head, state } = await catchUpLedger(context, item, tick);
  if (state.failure !== undefined)
    throw new Error(`${item.name} waits: a view that it reads could not be refreshed: ${state.failure}`);
  const revisions = await context.ledger.revisions(item, tick, start);
  if (windowStart(item.content.window, start) !== start || revisions.length === 0)
    throw new Error(
      `rerun must be the start of a published window of ${item.name}, got ${new Date(start).toISOString()}`,
    );
  const windows = [{ start, revision: Math.max(...revisions) + 1 }];
  const batch = { export: item.name, tick, ordinal: 1, attempt: 1, windows };
  if ((await submitBatch(context, item, batch, head)) === 'done')
    await publishNext(context, item, { tick, ordinal: 2 });
}
