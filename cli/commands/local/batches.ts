import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addOracles, emptyOracle, type Oracle } from '../../../pipelines/generator/generator';

/** What was generated into a data folder so far: `<data>/generator.json`. */
export interface BatchesFile {
  /** Batches begun. */
  readonly batches: number;
  /** False while a batch is being sent: of one that was cut short nobody knows what arrived. */
  readonly complete: boolean;
  /** Epoch milliseconds of the clock when the last batch was merged and exported. */
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

export const oracleOf = (file: BatchesFile, pipeline: string): Oracle =>
  file.pipelines[pipeline]?.oracle ?? emptyOracle();

/** The truth after one more batch. */
export function withBatch(
  file: BatchesFile,
  sent: Readonly<Record<string, { until: number; oracle: Oracle }>>,
): BatchesFile['pipelines'] {
  const merged = { ...file.pipelines };
  for (const [pipeline, { until, oracle }] of Object.entries(sent))
    merged[pipeline] = { until, oracle: addOracles(oracleOf(file, pipeline), oracle) };
  return merged;
}
