import fc from 'fast-check';
import { simPipeline } from '../../support/pipeline';
import { type Template, templateOf } from '../../support/template';
import { recovers, seed, startMs } from '../check';
import { type KindName, kinds } from '../kinds';
import { scenarios } from '../scenarios';

const longestMs = 10 * 60_000;

/**
 * With MILLRACE_FAULTS=all as many runs as `kinds` says, otherwise the first third of them: each fault has named scenarios, which are always
 * played, and how many runs it takes to find a version that is weakened is tested too.
 */
const share = process.env['MILLRACE_FAULTS'] === 'all' ? 1 : 1 / 3;

/** A file for each kind of fault, so that they run side by side. Thousands of runs are a command's: `npm run faults`. */
export function testRecovery(name: KindName): void {
  let template: Template;
  beforeAll(async () => {
    template = await templateOf(simPipeline, startMs);
  });
  afterAll(() => template.remove());

  test(
    `the tables hold what was sent, each event once, after ${name}`,
    () =>
      fc.assert(recovers(template, scenarios(kinds[name])), { numRuns: Math.ceil(kinds[name].usual * share), seed }),
    longestMs,
  );
}
