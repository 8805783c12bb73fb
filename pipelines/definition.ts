/**
 * Types of a pipeline. A folder below `pipelines/` holds one pipeline: `pipeline.ts`, its views and exports as SQL
 * files, and a generator of sample data.
 */

/** How many records a stream can take. */
export type StreamCapacity = { readonly mode: 'on-demand' } | { readonly mode: 'provisioned'; readonly shards: number };

export interface StreamDefinition {
  readonly capacity: StreamCapacity;
  /** How long the stream keeps a record, in hours: 24 to 8760 (Kinesis limits). */
  readonly retentionHours: number;
  /**
   * How long the landing view keeps a record after its merge, in hours: at least 24 more than `retentionHours`, at
   * most 87600. A change of the identity can judge duplicates again while the landing view holds their records.
   * @default - retentionHours + 24
   */
  readonly landedHours?: number;
  /**
   * When the stream was last deleted and created again under the same name, as `2026-11-21T10:00:00Z`. A new stream
   * cannot be continued from the old one's position. With a new time the next deployment reads the stream from its
   * beginning and reports the records that may have been lost with the old one. @default - never
   */
  readonly recreatedAt?: string;
  /** Where the events of a record are, on the stream and in its archive. @default - a record is an event */
  readonly records?: RecordShape;
}

/**
 * What makes two records the same event: named columns of the payload, or the position on the stream. A pipeline with
 * history has to name columns, since foreign files have no stream positions.
 */
export type Identity = (
  | { readonly by: 'columns'; readonly columns: readonly string[] }
  | { readonly by: 'stream-position' }
) & {
  /**
   * What a change of the identity does with events that lack a part of the new id. True makes rejects of them; false
   * stops the deployment. @default false
   */
  readonly mayReject?: boolean;
};

/**
 * How a column reads times beside its own form. `iso`: ISO 8601 in any of its usual forms: a bare date is midnight,
 * seconds may be absent, the offset may be `Z`, `+0100`, `+01` or ` UTC`. `epochseconds`, `epochmillis`: a number since
 * 1970, or its text. `format`: that form only, with YYYY, MM, Mon, DD, HH24, HH12, MI, SS, MS, US, AM and OF (an
 * offset). FM before a token lets it have one digit: `FMMM/FMDD/YYYY FMHH12:MI AM`. Times without an offset are in UTC.
 */
export type TimeConversion = 'iso' | 'epochseconds' | 'epochmillis' | { readonly format: string };

/** docs/reference/columns.md has what each type and each conversion takes. */
export type ColumnType =
  | {
      readonly type: 'varchar';
      /** In bytes of UTF-8: 1 to 65535. A record with a longer text becomes a reject. */
      readonly maxBytes: number;
      /** The allowed values. A record with any other becomes a reject. @default - any text */
      readonly oneOf?: readonly string[];
      /** `text` also takes whole numbers and booleans, as their texts. @default - texts only */
      readonly convert?: 'text';
    }
  | {
      readonly type: 'char';
      /** In characters, all of them ASCII: 1 to 4096. A record with any other text becomes a reject. */
      readonly length: number;
      readonly oneOf?: readonly string[];
      readonly convert?: 'text';
    }
  /** `convert: 'text'` also takes a number written as a text: `"12"`. */
  | { readonly type: 'integer' | 'bigint' | 'double'; readonly convert?: 'text' }
  | { readonly type: 'decimal'; readonly precision: number; readonly scale: number; readonly convert?: 'text' }
  /** `convert: 'flag'` also takes 0 and 1, and the texts that Redshift takes: true, t, yes, y, 1, false, f, no, n, 0. */
  | { readonly type: 'boolean'; readonly convert?: 'flag' }
  /**
   * `timestamp`: an ISO 8601 text with date and time, stored without time zone, in UTC. `timestamptz`: the same, shown
   * with its zone. `date`: a bare date, `2026-11-21`.
   */
  | { readonly type: 'timestamp' | 'timestamptz' | 'date'; readonly convert?: TimeConversion }
  /** A time of day, `23:59:59`. `iso` lets seconds be absent. */
  | { readonly type: 'time'; readonly convert?: 'iso' | { readonly format: string } }
  /** Any JSON value as it is, mostly an object or an array, for queries that navigate in it. */
  | { readonly type: 'super' };

