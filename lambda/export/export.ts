import { statementNamePrefix } from '../shared/plan';
import type { Ended, Tick } from '../shared/run-event';
import { clientToken, render } from '../shared/statement';
import { compactTime, formatStatementName } from '../shared/statement-name';
import { formatTimestamp, parseTimestamp } from '../shared/timestamp';
import {
  isPassing,
  isTerminal,
  maxAttempts,
  run as runStatement,
  StatementError,
  WarehouseAsleepError,
} from '../shared/warehouse';
import { type ExportItem, exportPrefix } from './contract';
import { finalize, finish } from './finalize';
import type { ExportHost } from './host';
import {
  dataPrefix,
  type ExportRun,
  parseSentinelKey,
  parseUnloadName,
  runIdPrefix,
  runPrefix,
  sentinelKey,
  successKey,
  unloadName,
  windowPrefix,
} from './run';

/**
 * Publishes closed windows, one at a time and in order for each export. The state of a window is the ledger's row, the status of its UNLOAD and
 * the sentinel; whatever is repeated after a crash finds them and goes on from there.
 */
export const exporter = (host: ExportHost) => async (event: Tick | Ended, remainingMs: () => number) => {
  try {
    await (event.kind === 'tick' ? onTick(host, event, remainingMs) : onEnd(host, event, remainingMs));
  } catch (error) {
    if (!(error instanceof WarehouseAsleepError)) throw error;
    host.log('the warehouse is asleep, left to the next tick', { error: error.message });
  }
};

