import { Agenda, Server } from './events';
import type { Values } from './inputs';

/** Objects of history that wait in the queue while a stream goes on. */
export interface HistoryBehind {
  readonly objects: number;
  readonly objectBytes: number;
  readonly eventsPerSecond: number;
}

export interface HistoryResult {
  /** Seconds until the last object is in the ledger. */
  readonly loadedAfter: number;
  readonly transactions: number;
  /** Seconds of one full transaction, without waiting. */
  readonly transaction: number;
  /** How long merges of the stream waited for the lock. */
  readonly mergeWaits: { readonly mean: number; readonly longest: number };
  /** Objects in the ledger, by time. */
  readonly loaded: readonly (readonly [number, number])[];
}

const tickSeconds = 60;

/** Loads everything. Each transaction of a load, and each merge of the stream, takes the lock of the pipeline. */
export function loadHistory({ objects, objectBytes, eventsPerSecond }: HistoryBehind, values: Values): HistoryResult {
  const agenda = new Agenda();
  const lock = new Server(agenda);
  const perTransaction = Math.max(1, Math.floor(values.loadBytes / objectBytes));
  const secondsOf = (some: number) => {
    const records = (some * objectBytes) / values.eventBytes;
    return records / values.copiedRecords + records / values.mergedRecords + values.stepSeconds;
  };
  let [waiting, inLedger, transactions] = [objects, 0, 0];
  const loaded: [number, number][] = [[0, 0]];
  const merges = { count: 0, sum: 0, longest: 0 };
  /** One invocation: a batch of the queue, in transactions one after the other. */
  const invoke = () => {
    const batch = Math.min(values.loadBatch, waiting);
    if (batch === 0) return;
    waiting -= batch;
    const next = (left: number) => {
      if (left === 0) return invoke();
      const some = Math.min(perTransaction, left);
      // Reads the ledger, writes the manifest, submits.
      agenda.after(values.stepSeconds + 3 * values.callSeconds, () =>
        lock.serve(secondsOf(some), () => {
          transactions += 1;
          inLedger += some;
          loaded.push([agenda.now, inLedger]);
          next(left - some);
        }),
      );
    };
    next(batch);
  };
  let merging = false;
  const tick = () => {
    if (inLedger === objects) return;
    agenda.after(tickSeconds, tick);
    if (merging) return;
    merging = true;
    lock.serve((eventsPerSecond * tickSeconds) / values.mergedRecords, (waited) => {
      merging = false;
      merges.count += 1;
      merges.sum += waited;
      merges.longest = Math.max(merges.longest, waited);
    });
  };
  for (let functions = 0; functions < values.loadFunctions; functions += 1) invoke();
  tick();
  agenda.run();
  return {
    loadedAfter: loaded.at(-1)![0],
    transactions,
    transaction: secondsOf(perTransaction),
    mergeWaits: { mean: merges.sum / Math.max(1, merges.count), longest: merges.longest },
    loaded,
  };
}