export type Column = ColumnType & {
  /** Name of the column in `events`: lower-case snake_case. */
  readonly name: string;
  /** Path in the payload, one attribute after the other, in the payload's own case. */
  readonly path: readonly string[];
  /** A record without a value becomes a reject. @default false */
  readonly required?: boolean;
  /** True removes white space around texts before they are read. @default false */
  readonly trim?: boolean;
  /** True takes an empty text for no value. @default false */
  readonly emptyAsNull?: boolean;
  /** The value of records that have none, in the column's own form: `'EUR'`, `0`, `'0.00'`, `'2026-01-01'`. @default null */
  readonly default?: string | number | boolean;
  /**
   * Its name in the table behind `events`. A stored column never changes its name or type. A renamed column keeps its
   * old name here; a column of a new type needs a new name. Lower-case snake_case, unique within the pipeline.
   * @default - the name
   */
  readonly stored?: string;
  /**
   * True fills the column of existing events from their payloads when it is deployed. Values that are there stay. If
   * a payload does not fit, the column stays null; if the column is required and has no value, the deployment stops.
   * After the deployment the setting can be removed. @default false
   */
  readonly fill?: boolean;
  /**
   * For a column with `fill`: the stored column that it replaces. An event that has a value there and gets none here
   * stops the deployment. @default - the column stored under this one's name, if this one is stored under another
   */
  readonly replaces?: string;
  /** True allows events to lose the value that they have in the replaced column. @default false */
  readonly mayLose?: boolean;
};

/**
 * The type of a Parquet column, as Redshift would declare it: COPY converts nothing. Dates become `2026-11-21` in the
 * payload, timestamps `2026-11-21T10:00:00.000000Z`.
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
 * A column of a CSV or Parquet file. Its values become parts of the payload and are typed and rejected like those of
 * any other record. All values of a CSV are texts. If the pipeline has a number or boolean column at the same path,
 * texts in that form are converted; others stay texts and make rejects. An empty field is null.
 */
export interface FileColumn {
  /** As the file writes it, in the same case. */
  readonly name: string;
  /** Path in the payload. @default - one attribute with the column's name */
  readonly path?: readonly string[];
  /** Required for Parquet files, not allowed for others. */
  readonly type?: FileType;
}

/**
 * Selects the records of a pipeline where several kinds share its stream or its files. The values are compared as
 * texts: `1` is `'1'`.
 */
export interface SourceFilter {
  /** Path in the payload. */
  readonly path: readonly string[];
  readonly oneOf: readonly (string | number | boolean)[];
}

/**
 * A form in which producers send records that Redshift cannot read:
 * - `gzip` and `zlib`: compressed JSON
 * - `aggregate`: several records that the Kinesis Producer Library packed into one
 * - `objects`: several JSON objects in one record, with or without white space between them
 */
export type RecordForm = 'gzip' | 'zlib' | 'aggregate' | 'objects';

/** Where the events of a record are, for producers that encode or wrap them, or send several in one record. */
export interface RecordShape {
  /**
   * `text`: each record is a text, and its payload is `{ "text": "…" }`. For the stream and for `firehose` files, without
   * the other fields. @default - a record is JSON
   */
  readonly format?: 'text';
  /**
   * Forms that records of the stream or of `firehose` files may have. An aggregate is taken apart first; then each
   * record is decompressed, and then divided into objects. The load function does that, so such records arrive later
   * than plain JSON. @default - none: such records are rejects
   */
  readonly decode?: readonly RecordForm[];
  /**
   * Attributes that lead from the record to its event, in the record's own case: `['detail']` for EventBridge, `['data']`
   * for CloudEvents, `['Message']` for SNS. A text there is parsed as JSON. `*`, at most once, stands for each element
   * of an array: `['*']` for an array of events, `['records', '*']` for one in an envelope. The event is the payload;
   * nothing else of the record is kept, unless it holds no event: then it is a reject as a whole.
   * @default - the record is the event
   */
  readonly unwrap?: readonly string[];
  /** True if the text is base64 of JSON. @default false */
  readonly base64?: boolean;
}

