import fc from 'fast-check';
import { seed, startMs } from '../faults/check';
import type { Scenario } from '../support/actions';
import { type Template, templateOf } from '../support/template';
import { cases, seedOf } from '../support/tier';
import { askThrough, lostEvent, pipeline, scenarios, type Weakened } from './exact';

let template: Template;
beforeAll(async () => {
  template = await templateOf(pipeline, startMs);
}, 120_000);
afterAll(() => template.remove());

/** Plays scenarios until one shows a problem. */
async function firstProblem(from: readonly Scenario[], weakened?: Weakened) {
  const seen = { exact: 0, kept: 0, scenarios: 0 };
  for (const scenario of from) {
    const { problems, exact, kept } = await askThrough(template, scenario, weakened);
    seen.exact += exact;
    seen.kept += kept;
    seen.scenarios += 1;
    if (problems.length > 0) return { ...seen, problem: problems[0], scenario };
  }
  return seen;
}

const longestMs = 10 * 60_000;

test(
  'answers for one state of the views are equal, whatever happens to the runs that refresh them',
  async () => {
    const found = await firstProblem(fc.sample(scenarios, { numRuns: cases(2, 150), seed: seedOf(seed) }));
    expect(found).not.toHaveProperty('problem');
    expect(found.exact).toBeGreaterThan(20);
    expect(found.kept).toBeGreaterThan(10);
  },
  longestMs,
);

/** One of them loses the event of the views. */
const lostEvents = Array.from({ length: 8 }, (_, index) => lostEvent(index + 6));

const mutants: readonly (readonly [string, Weakened])[] = [
  [
    'ignores open runs',
    {
      freshness: (read) => async (name) => {
        const document = await read(name);
        return document && { ...document, open: [] };
      },
    },
  ],
  [
    'does not read the document again after its statement',
    {
      freshness: (read) => {
        let calls = 0;
        let held: ReturnType<typeof read> | undefined;
        return (name) => {
          calls += 1;
          if (calls % 2 === 1 || !held) held = read(name);
          return held;
        };
      },
    },
  ],
];

test.each(mutants)(
  'a function that %s is found out',
  async (_, weakened) => {
    expect(await firstProblem(lostEvents, weakened)).toHaveProperty('problem', expect.stringMatching(/^run \S+ has /));
  },
  longestMs,
);
