import { createHash } from 'node:crypto';
import { compactTime, formatStatementName, parseCompactTime, parseStatementName } from '../shared/statement-name';
import { exportPrefix } from './contract';

/** A window that is published, for the first time or again. */
export interface ExportWindow {
  /** Start, epoch milliseconds. */
  readonly start: number;
  /** 0 for the first publication, one more for each correction. */
  readonly revision: number;
}

/** The windows of one unload, all from the same state of the data. The name of the unload's statement holds everything in it. */
export interface Batch {
  readonly export: string;
  /** The tick that began the chain of batches: its windows are due as of this time. Epoch milliseconds, whole minutes. */
  readonly tick: number;
  /** Position in the chain, from 1. */
  readonly ordinal: number;
  readonly attempt: number;
  /** In the order of publication. */
  readonly windows: readonly ExportWindow[];
}

/** Each window takes three of the 40 statements of a batch (Data API), and its name part of the 500 characters of a statement's name. */
export const maxBatchWindows = 12;

/** Run ids of one export's unloads begin with this. */
export const unloadIdPrefix = (exportName: string) => `${exportName}@`;

export function unloadName(environment: string, pipeline: string, batch: Batch): string {
  const windows = batch.windows.map(({ start, revision }) => `${compactTime(start)}.${revision}`).join('+');
  return formatStatementName({
    environment,
    pipeline,
    purpose: 'export',
    runId: `${unloadIdPrefix(batch.export)}${compactTime(batch.tick)}@${windows}`,
    step: `unload-${batch.ordinal}`,
    attempt: batch.attempt,
  });
}

/** Undefined for any name that is not of an unload of this environment and pipeline. */
export function parseUnloadName(environment: string, pipeline: string, name: string): Batch | undefined {
  const at = parseStatementName(name);
  if (!at || at.environment !== environment || at.pipeline !== pipeline || at.purpose !== 'export') return undefined;
  const id = /^([^@]+)@(\d{8}T\d{4}Z)@((?:\d{8}T\d{4}Z\.\d+\+?)+)$/.exec(at.runId);
  const ordinal = /^unload-([1-9]\d*)$/.exec(at.step);
  if (!id || !ordinal) return undefined;
  return {
    export: id[1]!,
    tick: parseCompactTime(id[2]!),
    ordinal: Number(ordinal[1]),
    attempt: at.attempt,
    windows: id[3]!.split('+').map((text) => {
      const [start, revision] = text.split('.') as [string, string];
      return { start: parseCompactTime(start), revision: Number(revision) };
    }),
  };
}

/** Run ids of one export's ledger statements begin with this. It differs from that of unloads, so that listings of unloads stay short. */
export const ledgerIdPrefix = (exportName: string) => `${exportName}:`;

/** Name of a statement that reads or writes the ledger. */
export const ledgerStatementName = (
  environment: string,
  pipeline: string,
  exportName: string,
  tick: number,
  step: string,
) =>
  formatStatementName({
    environment,
    pipeline,
    purpose: 'export',
    runId: `${ledgerIdPrefix(exportName)}${compactTime(tick)}`,
    step,
    attempt: 1,
  });

/** The runs of one revision of a window are below this prefix. */
export const windowPrefix = (pipeline: string, exportName: string, { start, revision }: ExportWindow) =>
  `${exportPrefix(pipeline, exportName)}window=${compactTime(start)}/revision=${revision}/`;

/**
 * Prefix of one run: the files of one attempt at one window. It has a digest of the statement's name, so that attempts differ and a repeated
 * statement has the same run.
 */
export const runPrefix = (environment: string, pipeline: string, batch: Batch, window: ExportWindow) =>
  `${windowPrefix(pipeline, batch.export, window)}run=${compactTime(batch.tick)}-${digest(unloadName(environment, pipeline, batch))}/`;

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 10);

/** Prefix of the run that a key belongs to; undefined if the key belongs to no run. */
export const runOfKey = (pipeline: string, exportName: string, key: string): string | undefined => {
  const base = exportPrefix(pipeline, exportName);
  if (!key.startsWith(base)) return undefined;
  const match = /^window=\d{8}T\d{4}Z\/revision=\d+\/run=[^/]+\//.exec(key.slice(base.length));
  return match ? base + match[0] : undefined;
};

/** The sentinel exists until the run is published. */
export const sentinelKey = (prefix: string) => `${prefix}INCOMPLETE`;
/** Describes the run. It is written after the run's files were checked. */
export const successKey = (prefix: string) => `${prefix}success.json`;
/** Says that the files of a published run were deleted, when a subject was forgotten: see docs/exports.md. */
export const removedKey = (prefix: string) => `${prefix}removed.json`;
/** The engine's files. They have a prefix of their own, since UNLOAD refuses a prefix that is not empty, and the sentinel is written first. */
export const dataPrefix = (prefix: string) => `${prefix}data/`;
export const latestKey = (pipeline: string, exportName: string) => `${exportPrefix(pipeline, exportName)}latest.json`;
