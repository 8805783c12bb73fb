import { validateConfiguration } from '../../lib/rules';
import type { Pipeline } from '../../pipelines/definition';

/** What is wrong with a pipeline, beside those that are given. Environments are not looked at. */
export const problemsOf = (pipeline: Pipeline, others: readonly Pipeline[] = [], now = Date.now()): string[] =>
  validateConfiguration([...others, pipeline], [], now).filter((problem) =>
    problem.startsWith(`pipelines.${pipeline.name}`),
  );
