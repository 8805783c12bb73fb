import { defineEnv, pipelineVariables } from '../shared/env';
import type { StatementTemplate } from '../shared/plan';
import type { WindowLength } from './windows';

export { lengthText, longestMinutes, type WindowLength, windowEnd, windowStart } from './windows';

export const env = defineEnv(...pipelineVariables, 'EXPORT_BUCKET', 'UNLOAD_ROLE_ARN');

/** Of functions that have exports of Materialize, besides. The partner's prefix ends in a slash. */
export const materializeEnv = defineEnv(
  'MATERIALIZE_HOST',
  'MATERIALIZE_PORT',
  'MATERIALIZE_DATABASE',
  'MATERIALIZE_CLUSTER',
  'MATERIALIZE_CONNECTION',
  'MATERIALIZE_PREFIX',
  'MATERIALIZE_SECRET_ARN',
);

/** What is known of COPYs of Materialize lies here, out of every partner's sight. */
export const unloadRecordPrefix = (pipeline: string) => `unloads/${pipeline}/`;

/** All of one export lives below `exports/<pipeline>/<export>/` of the export bucket. */
export const exportPrefix = (pipeline: string, name: string) => `exports/${pipeline}/${name}/`;

export interface ExportPlan {
  readonly pipeline: string;
  /** How often the schedule comes. */
  readonly everyMinutes: number;
  /** Hour of the day, UTC, from which on all windows are surveyed once; between, those are that may have changed. */
  readonly fullPassHour: number;
  readonly exports: readonly ExportItem[];
}

/** What a window of an export holds: the rows of its time, or all rows as they are once it is over. */
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
  /** Of CSV: whether each file begins with a line of names. */
  readonly header?: boolean;
  readonly delimiter?: string;
  readonly compression: 'snappy' | 'gzip' | 'none';
  /** Columns whose values are in the files' keys instead of the files. */
  readonly partitionBy: readonly string[];
}

export interface ItemColumn {
  readonly name: string;
  /** As in DDL: `decimal(12,2)`. Without its size where synthesis cannot tell it. */
  readonly type: string;
}

export interface ExportItem {
  readonly name: string;
  readonly engine: 'redshift' | 'materialize';
  readonly content: ItemContent;
  readonly format: ItemFormat;
  /** In the order of the query, partition columns included. */
  readonly columns: readonly ItemColumn[];
  readonly windowsPerTick: number;
  /**
   * One row of what is known without a look at the data: `sequence` (of the newest recorded publication), `last_end` (end of the newest
   * window), `born` (when the first was published), `complete_until` (up to where arrivals are in the views). All may be null.
   */
  readonly state: StatementTemplate;
  /**
   * Windows of the data that were never published or that changed since: `window_start` (null for rows without a time), `row_count`,
   * `published_rows` and `revision` (both null for one never published), the oldest first, some hundred at most. Of a snapshot: none.
   */
  readonly survey?: StatementTemplate;
  /** The same of the windows within a stretch of time; rows without a time are not in it. Placeholders: `window_start`, `window_end`. */
  readonly surveyWithin?: StatementTemplate;
  /**
   * Rows `window_start` of windows, published or of before the first run, in which events were merged since; undefined where the query does not say which events a row
   * depends on. Placeholder: `since`.
   */
  readonly touched?: StatementTemplate;
  /** One row a revision of one window: `revision`. Placeholder: `window_start`. */
  readonly revisions: StatementTemplate;
  /** One row a publication: `location`. */
  readonly locations: StatementTemplate;
  /** One row of what a window holds: `row_count` and `fingerprint`. Placeholders: `window_start`, `window_end`; none of a snapshot. */
  readonly count: StatementTemplate;
  /** Of Materialize: a query without rows that has the columns of the export. */
  readonly shape?: StatementTemplate;
  /** The UNLOAD, or the COPY TO of Materialize, which has `connection:identifier` instead of `unload_role` and no nested ones. Placeholders: `window_start:nested`, `window_end:nested` (none of a snapshot), `target` (s3:// URL ending in `/`), `unload_role`. */
  readonly unload: StatementTemplate;
  /** A transaction that writes publications into the ledger, each once. Placeholder: `publications`, a JSON list. */
  readonly record: readonly StatementTemplate[];
}

/** What an operator asks for: to look now, at one export, and to publish one window again. */
export interface RequestExport {
  readonly kind: 'request';
  readonly export: string;
  /** ISO 8601 time of the look. */
  readonly time: string;
  /** Start of a published window, ISO 8601: it is published once more, as a correction. @default - the windows that are due */
  readonly rerun?: string;
}

/** On the account's default event bus. */
export const publishedEvent = { source: 'millrace', detailType: 'Millrace Export Published' } as const;

/**
 * `detail` of the event that tells of a publication. It comes at least once for each: `sequence` tells repeats apart. The same JSON, in
 * EventBridge's envelope, goes to a partner's queue or topic.
 */
export interface PublishedDetail {
  readonly environment: string;
  readonly pipeline: string;
  readonly export: string;
  /** Counts the publications of the export, from 1, without a gap. */
  readonly sequence: number;
  /** `window` is a window's first publication, `correction` replaces what was published of it before, `snapshot` is the whole result. */
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
