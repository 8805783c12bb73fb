import { validateConfiguration } from '../../lib/rules';
import type { Pipeline } from '../../pipelines/definition';

/** Returns the problems of the pipelines, without those of the environments. */
export const problemsOf = (...pipelines: readonly Pipeline[]): string[] =>
  validateConfiguration(pipelines, [], Date.parse('2026-11-29T00:00:00Z')).filter(
    (problem) => !problem.startsWith('environments'),
  );
