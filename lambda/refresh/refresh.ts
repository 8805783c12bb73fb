import type { RemainingMs } from '../shared/deadline';
import { type Ended, parseRunEvent, type Tick } from '../shared/run-event';
import { compactTime, type StatementName } from '../shared/statement-name';
import {
  isAsleep,
  isPassing,
  maxAttempts,
  ownState,
  pauseAfter,
  StatementError,
  type StatementState,
  WarehouseAsleepError,
} from '../shared/warehouse';
import { closeViews, extendViews } from './freshness';
import type { RefreshHost } from './host';
import { isLanded, submitIfIdle } from './idle';
import { activeOf, latestStatements } from './latest';
import { reportRun } from './report';
import { isSearchStep, retryOrSearch } from './search';
import { activeRunBeside, isIdleStep, type OwnStatement, parseOwnName, stepIndex } from './statements';
import { submitStep } from './steps';
import { viewFailures } from './views';

/**
 * Moves a run from step to step. A tick of the schedule starts a run, or resumes one whose event was lost. The end of a statement submits the
 * next step. The function keeps no state: names and statuses of statements say how far a run is, so a repeated call finds what the first one
 * submitted.
 */
export const refreshFunction = (host: RefreshHost) => async (input: unknown, remainingMs: RemainingMs) => {
  const event = parseRunEvent(input);
  try {
    await (event.kind === 'tick' ? startOrResume(host, event) : continueRun(host, event, remainingMs));
  } catch (error) {
    if (!(error instanceof WarehouseAsleepError)) throw error;
    // No alarm: the first tick after it woke up resumes the run or starts another.
    host.log('the warehouse is asleep, nothing to do', { error: error.message });
  }
};

async function startOrResume(host: RefreshHost, { scheduledTime }: Tick): Promise<void> {
  const { log } = host;
  const statements = await latestStatements(host, scheduledTime);
  const active = activeOf(statements);
  if (active) return log('an earlier run is active, nothing to do', { statement: active.name, id: active.id });

  const runId = compactTime(scheduledTime);
  const latest = lastOfLatestRun(host, statements);
  if (latest && (await resume(host, latest))) return;
  if (latest && latest.at.runId >= runId)
    return log('this run has run before, nothing to do', { runId, latest: latest.name });
  await submitStep(host, runId, 0, 1);
}

/** The last attempt at the furthest step. Submission times would not do: a fast step and the next one may have the same. */
function lastOfLatestRun(host: RefreshHost, statements: readonly OwnStatement[]): OwnStatement | undefined {
  const byRun = (a: OwnStatement, b: OwnStatement) => (a.at.runId < b.at.runId ? -1 : Number(a.at.runId > b.at.runId));
  const byStep = (a: OwnStatement, b: OwnStatement) => stepIndex(host, a.at.step) - stepIndex(host, b.at.step);
  return [...statements].sort((a, b) => byRun(a, b) || byStep(a, b) || a.at.attempt - b.at.attempt).at(-1);
}

/** False when there is nothing to resume: the run of this last statement is complete, or failed for good. */
async function resume(host: RefreshHost, { at, status, id, name }: OwnStatement): Promise<boolean> {
  const { plan } = host;
  const { steps, raising } = plan;
  const index = stepIndex(host, at.step);
  if (index < 0) return false;
  if (isIdleStep(host, at.step)) return false;
  if (status === 'FINISHED') {
    if (index === steps.length - 1) return false;
    host.log('resuming a run whose event was lost', { statement: name, id });
    const state = await host.warehouse.describe(id);
    if (at.step === plan.freshness?.step) await closeViews(host, at.runId, state);
    if (index > 0 || !(await submitIfIdle(host, at.runId, state))) await submitStep(host, at.runId, index + 1, 1);
    return true;
  }
  if (at.step === raising?.step) return (await retryOrSearch(host, at.runId)).kind === 'submitted';
  const state = await host.warehouse.describe(id);
  if (at.attempt < maxAttempts && isPassing(state)) {
    host.log('resuming a run that failed for a passing reason', { statement: name, id });
    await pauseAfter(host.warehouse, at.attempt);
    await submitStep(host, at.runId, index, at.attempt + 1);
    return true;
  }
  if (!steps[index]!.views || isAsleep(state)) return false;
  host.log('resuming a run whose event was lost', { statement: name, id });
  await continueWithoutViews(host, at, index, state);
  return true;
}

