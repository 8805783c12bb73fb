import { explain } from '../../failure';
import type { Stage } from '../../progress';
import { assertTimeLeft, type Context } from '../context';

/** One line of the table: what is expected, and what was found. */
export interface CheckResult {
  readonly check: string;
  readonly expected: string;
  readonly found: string;
  /** `unknown`: it could not be checked; `found` says why. */
  readonly result: 'ok' | 'wrong' | 'unknown';
}

export const checkResult = (check: string, expected: string, found: string, holds: boolean): CheckResult => ({
  check,
  expected,
  found,
  result: holds ? 'ok' : 'wrong',
});

export const unknownResult = (check: string, expected: string, found: string): CheckResult => ({
  check,
  expected,
  found,
  result: 'unknown',
});

/**
 * Runs a group of checks under one line of progress. An error becomes one more result, so that the other groups still
 * run.
 */
export async function runCheck(
  context: Context,
  name: string,
  act: (stage: Stage) => Promise<readonly CheckResult[]>,
): Promise<CheckResult[]> {
  const stage = context.progress.stage(name);
  try {
    assertTimeLeft(context, name);
    const found = await act(stage);
    const wrong = found.filter(({ result }) => result === 'wrong').length;
    if (wrong > 0) stage.failed();
    else stage.done(`${found.filter(({ result }) => result === 'ok').length} of ${found.length} as expected`);
    return [...found];
  } catch (error) {
    stage.failed();
    return [checkResult(name, 'can be checked', explain(error), false)];
  }
}

const POLL_MS = 2000;
/** Time reserved for the last call. */
const MARGIN_MS = 5000;

/** Repeats the call until its answer passes, or until the limit. Returns the last answer. */
export async function pollUntil<T>(
  context: Context,
  limitMs: number,
  ask: () => Promise<T>,
  holds: (answer: T) => boolean,
): Promise<T> {
  const deadline = context.remainingMs() - limitMs;
  for (;;) {
    const answer = await ask();
    if (holds(answer) || context.remainingMs() <= Math.max(deadline, POLL_MS + MARGIN_MS)) return answer;
    await context.sleep(POLL_MS);
  }
}
