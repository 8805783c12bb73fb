import type { Ended, Tick } from '../shared/run-event';
import { compactTime, formatStatementName, type StatementName } from '../shared/statement-name';
import {
  isAsleep,
  isPassing,
  maxAttempts,
  query,
  StatementError,
  type StatementState,
  WarehouseAsleepError,
} from '../shared/warehouse';
import { goOnAfterFailure, isSearching } from './raising';
import { type Known, own, prefixOf, type RefreshHost, submit } from './statements';

export type { RefreshHost } from './statements';

/**
 * Takes a run from step to step. The state of a run is in the names and statuses of its statements: a tick starts a run, or resumes one whose
 * event was lost; the end of a statement submits the next. Repeating any of it finds the statement that was submitted before.
 */
export const refresh = (host: RefreshHost) => async (event: Tick | Ended) => {
  try {
    await (event.kind === 'tick' ? onTick(host, event) : onEnd(host, event));
  } catch (error) {
    if (!(error instanceof WarehouseAsleepError)) throw error;
    // Nobody's fault, so no alarm: the first tick after it woke up resumes the run or starts another.
    host.log('the warehouse is asleep, nothing to do', { error: error.message });
  }
};

/** What one question at the end of a run may take. */
const askMs = 20_000;

async function onTick(host: RefreshHost, { scheduledTime }: Tick): Promise<void> {
  const { log } = host;
  const [active] = await host.warehouse.active(prefixOf(host));
  if (active) return log('an earlier run is active, nothing to do', { statement: active.name, id: active.id });

  const runId = compactTime(scheduledTime);
  const latest = lastStatement(host, await recentStatements(host, scheduledTime));
  if (latest && (await resume(host, latest))) return;
  if (latest && latest.at.runId >= runId)
    return log('this run was there before, nothing to do', { runId, latest: latest.name });
  await submit(host, runId, 0, 1);
}

async function onEnd(host: RefreshHost, { statementName, statementId, state }: Ended): Promise<void> {
  const { plan, log } = host;
  const at = own(host, statementName);
  if (!at) return log('not a statement of this function, ignored', { statement: statementName });
  if (isSearching(at.step)) return onFailure(host, at);
  const index = plan.steps.findIndex(({ name }) => name === at.step);
  if (index < 0) return log('not a step of the present plan, left to the next tick', { statement: statementName });

  const goOn = () =>
    index + 1 < plan.steps.length ? submit(host, at.runId, index + 1, 1) : complete(host, at, statementId);
  if (state === 'FINISHED') return goOn();
  const ended = await host.warehouse.describe(statementId);
  if (isAsleep(ended)) return fellAsleep(host, statementName, ended);
  if (isPassing(ended) && at.attempt < maxAttempts) return submit(host, at.runId, index, at.attempt + 1);
  if (at.step === plan.raising?.step) return onFailure(host, at);
  if (!plan.steps[index]!.mayFail) return fail(host, at, statementName, ended);
  host.metrics(ended.updatedAt, { RunFailed: 1 }, { runId: at.runId, step: at.step });
  log('a step failed that the run goes on without', { error: new StatementError(statementName, ended).message });
  return goOn();
}

/** A step failed that a record may have made fail, or a statement of the search for that record came to its end. */
async function onFailure(host: RefreshHost, at: StatementName): Promise<void> {
  const outcome = await goOnAfterFailure(host, at.runId);
  if (outcome.kind === 'failed') fail(host, { ...at, step: outcome.step }, outcome.statement, outcome.state);
}

function fellAsleep({ log }: RefreshHost, statement: string, { error }: StatementState): void {
  log('the warehouse fell asleep, left to the next tick', { statement, error });
}

function fail(host: RefreshHost, at: StatementName, statement: string, ended: StatementState): void {
  if (isAsleep(ended)) {
    fellAsleep(host, statement, ended);
    return;
  }
  host.metrics(ended.updatedAt, { RunFailed: 1 }, { runId: at.runId, step: at.step });
  throw new StatementError(statement, ended);
}

