import { blameOf, failedTwiceOnData } from '../shared/blame';
import type { SearchPlan, StatementTemplate } from '../shared/plan';
import { type Culprit, findRaising, raisedReason } from '../shared/raising';
import type { Values } from '../shared/statement';
import { isTerminal, type Row, type StatementState } from '../shared/warehouse';
import type { BatchSearch, Step } from './contract';
import { type Result, runBatchStep, type StepRun, stepError } from './steps';

export interface Batches {
  /** No failure is harmless. */
  readonly run: StepRun;
  /** @param what ends the statement's name */
  readonly query: (what: string, sql: string) => Promise<readonly Row[]>;
}

export interface BatchWork {
  /** `fill` or `rebuild`, part of the names of its statements. */
  readonly what: string;
  /** The table that is filled, for messages. */
  readonly table: string;
  /** A query with the progress: `filled_until`, and `column_name` where it has several rows. */
  readonly progress: string;
  /** For the error when time is over: what to do, a sentence. */
  readonly advice: string;
  /** The next batch. `raised`: JSON text `[{key,reason}]`, events that are not typed. */
  readonly batch: (raised: string) => Step;
  /** @default - a batch that fails on an event fails the deployment */
  readonly search?: Search;
  /** Whether no batch is left. Throws where no batch would help. */
  readonly isDone: (progress: readonly Row[]) => boolean;
}

/**
 * Works batch by batch while time is left. The warehouse holds the progress, so the next call continues there, and so does the next deployment
 * after one that was killed.
 */
export async function inBatches(host: Batches, work: BatchWork): Promise<Result> {
  const { what, table } = work;
  for (let before: string | undefined; ; ) {
    const rows = await host.query(what, work.progress);
    if (work.isDone(rows)) return 'done';
    const position = rows
      .map((row) => `${row.column_name ?? ''}-${row.filled_until}`)
      .sort()
      .join('-');
    if (position === before)
      throw new Error(`the ${what} of ${table} made no progress after ${position || 'its beginning'}`);
    before = position;
    if (host.run.deadline.isOver) {
      const until = rows[0]?.filled_until;
      const filled = until ? `for what was merged before ${until}` : 'nowhere yet';
      throw new Error(`the time of the deployment was over when ${table} was filled ${filled}. ${work.advice}`);
    }
    // The position is part of the batch's name, so a repeated call finds the batch that is running.
    const label = `${what}-${position.replace(/[^a-z0-9_]+/gi, '') || 'begin'}-`;
    if ((await runBatch(host.run, work, label)) === 'waiting') return 'waiting';
  }
}

/** Searches for one batch. Each finds at most as many events as the plan's `fanout`; a batch with more fails the deployment. */
const maxSearches = 4;

export interface Search {
  readonly plan: SearchPlan;
  readonly values: Values;
}

/** The search that belongs to a batch. @param values of the batch */
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

/**
 * Runs one batch. If it fails on data twice, a search finds the events that raise errors, and the batch is run without typing them. It keeps no state:
 * a repeated call finds each statement by its name.
 */
async function runBatch(run: StepRun, { what, table, batch, search }: BatchWork, label: string): Promise<Result> {
  const attempt = (at: string, raised: readonly Culprit[]) => runBatchStep(run, at, batch(raisedJson(raised)));
  const failed = (state: StatementState, at: string) => stepError(run, state, at, batch('[]'));
  let at = `${label}0`;
  const first = await attempt(at, []);
  const result = resultOf(first);
  if (result) return result;
  if (!search || blameOf(first) === 'other') throw failed(first, at);
  at = `${label}again-0`;
  let state = await attempt(at, []);
  const raised: Culprit[] = [];
  for (let number = 1; ; number += 1) {
    const result = resultOf(state);
    if (result) return result;
    const onData = number === 1 ? failedTwiceOnData(first, state) : blameOf(state) !== 'other';
    if (!onData || number > maxSearches) throw failed(state, at);
    const values = { ...search.values, raised: raisedJson(raised) };
    const found = await findRaising(searchHost(run), search.plan, values, `${label}raising-${number}`);
    if (found.kind === 'waiting') return 'waiting';
    if (found.kind === 'none') {
      run.log('no event was found that makes the batch fail', { what, table, why: found.why });
      throw failed(state, at);
    }
    raised.push(...found.culprits);
    for (const culprit of found.culprits)
      run.log('an event cannot be typed', { what, table, event: culprit.key, reason: raisedReason(culprit) });
    at = `${label}without-${number}-0`;
    state = await attempt(at, raised);
  }
}

/** Undefined for a statement that failed or was aborted. */
function resultOf({ status }: StatementState): Result | undefined {
  if (!isTerminal(status)) return 'waiting';
  return status === 'FINISHED' ? 'done' : undefined;
}

const raisedJson = (culprits: readonly Culprit[]) =>
  JSON.stringify(culprits.map((culprit) => ({ key: culprit.key, reason: raisedReason(culprit) })));

const searchHost = (run: StepRun) => ({
  run: (name: string, statements: readonly string[]) =>
    runBatchStep(run, name, { name, mode: 'auto-commit', statements }),
  rows: (id: string) => run.warehouse.rows(id),
});
