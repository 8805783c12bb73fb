import fc from 'fast-check';
import { simPipeline } from '../../support/pipeline';
import { type Template, templateOf } from '../../support/template';
import { isSecondTier, seedOf } from '../../support/tier';
import { recovers, seed, startMs } from '../check';
import { type KindName, kinds } from '../kinds';
import { scenarios } from '../scenarios';

const longestMs = 10 * 60_000;

/** The first tier plays 1/36 of the runs that `kinds` names, the second 1/8. `npm run faults` plays thousands. */
const runsOf = (name: KindName) => Math.ceil(kinds[name].usual / (isSecondTier ? 8 : 36));

/**
 * Defines the test of one kind of fault. Each kind has its own file, so that the kinds run in parallel.
 * @param define `secondTierTest` for a kind that the first tier leaves out
 */
export function testRecovery(name: KindName, define: jest.It = test): void {
  let template: Template;
  beforeAll(async () => {
    template = await templateOf(simPipeline, startMs);
  });
  afterAll(() => template.remove());

  define(
    `the tables hold what was sent, each event once, after ${name}`,
    () => fc.assert(recovers(template, scenarios(kinds[name])), { numRuns: runsOf(name), seed: seedOf(seed) }),
    longestMs,
  );
}
