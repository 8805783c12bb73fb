import { compactTime, formatStatementName, parseCompactTime, parseStatementName } from '../shared/statement-name';
import { exportPrefix } from './contract';

/** One attempt to export one window. Everything of it can be read from the name of its UNLOAD. */
export interface ExportRun {
  readonly export: string;
  /** Epoch milliseconds. */
  readonly windowStart: number;
  /** The scheduled time of the tick that began the chain of windows: what is closed is judged by it. */
  readonly tick: number;
  /** Which window of the tick's chain it is, from 1. */
  readonly ordinal: number;
  readonly attempt: number;
}

const step = (ordinal: number) => `unload-${ordinal}`;
const runId = (run: ExportRun) => `${run.export}@${compactTime(run.windowStart)}@${compactTime(run.tick)}`;

/** Statement names of one export begin with the prefix of its purpose and this. */
export const runIdPrefix = (exportName: string) => `${exportName}@`;

export function unloadName(environment: string, pipeline: string, run: ExportRun): string {
  return formatStatementName({
    environment,
    pipeline,
    purpose: 'export',
    runId: runId(run),
    step: step(run.ordinal),
    attempt: run.attempt,
  });
}

/** The name of a statement that helps a run: reads and the ledger entry. */
export function helperName(environment: string, pipeline: string, run: ExportRun, helper: 'count' | 'record'): string {
  return formatStatementName({
    environment,
    pipeline,
    purpose: 'export',
    runId: runId(run),
    step: helper,
    attempt: run.attempt,
  });
}

/** Undefined for anything but the UNLOAD of this environment's and pipeline's function. */
export function parseUnloadName(environment: string, pipeline: string, name: string): ExportRun | undefined {
  const at = parseStatementName(name);
  if (!at || at.environment !== environment || at.pipeline !== pipeline || at.purpose !== 'export') return undefined;
  const id = /^([^@]+)@(\d{8}T\d{4}Z)@(\d{8}T\d{4}Z)$/.exec(at.runId);
  const ordinal = /^unload-([1-9]\d*)$/.exec(at.step);
  if (!id || !ordinal) return undefined;
  return {
    export: id[1]!,
    windowStart: parseCompactTime(id[2]!),
    tick: parseCompactTime(id[3]!),
    ordinal: Number(ordinal[1]),
    attempt: at.attempt,
  };
}

/** Where the runs of a window are. */
export const windowPrefix = (pipeline: string, run: Pick<ExportRun, 'export' | 'windowStart'>) =>
  `${exportPrefix(pipeline, run.export)}window=${compactTime(run.windowStart)}/`;

/** The run's id in S3 and in the ledger: two attempts never share it. */
export const runLabel = (run: ExportRun) => `${compactTime(run.tick)}-${run.attempt}`;

/** The files of one run and nothing else. */
export const runPrefix = (pipeline: string, run: ExportRun) => `${windowPrefix(pipeline, run)}run=${runLabel(run)}/`;

/** There while a run is incomplete; its removal is the completion event. */
export const sentinelKey = (prefix: string) => `${prefix}INCOMPLETE`;
/** The run whose sentinel it is, except for its place in the tick's chain, which no key tells; undefined for any other key. */
export function parseSentinelKey(pipeline: string, exportName: string, key: string): ExportRun | undefined {
  const match = /^window=(\d{8}T\d{4}Z)\/run=(\d{8}T\d{4}Z)-([1-9]\d*)\/INCOMPLETE$/.exec(
    key.slice(exportPrefix(pipeline, exportName).length),
  );
  if (!match) return undefined;
  return {
    export: exportName,
    windowStart: parseCompactTime(match[1]!),
    tick: parseCompactTime(match[2]!),
    ordinal: 1,
    attempt: Number(match[3]),
  };
}

/** Written when a run is complete: what is in it. */
export const successKey = (prefix: string) => `${prefix}success.json`;
/**
 * UNLOAD writes below a prefix of its own, since it refuses a destination that is not empty and the sentinel is there before it.
 * The manifest is `manifest` below it.
 */
export const dataPrefix = (prefix: string) => `${prefix}data/`;
export const manifestKey = (prefix: string) => `${dataPrefix(prefix)}manifest`;
export const latestKey = (pipeline: string, exportName: string) => `${exportPrefix(pipeline, exportName)}latest.json`;
