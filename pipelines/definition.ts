/**
 * What a pipeline is. A folder below `pipelines/` holds one: `pipeline.ts`, its views and its exports as SQL files,
 * and a generator of sample data.
 */

/** How many records a stream takes. */
export type StreamCapacity = { readonly mode: 'on-demand' } | { readonly mode: 'provisioned'; readonly shards: number };

export interface StreamDefinition {
  readonly capacity: StreamCapacity;
  /** How long the stream keeps a record, in hours: 24 to 8760 (Kinesis limits). */
  readonly retentionHours: number;
  /**
   * How long the landing view keeps a record after it was merged, in hours: at least 24 more than `retentionHours`, at most 87600. A change of the
   * identity can judge the stream's duplicates again that are still there. @default - retentionHours + 24
   */
  readonly landedHours?: number;
  /**
   * When the stream was last deleted and created again under its name, as `2026-11-21T10:00:00Z`. Nobody can read on in a stream that is
   * another one: with a new time the next deployment reads the stream from its beginning, and tells of the records that may have gone
   * with the old one. @default - never
   */
  readonly recreatedAt?: string;
}

/**
 * What makes two records the same event: named columns of the payload, or the position on the stream.
 * A pipeline with history has to name columns, since a foreign file has no stream position.
 */
export type Identity = (
  | { readonly by: 'columns'; readonly columns: readonly string[] }
  | { readonly by: 'stream-position' }
) & {
  /**
   * Events that have what made their id so far and lack what makes it now become rejects; otherwise they stop the deployment that changes the
   * identity. @default false
   */
  readonly mayReject?: boolean;
};

export type ColumnType =
  | {
      readonly type: 'varchar';
      /** In bytes of UTF-8: 1 to 65535. A longer text goes to rejects. */
      readonly maxBytes: number;
      /** The only values allowed; any other goes to rejects. @default - any text */
      readonly oneOf?: readonly string[];
    }
  | { readonly type: 'bigint' }
  | { readonly type: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly type: 'double' }
  | { readonly type: 'boolean' }
  /** An ISO 8601 text in the payload, stored as timestamp without time zone, in UTC. */
  | { readonly type: 'timestamp' };

export type Column = ColumnType & {
  /** Column of `events`: lower-case snake_case. */
  readonly name: string;
  /** Where it is in the payload, attribute by attribute, in the payload's own case. */
  readonly path: readonly string[];
  /** A record without it goes to rejects. @default false */
  readonly required?: boolean;
  /**
   * Its name in the table behind `events`, where a column keeps name and type for good: a renamed column keeps its old name here, and
   * one that changes its type gets another. Lower-case snake_case, unique within the pipeline.
   * @default - the name
   */
  readonly stored?: string;
  /**
   * True fills the column, where it is null, from the payload of the events that are there when it is deployed. An event whose payload does not
   * fit keeps null; of a required column one that has no value stops the deployment. Once deployed it has done its work and may go.
   * @default false
   */
  readonly fill?: boolean;
  /**
   * Of a column with `fill`: the stored column that it takes the place of. An event that has a value there and gets none here stops the deployment.
   * @default - the column that is stored under this one's name, if this one is stored under another
   */
  readonly replaces?: string;
  /** Events may lose the value that they have in the replaced column. @default false */
  readonly mayLose?: boolean;
};

/**
 * What a column of a Parquet file is, as Redshift would declare it: COPY converts nothing. Dates become `2026-11-21` in the payload,
 * timestamps `2026-11-21T10:00:00.000000Z`.
 */
export type FileType =
  | 'varchar'
  | 'smallint'
  | 'integer'
  | 'bigint'
  | 'real'
  | 'double'
  | `decimal(${number},${number})`
  | 'boolean'
  | 'date'
  | 'timestamp';

/**
 * A column of a CSV or Parquet file. Its values become parts of the payload, so that they are typed, rejected and found like those of any
 * other record. A CSV has texts only: at the path of a number or a boolean of the pipeline they become one if they are spelled so, and
 * stay texts, and thereby make rejects, if not. An empty field is null.
 */
