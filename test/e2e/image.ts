import { cpSync } from 'node:fs';
import { synthesize } from '../../cli/commands/local/synth';
import { startRuntime } from '../../local/runtime';
import { once } from '../support/once';

/** Of the clock, when the dev environment that suites share was deployed. */
export const deployedAt = Date.UTC(2026, 10, 21, 9);

/** The assembly of the dev environment, synthesized once for all suites. Not to be written to. */
export const devAssembly = (): Promise<string> =>
  once('dev-assembly', (folder) => synthesize(folder, new AbortController().signal));

/** Fills the data folder of a runtime with the dev environment as its first deployment left it: nothing has happened since. */
export async function deployDev(dataDir: string): Promise<void> {
  const assemblyDir = await devAssembly();
  const image = await once('dev-data', async (folder) => {
    const clock = { start: deployedAt, rate: 0 };
    const runtime = await startRuntime({ assemblyDir, stageName: 'dev', dataDir: folder, clock });
    await runtime.dispose();
  });
  cpSync(image, dataDir, { recursive: true });
}
