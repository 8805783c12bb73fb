import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Pipeline } from './definition';

/** Every folder here that holds a `pipeline.ts` is a pipeline; the file exports it as `pipeline`. In the order of the folders' names. */
function discover(root: string): Pipeline[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, 'pipeline.ts')))
    .map((entry) => entry.name)
    .sort()
    .map((folder) => {
      const { pipeline } = require(join(root, folder, 'pipeline')) as { pipeline?: Pipeline };
      if (!pipeline) throw new Error(`pipelines/${folder}/pipeline.ts must export a constant named pipeline`);
      if (pipeline.name !== folder)
        throw new Error(
          `pipelines/${folder}/pipeline.ts must name its pipeline as its folder, got ${JSON.stringify(pipeline.name)}`,
        );
      return pipeline;
    });
}

export const pipelines: readonly Pipeline[] = discover(__dirname);