export interface FileColumn {
  /** As the file spells it, case included. */
  readonly name: string;
  /** Where its values stand in the payload. @default - one attribute with the column's name */
  readonly path?: readonly string[];
  /** Parquet files only, and there required. */
  readonly type?: FileType;
}

/** Objects of the history bucket that others wrote. No key may belong to two sources. */
export interface HistorySource {
  /** Lower-case snake_case, at most 32 characters, unique within its pipeline; `archive` is taken. */
  readonly name: string;
  /** Keys, `*` for one path segment or part of it, `**` for any depth. */
  readonly globs: readonly string[];
  /**
   * `ndjson`: one event a line. `firehose`: one event a line in the envelope of this project's own archive, with its place on the
   * stream. `csv`: RFC 4180 with a header. `parquet`: columns of plain types.
   */
  readonly format: 'ndjson' | 'firehose' | 'csv' | 'parquet';
  /** Of the object as a whole. Parquet compresses inside the file: `none`. */
  readonly compression: 'gzip' | 'zstd' | 'none';
  /**
   * The columns of `csv` and `parquet` files, all of them, in the files' order: 1 to 100. A file that has others is parked, since Redshift
   * takes them by their place and would load them shifted.
   * @default - none: the other formats have no columns
   */
  readonly columns?: readonly FileColumn[];
  /** Between the fields of `csv`. @default , */
  readonly delimiter?: ',' | ';' | '|' | '\t';
  /**
   * What it means when a key that was loaded has other bytes: one more object, whose events are merged too, or a mistake, which is
   * parked and raises an alarm. @default load-again
   */
  readonly overwritten?: 'load-again' | 'alarm';
}

/** A materialized view over the pipeline's tables; its definition is the SELECT in `views/<name>.sql`. */
export interface ViewDefinition {
  readonly name: string;
  /** The SELECT, comments included. Names the tables and views of its pipeline as `<pipeline>.<name>`. */
  readonly query: string;
  /** Where the text came from, for messages. */
  readonly file: string;
  /**
   * True allows a query that Redshift cannot keep up to date row by row: outer joins, set operators, distinct, window functions, subqueries,
   * functions whose value changes. Every refresh then reads all that the view reads and computes it anew, so that its cost grows with
   * the history, every `refreshEveryMinutes`. @default false - such a query is refused, at synthesis and again by the deployment
   */
  readonly recomputed?: boolean;
  /**
   * The share of its rows, 0 to 1, that the view may lose by an edit. A new version that loses more is never shown to readers, and its
   * deployment fails with the numbers. 1 where an edit is meant to make the view much smaller, as days instead of hours.
   * @default 0.5
   */
  readonly mayShrink?: number;
  /** How many times the rows of the largest relation that it reads a version may have, from 1: what goes beyond looks like a join gone wrong. @default 10 */
  readonly mayGrow?: number;
}

/**
 * How long a window is. All are aligned in UTC: minutes divide a day and count from midnight (5 to 720), a week begins on Monday, a month
 * on its first day.
 */
export type WindowLength = { readonly minutes: number } | 'hour' | 'day' | 'week' | 'month';

/** The rows of each window by a time column: every window is published once, and again as a correction where that is asked for. */
export interface IncrementalContent {
  readonly kind: 'incremental';
  /** The timestamp column of the query's result that decides a row's window. Rows without a time are in no window; they are counted as late. */
  readonly timeColumn: string;
  readonly window: WindowLength;
  /** How long after its end a window stays open for late rows, in minutes: 0 to 10080. @default 0 */
  readonly latenessMinutes?: number;
  /**
   * A day or an ISO 8601 time in UTC: from its window on every window is published, empty ones too, and none before it.
   * @default - of the time before the export's first run, the windows that have rows; from then on every window
   */
  readonly since?: string;
  /**
   * True publishes a window again, whole and marked as a correction, when rows reached it after its publication. False leaves it as it is
   * and counts those rows (metric LateRows, alarm "export late rows"). @default false
   */
  readonly corrections?: boolean;
}