/** Objects of the history bucket that other systems wrote. No key may belong to two sources. */
export interface HistorySource {
  /** Lower-case snake_case, at most 32 characters, unique within its pipeline. `archive` is reserved. */
  readonly name: string;
  /** Patterns of keys: `*` matches one path segment or part of it, `**` any depth. */
  readonly globs: readonly string[];
  /**
   * `ndjson`: one event a line. `firehose`: one event a line in the envelope of this project's archive, with its
   * stream position. `csv`: RFC 4180 with a header. `parquet`: columns of plain types. `text`: each line is a text with
   * the payload `{ "text": "…" }`.
   */
  readonly format: 'ndjson' | 'firehose' | 'csv' | 'parquet' | 'text';
  /** Compression of the whole object. Parquet compresses inside the file: `none`. */
  readonly compression: 'gzip' | 'zstd' | 'none';
  /**
   * All columns of `csv` and `parquet` files, in the files' order: 1 to 100. Redshift goes by position and would load
   * other columns shifted, so a file with other columns is parked. @default - none: the other formats have no columns
   */
  readonly columns?: readonly FileColumn[];
  /** `ndjson` and `firehose` only: where the events of a record are. @default - a record is an event */
  readonly records?: RecordShape;
  /** Separates the fields of `csv`. @default , */
  readonly delimiter?: ',' | ';' | '|' | '\t';
  /**
   * What happens when an object that was loaded has new bytes. `load-again` merges its events too; `alarm` parks the
   * object and raises an alarm. @default load-again
   */
  readonly overwritten?: 'load-again' | 'alarm';
}

/** A materialized view over the pipeline's tables. Its definition is the SELECT in `views/<name>.sql`. */
export interface ViewDefinition {
  readonly name: string;
  /** The SELECT with its comments. It names the tables and views of its pipeline as `<pipeline>.<name>`. */
  readonly query: string;
  /** The file of the query, for messages. */
  readonly file: string;
  /**
   * True allows a query that Redshift cannot refresh incrementally: outer joins, set operators, distinct, window
   * functions, subqueries, functions whose value changes. Every refresh then reads everything again, so its cost
   * grows with the history, every `refreshEveryMinutes`. @default false - such a query is refused, at synthesis and
   * again by the deployment
   */
  readonly recomputed?: boolean;
  /**
   * The share of its rows, 0 to 1, that an edit may remove from the view. A version that loses more is never shown to
   * readers: its deployment fails and reports the numbers. 1 for an edit that makes the view much smaller, as days
   * instead of hours. @default 0.5
   */
  readonly mayShrink?: number;
  /**
   * How many times the rows of the largest relation that it reads the view may have, from 1. More rows indicate a
   * wrong join. @default 10
   */
  readonly mayGrow?: number;
}

/**
 * Length of a window. All windows are aligned in UTC: minutes divide a day and count from midnight (5 to 720), a week
 * begins on Monday, a month on its first day.
 */
export type WindowLength = { readonly minutes: number } | 'hour' | 'day' | 'week' | 'month';

/**
 * Exports the rows of each window by a time column. Every window is published once, and again if `corrections` asks
 * for it.
 */
