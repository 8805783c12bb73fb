import { blameOf, failedTwiceOnData } from '../shared/blame';
import { type Culprit, findRaising, raisedReason, type SearchHost } from '../shared/raising';
import { clientToken } from '../shared/statement';
import { formatStatementName } from '../shared/statement-name';
import { isPassing, isTerminal, maxAttempts, type StatementState, waitFor } from '../shared/warehouse';
import type { Answering, LoadSource, RaisingPlan } from './contract';
import type { LoadHost } from './host';
import type { HistoryObject } from './notification';
import { type Run, transact, writeManifest } from './transaction';

/** Searches of one delivery. Each finds up to the plan's `fanout` records; an object with more of them is set aside. */
const maxSearches = 4;

/** An object as a delivery knows it. */
type Delivered = HistoryObject & { readonly attempts: number };

export type WithoutRaising =
  /** Time was up: the object comes back. */
  | { readonly kind: 'waiting' }
  /** No record is to blame. */
  | { readonly kind: 'none' }
  /** The transaction that loads the object without the records. */
  | {
      readonly kind: 'ended';
      readonly state: StatementState;
      readonly plan: Answering;
      readonly culprits: readonly Culprit[];
    };

/**
 * For an object whose load failed: where a second attempt fails on data as well, the records that raise are searched for, and the object is
 * loaded once more with these as rejects, which are not typed.
 * @param run the load, which reads the object in place or an exact file
 * @param first how it ended
 */
export async function withoutRaising(
  host: LoadHost,
  source: LoadSource,
  object: Delivered,
  run: Run,
  first: StatementState,
  remainingMs: () => number,
): Promise<WithoutRaising> {
  if (blameOf(first) === 'other') return { kind: 'none' };
  const objects = [object];
  const second = await transact(host, source, run, objects, remainingMs);
  if (!isTerminal(second.status)) return { kind: 'waiting' };
  if (second.status === 'FINISHED') return { kind: 'ended', state: second, plan: run.plan, culprits: [] };
  if (!failedTwiceOnData(first, second)) return { kind: 'none' };
  const raising = run.plan === source.exact ? source.raising.exact : source.raising.inPlace;
  const culprits: Culprit[] = [];
  for (let search = 1; search <= maxSearches; search += 1) {
    const found = await find(host, raising, object, run, culprits, search, remainingMs);
    if (found.kind === 'none') {
      const facts = { bucket: object.bucket, key: object.key, why: found.why };
      host.log('no record was found that makes the load fail', facts);
    }
    if (found.kind !== 'found') return found;
    const [unnamed] = found.culprits.filter(isUnnamed);
    if (unnamed) {
      host.log('a record makes the load fail and cannot be told from others', { key: object.key, record: unnamed.key });
      return { kind: 'none' };
    }
    culprits.push(...found.culprits);
    const without: Run = {
      ...run,
      step: `${run.step}-without`,
      plan: raising.load,
      values: { ...run.values, raised: raisedJson(culprits) },
    };
    const state = await transact(host, source, without, objects, remainingMs);
    if (!isTerminal(state.status)) return { kind: 'waiting' };
    if (blameOf(state) === 'other') return { kind: 'ended', state, plan: raising.load, culprits };
  }
  return { kind: 'none' };
}

/** A key with a question mark is that of every row that has no better one: more than one row of it are not told apart. */
const isUnnamed = ({ key, rows }: Culprit) => key.startsWith('?') && rows > 1;

const raisedJson = (culprits: readonly Culprit[]) =>
  JSON.stringify(culprits.map((culprit) => ({ key: culprit.key, reason: raisedReason(culprit) })));

async function find(
  host: LoadHost,
  { search: plan }: RaisingPlan,
  object: Delivered,
  { runId, step, files }: Run,
  known: readonly Culprit[],
  search: number,
  remainingMs: () => number,
) {
  const values = {
    manifest: await writeManifest(host, `${runId}-${step}-raising`, files),
    load_role: host.loadRoleArn,
    raised: raisedJson(known),
  };
  // What an earlier delivery found out of a warehouse that was ill is not asked for again.
  const label = `raising-${object.attempts}-${step}-${search}`;
  return findRaising(searchHost(host, runId, remainingMs), plan, values, label);
}

function searchHost(
  { environment, plan, warehouse, log }: LoadHost,
  runId: string,
  remainingMs: () => number,
): SearchHost {
  return {
    async run(step, statements) {
      for (let attempt = 1; ; attempt += 1) {
        const at = { environment, pipeline: plan.pipeline, purpose: 'load', runId, step, attempt } as const;
        const name = formatStatementName(at);
        const id = await warehouse.submit({ name, mode: 'auto-commit', statements, token: clientToken(name) });
        log('submitted', { statement: name, id });
        const state = await waitFor(warehouse, id, remainingMs);
        if (state.status !== 'FAILED' || !isPassing(state) || attempt >= maxAttempts) return state;
      }
    },
    rows: (id) => warehouse.rows(id),
  };
}
