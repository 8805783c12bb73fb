import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addOracles, emptyOracle, type Oracle } from '../../../pipelines/generator/generator';

/** Describes what was generated into a data folder so far: `<data>/generator.json`. */
export interface BatchesFile {
  /** Number of batches that were started. */
  readonly batches: number;
  /** False while a batch is being sent. If the batch is interrupted, it is not known what arrived. */
  readonly complete: boolean;
  /** Time of the clock when the last batch was merged and exported, in epoch milliseconds. */
  readonly clock?: number;
  readonly pipelines: Readonly<Record<string, { readonly until: number; readonly oracle: Oracle }>>;
}

const pathIn = (dataDir: string) => join(dataDir, 'generator.json');

export function readBatches(dataDir: string): BatchesFile {
  try {
    return JSON.parse(readFileSync(pathIn(dataDir), 'utf8')) as BatchesFile;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { batches: 0, complete: true, pipelines: {} };
    throw error;
  }
}

export function writeBatches(dataDir: string, file: BatchesFile): void {
  const temporary = `${pathIn(dataDir)}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(file));
  renameSync(temporary, pathIn(dataDir));
}

export const oracleOf = (file: BatchesFile, pipeline: string): Oracle => ({
  ...emptyOracle(),
  ...file.pipelines[pipeline]?.oracle,
});

/** Returns the expected counts after one more batch. */
export function withBatch(
  file: BatchesFile,
  sent: Readonly<Record<string, { until: number; oracle: Oracle }>>,
): BatchesFile['pipelines'] {
  const merged = { ...file.pipelines };
  for (const [pipeline, { until, oracle }] of Object.entries(sent))
    merged[pipeline] = { until, oracle: addOracles(oracleOf(file, pipeline), oracle) };
  return merged;
}
