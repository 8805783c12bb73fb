import { blameOf, failedTwiceOnData } from '../shared/blame';
import type { SearchPlan, StatementTemplate } from '../shared/plan';
import { type Culprit, findRaising, raisedReason } from '../shared/raising';
import type { Values } from '../shared/statement';
import { isTerminal, type StatementState } from '../shared/warehouse';
import type { BatchSearch, Step } from './contract';
import { failure, submit, type Walk, type WalkResult } from './walk';

/** Searches for one batch. Each finds up to the plan's `fanout` events; a batch with more of them fails the deployment. */
const maxSearches = 4;

export interface Search {
  readonly plan: SearchPlan;
  readonly values: Values;
}

/** The search that a batch of these statements describes. @param values of the batch */
export function searchOf(
  { search, batch }: { readonly search?: BatchSearch; readonly batch: readonly StatementTemplate[] },
  values: Values,
): Search | undefined {
  if (!search) return undefined;
  const { gather, probe, reference, batchValues: _, pieceValues, ...plan } = search;
  const statement = (one: number | StatementTemplate) => (typeof one === 'number' ? batch[one]! : one);
  return {
    plan: { ...plan, gather: gather.map(statement), probe: probe.map(statement), reference: reference.map(statement) },
    values: { ...values, ...pieceValues },
  };
}

export interface RaisingBatch {
  readonly what: string;
  readonly table: string;
  /** What the names of the batch's statements begin with. */
  readonly label: string;
  readonly batch: (raised: string) => Step;
  readonly search?: Search;
}

/**
 * Does one batch. Where it fails on data twice, the events that raise are searched for, and the batch is done without typing them. It keeps no
 * state: a repeated call finds each statement by its name.
 */
export async function runBatch(host: Walk, { what, table, label, batch, search }: RaisingBatch): Promise<WalkResult> {
  const run = (at: string, raised: readonly Culprit[]) => submit(host, at, batch(raisedJson(raised)));
  const failed = (state: StatementState, at: string) => failure(host, state, at, batch('[]'));
  let at = `${label}0`;
  let state = await run(at, []);
  const done = resultOf(state);
  if (done) return done;
  if (!search || blameOf(state) === 'other') throw failed(state, at);
  const first = state;
  at = `${label}again-0`;
  state = await run(at, []);
  const raised: Culprit[] = [];
  for (let number = 1; ; number += 1) {
    const result = resultOf(state);
    if (result) return result;
    const onData = number === 1 ? failedTwiceOnData(first, state) : blameOf(state) !== 'other';
    if (!onData || number > maxSearches) throw failed(state, at);
    const values = { ...search.values, raised: raisedJson(raised) };
    const found = await findRaising(searchHost(host), search.plan, values, `${label}raising-${number}`);
    if (found.kind === 'waiting') return 'waiting';
    if (found.kind === 'none') {
      host.log('no event was found that makes the batch fail', { what, table, why: found.why });
      throw failed(state, at);
    }
    raised.push(...found.culprits);
    for (const culprit of found.culprits)
      host.log('an event cannot be typed', { what, table, event: culprit.key, reason: raisedReason(culprit) });
    at = `${label}without-${number}-0`;
    state = await run(at, raised);
  }
}

/** Undefined for a statement that did not succeed. */
function resultOf({ status }: StatementState): WalkResult | undefined {
  if (!isTerminal(status)) return 'waiting';
  return status === 'FINISHED' ? 'done' : undefined;
}

const raisedJson = (culprits: readonly Culprit[]) =>
  JSON.stringify(culprits.map((culprit) => ({ key: culprit.key, reason: raisedReason(culprit) })));

const searchHost = (host: Walk) => ({
  run: (name: string, statements: readonly string[]) => submit(host, name, { name, mode: 'auto-commit', statements }),
  rows: (id: string) => host.warehouse.rows(id),
});
