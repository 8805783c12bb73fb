import { sep } from 'node:path';
import { discover } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';

/** Loads the pipelines as their files are now, whatever was loaded before. */
export function loadPipelines(root: string): Pipeline[] {
  const ofPipeline = (file: string) => file.startsWith(root + sep) && file.slice(root.length + 1).includes(sep);
  for (const file of Object.keys(require.cache)) if (ofPipeline(file)) delete require.cache[file];
  return discover(root);
}
