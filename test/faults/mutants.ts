import fc from 'fast-check';
import type { Scenario } from '../support/actions';
import type { Template } from '../support/template';
import { aimed } from './aimed';
import { recovers, seed } from './check';
import { weakenings } from './weakened';

/** A version that lacks one guard. */
export type MutantName = keyof typeof weakenings;
export const mutantNames = Object.keys(aimed) as MutantName[];

/** Scenarios that are tried on a mutant. */
const tries = 30;

/** Returns the first scenario that the mutant does not survive. */
export async function breaks(template: Template, name: MutantName): Promise<Scenario | undefined> {
  const { counterexample } = await fc.check(recovers(template, aimed[name].scenarios, weakenings[name]), {
    numRuns: tries,
    seed,
    endOnFailure: true,
  });
  return counterexample?.[0];
}

/** The kinds of faults in a scenario, in the words of the fault script. */
export function faultKindsOf({ faults, kills, actions, turns = [], clocks = {}, slowDowns = [] }: Scenario): string[] {
  const used = (list: readonly unknown[] | undefined) => list?.some((entry) => entry !== undefined) ?? false;
  const does = (...names: readonly string[]) => actions.some((action) => names.includes(action.do));
  return Object.entries({
    deliveries: used(faults.notifications) || used(faults.events) || used(faults.ticks),
    statements: Object.values(faults.statements ?? {}).some(used) || used(faults.calls),
    kills: Object.values(kills).some(used),
    'system views': faults.systemViews !== undefined,
    scans: used(faults.scans),
    raising: used(faults.raising),
    pauses: does('pause') || actions.some((action) => action.do === 'pass' && action.minutes > 24 * 60),
    clocks: Object.values(clocks).some(used),
    'slow S3': used(slowDowns),
    hurry: used(turns),
  })
    .filter(([, isUsed]) => isUsed)
    .map(([kind]) => kind);
}