export interface IncrementalContent {
  readonly kind: 'incremental';
  /**
   * The timestamp column of the query's result that determines a row's window. Rows without a time belong to no
   * window and are counted as late.
   */
  readonly timeColumn: string;
  readonly window: WindowLength;
  /** How long a window stays open for late rows after its end, in minutes: 0 to 10080. @default 0 */
  readonly latenessMinutes?: number;
  /**
   * A day or an ISO 8601 time in UTC. Every window from then on is published, even if it is empty, and none before.
   * @default - before the export's first run, the windows that have rows; from then on every window
   */
  readonly since?: string;
  /**
   * True publishes a whole window again, marked as a correction, if rows reached it after its publication. False
   * leaves the window unchanged and counts those rows (metric LateRows, alarm "export late rows"). @default false
   */
  readonly corrections?: boolean;
}

/**
 * Exports the whole result of the query once an interval. Missed intervals are not caught up: their state no longer
 * exists.
 */
export interface SnapshotContent {
  readonly kind: 'snapshot';
  readonly every: WindowLength;
}

export type ExportContent = IncrementalContent | SnapshotContent;

interface FileOptions {
  /** Largest file in MB: 5 to 6200, for Parquet a multiple of 32 (UNLOAD, MAXFILESIZE). @default 256 */
  readonly maxFileMb?: number;
  /**
   * Columns whose values become folders, `product=a/`, and are left out of the files. At least one column must
   * remain. @default - no folders
   */
  readonly partitionBy?: readonly string[];
}

/** Files are compressed with Snappy; Redshift has no other choice. */
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

/**
 * The types of Materialize that COPY TO writes and that mean the same in every reader. It refuses oid, interval and
 * record.
 */
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
  /** Without a size. A run fails if the type in Materialize differs. */
  readonly type: (typeof materializeTypes)[number];
}

export interface ExportDefinition {
  readonly name: string;
  /** The SELECT to unload, from `exports/<name>.sql`, or all columns of a view. */
  readonly query: string;
  readonly file: string;
  /**
   * Who runs the query and writes the files. `materialize`: the query is in Materialize's SQL and reads its objects,
   * `columns` declares the result, and the environment has to name a Materialize server. Files are Parquet, or CSV
   * without header and compression. Incremental exports need `since` and cannot have corrections. @default redshift
   */
  readonly engine?: 'redshift' | 'materialize';
  /**
   * The columns of the query in their order. Required for the engine `materialize`, not allowed for others. @default
   * - read from the query
   */
  readonly columns?: readonly MaterializeColumn[];
  readonly content: ExportContent;
  readonly format: ExportFormat;
  /** How often the schedule checks for closed windows. @default - once a window, at most every 15 minutes */
  readonly everyMinutes?: number;
  /** How many windows one tick publishes at most, one batch after the other: 1 to 1000. @default 1000 */
  readonly windowsPerTick?: number;
}

/**
 * A parameter of an endpoint. A request gives it as `name=value`. A parameter that only optional clauses use is
 * optional; any other needs a value or a default.
 */
export type EndpointParam = {
  /** For the reader of the API's documentation. @default - none */
  readonly description?: string;
} & (
  | {
      readonly type: 'varchar';
      /** In bytes of UTF-8. @default 256 */
      readonly maxBytes?: number;
      /** @default - any text but the empty one */
      readonly oneOf?: readonly string[];
      readonly default?: string;
    }
  | { readonly type: 'integer'; readonly min?: number; readonly max?: number; readonly default?: number }
  /** Texts, because a number of JavaScript holds 53 bits. */
  | { readonly type: 'bigint'; readonly min?: string; readonly max?: string; readonly default?: string }
  | {
      readonly type: 'decimal';
      readonly precision: number;
      readonly scale: number;
      readonly min?: string;
      readonly max?: string;
      readonly default?: string;
    }
  | { readonly type: 'boolean'; readonly default?: boolean }
  /** `2026-11-21`. */
  | { readonly type: 'date'; readonly min?: string; readonly max?: string; readonly default?: string }
  /** ISO 8601; without an offset it is in UTC. */
  | { readonly type: 'timestamp'; readonly min?: string; readonly max?: string; readonly default?: string }
);

