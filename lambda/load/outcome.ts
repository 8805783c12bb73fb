import { isTerminal, type StatementState } from '../shared/warehouse';
import type { CheckedTransaction } from './contract';
import { classify, type Failure, refusalOf } from './failure';
import type { LoadCall } from './host';
import type { NotifiedObject } from './notification';
import { inLedger, runIdOf } from './transaction';

/** An object with the number of times that its message was delivered. */
export type Delivered = NotifiedObject & { readonly attempts: number };

/** Ids of the objects that need no further delivery. */
export interface Done {
  readonly loaded: readonly string[];
  readonly parked: readonly string[];
}

export const nothingDone: Done = { loaded: [], parked: [] };

export const join = (one: Done, other: Done): Done => ({
  loaded: [...one.loaded, ...other.loaded],
  parked: [...one.parked, ...other.parked],
});

/** Why objects were not loaded, and when that was known, in epoch milliseconds. */
export type PriorFailure = Failure & { readonly at: number };

export type LoadOutcome =
  | { readonly kind: 'running' }
  /** The ids of the objects that are in the ledger now, at least one. */
  | { readonly kind: 'loaded'; readonly ids: ReadonlySet<string> }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** What a load transaction did to its objects. Reports it. */
export async function outcomeOf(
  call: LoadCall,
  { answer }: CheckedTransaction,
  objects: readonly Delivered[],
  ended: StatementState,
): Promise<LoadOutcome> {
  const facts = factsOf(call, objects, ended);
  if (!isTerminal(ended.status)) {
    call.log('still loading when time was up, left to the next delivery', facts);
    return { kind: 'running' };
  }
  const failed = (failure: Failure): LoadOutcome => {
    call.log('objects were not loaded', { ...facts, kind: failure.kind, reason: failure.reason });
    return { kind: 'failed', failure };
  };
  if (ended.status !== 'FINISHED') return failed(classify(ended));
  const ids = await inLedger(call, objects);
  if (ids.size === 0) {
    const [row = {}] = await call.warehouse.rows(ended.parts[answer]!.id);
    const failure = refusalOf(row);
    if (!failure) throw new Error(`load ${ended.id} accepted its objects and left none of them in the ledger`);
    return failed(failure);
  }
  call.metrics(ended.updatedAt, { LoadedFiles: ids.size }, facts);
  return { kind: 'loaded', ids };
}

const factsOf = ({ plan }: LoadCall, objects: readonly Delivered[], { id, status }: StatementState) => ({
  pipeline: plan.pipeline,
  id,
  status,
  runId: runIdOf(objects),
  objects: objects.length,
  ...(objects.length === 1 ? { bucket: objects[0]!.bucket, key: objects[0]!.key } : {}),
});
