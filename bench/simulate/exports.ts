import { inTurn } from '../../lambda/export/due';
import { Agenda, RateLimit, Server } from './events';
import type { Values } from './inputs';

/** A pipeline with many exports at the full hour. */
export interface ManyExports {
  readonly exports: number;
  /** Closed windows of each export that are not published. */
  readonly windows: number;
  /** Unloads that the warehouse runs at once. */
  readonly slots: number;
}

export interface ExportsResult {
  /** Seconds until every window is published. */
  readonly publishedAfter: number;
  /** Seconds of the longest invocation that begins the first unload of exports, until it begins no more. */
  readonly tick: number;
  /** Exports whose first unload a later tick than the first one begins. */
  readonly leftToNextTick: number;
  readonly mostActive: number;
  /** Longest wait of a call for its rate. */
  readonly waits: { readonly list: number; readonly result: number };
  /** Windows that are not published, by time. */
  readonly left: readonly (readonly [number, number])[];
}

/** Windows in one transaction: three statements for each, of 40 in a batch (lambda/export/layout.ts). */
export const batchWindows = 13;
const tickSeconds = 3600;

/**
 * One invocation goes through the exports, one after the other: lists its unloads, reads the pointer and the state, looks for
 * what changed, writes sentinels and submits. The end of each unload begins another invocation, which publishes its windows
 * and submits the next batch.
 */
export function runExports({ exports, windows, slots }: ManyExports, values: Values): ExportsResult {
  const agenda = new Agenda();
  const warehouse = new Server(agenda, slots);
  const lists = new RateLimit(agenda, values.listCalls);
  const results = new RateLimit(agenda, values.resultCalls);
  const batches = new RateLimit(agenda, values.batchCalls);
  const left = Array.from({ length: exports }, () => windows);
  const begun = new Set<number>();
  const series: [number, number][] = [[0, exports * windows]];
  const facts = { tick: 0, leftToNextTick: 0, active: 0, mostActive: 0 };

  const submit = (item: number) => {
    const some = Math.min(batchWindows, left[item]!);
    if (some === 0) return;
    batches.call(1, () => {
      facts.active += 1;
      facts.mostActive = Math.max(facts.mostActive, facts.active);
      warehouse.serve(some * values.unloadSeconds, () => {
        facts.active -= 1;
        publish(item, some);
      });
    });
  };
  /** Reads counts of each window, publishes pointer and ledger, and looks for what is due next. */
  const publish = (item: number, some: number) =>
    results.call(2 * some, () =>
      agenda.after(6 * values.callSeconds + 2 * values.stepSeconds, () => {
        left[item]! -= some;
        series.push([agenda.now, left.reduce((sum, one) => sum + one, 0)]);
        submit(item);
      }),
    );
  const all = left.map((_, item) => item);
  const tick = () => {
    const began = agenda.now;
    const items = inTurn(all, Math.floor(began / tickSeconds));
    const next = (turn: number) => {
      facts.tick = Math.max(facts.tick, agenda.now - began);
      if (agenda.now - began > values.exportTime) {
        if (began === 0) facts.leftToNextTick = exports - turn;
        return;
      }
      const item = items[turn];
      if (item === undefined) return;
      lists.call(1, () =>
        results.call(2, () =>
          // The state and the survey are queries that the function waits for.
          agenda.after(6 * values.callSeconds + 2 * values.stepSeconds, () => {
            if (!begun.has(item)) submit(item);
            begun.add(item);
            next(turn + 1);
          }),
        ),
      );
    };
    next(0);
    agenda.after(tickSeconds, () => {
      if (left.some((one) => one > 0) && agenda.now < 100 * tickSeconds) tick();
    });
  };
  tick();
  agenda.run();
  const last = series.at(-1)!;
  return {
    publishedAfter: last[1] === 0 ? last[0] : Number.POSITIVE_INFINITY,
    tick: facts.tick,
    leftToNextTick: facts.leftToNextTick,
    mostActive: facts.mostActive,
    waits: { list: lists.longestWait, result: results.longestWait },
    left: series,
  };
}
