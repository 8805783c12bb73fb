/**
 * A Redshift statement after translation: the front end (`sql/`) produces it and the engine (`engine/`) executes it.
 * `duckdb` texts are complete and safe to run. The engine adds only values that it owns.
 */

/**
 * A type under its Redshift name. DuckDB stores SUPER as JSON text, VARBYTE as BLOB, VARCHAR and CHAR as VARCHAR, and
 * every other type under its own name. JSON text keeps null apart from a missing value, numbers as they were written,
 * and keys that differ only in case. It reads as fast as VARIANT. A CHAR is stored without its trailing blanks, and a
 * query adds them to its result.
 */
export type RedshiftType =
  | {
      readonly name:
        | 'smallint'
        | 'integer'
        | 'bigint'
        | 'real'
        | 'double precision'
        | 'boolean'
        | 'date'
        | 'time'
        | 'timestamp'
        | 'timestamptz'
        | 'super';
    }
  | { readonly name: 'decimal'; readonly precision: number; readonly scale: number }
  /** `items` for an array of the catalog, which is its text here: the type of its items. */
  | { readonly name: 'varchar' | 'char'; readonly length: number; readonly items?: 'integer' | 'name' }
  | { readonly name: 'varbyte'; readonly length: number };

export interface ColumnInfo {
  readonly name: string;
  readonly type: RedshiftType;
}
/** A column of a query's result. `origin` is the table or view column that it shows unchanged. */
export interface ResultColumn extends ColumnInfo {
  readonly origin?: Origin;
}
export interface Origin {
  readonly schema: string;
  readonly table: string;
  readonly notNull: boolean;
}

/** A relation as the front end sees it. The engine stores it. Names are folded as Redshift folds them. */
export interface Relation {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'table' | 'temp-table' | 'view' | 'materialized-view' | 'system-view';
  readonly columns: readonly (ColumnInfo & Partial<TableColumn>)[];
  /** A late-binding view's query as written. Its columns are resolved at each read. */
  readonly lateQuery?: string;
  /** A system view's DuckDB query. */
  readonly query?: string;
}
export interface Catalog {
  /**
   * Finds a relation, using the session's settings and search path. A temporary table hides a table of the same name.
   */
  find(schema: string | undefined, name: string): Relation | undefined;
  /** Returns the external schema's KINESIS source, or undefined if `schema` is not an external schema. */
  externalSchema(schema: string): { readonly roleArn: string } | undefined;
  readonly caseSensitiveIdentifiers: boolean;
  /** The session's database. A qualified name may begin with it. */
  readonly database?: string;
  /** Schema in which an unqualified name is created. @default - public */
  readonly defaultSchema?: string;
  /** All late-binding views. */
  lateViews?(): readonly Relation[];
  /** Longest text of statements. @default - the Data API's limit */
  readonly maxSqlBytes?: number;
  /** Returns a session setting as SHOW prints it. */
  setting?(name: string): string | undefined;
  /** Called before a statement is resolved once more: what was looked up for it counts no longer. */
  forget?(): void;
  /** False if no value fails that is asked for its type. @default true */
  readonly raising?: boolean;
}

export type CompressionName = 'none' | 'gzip' | 'bzip2' | 'zstd';

/** Isolation level of a database (https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_DATABASE.html). */
export type Isolation = 'snapshot' | 'serializable';

