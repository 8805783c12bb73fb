import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PipelineGenerator } from '../../pipelines/generator/generator';
import { Failure } from '../failure';

const pipelinesDir = join(__dirname, '../../pipelines');

/** Returns the generators of all pipelines that have one. */
export function generators(): PipelineGenerator[] {
  return readdirSync(pipelinesDir, { withFileTypes: true })
    .filter(
      (entry) =>
        entry.isDirectory() && existsSync(join(pipelinesDir, entry.name, 'generator.ts')) && entry.name !== 'generator',
    )
    .map(
      (entry) => (require(join(pipelinesDir, entry.name, 'generator')) as { generator: PipelineGenerator }).generator,
    )
    .sort((one, other) => (one.pipeline < other.pipeline ? -1 : 1));
}

/** @throws Failure that lists the pipelines with a generator */
export function generatorOf(pipeline: string): PipelineGenerator {
  const all = generators();
  const found = all.find((generator) => generator.pipeline === pipeline);
  if (found === undefined)
    throw new Failure(
      `--pipeline must be one of ${all.map((generator) => generator.pipeline).join(', ')}, got '${pipeline}'`,
      2,
    );
  return found;
}
