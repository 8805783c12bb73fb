import { createHash } from 'node:crypto';
import { compactTime, formatStatementName, parseCompactTime, parseStatementName } from '../shared/statement-name';
import { exportPrefix } from './contract';

/** One publication to be: a window, and how often it was published before. */
export interface ExportWindow {
  /** Start, epoch milliseconds. */
  readonly start: number;
  /** 0 for the first publication; each correction counts on. */
  readonly revision: number;
}

/** Windows that one statement unloads: all of them from one state of the data. Everything of it can be read from the statement's name. */
export interface Batch {
  readonly export: string;
  /** The moment by which it was decided what is due: the tick that began the chain of batches. Epoch milliseconds, whole minutes. */
  readonly tick: number;
  /** Which batch of the tick's chain it is, from 1. */
  readonly ordinal: number;
  readonly attempt: number;
  /** In the order of publication. */
  readonly windows: readonly ExportWindow[];
}

/** Three statements a window, and 40 in a batch of the Data API; their names still fit into the 500 characters of a statement's name. */
export const maxBatchWindows = 12;

/** Names of one export's unloads begin with this after their purpose. */
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

/** Undefined for anything but an unload of this environment's and pipeline's function. */
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

/** The name of a statement that reads or writes the ledger. Not an unload's, so that a listing of those stays short. */
export const helperName = (environment: string, pipeline: string, exportName: string, tick: number, step: string) =>
  formatStatementName({
    environment,
    pipeline,
    purpose: 'export',
    runId: `${exportName}:${compactTime(tick)}`,
    step,
    attempt: 1,
  });

/** Where the runs of one revision of a window are. */
export const windowPrefix = (pipeline: string, exportName: string, { start, revision }: ExportWindow) =>
  `${exportPrefix(pipeline, exportName)}window=${compactTime(start)}/revision=${revision}/`;

/**
 * The files of one run and nothing else. A run is one attempt at one window: the digest of its statement's name keeps attempts apart, and
 * says that the same statement means the same run.
 */
export const runPrefix = (environment: string, pipeline: string, batch: Batch, window: ExportWindow) =>
  `${windowPrefix(pipeline, batch.export, window)}run=${compactTime(batch.tick)}-${digest(unloadName(environment, pipeline, batch))}/`;

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 10);

/** The run that a key belongs to, as its prefix; undefined for what belongs to none. */
export const runOfKey = (pipeline: string, exportName: string, key: string): string | undefined => {
  const base = exportPrefix(pipeline, exportName);
  if (!key.startsWith(base)) return undefined;
  const match = /^window=\d{8}T\d{4}Z\/revision=\d+\/run=[^/]+\//.exec(key.slice(base.length));
  return match ? base + match[0] : undefined;
};

/** There while a run is incomplete. */
export const sentinelKey = (prefix: string) => `${prefix}INCOMPLETE`;
/** What is in a run, written when its files were checked. */
export const successKey = (prefix: string) => `${prefix}success.json`;
/** The engine writes below a prefix of its own, since it refuses a destination that is not empty and the sentinel is there before it. */
export const dataPrefix = (prefix: string) => `${prefix}data/`;
export const latestKey = (pipeline: string, exportName: string) => `${exportPrefix(pipeline, exportName)}latest.json`;
