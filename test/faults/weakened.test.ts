import fc from 'fast-check';
import type { Action, Scenario } from '../support/actions';
import type { Weakening } from '../support/functions';
import { simPipeline } from '../support/pipeline';
import { type Template, templateOf } from '../support/template';
import { everyNth, secondTierTest } from '../support/tier';
import { play, recovers, seed, startMs } from './check';
import { kinds } from './kinds';
import { scenarios } from './scenarios';
import { weakenings } from './weakened';

const longestMs = 5 * 60_000;

const quiet: Pick<Scenario, 'faults' | 'kills'> = { faults: {}, kills: {} };
const each = (events: readonly number[]) => events.map((from) => ({ from, count: 1 }));
const upload = (key: number, events: number[]): Action => ({ do: 'upload', key, events: each(events) });
const put = (events: number[]): Action => ({ do: 'put', events: each(events) });
const tick: Action = { do: 'tick' };
const soon: Action = { do: 'pass', minutes: 1 };
const quarter: Action = { do: 'pass', minutes: 15 };
const hour: Action = { do: 'pass', minutes: 60 };
const day: Action = { do: 'pass', minutes: 60 * 25 };

/** Scenarios of one fault each, with the weakened version that each breaks. */
const cases: readonly (readonly [string, Weakening, fc.Arbitrary<Scenario>])[] = [
  [
    'a load aborted between two statements, the ledger not in its transaction',
    weakenings.ledgerOutsideTheTransaction,
    fc.nat(20).map((at) => ({
      ...quiet,
      actions: [upload(0, [1, 2, 3]), soon],
      // The first statement of a load reads the ledger, the second is the transaction.
      faults: { statements: { load: [undefined, { kind: 'abort', at }] } },
    })),
  ],
  [
    'notifications lost, nobody to reconcile',
    weakenings.withoutReconcile,
    fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }).map((lost) => ({
      ...quiet,
      actions: [upload(0, [1]), upload(1, [2]), upload(2, [3]), soon],
      faults: { notifications: lost.map((each) => (each ? [] : undefined)) },
    })),
  ],
  [
    'a notification that came twice, the ledger not asked',
    weakenings.withoutLedger,
    fc.nat(7).map((event) => ({
      ...quiet,
      actions: [upload(0, [event, 2]), quarter],
      faults: { notifications: [[0, 5 * 60_000]] },
    })),
  ],
  [
    'history that overlaps the stream, no identity check',
    weakenings.withoutIdentityCheck,
    fc
      .tuple(fc.array(fc.nat(7), { minLength: 1 }), fc.array(fc.nat(7), { minLength: 1 }))
      .map(([stream, history]) => ({ ...quiet, actions: [put(stream), tick, soon, upload(0, history), soon] })),
  ],
  [
    'a merge aborted between two statements, the checkpoint written before it',
    weakenings.checkpointBeforeMerge,
    fc.nat(20).map((at) => ({
      ...quiet,
      actions: [put([1, 2, 3]), tick, soon],
      faults: { statements: { refresh: [undefined, { kind: 'abort', at }] } },
    })),
  ],
  [
    'a load function killed or a load failed, its messages deleted all the same',
    weakenings.acknowledgedBeforeLoaded,
    fc.constantFrom('fail' as const, 'abort' as const).map((kind) => ({
      ...quiet,
      actions: [upload(0, [1, 2]), soon],
      faults: { statements: { load: [undefined, ...Array.from({ length: 3 }, () => ({ kind, at: 3 }))] } },
    })),
  ],
  [
    'a backfill from the archive after the publication of its day, late rows only counted',
    weakenings.withoutCorrections,
    fc.nat(7).map((first) => ({
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
  ],
  [
    'a load function killed between the two ways in which it sets an object aside, the table first',
    weakenings.parkedBeforeDeadLetter,
    fc.record({ call: fc.integer({ min: 10, max: 34 }), after: fc.boolean() }).map((kill) => ({
      ...quiet,
      actions: [{ do: 'upload', key: 0, events: [{ from: 1, count: 1 }], poison: true } as Action, soon],
      kills: { load: [kill] },
    })),
  ],
  [
    'records that the archive has too, read again without their positions',
    weakenings.withoutPositions,
    fc.nat(7).map((first) => ({ ...quiet, actions: [put([first, 1]), tick, soon, quarter, { do: 'backfill' }, hour] })),
  ],
  [
    'an object overwritten while its load waits, its bytes not compared with what was told',
    weakenings.withoutEtagCheck,
    fc.nat(7).map((event) => ({
      ...quiet,
      actions: [upload(0, [event]), upload(0, [event + 20])],
      faults: { statements: { load: [undefined, { kind: 'slow', ms: 300_000 }] } },
    })),
  ],
  [
    'a line that COPY cannot read, its errors not shown and nothing counted',
    weakenings.withoutCounts,
    fc.nat(7).map((event) => ({
      ...quiet,
      actions: [upload(0, [event, 19]), soon],
      faults: { systemViews: { openTransaction: false, afterEndMs: 0 } },
    })),
  ],
  [
    'records that streaming ingestion skipped, nobody asking for them',
    weakenings.withoutSkips,
    fc.nat(7).map((event) => ({
      ...quiet,
      actions: [put([event, event + 1]), tick, soon],
      faults: { scans: [{ every: 2, from: 0 }] },
    })),
  ],
  [
    'records that streaming ingestion skipped and did not name, only the named ones asked for',
    weakenings.withoutSkipCounts,
    fc.nat(7).map((event) => ({
      ...quiet,
      actions: [put([event, event + 1]), tick, soon],
      faults: { scans: [{ every: 2, from: 0, unlisted: true }] },
    })),
  ],
  [
    'skipped records that the archive has, a reject in their place for good',
    weakenings.withoutRecovery,
    fc.nat(7).map((event) => ({
      ...quiet,
      actions: [put([event, event + 1]), tick, soon, quarter],
      faults: { scans: [{ every: 2, from: 0 }] },
    })),
  ],
  [
    'records that landed before they were merged, deleted as if they were',
    weakenings.trimBeforeMerge,
    fc.nat(7).map((event) => ({ ...quiet, actions: [put([event]), hour, tick, soon] })),
  ],
  [
    'a stream that forgot while nobody read it, the gap not looked for',
    weakenings.withoutGaps,
    fc.nat(7).map((event) => ({ ...quiet, retentionHours: 24, actions: [put([event]), day, tick, soon] })),
  ],
  [
    'a record that makes the merge fail, among others',
    weakenings.withoutSearch,
    fc.nat(7).map((event) => ({
      ...quiet,
      actions: [put([event, event + 1, event + 2]), tick, soon],
      faults: { raising: [`e${event}`] },
    })),
  ],
];

describe('a version that is weakened on purpose', () => {
  let template: Template;
  beforeAll(async () => {
    template = await templateOf(simPipeline, startMs);
  });
  afterAll(() => template.remove());

  test.each(everyNth(cases, 18, 3))(
    'breaks by %s',
    async (_, weakening, aimed) => {
      const { failed, counterexample } = await fc.check(recovers(template, aimed, weakening), {
        numRuns: 30,
        seed,
        endOnFailure: true,
      });
      expect(failed).toBe(true);
      const [scenario] = counterexample!;
      // The real version survives the same scenario.
      expect(await play(template, scenario)).toEqual([]);
    },
    longestMs,
  );

  /** Weakenings that random scenarios of all faults find too, within the runs that the tests make each time. */
  const foundAtRandom: readonly (keyof typeof weakenings)[] = [
    'ledgerOutsideTheTransaction',
    'withoutReconcile',
    'withoutIdentityCheck',
    'checkpointBeforeMerge',
    'acknowledgedBeforeLoaded',
  ];
  secondTierTest.each(everyNth(foundAtRandom, 1, 3))(
    '%s is found by random scenarios',
    async (name) => {
      const all = kinds['all of it at once'];
      const { failed } = await fc.check(recovers(template, scenarios(all), weakenings[name]), {
        numRuns: all.usual,
        seed,
        endOnFailure: true,
      });
      expect(failed).toBe(true);
    },
    longestMs,
  );
});