/** The whole result of the query, once an interval. Intervals that were missed are not caught up: their state is gone. */
export interface SnapshotContent {
  readonly kind: 'snapshot';
  readonly every: WindowLength;
}

export type ExportContent = IncrementalContent | SnapshotContent;

interface FileOptions {
  /** Largest file in MB: 5 to 6200; of Parquet a multiple of 32 (UNLOAD, MAXFILESIZE). @default 256 */
  readonly maxFileMb?: number;
  /** Columns whose values become folders, `product=a/`, and leave the files. At least one column must remain. @default - no folders */
  readonly partitionBy?: readonly string[];
}

/** Snappy inside, as Redshift writes it; there is no other compression. */
export interface ParquetFormat extends FileOptions {
  readonly kind: 'parquet';
  /** 32 to 128, on ra3.4xlarge and ra3.16xlarge only (UNLOAD, ROWGROUPSIZE). @default - Redshift's, 32 */
  readonly rowGroupMb?: number;
}

export interface CsvFormat extends FileOptions {
  readonly kind: 'csv';
  /** Names of the columns in the first line of each file. @default true */
  readonly header?: boolean;
  /** One printable ASCII character. @default , */
  readonly delimiter?: string;
  /** @default true */
  readonly gzip?: boolean;
}

/** One object a line. */
export interface JsonFormat extends FileOptions {
  readonly kind: 'json';
  /** @default true */
  readonly gzip?: boolean;
}

export type ExportFormat = ParquetFormat | CsvFormat | JsonFormat;

/** Types of Materialize that COPY TO writes and whose meaning is the same everywhere; it refuses oid, interval and record. */
export const materializeTypes = [
  'boolean',
  'bytea',
  'smallint',
  'integer',
  'bigint',
  'real',
  'double precision',
  'numeric',
  'text',
  'varchar',
  'uuid',
  'jsonb',
  'date',
  'time',
  'timestamp',
  'timestamptz',
] as const;

/** A column of a query in Materialize. */
export interface MaterializeColumn {
  readonly name: string;
  /** Without a size. A run fails when Materialize has another. */
  readonly type: (typeof materializeTypes)[number];
}

export interface ExportDefinition {
  readonly name: string;
  /** The SELECT to unload, from `exports/<name>.sql`, or all columns of a view. */
  readonly query: string;
  readonly file: string;
  /**
   * Who runs the query and writes the files. `materialize`: the query is in its SQL and over its objects, `columns` declares what comes out,
   * and the environment has to say where Materialize is. Its files are Parquet, or CSV without header and compression; of windows,
   * `since` is required and corrections are not to be had.
   * @default redshift
   */
  readonly engine?: 'redshift' | 'materialize';
  /** Of the engine `materialize`, and there required: the columns of the query in their order. @default - read from the query */
  readonly columns?: readonly MaterializeColumn[];
  readonly content: ExportContent;
  readonly format: ExportFormat;
  /** How often the schedule looks for closed windows. @default - once a window, at most every 15 minutes */
  readonly everyMinutes?: number;
  /** Windows that one tick catches up at most: 1 to 1000. @default 48 */
  readonly windowsPerTick?: number;
}

export interface Pipeline {
  /** Lower-case letters, digits and underscores, at most 32: it names the warehouse schema. */
  readonly name: string;
  readonly stream: StreamDefinition;
  readonly identity: Identity;
  readonly columns: readonly Column[];
  /** @default - no history */
  readonly history?: readonly HistorySource[];
  /** Minutes between two refreshes, 1 to 59. */
  readonly refreshEveryMinutes: number;
  /**
   * The stack of its functions, alarms and warehouse objects, `millrace-<environment>-pipelines-<stack>`: a stack holds 500 resources, which is about seven
   * pipelines. Synthesis says when it is time. A pipeline keeps its stack: one that changes it is removed and added again.
   * @default - millrace-<environment>-pipelines
   */
  readonly stack?: string;
  readonly views: readonly ViewDefinition[];
  readonly exports: readonly ExportDefinition[];
}
