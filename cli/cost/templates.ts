import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Resources } from './cost';

/** Returns the resources of all templates of a cloud assembly. */
export function resourcesOf(assemblyDir: string): Resources {
  const files = readdirSync(assemblyDir, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.template.json'),
  );
  const all = files.map(
    (file) => (JSON.parse(readFileSync(join(assemblyDir, file), 'utf8')) as { Resources: Resources }).Resources,
  );
  return Object.fromEntries(
    all.flatMap((resources, i) => Object.entries(resources).map(([id, one]) => [`${i}/${id}`, one])),
  );
}