/** Position at which a statement begins in its text. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Every statement that the local warehouse accepts. */
export type Statement = Work & { readonly place?: Place };
export type Work =
  | { readonly kind: 'query'; readonly duckdb: string; readonly columns: readonly ResultColumn[] }
  /** INSERT, UPDATE or DELETE. `target` is the changed relation. */
  | {
      readonly kind: 'change';
      readonly verb: 'insert' | 'update' | 'delete';
      readonly target: Name;
      readonly duckdb: string;
      /**
       * Query for UPDATE … FROM. Its column `matches` is the largest number of source rows that match one target row.
       * It returns no row if nothing matches. Redshift uses an arbitrary one of several matches.
       */
      readonly matches?: string;
    }
  /**
   * MERGE. `conflicts` returns a row if the outcome depends on the order of several source rows. `conflict` is the
   * error message for that case.
   */
  | {
      readonly kind: 'merge';
      readonly target: Name;
      readonly privileges: readonly string[];
      readonly conflicts: string;
      readonly conflict: string;
      /** The statements run in order. The row count is their sum. */
      readonly duckdb: readonly string[];
    }
  | { readonly kind: 'begin'; readonly readOnly: boolean }
  | { readonly kind: 'commit' | 'rollback' }
  | { readonly kind: 'lock'; readonly tables: readonly Name[] }
  | { readonly kind: 'alter-database'; readonly database: string; readonly isolation: Isolation }
  | { readonly kind: 'create-user' | 'alter-user'; readonly user: string; readonly password: string }
  /** What enable_case_sensitive_identifier is at the start of the user's sessions. Undefined for that of the warehouse. */
  | { readonly kind: 'alter-user-setting'; readonly user: string; readonly caseSensitive: boolean | undefined }
  | { readonly kind: 'drop-user'; readonly user: string; readonly ifExists: boolean }
  | {
      readonly kind: 'grant' | 'revoke';
      readonly privileges: readonly string[];
      readonly on: readonly { readonly type: 'database' | 'schema' | 'table' | 'all-tables'; readonly name: string }[];
      /** User names, or `public`. */
      readonly to: readonly string[];
    }
  | { readonly kind: 'create-schema'; readonly schema: string; readonly ifNotExists: boolean }
  | {
      readonly kind: 'create-external-schema';
      readonly schema: string;
      readonly roleArn: string;
      readonly ifNotExists: boolean;
    }
  | { readonly kind: 'drop-schema'; readonly schema: string; readonly ifExists: boolean; readonly cascade: boolean }
  | {
      readonly kind: 'create-table';
      readonly table: Name;
      readonly temp: boolean;
      readonly ifNotExists: boolean;
      readonly columns: readonly TableColumn[];
      readonly keys?: StoredKeys;
      readonly duckdb: string;
    }
  | {
      readonly kind: 'create-table-as';
      readonly table: Name;
      readonly temp: boolean;
      readonly columns: readonly ColumnInfo[];
      readonly keys?: StoredKeys;
      readonly duckdb: string;
    }
  | {
      readonly kind: 'drop';
      readonly what: 'table' | 'view' | 'materialized view';
      readonly name: Name;
      readonly ifExists: boolean;
      readonly cascade: boolean;
    }
  | { readonly kind: 'add-column'; readonly table: Name; readonly column: TableColumn; readonly duckdb: string }
  | {
      readonly kind: 'alter-table';
      readonly table: Name;
      readonly change: TableChange;
      readonly duckdb: readonly string[];
    }
  | { readonly kind: 'truncate'; readonly table: Name }
  | {
      readonly kind: 'create-view';
      readonly view: Name;
      readonly orReplace: boolean;
      readonly columns: readonly ColumnInfo[];
      readonly reads: readonly Name[];
      readonly query: string;
      /** The query as written, for WITH NO SCHEMA BINDING. */
      readonly lateQuery?: string;
      readonly text: string;
    }
  | {
      readonly kind: 'create-materialized-view';
      readonly view: Name;
      readonly columns: readonly ColumnInfo[];
      readonly autoRefresh: boolean;
      readonly reads: readonly Name[];
      /** DuckDB SELECT over the relations in `reads`. */
      readonly query: string;
      /** Why Redshift recomputes the view at each refresh. Undefined if Redshift refreshes it incrementally. */
      readonly recomputeReason?: string;
      /** True if the view calls a function whose value changes over time. Such a view is always stale. */
      readonly mutable?: boolean;
      readonly text: string;
    }
  | {
      readonly kind: 'create-streaming-view';
      readonly view: Name;
      readonly columns: readonly ColumnInfo[];
      readonly autoRefresh: boolean;
      readonly externalSchema: string;
      readonly stream: string;
      /**
       * DuckDB SELECT over the relation `stream_records`, which the engine defines for each refresh. Its columns are
       * approximate_arrival_timestamp and refresh_time (timestamp), partition_key, shard_id and sequence_number
       * (varchar), and kinesis_data (blob).
       */
      readonly query: string;
      /** True if the query has groups. It must then see all records that were read so far, not only the new ones. */
      readonly grouped?: boolean;
      readonly text: string;
    }
  | { readonly kind: 'refresh'; readonly view: Name; readonly cascade: boolean }
  | { readonly kind: 'alter-view'; readonly view: Name; readonly autoRefresh: boolean }
  | {
      readonly kind: 'copy';
      readonly table: Name;
      /** Columns to load, in the order of the fields. @default - all columns of the table */
      readonly columns?: readonly string[];
      /** `s3://bucket/prefix`, or a manifest's URL. */
      readonly from: string;
      readonly roleArn: string;
      readonly manifest: boolean;
      /** `text` is delimited text, the default of Redshift. */
      readonly format: 'json-auto' | 'json-ignorecase' | 'json-noshred' | 'json-paths' | 'csv' | 'text' | 'parquet';
      readonly compression: CompressionName;
      /** `s3://bucket/key` of the JSONPaths file, with the format `json-paths`. */
      readonly jsonPaths?: string;
      readonly maxErrors: number;
      /** Options that the engine must apply: `timeformat`, `ignoreheader`, …, in lower case. */
      readonly options: Readonly<Record<string, string | number | boolean>>;
    }
  | {
      readonly kind: 'unload';
      readonly duckdb: string;
      readonly columns: readonly ColumnInfo[];
      readonly to: string;
      readonly roleArn: string;
      /** `text` is delimited text, the default of Redshift. */
      readonly format: 'parquet' | 'csv' | 'json' | 'text';
      readonly compression: CompressionName;
      readonly header: boolean;
      readonly delimiter: string;
      /** The text for NULL in csv and text files. @default - an empty text */
      readonly nullAs?: string;
      readonly escape: boolean;
      readonly manifest: 'none' | 'plain' | 'verbose';
      readonly parallel: boolean;
      readonly allowOverwrite: boolean;
      readonly cleanPath: boolean;
      readonly maxFileBytes: number;
      readonly rowGroupBytes?: number;
      /**
       * The encryption key: `s3` is S3's own key, `bucket` is the bucket's default (ENCRYPTED AUTO), `kmsKey` is a KMS
       * key.
       */
      readonly encryption: 's3' | 'bucket' | { readonly kmsKey: string };
      readonly extension?: string;
      readonly partitionBy: readonly string[];
      readonly includePartitionColumns: boolean;
    }
  /** The name `all` with an empty value resets every setting. */
  | { readonly kind: 'set'; readonly name: string; readonly value: string }
  /** EXPLAIN. `duckdb` is the statement to plan. */
  | { readonly kind: 'explain'; readonly duckdb: string }
  | { readonly kind: 'comment'; readonly relation: Name; readonly column?: string; readonly text?: string }
  /** ANALYZE or VACUUM of one relation, or of all relations if `table` is undefined. */
  | { readonly kind: 'maintain'; readonly verb: 'analyze' | 'vacuum'; readonly table?: Name };

