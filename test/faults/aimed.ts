import fc from 'fast-check';
import type { Action, Scenario } from '../support/actions';
import type { weakenings } from './weakened';

/** A scenario that a weakened version does not survive. */
export interface Aimed {
  /** What the weakened version lacks. */
  readonly guard: string;
  /** What goes wrong. */
  readonly fault: string;
  readonly scenarios: fc.Arbitrary<Scenario>;
}

const quiet: Pick<Scenario, 'faults' | 'kills'> = { faults: {}, kills: {} };
const each = (events: readonly number[]) => events.map((from) => ({ from, count: 1 }));
const upload = (key: number, events: number[]): Action => ({ do: 'upload', key, events: each(events) });
const put = (events: number[]): Action => ({ do: 'put', events: each(events) });
const tick: Action = { do: 'tick' };
const soon: Action = { do: 'pass', minutes: 1 };
const quarter: Action = { do: 'pass', minutes: 15 };
const hour: Action = { do: 'pass', minutes: 60 };
const day: Action = { do: 'pass', minutes: 60 * 25 };

/** Scenarios of one fault each, by the weakened version that each breaks. */
export const aimed: Readonly<Record<keyof typeof weakenings, Aimed>> = {
  ledgerOutsideTheTransaction: {
    guard: 'a load and its ledger are one transaction',
    fault: 'a load aborted between two statements, the ledger not in its transaction',
    scenarios: fc.nat(20).map((at) => ({
      ...quiet,
      actions: [upload(0, [1, 2, 3]), soon],
      // The first statement of a load reads the ledger, the second is the transaction.
      faults: { statements: { load: [undefined, { kind: 'abort', at }] } },
    })),
  },
  withoutReconcile: {
    guard: 'the reconcile run',
    fault: 'notifications lost, nobody to reconcile',
    scenarios: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }).map((lost) => ({
      ...quiet,
      actions: [upload(0, [1]), upload(1, [2]), upload(2, [3]), soon],
      faults: { notifications: lost.map((each) => (each ? [] : undefined)) },
    })),
  },
  withoutLedger: {
    guard: 'a load reads the ledger',
    fault: 'a notification that came twice, the ledger not asked',
    scenarios: fc.nat(7).map((event) => ({
      ...quiet,
      actions: [upload(0, [event, 2]), quarter],
      faults: { notifications: [[0, 5 * 60_000]] },
    })),
  },
  withoutIdentityCheck: {
    guard: 'the anti-join by identity',
    fault: 'history that overlaps the stream, no identity check',
    scenarios: fc
      .tuple(fc.array(fc.nat(7), { minLength: 1 }), fc.array(fc.nat(7), { minLength: 1 }))
      .map(([stream, history]) => ({ ...quiet, actions: [put(stream), tick, soon, upload(0, history), soon] })),
  },
  checkpointBeforeMerge: {
    guard: 'a merge and its checkpoint are one transaction',
    fault: 'a merge aborted between two statements, the checkpoint written before it',
    scenarios: fc.nat(20).map((at) => ({
      ...quiet,
      actions: [put([1, 2, 3]), tick, soon],
      faults: { statements: { refresh: [undefined, { kind: 'abort', at }] } },
    })),
  },
  acknowledgedBeforeLoaded: {
    guard: 'messages are acknowledged after their load',
    fault: 'a load function killed or a load failed, its messages deleted all the same',
    scenarios: fc.constantFrom('fail' as const, 'abort' as const).map((kind) => ({
      ...quiet,
      actions: [upload(0, [1, 2]), soon],
      faults: { statements: { load: [undefined, ...Array.from({ length: 3 }, () => ({ kind, at: 3 }))] } },
    })),
  },
  withoutCorrections: {
    guard: 'corrections of published windows',
    fault: 'a backfill from the archive after the publication of its day, late rows only counted',
    scenarios: fc.nat(7).map((first) => ({
      ...quiet,
      retentionHours: 24,
      actions: [
        put([first]),
        tick,
        soon,
        { do: 'pause' } as const,
        put([14, 15]),
        day,
        hour,
        { do: 'resume' } as const,
        ...[tick, hour, tick, hour, { do: 'export' } as const, hour],
        { do: 'backfill' } as const,
        hour,
      ],
    })),
  },
  parkedBeforeDeadLetter: {
    guard: 'a dead letter before its row in `parked`',
    fault: 'a load function killed between the two ways in which it sets an object aside, the table first',
    scenarios: fc.record({ call: fc.integer({ min: 10, max: 34 }), after: fc.boolean() }).map((kill) => ({
      ...quiet,
      actions: [{ do: 'upload', key: 0, events: [{ from: 1, count: 1 }], poison: true } as Action, soon],
      kills: { load: [kill] },
    })),
  },
  withoutPositions: {
    guard: 'records are known by their positions',
    fault: 'records that the archive has too, read again without their positions',
    scenarios: fc
      .nat(7)
      .map((first) => ({ ...quiet, actions: [put([first, 1]), tick, soon, quarter, { do: 'backfill' }, hour] })),
  },
  withoutEtagCheck: {
    guard: "a load compares its objects' etags",
    fault: 'an object overwritten while its load waits, its bytes not compared with what was told',
    scenarios: fc.nat(7).map((event) => ({
      ...quiet,
      actions: [upload(0, [event]), upload(0, [event + 20])],
      faults: { statements: { load: [undefined, { kind: 'slow', ms: 300_000 }] } },
    })),
  },
  withoutCounts: {
    guard: 'a load accounts for every line',
    fault: 'a line that COPY cannot read, its errors not shown and nothing counted',
    scenarios: fc.nat(7).map((event) => ({
      ...quiet,
      actions: [upload(0, [event, 19]), soon],
      faults: { systemViews: { openTransaction: false, afterEndMs: 0 } },
    })),
  },
  withoutSkips: {
    guard: 'the search for skipped records',
    fault: 'records that streaming ingestion skipped, nobody asking for them',
    scenarios: fc.nat(7).map((event) => ({
      ...quiet,
      actions: [put([event, event + 1]), tick, soon],
      faults: { scans: [{ every: 2, from: 0 }] },
    })),
  },
  withoutSkipCounts: {
    guard: 'the count of skipped records',
    fault: 'records that streaming ingestion skipped and did not name, only the named ones asked for',
    scenarios: fc.nat(7).map((event) => ({
      ...quiet,
      actions: [put([event, event + 1]), tick, soon],
      faults: { scans: [{ every: 2, from: 0, unlisted: true }] },
    })),
  },
  withoutRecovery: {
    guard: 'a skip reject gives way to its record',
    fault: 'skipped records that the archive has, a reject in their place for good',
    scenarios: fc.nat(7).map((event) => ({
      ...quiet,
      actions: [put([event, event + 1]), tick, soon, quarter],
      faults: { scans: [{ every: 2, from: 0 }] },
    })),
  },
  trimBeforeMerge: {
    guard: 'the landing view is trimmed after the merge',
    fault: 'records that landed before they were merged, deleted as if they were',
    scenarios: fc.nat(7).map((event) => ({ ...quiet, actions: [put([event]), hour, tick, soon] })),
  },
  withoutGaps: {
    guard: 'the search for gaps',
    fault: 'a stream that forgot while nobody read it, the gap not looked for',
    scenarios: fc.nat(7).map((event) => ({ ...quiet, retentionHours: 24, actions: [put([event]), day, tick, soon] })),
  },
  withoutSearch: {
    guard: 'the search for records that raise',
    fault: 'a record that makes the merge fail, among others',
    scenarios: fc.nat(7).map((event) => ({
      ...quiet,
      actions: [put([event, event + 1, event + 2]), tick, soon],
      faults: { raising: [`e${event}`] },
    })),
  },
};
