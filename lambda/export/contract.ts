import { defineEnv, pipelineVariables } from '../shared/env';
import type { StatementTemplate } from '../shared/plan';

export const env = defineEnv(...pipelineVariables, 'EXPORT_BUCKET', 'UNLOAD_ROLE_ARN', 'WORK_BUCKET');

/** Further variables of a function with exports of Materialize. MATERIALIZE_PREFIX ends in a slash. */
export const materializeEnv = defineEnv(
  'MATERIALIZE_HOST',
  'MATERIALIZE_PORT',
  'MATERIALIZE_DATABASE',
  'MATERIALIZE_CLUSTER',
  'MATERIALIZE_CONNECTION',
  'MATERIALIZE_PREFIX',
  'MATERIALIZE_SECRET_ARN',
);

/** Records of Materialize's COPYs are below this prefix, which no partner may read. */
export const unloadRecordPrefix = (pipeline: string) => `unloads/${pipeline}/`;

/** Full exports are below this prefix of the export bucket. No partner may read it, and no function writes to it. */
export const fullExportRoot = 'full-exports/';

/** All objects of one export are below this prefix of the export bucket. */
export const exportPrefix = (pipeline: string, name: string) => `exports/${pipeline}/${name}/`;

export interface ExportPlan {
  readonly pipeline: string;
  /** Interval of the schedule. */
  readonly everyMinutes: number;
  /** Hour of the day, UTC. The first survey after it covers all windows; other surveys cover windows that may have changed. */
  readonly fullPassHour: number;
  readonly exports: readonly ExportItem[];
}

/** Rows that a window holds: `incremental` those whose time is in it, `snapshot` all rows as they are when it has ended. */
export type ItemContent =
  | {
      readonly kind: 'incremental';
      readonly window: WindowLength;
      readonly latenessMinutes: number;
      /** Epoch milliseconds of a window's start. @default - see `IncrementalContent.since` */
      readonly since?: number;
      readonly corrections: boolean;
    }
  | { readonly kind: 'snapshot'; readonly window: WindowLength };

export interface ItemFormat {
  readonly kind: 'parquet' | 'csv' | 'json';
  /** CSV only: whether each file begins with a line of column names. */
  readonly header?: boolean;
  readonly delimiter?: string;
  readonly compression: 'snappy' | 'gzip' | 'none';
  /** Columns whose values are in the keys of the files and not in the files. */
  readonly partitionBy: readonly string[];
}

export interface ItemColumn {
  readonly name: string;
  /** As in DDL: `decimal(12,2)`. The size is missing if synthesis does not know it. */
  readonly type: string;
}

export interface ExportItem {
  readonly name: string;
  readonly engine: 'redshift' | 'materialize';
  readonly content: ItemContent;
  readonly format: ItemFormat;
  /** In the order of the query, including the partition columns. */
  readonly columns: readonly ItemColumn[];
  readonly windowsPerTick: number;
  /**
   * Reads the ledger and the checkpoints. It returns one row, in which each column may be null: `sequence` (newest
   * recorded publication), `last_end` (end of the newest window), `born` (time of the first publication),
   * `complete_until` (events that arrived before it are in the views), `failure` (a view that the export reads but that
   * could not be refreshed, and why).
   */
  readonly state: StatementTemplate;
  /**
   * Windows of the data that were never published or have changed since, the oldest first, a few hundred at most. Columns: `window_start`
   * (null for rows without a time), `row_count`, `published_rows` and `revision` (both null for a window that was never published).
   * @default - a snapshot has no survey
   */
  readonly survey?: StatementTemplate;
  /** The survey of the windows between two times, without the rows that have no time. Placeholders: `window_start`, `window_end`. */
  readonly surveyWithin?: StatementTemplate;
  /**
   * Windows into which events were merged since a time, of those that are published or older than the first publication. Column:
   * `window_start`. Placeholder: `since`.
   * @default - the query does not say which events a row depends on
   */
  readonly touched?: StatementTemplate;
  /**
   * Materialize only: rows of all windows, or minutes. Columns: `window_start` (null for rows without a time), `row_count` and `fingerprint`.
   * @default - a snapshot has no windows
   */
  readonly windows?: StatementTemplate;
  /**
   * Materialize only: the newest publication of each window. Columns: `window_start`, `row_count`, `fingerprint` and `revision`.
   * @default - the survey compares with it
   */
  readonly published?: StatementTemplate;
  /** One row for each revision of one window. Column: `revision`. Placeholder: `window_start`. */
  readonly revisions: StatementTemplate;
  /** One row for each publication. Column: `location`. */
  readonly locations: StatementTemplate;
  /**
   * One row about the rows of one window: `row_count` and `fingerprint`. Placeholders: `window_start`, `window_end`; a snapshot has none.
   */
  readonly count: StatementTemplate;
  /** Materialize only: a query with the columns of the export and no rows. */
  readonly shape?: StatementTemplate;
  /**
   * Writes one window. Redshift's UNLOAD has the placeholders `window_start:nested` and `window_end:nested` (none in a snapshot), `target`
   * (s3:// URL ending in `/`) and `unload_role`. Materialize's COPY TO has `window_start`, `window_end`, `target` and
   * `connection:identifier`.
   */
  readonly unload: StatementTemplate;
  /** A transaction that adds publications to the ledger, each once. Placeholder: `publications`, a JSON list. */
  readonly record: readonly StatementTemplate[];
}

