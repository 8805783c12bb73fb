import fc from 'fast-check';
import type { Scenario } from '../support/actions';
import type { Weakening } from '../support/functions';
import { simulate } from '../support/simulation';
import type { Template } from '../support/template';
import { verify } from '../support/verify';

/** What is wrong after the scenario and the recovery from it. */
export async function play(template: Template, scenario: Scenario, weakening?: Weakening): Promise<string[]> {
  const simulated = await simulate(template, scenario, weakening);
  try {
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

/** From the environment, so that a command can ask for more runs or another seed. */
export const runs = (usual: number) => Math.ceil(usual * (Number(process.env['FAULT_RUNS'] ?? 200) / 200));
export const seed = Number(process.env['FAULT_SEED'] ?? 20261121);
