import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError } from './configuration-error';
import type { Pipeline } from './definition';

/**
 * Finds the pipelines: every folder with a `pipeline.ts`, which exports the pipeline as `pipeline`. In the order of the
 * folders' names.
 * @throws ConfigurationError with the problems of all folders
 */
export function discover(root: string): Pipeline[] {
  const failures: { folder: string; error: unknown }[] = [];
  const found = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, 'pipeline.ts')))
    .map((entry) => entry.name)
    .sort()
    .flatMap((folder) => {
      try {
        return [load(root, folder)];
      } catch (error) {
        failures.push({ folder, error });
        return [];
      }
    });
  if (failures.length > 0)
    throw new ConfigurationError(
      failures.flatMap(({ folder, error }) => problemsOf(folder, error)),
      { cause: failures[0]!.error },
    );
  return found;
}

function load(root: string, folder: string): Pipeline {
  const { pipeline } = require(join(root, folder, 'pipeline')) as { pipeline?: Pipeline };
  const file = `pipelines/${folder}/pipeline.ts`;
  if (typeof pipeline !== 'object' || pipeline === null)
    throw new ConfigurationError([`${file} must export a constant named pipeline`]);
  if (pipeline.name !== folder)
    throw new ConfigurationError([
      `${file} must name its pipeline as its folder, got ${JSON.stringify(pipeline.name) ?? 'nothing'}`,
    ]);
  return pipeline;
}

/** An error of the file itself, as a misspelled name, with its place in the file. */
function problemsOf(folder: string, error: unknown): readonly string[] {
  if (error instanceof ConfigurationError) return error.problems;
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  const line = new RegExp(`pipelines/${folder}/[^\\s()]+:\\d+`).exec(stack.slice(message.length))?.[0];
  const place = line === undefined || message.includes(line) ? '' : ` (${line})`;
  return [`pipelines/${folder}/pipeline.ts cannot be loaded: ${message}${place}`];
}

export const pipelines: readonly Pipeline[] = discover(__dirname);
