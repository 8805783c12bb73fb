import fc from 'fast-check';
import { simPipeline } from '../support/pipeline';
import { type Template, templateOf } from '../support/template';
import { everyNth, secondTierTest } from '../support/tier';
import { aimed } from './aimed';
import { play, recovers, seed, startMs } from './check';
import { kinds } from './kinds';
import { breaks, type MutantName, mutantNames } from './mutants';
import { scenarios } from './scenarios';
import { weakenings } from './weakened';

const longestMs = 5 * 60_000;

describe('a version that is weakened on purpose', () => {
  let template: Template;
  beforeAll(async () => {
    template = await templateOf(simPipeline, startMs);
  });
  afterAll(() => template.remove());

  test.each(everyNth(mutantNames, mutantNames.length, 3).map((name) => [aimed[name].fault, name] as const))(
    'breaks by %s: %s',
    async (_, name) => {
      const scenario = await breaks(template, name);
      expect(scenario).toBeDefined();
      // The real version survives the same scenario.
      expect(await play(template, scenario!)).toEqual([]);
    },
    longestMs,
  );

  /** Weakenings that random scenarios of all faults find too, within the runs that the tests make each time. */
  const foundAtRandom: readonly MutantName[] = [
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
