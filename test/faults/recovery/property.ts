import fc from 'fast-check';
import { type Template, templateOf } from '../../support/template';
import { simPipeline } from '../../support/pipeline';
import { recovers, runs, seed } from '../check';
import { type Kinds, scenarios } from '../scenarios';

/** A file for each kind of fault, so that they run side by side. */
export function testRecovery(name: string, usual: number, kinds: Kinds): void {
  let template: Template;
  beforeAll(async () => {
    template = await templateOf(simPipeline, Date.UTC(2026, 10, 21));
  });
  afterAll(() => template.remove());

  test(
    `the tables hold what was sent, each event once, after ${name}`,
    () => fc.assert(recovers(template, scenarios(kinds)), { numRuns: runs(usual), seed }),
    12 * 3_600_000,
  );
}