/** A query over the pipeline's views that outsiders may ask over HTTPS: `GET /v1/<pipeline>/<name>.json`. */
export interface EndpointDefinition {
  readonly name: string;
  /**
   * The SELECT from `endpoints/<name>.sql`. `:name` stands for a parameter. `[[ and price > :price ]]` is an optional
   * clause: it is part of the query when its parameters have values. At most 16 combinations of clauses.
   */
  readonly query: string;
  readonly file: string;
  /** For the reader of the API's documentation. @default - none */
  readonly description?: string;
  /** By name. @default - none */
  readonly params?: Readonly<Record<string, EndpointParam>>;
  /** An answer with more rows is truncated, and says so: 1 to 100,000. @default 10000 */
  readonly maxRows?: number;
  /** The statement is cancelled after it: 1 to 25. @default 20 */
  readonly timeoutSeconds?: number;
  /**
   * A parameter that callers cannot choose: each token, and each partner's access, must fix its value. @default -
   * callers choose all parameters
   */
  readonly tenant?: string;
  /** Accepts a change that breaks readers: a removed column, another type, a narrower parameter. @default false */
  readonly allowBreaking?: boolean;
}

/** A length of time, as `400 days`. */
export type Days = `${number} days`;

/**
 * How long data is kept. What is not named is kept for good. Each run of the pipeline deletes a bounded part of the rows
 * that are older; S3 deletes objects.
 */
export interface Retention {
  /**
   * Events, with their duplicates: 7 to 36500 days. A record that is older when it arrives becomes no event. It is
   * counted in `skipped`, like the events that were deleted. @default - for good
   */
  readonly events?: Days;
  /**
   * The time from which an event's age is counted: a required timestamp column. A pipeline with history has to name one,
   * because foreign files have no arrival times. @default - the arrival on the stream
   */
  readonly eventTime?: string;
  /** Rejects, counted from their rejection: 1 to 36500 days. Later they cannot be retried. @default - for good */
  readonly rejects?: Days;
  /**
   * Objects of the archive, counted from their creation: at least a day more than the stream keeps a record, at most
   * 36500 days. Their old versions are kept 30 days longer. Older gaps cannot be backfilled. @default - for good
   */
  readonly archive?: Days;
}

export interface Pipeline {
  /** Lower-case letters, digits and underscores, at most 32. It is also the name of the warehouse schema. */
  readonly name: string;
  readonly stream: StreamDefinition;
  readonly identity: Identity;
  readonly columns: readonly Column[];
  /**
   * Takes only the records for which all of these hold. The others are meant for another pipeline: they are counted in
   * `skipped`, by the value that they have, and are no rejects. A record that is not a JSON object still is a reject.
   * @default - all records
   */
  readonly where?: readonly SourceFilter[];
  /** @default - no history */
  readonly history?: readonly HistorySource[];
  /**
   * Columns of texts or whole numbers whose values each name a person: `['customer_id']`. `npx millrace forget` finds
   * what every place has of one. @default - no column names a person
   */
  readonly subject?: readonly string[];
  /** @default - everything is kept for good */
  readonly retention?: Retention;
  /** Minutes between two refreshes, 1 to 59. */
  readonly refreshEveryMinutes: number;
  /**
   * Selects the stack of the pipeline's functions, alarms and warehouse objects,
   * `millrace-<environment>-pipelines-<stack>`. A stack holds 500 resources, which is about seven pipelines;
   * synthesis warns before that. A pipeline that changes its stack is removed and added again. @default -
   * millrace-<environment>-pipelines
   */
  readonly stack?: string;
  readonly views: readonly ViewDefinition[];
  readonly exports: readonly ExportDefinition[];
  /** @default - none */
  readonly endpoints?: readonly EndpointDefinition[];
}