/** A statement ended: submits the next step, retries this one, or fails the run. */
async function continueRun(host: RefreshHost, ended: Ended, remainingMs: RemainingMs): Promise<void> {
  const { plan, log } = host;
  const { statementName, statementId } = ended;
  const at = parseOwnName(host, statementName);
  if (!at) return log('not a statement of this function, ignored', { statement: statementName });
  const index = stepIndex(host, at.step);
  if (index < 0 && !isSearchStep(at.step))
    return log('the plan no longer has this step, left to the next tick', { statement: statementName });
  const state = await ownState(host.warehouse, statementId);
  if (!state)
    return log('another role submitted this statement, ignored', { statement: statementName, id: statementId });
  if (isSearchStep(at.step)) return searchOrFail(host, at);

  const submitNext = () =>
    index + 1 < plan.steps.length
      ? submitStep(host, at.runId, index + 1, 1, allRefreshed(host, index, ended) ? [] : undefined)
      : reportRun(host, at, state, remainingMs);
  if (ended.state === 'FINISHED') {
    if (at.step === plan.freshness?.step) await closeViews(host, at.runId, state);
    if (isIdleStep(host, at.step)) await extendViews(host, at.runId, state);
    if (index > 0) return submitNext();
    // The end of an idle run vouches only for the time before its refresh, so it needs no look at other runs.
    if (await submitIfIdle(host, at.runId, state)) return;
    const other = await activeRunBeside(host, at.runId);
    if (other) return log('another run is active, its merge does the work of this one', { runId: at.runId, other });
    return submitNext();
  }
  const failure = new StatementError(statementName, state);
  if (isAsleep(state)) return failRun(host, at, failure);
  if (isIdleStep(host, at.step) && isPassing(state))
    return log('the end of an idle run failed for a passing reason, left to the next tick', { error: failure.message });
  if (index === 0 && isLanded(host, state)) {
    log('a query failed that says whether a run has work, the run goes through all steps', { error: failure.message });
    return submitNext();
  }
  if (isPassing(state) && at.attempt < maxAttempts) {
    await pauseAfter(host.warehouse, at.attempt);
    return submitStep(host, at.runId, index, at.attempt + 1);
  }
  if (at.step === plan.raising?.step) return searchOrFail(host, at);
  if (plan.steps[index]?.views) return continueWithoutViews(host, at, index, state);
  if (!plan.steps[index]?.mayFail) return failRun(host, at, failure);
  reportFailure(host, at, failure);
  log('a step failed, the run goes on without it', { error: failure.message });
  return submitNext();
}

/** True if the statement shows that all views so far were refreshed: it finished and is the first step with views. */
const allRefreshed = ({ plan }: RefreshHost, index: number, { state }: Ended) =>
  state === 'FINISHED' && plan.steps.findIndex(({ views }) => views) === index;

/** Reports the views that could not be refreshed, and continues with the others. */
async function continueWithoutViews(
  host: RefreshHost,
  { runId, step }: StatementName,
  index: number,
  { updatedAt }: StatementState,
): Promise<void> {
  const failures = await viewFailures(host, runId, index + 1);
  const ofStep = new Set(host.plan.steps[index]!.views?.map(({ name }) => name));
  for (const { view, error } of failures) {
    if (error === undefined || !ofStep.has(view)) continue;
    const waiting = failures.filter(({ waits_for }) => waits_for === view).map(({ view: name }) => name);
    host.log('a view could not be refreshed, the run goes on without it', { runId, view, error, waiting });
    host.metrics(updatedAt, { ViewFailed: 1 }, { runId, step, error }, { View: view });
  }
  await submitStep(host, runId, index + 1, 1, failures);
}

async function searchOrFail(host: RefreshHost, at: StatementName): Promise<void> {
  const outcome = await retryOrSearch(host, at.runId);
  if (outcome.kind === 'failed') failRun(host, { ...at, step: outcome.step }, outcome.failure);
}

/** Throws, unless the warehouse is asleep: the next tick then resumes the run. */
function failRun(host: RefreshHost, at: StatementName, failure: StatementError): void {
  const { state, statementName } = failure;
  if (isAsleep(state)) {
    const facts = { statement: statementName, error: state.error };
    host.log('the warehouse fell asleep during the statement, left to the next tick', facts);
    return;
  }
  reportFailure(host, at, failure);
  throw failure;
}

const reportFailure = ({ metrics }: RefreshHost, { runId, step }: StatementName, { state }: StatementError) =>
  metrics(state.updatedAt, { RunFailed: 1 }, { runId, step });