/** True when the latest run was unfinished and has gone on: its next statement was never submitted, or an attempt failed that may be repeated. */
async function resume(host: RefreshHost, { at, status, id, name }: Known): Promise<boolean> {
  const { steps } = host.plan;
  const index = steps.findIndex((step) => step.name === at.step);
  if (index < 0) return false;
  if (status === 'FINISHED') {
    if (index === steps.length - 1) return false;
    host.log('resuming a run whose event was lost', { statement: name, id });
    await submit(host, at.runId, index + 1, 1);
    return true;
  }
  if (at.step === host.plan.raising?.step) return (await goOnAfterFailure(host, at.runId)).kind === 'going';
  if (at.attempt >= maxAttempts || !isPassing(await host.warehouse.describe(id))) return false;
  host.log('resuming a run that failed for a passing reason', { statement: name, id });
  await submit(host, at.runId, index, at.attempt + 1);
  return true;
}

async function complete(host: RefreshHost, at: StatementName, id: string): Promise<void> {
  const statements = await host.warehouse.list(`${prefixOf(host)}${at.runId}/`);
  const end = Math.max(...statements.map(({ updatedAt }) => updatedAt), (await host.warehouse.describe(id)).updatedAt);
  const start = Math.min(...statements.map(({ createdAt }) => createdAt), end);
  host.metrics(end, { RunCompleted: 1, RunSeconds: (end - start) / 1000 }, { runId: at.runId });
  await reportGaps(host, at);
  await reportSkipped(host, at);
}

/** Asks for rows of the state that the run has left. */
async function ask({ environment, plan, warehouse }: RefreshHost, { runId }: StatementName, step: string, sql: string) {
  const name = formatStatementName({
    environment,
    pipeline: plan.pipeline,
    purpose: 'refresh',
    runId,
    step,
    attempt: 1,
  });
  const until = Date.now() + askMs;
  return query(warehouse, name, sql, () => until - Date.now());
}

/** Reports records that the stream may have dropped unseen, at every run until a backfill from the archive has closed the gap. */
async function reportGaps(host: RefreshHost, at: StatementName): Promise<void> {
  const { plan, log, metrics } = host;
  if (plan.gaps === undefined) return;
  const { rows, endedAt } = await ask(host, at, 'gaps', plan.gaps);
  for (const { shard_id, after_sequence, from_time, to_time } of rows) {
    const gap = { shard: shard_id, afterSequence: after_sequence, from: from_time, to: to_time };
    log('records of the stream may be missing, backfill them from the archive', gap);
    metrics(endedAt, { StreamGap: 1 }, gap);
  }
}

/** Reports records that streaming ingestion skipped. */
async function reportSkipped(host: RefreshHost, at: StatementName): Promise<void> {
  const { plan, log, metrics } = host;
  if (plan.skipped === undefined) return;
  const { rows, endedAt } = await ask(host, at, 'skips', plan.skipped);
  for (const { shard_id, reason, records, first_sequence, from_time, to_time } of rows) {
    const facts = { shard: shard_id, reason, firstSequence: first_sequence, from: from_time, to: to_time };
    log('Redshift skipped records of the stream, backfill them from the archive', { ...facts, records });
    metrics(endedAt, { SkippedRecords: Number(records) }, facts);
  }
}

/**
 * Statements of the runs of this hour, the one before and, as a tick can come late, the one after: what a run left undone earlier than
 * that, a new one does as well.
 * By the hour, because run ids begin with it and a day's listing would be long at the API's three calls a second.
 */
async function recentStatements(host: RefreshHost, scheduledTime: number): Promise<Known[]> {
  const known: Known[] = [];
  for (const hoursAgo of [-1, 0, 1]) {
    const hour = compactTime(scheduledTime - hoursAgo * 3_600_000).slice(0, -3);
    for (const statement of await host.warehouse.list(prefixOf(host) + hour)) {
      const at = own(host, statement.name);
      if (at) known.push({ ...statement, at });
    }
  }
  return known;
}

/** Of the latest run, the furthest step's last attempt. Not by time of submission: a fast step and the next may have the same. */
function lastStatement({ plan }: RefreshHost, statements: readonly Known[]): Known | undefined {
  const stepOf = ({ at }: Known) => plan.steps.findIndex(({ name }) => name === at.step);
  const runOrder = (a: Known, b: Known) => (a.at.runId < b.at.runId ? -1 : a.at.runId > b.at.runId ? 1 : 0);
  const order = (a: Known, b: Known) => runOrder(a, b) || stepOf(a) - stepOf(b) || a.at.attempt - b.at.attempt;
  return [...statements].sort(order).at(-1);
}