async function onTick(host: ExportHost, { scheduledTime }: Tick, remainingMs: () => number): Promise<void> {
  const failures: unknown[] = [];
  for (const item of host.plan.exports) {
    try {
      if (await mayStart(host, item, remainingMs)) await startNext(host, item, scheduledTime, 1, remainingMs);
    } catch (error) {
      if (error instanceof WarehouseAsleepError) throw error;
      host.log('an export did not start', { export: item.name, error: String(error) });
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, `exports failed: ${failures.map(String).join('; ')}`);
}

async function onEnd(
  host: ExportHost,
  { statementName, statementId, state }: Ended,
  remainingMs: () => number,
): Promise<void> {
  const { environment, plan, log } = host;
  const run = parseUnloadName(environment, plan.pipeline, statementName);
  const item = plan.exports.find(({ name }) => name === run?.export);
  if (!run || !item) return log('not an export of this function, ignored', { statement: statementName });
  if (!(await isIncomplete(host, run)))
    return log('published or given up before, nothing to do', { statement: statementName });

  if (state !== 'FINISHED') {
    const ended = await host.warehouse.describe(statementId);
    return again(host, item, run, new StatementError(statementName, ended), ended.updatedAt, isPassing(ended.error));
  }
  if (!(await publish(host, item, run, statementId, remainingMs))) return;
  if (run.ordinal < (host.maxWindows ?? 48)) await startNext(host, item, run.tick, run.ordinal + 1, remainingMs);
}

/** False when the files are not what they should be and another attempt was submitted. */
async function publish(
  host: ExportHost,
  item: ExportItem,
  run: ExportRun,
  statementId: string,
  remainingMs: () => number,
): Promise<boolean> {
  const { updatedAt } = await host.warehouse.describe(statementId);
  const mismatch = await finalize(host, item, run, { id: statementId, endedAt: updatedAt }, remainingMs);
  if (mismatch) await again(host, item, run, new Error(mismatch), updatedAt, true);
  return mismatch === undefined;
}

/** After a failed attempt: its leftovers go, and another follows if that may help; else it throws. */
async function again(
  host: ExportHost,
  item: ExportItem,
  run: ExportRun,
  error: Error,
  at: number,
  mayPass: boolean,
): Promise<void> {
  await clean(host, runPrefix(host.plan.pipeline, run));
  if (mayPass && run.attempt < maxAttempts) {
    host.log('an attempt failed, another follows', {
      export: run.export,
      window: compactTime(run.windowStart),
      error: error.message,
    });
    return submit(host, item, { ...run, attempt: run.attempt + 1 });
  }
  host.metrics(at, { ExportFailed: 1 }, { export: run.export, window: compactTime(run.windowStart) });
  throw error;
}

/** False when a run of the export is under way. What a lost event or a crash left half done is brought to its end first. */
async function mayStart(host: ExportHost, item: ExportItem, remainingMs: () => number): Promise<boolean> {
  const { environment, plan, warehouse, log } = host;
  const prefix = statementNamePrefix(environment, plan.pipeline, 'export') + runIdPrefix(item.name);
  const unloads = (await warehouse.list(prefix)).flatMap((statement) => {
    const run = parseUnloadName(environment, plan.pipeline, statement.name);
    return run ? [{ ...statement, run }] : [];
  });
  // Redshift tells of a day: what was interrupted before that has left its traces in the bucket alone.
  if (unloads.length === 0) await finishForgotten(host, item, remainingMs);
  const active = unloads.find(({ status }) => !isTerminal(status));
  if (active) {
    log('an earlier run is active, nothing to do', { statement: active.name, id: active.id });
    return false;
  }
  // By the chain, not by window: rows of history can open a window that is older than published ones.
  const order = (a: ExportRun, b: ExportRun) => a.tick - b.tick || a.ordinal - b.ordinal || a.attempt - b.attempt;
  const latest = unloads.sort((a, b) => order(a.run, b.run)).at(-1);
  if (latest?.status !== 'FINISHED' || !(await isIncomplete(host, latest.run))) return true;
  log('publishing a window whose event was lost', { statement: latest.name, id: latest.id });
  return publish(host, item, latest.run, latest.id, remainingMs);
}

async function startNext(
  host: ExportHost,
  item: ExportItem,
  tick: number,
  ordinal: number,
  remainingMs: () => number,
): Promise<void> {
  const { environment, plan, warehouse, log } = host;
  const name = formatStatementName({
    environment,
    pipeline: plan.pipeline,
    purpose: 'export',
    runId: `${runIdPrefix(item.name)}${compactTime(tick)}`,
    step: `next-${ordinal}`,
    attempt: 1,
  });
  const [row] = await runStatement(warehouse, name, item.next, remainingMs);
  const windowStart = parseTimestamp(row?.next_start ?? null, `${item.name}: next_start`);
  if (windowStart === undefined) return log('nothing to export yet', { export: item.name });
  const mergedUntil =
    parseTimestamp(row?.merged_until ?? null, `${item.name}: merged_until`) ?? Number.NEGATIVE_INFINITY;
  const closedAt = windowStart + (item.windowMinutes + item.latenessMinutes) * 60_000;
  if (closedAt > tick || mergedUntil < closedAt)
    return log('the next window is still open', {
      export: item.name,
      window: compactTime(windowStart),
      closesAt: new Date(closedAt).toISOString(),
    });
  const run = { export: item.name, windowStart, tick, ordinal, attempt: 1 };
  await cleanGivenUp(host, run);
  await submit(host, item, run);
}

/** The sentinel first, so that no reader takes what UNLOAD has written so far for a complete run. */
async function submit(host: ExportHost, item: ExportItem, run: ExportRun): Promise<void> {
  const { environment, bucket, plan, warehouse, objects, log } = host;
  const prefix = runPrefix(plan.pipeline, run);
  const name = unloadName(environment, plan.pipeline, run);
  const sql = render(item.unload, {
    window_start: formatTimestamp(run.windowStart),
    window_end: formatTimestamp(run.windowStart + item.windowMinutes * 60_000),
    target: `s3://${bucket}/${dataPrefix(prefix)}`,
    unload_role: host.unloadRoleArn,
  });
  await objects.put(bucket, sentinelKey(prefix), '');
  const id = await warehouse.submit({
    name,
    mode: 'single',
    statements: [sql],
    withEvent: true,
    token: clientToken(name),
  });
  log('submitted', { statement: name, id });
}

const isIncomplete = async ({ objects, bucket, plan }: ExportHost, run: ExportRun) =>
  (await objects.get(bucket, sentinelKey(runPrefix(plan.pipeline, run)))) !== undefined;

/** Earlier runs of a window that is not published: those that still have their sentinel, each within its own prefix. */
async function cleanGivenUp(host: ExportHost, run: ExportRun): Promise<void> {
  const own = runPrefix(host.plan.pipeline, run);
  for (const key of await host.objects.list(host.bucket, windowPrefix(host.plan.pipeline, run))) {
    const prefix = key.slice(0, -'INCOMPLETE'.length);
    if (key === sentinelKey(prefix) && prefix !== own) await clean(host, prefix);
  }
}

/**
 * Runs that were complete but for their last steps when the function was killed, and of which nothing happened for a day. Their success
 * file says that their files were checked, so only the ledger, the pointer and the sentinel may be behind.
 */
async function finishForgotten(host: ExportHost, item: ExportItem, remainingMs: () => number): Promise<void> {
  const { pipeline } = host.plan;
  const keys = new Set(await host.objects.list(host.bucket, exportPrefix(pipeline, item.name)));
  for (const key of keys) {
    const run = parseSentinelKey(pipeline, item.name, key);
    if (!run || !keys.has(successKey(runPrefix(pipeline, run)))) continue;
    host.log('finishing a run that was forgotten', { export: item.name, prefix: runPrefix(pipeline, run) });
    await finish(host, item, run, remainingMs);
  }
}

/** Deletes one run, its sentinel last, so that an interrupted cleaning is taken up again. */
async function clean({ objects, bucket, log }: ExportHost, prefix: string): Promise<void> {
  const sentinel = sentinelKey(prefix);
  const keys = (await objects.list(bucket, prefix)).filter((key) => key !== sentinel);
  for (const key of [...keys, sentinel]) await objects.delete(bucket, key);
  log('deleted what a failed attempt left', { prefix, objects: keys.length });
}
