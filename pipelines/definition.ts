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
export type Identity =
  | { readonly by: 'columns'; readonly columns: readonly string[] }
  | { readonly by: 'stream-position' };

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
}

export interface ExportDefinition {
  readonly name: string;
  /** The SELECT to unload, from `exports/<name>.sql`. */
  readonly query: string;
  readonly file: string;
  /** The timestamp column of the query's result that decides a row's window. */
  readonly timeColumn: string;
  /** Length of a window: aligned to midnight UTC, a divisor of a day. */
  readonly windowMinutes: number;
  /** How long after its end a window stays open for late rows. @default 0 */
  readonly latenessMinutes?: number;
  readonly format: 'parquet' | 'csv';
  /** How often the schedule looks for closed windows. @default - once a window, at most every 15 minutes */
  readonly everyMinutes?: number;
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
  readonly views: readonly ViewDefinition[];
  readonly exports: readonly ExportDefinition[];
}
