import { blameOf, failedTwiceOnData } from '../shared/blame';
import type { StepMode } from '../shared/plan';
import { type Culprit, type Finding, findRaising, raisedReason } from '../shared/raising';
import { renderAll } from '../shared/statement';
import {
  isAsleep,
  isPassing,
  isTerminal,
  maxAttempts,
  type StatementState,
  WarehouseAsleepError,
} from '../shared/warehouse';
import type { RaisingPlan } from './contract';
import { type Known, own, prefixOf, type RefreshHost, submit, submitAs } from './statements';

/** Searches of one run. Each finds up to the plan's `fanout` records; the records that are left are for the next run. */
const maxSearches = 4;

const searchName = (search: number) => `raising-${search}`;
/** Whether a step is one of a search. */
export const isSearching = (step: string) => /^raising-\d+-/.test(step);

export type AfterFailure =
  /** Something is submitted, whose end goes on. */
  | { readonly kind: 'going' }
  | { readonly kind: 'failed'; readonly step: string; readonly statement: string; readonly state: StatementState };

/** A statement that has ended without success. */
type Attempt = Known & { readonly state: StatementState };

/**
 * What follows when the step failed that a record may make fail. A first failure is followed by a second attempt. If that fails on data too, the
 * records that raise are searched for, become rejects, and the step is tried once more. Where the run has got to follows from the names and ends
 * of its statements, so that a tick, or an event that comes twice, goes on at the same place.
 */
export async function goOnAfterFailure(host: RefreshHost, runId: string): Promise<AfterFailure> {
  const { raising } = host.plan;
  if (!raising) throw new Error('the plan has no search for records that raise');
  const known = await statementsOf(host, runId);
  const tries = known.filter(({ at }) => at.step === raising.step);
  const last = tries.at(-1);
  if (!last || !isTerminal(last.status) || last.status === 'FINISHED') return { kind: 'going' };
  const attempts: Attempt[] = [];
  for (const one of tries) attempts.push({ ...one, state: await host.warehouse.describe(one.id) });
  const failures = attempts.filter(({ state }) => blameOf(state) !== 'other');
  const latest = attempts.at(-1)!;
  const failed: AfterFailure = { kind: 'failed', step: raising.step, statement: latest.name, state: latest.state };
  const again = () => resubmit(host, raising, latest);

  if (failures.at(-1)?.id !== latest.id) {
    const passing = isPassing(latest.state) && attempts.length - failures.length < maxAttempts;
    return passing ? again() : failed;
  }
  if (failures.length === 1) return again();
  const search = failures.length - 1;
  if (search > maxSearches || (search === 1 && !failedTwiceOnData(failures[0]!.state, failures[1]!.state)))
    return failed;
  const outcome = await searchOnce(host, raising, known, runId, search);
  if (outcome.kind === 'waiting') return { kind: 'going' };
  if (outcome.kind === 'recorded') {
    tell(host, runId, outcome.culprits, outcome.at);
    return again();
  }
  host.log('no record was found that makes the step fail', { runId, step: raising.step, why: outcome.why });
  return failed;
}

async function resubmit(host: RefreshHost, { step }: RaisingPlan, { at }: Known): Promise<AfterFailure> {
  const index = host.plan.steps.findIndex(({ name }) => name === step);
  await submit(host, at.runId, index, at.attempt + 1);
  return { kind: 'going' };
}

type Searched =
  | Exclude<Finding, { kind: 'found' }>
  | { readonly kind: 'recorded'; readonly culprits: readonly Culprit[]; readonly at: number };

/** Finds the records, and makes rejects of them. */
async function searchOnce(
  host: RefreshHost,
  { search, record }: RaisingPlan,
  known: readonly Known[],
  runId: string,
  number: number,
): Promise<Searched> {
  const run = (mode: StepMode) => (step: string, statements: readonly string[]) =>
    runOnce(host, known, { runId, step, mode }, statements);
  const finding = await findRaising(
    { run: run('auto-commit'), rows: (id) => host.warehouse.rows(id) },
    search,
    { run_id: runId },
    searchName(number),
  );
  if (finding.kind !== 'found') return finding;
  const raised = finding.culprits.map((culprit) => ({ key: culprit.key, reason: raisedReason(culprit) }));
  const statements = renderAll(record, { run_id: runId, raised: JSON.stringify(raised) });
  const ended = await run('transaction')(`${searchName(number)}-record`, statements);
  if (!isTerminal(ended.status)) return { kind: 'waiting' };
  if (ended.status !== 'FINISHED')
    return { kind: 'none', why: `the rejects were not written: ${ended.error ?? ended.status.toLowerCase()}` };
  return { kind: 'recorded', culprits: finding.culprits, at: ended.updatedAt };
}

const asleepWords = 'the warehouse fell asleep under the search for records that raise';

/** The state of a statement of the run, which is submitted if it was not yet, and once more if it failed for a passing reason. */
async function runOnce(
  host: RefreshHost,
  known: readonly Known[],
  { runId, step, mode }: { readonly runId: string; readonly step: string; readonly mode: StepMode },
  statements: readonly string[],
): Promise<StatementState> {
  const last = known.filter(({ at }) => at.step === step).at(-1);
  const state = last && (await host.warehouse.describe(last.id));
  const attempt = last?.at.attempt ?? 0;
  const again = state?.status === 'FAILED' && isPassing(state) && attempt < maxAttempts;
  // The first tick after it woke up goes on.
  if (state && isAsleep(state)) throw new WarehouseAsleepError(asleepWords, state.warehouse?.kind === 'returning');
  if (state && !again) return state;
  const id = await submitAs(host, { runId, step, attempt: attempt + 1 }, { mode, statements });
  return { id, status: 'SUBMITTED', createdAt: 0, updatedAt: 0, parts: [] };
}

/** By step, the attempts of each in their order. */
async function statementsOf(host: RefreshHost, runId: string): Promise<Known[]> {
  const known = (await host.warehouse.list(`${prefixOf(host)}${runId}/`)).flatMap((statement) => {
    const at = own(host, statement.name);
    return at ? [{ ...statement, at }] : [];
  });
  return known.sort((one, other) => one.at.attempt - other.at.attempt);
}

function tell({ log, metrics }: RefreshHost, runId: string, culprits: readonly Culprit[], at: number): void {
  for (const culprit of culprits) {
    const facts = { runId, record: culprit.key, reason: raisedReason(culprit) };
    log('a record made the merge fail and became a reject', facts);
    metrics(at, { RecordsRaised: 1 }, facts);
  }
}