/** Distribution and sort keys of a table. They change no result. */
export interface StoredKeys {
  readonly diststyle?: 'even' | 'all' | 'key' | 'auto';
  readonly distkey?: string;
  readonly sortkey: readonly string[];
  /** Encodings by column name, for columns that declare one. */
  readonly encodings?: Readonly<Record<string, string>>;
  /** Absent if the table declares none. */
  readonly constraints?: readonly StoredConstraint[];
}

/** A key that a table declares. Redshift does not enforce it. */
export interface StoredConstraint {
  readonly name: string;
  readonly kind: 'primary' | 'unique' | 'foreign';
  readonly columns: readonly string[];
  /** `schema.name` of the table that a foreign key refers to. */
  readonly table?: string;
  /** The columns there. @default - its primary key */
  readonly references?: readonly string[];
}

export interface Name {
  readonly schema?: string;
  readonly name: string;
}
export interface TableColumn extends ColumnInfo {
  readonly notNull: boolean;
  /** DuckDB expression. */
  readonly defaultValue?: string;
  readonly identity?: IdentityColumn;
}
/** IDENTITY(seed, step). Redshift promises unique values, not consecutive ones. */
export interface IdentityColumn {
  readonly seed: number;
  readonly step: number;
  /** True for GENERATED BY DEFAULT, where a statement may supply the value. */
  readonly byDefault: boolean;
}

/** What ALTER TABLE changes in the catalog. */
export type TableChange =
  | { readonly kind: 'drop-column'; readonly column: string; readonly cascade: boolean }
  | { readonly kind: 'rename'; readonly to: string }
  | { readonly kind: 'rename-column'; readonly column: string; readonly to: string }
  | { readonly kind: 'alter-type'; readonly column: string; readonly type: RedshiftType }
  | { readonly kind: 'owner'; readonly to: string }
  | { readonly kind: 'key'; readonly constraint: StoredConstraint }
  | { readonly kind: 'append'; readonly from: Name };

/**
 * A mistake in the statement, or a feature that is not supported. The Data API reports the message in `Error`. Line and
 * column start at 1.
 */
export class SqlError extends Error {
  constructor(
    message: string,
    readonly line?: number,
    readonly column?: number,
  ) {
    super(line === undefined ? message : `line ${line}, column ${column}: ${message}`);
    this.name = 'SqlError';
  }
}

/** Passed to `next` of a translation, it asks for the last statement once more, resolved on the catalog as it is now. */
export const again = 'again';

/** A value for a placeholder. */
export interface BoundParameter {
  /** The value as text; null for NULL. */
  readonly text: string | null;
  /** @default - the type follows from the use, as for a literal in quotes */
  readonly type?: RedshiftType;
  /** Called with the type that the use of the placeholder asks for. Set if the value is not known yet. */
  readonly infer?: (type: RedshiftType) => void;
}

/**
 * Values of the placeholders by name: those of the Data API (`:name`) as text, those of prepared statements (`$1`, named
 * `$1`) with their types.
 */
export type Parameters = Readonly<Record<string, string | BoundParameter>>;

/** Parses, resolves and translates one or more statements separated by semicolons. */
export type Translate = (
  sql: string,
  catalog: Catalog,
  parameters?: Parameters,
) => Generator<Statement, void, typeof again | undefined>;
