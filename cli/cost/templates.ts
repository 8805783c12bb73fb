import { readFileSync } from 'node:fs';
import { stackName } from '../cloud/names';
import { templatesOf } from '../plan/template';
import type { Resources } from './cost';

/** Returns the resources of all stacks of an environment in a cloud assembly, or in one of its stages. */
export function resourcesOf(assemblyDir: string, environment: string): Resources {
  const prefixes = (['data', 'pipelines'] as const).map((name) => stackName(environment, name));
  const files = templatesOf(assemblyDir).filter(({ stack }) =>
    prefixes.some((prefix) => stack === prefix || stack.startsWith(`${prefix}-`)),
  );
  const all = files.map(({ file }) => (JSON.parse(readFileSync(file, 'utf8')) as { Resources: Resources }).Resources);
  return Object.fromEntries(
    all.flatMap((resources, i) => Object.entries(resources).map(([id, one]) => [`${i}/${id}`, one])),
  );
}
