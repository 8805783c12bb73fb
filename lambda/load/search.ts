import { blameOf, failedTwiceOnData } from '../shared/blame';
import { type Culprit, type Finding, findRaising, raisedReason, type SearchHost } from '../shared/raising';
import { clientToken } from '../shared/statement';
import { isTerminal, type StatementState, untilPassed, waitFor } from '../shared/warehouse';
import type { CheckedTransaction, LoadSource, RaisingPlan } from './contract';
import { deliveriesUntilBlamed, type Failure } from './failure';
import type { LoadCall } from './host';
import { type Delivered, type Done, nothingDone, outcomeOf } from './outcome';
import { nameOf, type Run, transact, writeManifest } from './transaction';

/** Searches of one delivery. Each finds at most as many records as the plan's `fanout`; an object with more is parked. */
const maxSearches = 4;

/**
 * Loads a single object without the records that raise errors; these become rejects. Undefined where no record is to blame. An unrecognized
 * failure is searched only after some deliveries, since the warehouse may be its cause.
 * @param run the load that failed, in place or of exact files
 */
export async function loadWithoutRaising(
  call: LoadCall,
  source: LoadSource,
  object: Delivered,
  run: Run,
  { failure, ended }: { readonly failure: Failure; readonly ended: StatementState },
): Promise<Done | undefined> {
  const mayBeData = blameOf(ended) === 'data' || object.attempts >= deliveriesUntilBlamed;
  if (failure.kind !== 'unknown' || !mayBeData) return undefined;
  const result = await searchAndLoad(call, source, object, run, ended);
  if (result.kind === 'waiting') return nothingDone;
  if (result.kind === 'none') return undefined;
  const { state, plan, culprits } = result;
  const outcome = await outcomeOf(call, plan, [object], state);
  if (outcome.kind === 'running') return nothingDone;
  if (outcome.kind === 'failed') return undefined;
  for (const culprit of culprits) {
    const facts = { bucket: object.bucket, key: object.key, record: culprit.key, reason: raisedReason(culprit) };
    call.log('a record made the load fail and became a reject', facts);
    call.metrics(state.updatedAt, { RecordsRaised: 1 }, facts);
  }
  return { loaded: [...outcome.ids], parked: [] };
}

type SearchResult =
  /** Time was up; the next delivery continues the search. */
  | { readonly kind: 'waiting' }
  /** No record is to blame. */
  | { readonly kind: 'none' }
  /** A transaction that loads the object without the culprits has ended. */
  | {
      readonly kind: 'ended';
      readonly state: StatementState;
      readonly plan: CheckedTransaction;
      readonly culprits: readonly Culprit[];
    };

/** Tries the load a second time. If that fails on data too, searches for the records that raise and loads the object without them. */
async function searchAndLoad(
  call: LoadCall,
  source: LoadSource,
  object: Delivered,
  run: Run,
  first: StatementState,
): Promise<SearchResult> {
  if (blameOf(first) === 'other') return { kind: 'none' };
  const second = await transact(call, source, run, [object]);
  if (!isTerminal(second.status)) return { kind: 'waiting' };
  if (second.status === 'FINISHED') return { kind: 'ended', state: second, plan: run.plan, culprits: [] };
  if (!failedTwiceOnData(first, second)) return { kind: 'none' };
  const raising = run.plan === source.exact ? source.raising.exact : source.raising.inPlace;
  const culprits: Culprit[] = [];
  for (let search = 1; search <= maxSearches; search += 1) {
    const found = await searchOnce(call, raising, object, run, culprits, search);
    if (found.kind !== 'found') return found;
    culprits.push(...found.culprits);
    const values = { ...run.values, raised: raisedJson(culprits) };
    const without: Run = { ...run, step: `${run.step}-without`, plan: raising.load, values };
    const state = await transact(call, source, without, [object]);
    if (!isTerminal(state.status)) return { kind: 'waiting' };
    if (blameOf(state) === 'other') return { kind: 'ended', state, plan: raising.load, culprits };
  }
  return { kind: 'none' };
}

/** Finds records besides the known ones. */
async function searchOnce(
  call: LoadCall,
  { search: plan }: RaisingPlan,
  object: Delivered,
  { runId, step, files }: Run,
  known: readonly Culprit[],
  search: number,
): Promise<Finding> {
  const { bucket, key } = object;
  const values = {
    manifest: await writeManifest(call, `${runId}-${step}-raising`, files),
    load_role: call.loadRoleArn,
    raised: raisedJson(known),
  };
  // With the delivery in the label, a search never reuses what an earlier delivery found in a warehouse that was ill.
  const label = `raising-${object.attempts}-${step}-${search}`;
  const found = await findRaising(searchHost(call, runId), plan, values, label);
  if (found.kind === 'none') call.log('no record was found that makes the load fail', { bucket, key, why: found.why });
  const shared = found.kind === 'found' ? found.culprits.find(hasSharedKey) : undefined;
  if (!shared) return found;
  const why = 'a record makes the load fail and cannot be told from others';
  call.log(why, { key, record: shared.key });
  return { kind: 'none', why };
}

/** A key with a question mark is that of every row without a better one, so several of its rows cannot be told apart. */
const hasSharedKey = ({ key, rows }: Culprit) => key.startsWith('?') && rows > 1;

const raisedJson = (culprits: readonly Culprit[]) =>
  JSON.stringify(culprits.map((culprit) => ({ key: culprit.key, reason: raisedReason(culprit) })));

function searchHost(call: LoadCall, runId: string): SearchHost {
  const { warehouse, log, remainingMs } = call;
  return {
    run: (step, statements) =>
      untilPassed(warehouse, async (attempt) => {
        const name = nameOf(call, runId, step, attempt);
        const { id } = await warehouse.submit({ name, mode: 'auto-commit', statements, token: clientToken(name) });
        log('submitted', { statement: name, id });
        return waitFor(warehouse, id, remainingMs);
      }),
    rows: (id) => warehouse.rows(id),
  };
}