/** Event of an operator who does not wait for the schedule: it publishes what is due of one export, or one window again. */
export interface RequestExport {
  readonly kind: 'request';
  readonly export: string;
  /** ISO 8601. Windows are due as of this time. */
  readonly time: string;
  /** Start of a published window, ISO 8601: this window is published again, as a correction. @default - the windows that are due */
  readonly rerun?: string;
}

/** An event on the account's default event bus. The source differs between pipelines, so that IAM can keep one from announcing exports of another. */
export const publishedEvent = (environment: string, pipeline: string) =>
  ({ source: `millrace.${environment}.${pipeline}`, detailType: 'Millrace Export Published' }) as const;

/**
 * `detail` of the event about one publication. The event is sent at least once; repeats have the same `sequence`. A partner's queue or topic
 * receives the same JSON in EventBridge's envelope.
 */
export interface PublishedDetail {
  readonly environment: string;
  readonly pipeline: string;
  readonly export: string;
  /** Counts the publications of the export from 1, without a gap. */
  readonly sequence: number;
  /** `window`: first publication of a window. `correction`: replaces an earlier one. `snapshot`: the whole result. */
  readonly kind: 'window' | 'correction' | 'snapshot';
  /** 0 for the first publication of a window. */
  readonly revision: number;
  /** ISO 8601, end exclusive. */
  readonly window: { readonly start: string; readonly end: string };
  readonly bucket: string;
  /** Key prefix of the run: all of its files are below it. */
  readonly prefix: string;
  /** Key of the success file. */
  readonly success: string;
  readonly rows: number;
  readonly bytes: number;
  readonly files: number;
}

/** Length of a window, as the pipeline's definition has it. Windows are aligned in UTC; a week begins on Monday. */
export type WindowLength = { readonly minutes: number } | 'hour' | 'day' | 'week' | 'month';

const minuteMs = 60_000;
const dayMs = 1440 * minuteMs;
const weekMs = 7 * dayMs;
/** The first Monday of the epoch: 1970-01-05. */
const mondayMs = 4 * dayMs;

/** Start of the window that contains a time. Both are epoch milliseconds. */
export function windowStart(length: WindowLength, time: number): number {
  if (length === 'month') return monthStart(time, 0);
  if (length === 'week') return Math.floor((time - mondayMs) / weekMs) * weekMs + mondayMs;
  const step = fixedMs(length);
  const midnight = Math.floor(time / dayMs) * dayMs;
  return midnight + Math.floor((time - midnight) / step) * step;
}

/** End of the window that begins at `start`; the next window begins there. */
export function windowEnd(length: WindowLength, start: number): number {
  if (length === 'month') return monthStart(start, 1);
  return start + (length === 'week' ? weekMs : fixedMs(length));
}

/** Upper bound of the length: a month counts 31 days. */
export const longestMinutes = (length: WindowLength) =>
  length === 'month' ? 31 * 1440 : length === 'week' ? 7 * 1440 : fixedMs(length) / minuteMs;

/** `15 minutes`, `hour`, `month`. */
export const lengthText = (length: WindowLength) => (typeof length === 'string' ? length : `${length.minutes} minutes`);

function fixedMs(length: { readonly minutes: number } | 'hour' | 'day'): number {
  if (length === 'hour') return 60 * minuteMs;
  return length === 'day' ? dayMs : length.minutes * minuteMs;
}

function monthStart(time: number, months: number): number {
  const date = new Date(time);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1);
}
