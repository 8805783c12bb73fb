import fc from 'fast-check';
import type { Scenario } from '../support/actions';
import { simPipeline } from '../support/pipeline';
import { type Template, templateOf } from '../support/template';
import { play, startMs } from './check';
import { add, type Counts, countsOf, none } from './counts';
import { breaksPut, putMutants } from './interleave/conditional-puts';
import { breaksLock, type CaughtInterleaving, lockMutants } from './interleave/lock-mutants';
import { type Interleaved, playInterleaved } from './interleave/play';
import { interleavings } from './interleave/scenarios';
import { recordsOfWorld } from './interleave/world';
import { type KindName, kinds } from './kinds';
import { breaks, type MutantName } from './mutants';
import { breaksOverlap, overlapMutants } from './overlap';
import { scenarios } from './scenarios';

/** A task from the parent: several runs of one kind, one scenario, or the scenarios that are aimed at a mutant. */
export type Task =
  | { readonly kind: KindName; readonly seed: number; readonly runs: number }
  | { readonly scenario: Scenario | Interleaved }
  | { readonly mutant: MutantName }
  | { readonly lock: number }
  | { readonly put: number }
  | { readonly overlap: number };

export type Answer =
  | { readonly done: number; readonly counts: Counts }
  /** The scenario that a mutant did not survive. */
  | { readonly caught: Scenario | undefined }
  | { readonly lockCaught: CaughtInterleaving | undefined }
  | { readonly putCaught: string | undefined }
  | { readonly overlapCaught: Awaited<ReturnType<typeof breaksOverlap>> }
  | {
      readonly failed: {
        readonly problems: readonly string[];
        readonly scenario: Scenario | Interleaved;
        readonly shrinks: number;
      };
    };

/** The longest time to spend on shrinking a failed scenario. */
const maxShrinkMs = 120_000;

/**
 * Runs a task and answers over IPC. The first scenario that fails ends the task and is shrunk. A smaller scenario may
 * fail for another reason: the answer has the reason of the smallest one.
 */
async function work(task: Task, template: Template): Promise<Answer> {
  if ('lock' in task) return { lockCaught: await breaksLock(lockMutants[task.lock]!) };
  if ('put' in task) return { putCaught: await breaksPut(putMutants[task.put]!) };
  if ('overlap' in task) return { overlapCaught: await breaksOverlap(overlapMutants[task.overlap]!) };
  if ('mutant' in task) return { caught: await breaks(template, task.mutant) };
  if ('scenario' in task) {
    const problems = await problemsOf(template, task.scenario);
    return problems.length === 0
      ? { done: 1, counts: none }
      : { failed: { problems, scenario: task.scenario, shrinks: 0 } };
  }
  let problems: readonly string[] = [];
  let counts = none;
  let failingSince: number | undefined;
  const isInterleaved = 'interleave' in kinds[task.kind];
  const all: fc.Arbitrary<Scenario | Interleaved> = isInterleaved ? interleavings : scenarios(kinds[task.kind]);
  const property = fc.asyncProperty(all, async (scenario) => {
    if (failingSince !== undefined && performance.now() - failingSince > maxShrinkMs) return;
    const wrong = await problemsOf(template, scenario, (played) => {
      counts = add(counts, played);
    });
    if (wrong.length === 0) return;
    failingSince ??= performance.now();
    problems = wrong;
    throw new Error(wrong.join('\n'));
  });
  const { failed, counterexample, numRuns, numShrinks } = await fc.check(property, {
    numRuns: task.runs,
    seed: task.seed,
  });
  return failed
    ? { failed: { problems, scenario: counterexample![0], shrinks: numShrinks } }
    : { done: numRuns, counts };
}

/** Plays a scenario and returns its problems. A scenario that throws fails too. */
async function problemsOf(
  template: Template,
  scenario: Scenario | Interleaved,
  onPlayed: (counts: Counts) => void = () => undefined,
): Promise<readonly string[]> {
  try {
    if ('actions' in scenario)
      return await play(template, scenario, undefined, (simulated) => onPlayed(countsOf(simulated)));
    const { problems, switches, killed } = await playInterleaved(scenario);
    onPlayed({ runs: 1, records: recordsOfWorld, faults: switches + killed });
    return problems;
  } catch (error) {
    return [`not played to its end: ${(error as Error).stack}`];
  }
}

async function main(): Promise<void> {
  const template = await templateOf(simPipeline, startMs);
  process.on('exit', () => template.remove());
  process.on('disconnect', () => process.exit(0));
  process.on('message', (task: Task) => {
    work(task, template).then(
      (answer) => process.send!(answer),
      (error: Error) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.send!({ done: 0, counts: none } satisfies Answer);
}

void main();
