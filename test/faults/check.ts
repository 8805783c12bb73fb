import fc from 'fast-check';
import type { Scenario } from '../support/actions';
import type { Weakening } from '../support/functions';
import { type Simulated, simulate } from '../support/simulation';
import type { Template } from '../support/template';
import { verify } from '../support/verify';

/** Plays a scenario, recovers, and returns the problems. @param onPlayed receives the simulation before it is disposed */
export async function play(
  template: Template,
  scenario: Scenario,
  weakening?: Weakening,
  onPlayed: (simulated: Simulated) => void = () => undefined,
): Promise<string[]> {
  const simulated = await simulate(template, scenario, weakening);
  try {
    onPlayed(simulated);
    return await verify(simulated, template);
  } finally {
    await simulated.dispose();
  }
}

export const recovers = (template: Template, scenarios: fc.Arbitrary<Scenario>, weakening?: Weakening) =>
  fc.asyncProperty(scenarios, async (scenario) => {
    const wrong = await play(template, scenario, weakening);
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
  });

/** The day on which every scenario begins. */
export const startMs = Date.UTC(2026, 10, 21);

/** The fixed seed of the tests' runs. */
export const seed = 20261121;
