import { blameOf, failedTwiceOnData } from '../shared/blame';
import type { StepMode } from '../shared/plan';
import { type Culprit, type Finding, findRaising, raisedReason } from '../shared/raising';
import { renderAll } from '../shared/statement';
import {
  isAsleep,
  isPassing,
  isTerminal,
  maxAttempts,
  pauseAfter,
  StatementError,
  type StatementState,
  WarehouseAsleepError,
} from '../shared/warehouse';
import type { RaisingPlan } from './contract';
import type { RefreshHost } from './host';
import { listStatements, type OwnStatement, stepIndex, submitAs } from './statements';
import { submitStep } from './steps';

/** Searches of one run. Each finds at most as many records as the plan's `fanout`; the next run finds the rest. */
const maxSearches = 4;

const searchLabel = (search: number) => `raising-${search}`;
export const isSearchStep = (step: string) => /^raising-\d+-/.test(step);

export type AfterFailure =
  /** A statement is running or submitted; its end continues the run. */
  { readonly kind: 'submitted' } | { readonly kind: 'failed'; readonly step: string; readonly failure: StatementError };

/** A statement that ended without success. */
type FailedAttempt = OwnStatement & { readonly state: StatementState };

/**
 * Continues a run whose step failed, if a record may be the cause: the plan's `raising.step`. A first failure is retried. After a second failure
 * on data, a search finds the records that raise errors, turns them into rejects and retries the step. Names and statuses of the run's statements
 * say which of these comes next, so a tick or a repeated event continues at the same place.
 */
export async function retryOrSearch(host: RefreshHost, runId: string): Promise<AfterFailure> {
  const { raising } = host.plan;
  if (!raising) throw new Error('the plan has no search for records that raise');
  const known = await statementsOf(host, runId);
  const tries = known.filter(({ at }) => at.step === raising.step);
  const last = tries.at(-1);
  if (!last || !isTerminal(last.status) || last.status === 'FINISHED') return { kind: 'submitted' };
  const attempts: FailedAttempt[] = [];
  for (const statement of tries) attempts.push({ ...statement, state: await host.warehouse.describe(statement.id) });
  const onData = attempts.filter(({ state }) => blameOf(state) !== 'other');
  const latest = attempts.at(-1)!;
  const failure = new StatementError(latest.name, latest.state);
  const failed: AfterFailure = { kind: 'failed', step: raising.step, failure };

  if (onData.at(-1)?.id !== latest.id) {
    const mayPass = isPassing(latest.state) && attempts.length - onData.length < maxAttempts;
    if (!mayPass) return failed;
    await pauseAfter(host.warehouse, attempts.length - onData.length);
    return retryStep(host, latest);
  }
  if (onData.length === 1) return retryStep(host, latest);
  const search = onData.length - 1;
  if (search > maxSearches || (search === 1 && !failedTwiceOnData(onData[0]!.state, onData[1]!.state))) return failed;
  const outcome = await searchAndReject(host, raising, known, runId, search);
  if (outcome.kind === 'waiting') return { kind: 'submitted' };
  if (outcome.kind === 'rejected') {
    reportRejects(host, runId, outcome.culprits, outcome.at);
    return retryStep(host, latest);
  }
  host.log('no record was found that makes the step fail', { runId, step: raising.step, why: outcome.why });
  return failed;
}

async function retryStep(host: RefreshHost, { at }: OwnStatement): Promise<AfterFailure> {
  await submitStep(host, at.runId, stepIndex(host, at.step), at.attempt + 1);
  return { kind: 'submitted' };
}

type SearchOutcome =
  | Exclude<Finding, { kind: 'found' }>
  | { readonly kind: 'rejected'; readonly culprits: readonly Culprit[]; readonly at: number };

async function searchAndReject(
  host: RefreshHost,
  { search, record }: RaisingPlan,
  known: readonly OwnStatement[],
  runId: string,
  number: number,
): Promise<SearchOutcome> {
  const run = (mode: StepMode) => (step: string, statements: readonly string[]) =>
    findOrSubmit(host, known, { runId, step, mode }, statements);
  const finding = await findRaising(
    { run: run('auto-commit'), rows: (id) => host.warehouse.rows(id) },
    search,
    { run_id: runId },
    searchLabel(number),
  );
  if (finding.kind !== 'found') return finding;
  const raised = finding.culprits.map((culprit) => ({ key: culprit.key, reason: raisedReason(culprit) }));
  const statements = renderAll(record, { run_id: runId, raised: JSON.stringify(raised) });
  const ended = await run('transaction')(`${searchLabel(number)}-record`, statements);
  if (!isTerminal(ended.status)) return { kind: 'waiting' };
  if (ended.status !== 'FINISHED')
    return { kind: 'none', why: `the rejects were not written: ${ended.error ?? ended.status.toLowerCase()}` };
  return { kind: 'rejected', culprits: finding.culprits, at: ended.updatedAt };
}

/** The state of the run's statement for this step. Submits it if there is none, and again if it failed for a passing reason. */
async function findOrSubmit(
  host: RefreshHost,
  known: readonly OwnStatement[],
  { runId, step, mode }: { readonly runId: string; readonly step: string; readonly mode: StepMode },
  statements: readonly string[],
): Promise<StatementState> {
  const last = known.filter(({ at }) => at.step === step).at(-1);
  const state = last && (await host.warehouse.describe(last.id));
  const attempt = last?.at.attempt ?? 0;
  const mayRetry = state?.status === 'FAILED' && isPassing(state) && attempt < maxAttempts;
  if (state && isAsleep(state)) {
    const message = 'the warehouse fell asleep during the search for records that raise';
    throw new WarehouseAsleepError(message, state.warehouse?.kind === 'returning');
  }
  if (state && !mayRetry) return state;
  if (mayRetry) await pauseAfter(host.warehouse, attempt);
  const id = await submitAs(host, { runId, step, attempt: attempt + 1 }, { mode, statements });
  return { id, status: 'SUBMITTED', createdAt: 0, updatedAt: 0, parts: [] };
}

/** The attempts of each step are in order. */
async function statementsOf(host: RefreshHost, runId: string): Promise<OwnStatement[]> {
  const known = await listStatements(host, `${runId}/`);
  return known.sort((one, other) => one.at.attempt - other.at.attempt);
}

function reportRejects({ log, metrics }: RefreshHost, runId: string, culprits: readonly Culprit[], at: number): void {
  for (const culprit of culprits) {
    const facts = { runId, record: culprit.key, reason: raisedReason(culprit) };
    log('a record made the merge fail and became a reject', facts);
    metrics(at, { RecordsRaised: 1 }, facts);
  }
}
