import fc from 'fast-check';
import type { Action, Scenario } from '../support/actions';
import type { Weakening } from '../support/functions';
import { simPipeline } from '../support/pipeline';
import { type Template, templateOf } from '../support/template';
import { play, recovers, seed, startMs } from './check';
import { weakenings } from './weakened';

const quiet: Pick<Scenario, 'faults' | 'kills'> = { faults: {}, kills: {} };
const each = (events: readonly number[]) => events.map((from) => ({ from, count: 1 }));
const upload = (key: number, events: number[]): Action => ({ do: 'upload', key, events: each(events) });
const put = (events: number[]): Action => ({ do: 'put', events: each(events) });
const tick: Action = { do: 'tick' };
const soon: Action = { do: 'pass', minutes: 1 };

/** Scenarios of one fault each, and the weakened version that they break. */
const cases: readonly (readonly [string, Weakening, fc.Arbitrary<Scenario>])[] = [
  [
    'a load aborted between two statements, the ledger not in its transaction',
    weakenings.ledgerOutsideTheTransaction,
    fc.nat(20).map((at) => ({
      ...quiet,
      actions: [upload(0, [1, 2, 3]), soon],
      // The first statement of a load asks the ledger, the second is the transaction.
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
];

describe('a version that is weakened on purpose', () => {
  let template: Template;
  beforeAll(async () => {
    template = await templateOf(simPipeline, startMs);
  });
  afterAll(() => template.remove());

  test.each(cases)('breaks by %s', async (_, weakening, scenarios) => {
    const { failed, counterexample } = await fc.check(recovers(template, scenarios, weakening), {
      numRuns: 30,
      seed,
      endOnFailure: true,
    });
    expect(failed).toBe(true);
    const [scenario] = counterexample!;
    expect(await play(template, scenario, weakening)).not.toEqual([]);
    // The version that runs takes the same without harm.
    expect(await play(template, scenario)).toEqual([]);
  });
});
