/**
 * What the front end (`sql/`) makes of a Redshift statement and the engine (`engine/`) carries out.
 * `duckdb` texts are complete and safe to run; the engine adds nothing but values it owns.
 */

/**
 * A type as Redshift names it. In DuckDB: SUPER is JSON (text: keeps null apart from missing, numbers as they were written, keys that differ
 * only in case; read as fast as VARIANT), VARBYTE is BLOB, VARCHAR is VARCHAR, CHAR too (without its trailing blanks, which a query puts back on in its result), the others are their namesakes.
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
  | { readonly name: 'varchar' | 'char'; readonly length: number }
  | { readonly name: 'varbyte'; readonly length: number };

export interface ColumnInfo {
  readonly name: string;
  readonly type: RedshiftType;
}
/** A column of a query's result; `origin` is the column of a table or view that it shows unchanged. */
export interface ResultColumn extends ColumnInfo {
  readonly origin?: Origin;
}
export interface Origin {
  readonly schema: string;
  readonly table: string;
  readonly notNull: boolean;
}

/** What the front end knows of the database; the engine keeps it. Names are folded as Redshift folds them. */
export interface Relation {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'table' | 'temp-table' | 'view' | 'materialized-view' | 'system-view';
  readonly columns: readonly (ColumnInfo & Partial<TableColumn>)[];
  /** Of a late-binding view: its query, as it was written; its columns are found when it is read. */
  readonly lateQuery?: string;
  /** Of a system view: the DuckDB query that it stands for. */
  readonly query?: string;
}
export interface Catalog {
  /** Session settings and search path are resolved here; a temp table hides a table of the same name. */
  find(schema: string | undefined, name: string): Relation | undefined;
  /** The external schema's KINESIS source, if `schema` is one. */
  externalSchema(schema: string): { readonly roleArn: string } | undefined;
  readonly caseSensitiveIdentifiers: boolean;
  /** The session's own database, by which a name may begin. */
  readonly database?: string;
  /** Where a name without a schema is made. @default - public */
  readonly defaultSchema?: string;
  /** What a setting of the session is, as SHOW shows it. */
  setting?(name: string): string | undefined;
}

export type CompressionName = 'none' | 'gzip' | 'bzip2' | 'zstd';

/** Where a statement begins in its text. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Every statement that the local warehouse accepts. */
export type Statement = Work & { readonly place?: Place };
export type Work =
  | { readonly kind: 'query'; readonly duckdb: string; readonly columns: readonly ResultColumn[] }
  /** insert, update, delete: `target` is the changed relation. */
  | {
      readonly kind: 'change';
      readonly verb: 'insert' | 'update' | 'delete';
      readonly target: Name;
      readonly duckdb: string;
      /**
       * The largest number of other rows that match one row of the target of UPDATE … FROM, as `matches`; no row where nothing matches. Of several,
       * Redshift takes any.
       */
      readonly matches?: string;
    }
  /** `conflicts` finds a row where the outcome would depend on which of several source rows comes first; `conflict` says so. */
  | {
      readonly kind: 'merge';
      readonly target: Name;
      readonly privileges: readonly string[];
      readonly conflicts: string;
      readonly conflict: string;
      /** Run one after the other; the rows of all count. */
      readonly duckdb: readonly string[];
    }
  | { readonly kind: 'begin' | 'commit' | 'rollback' }
  | { readonly kind: 'lock'; readonly tables: readonly Name[] }
  | { readonly kind: 'create-user'; readonly user: string; readonly password: string }
  | { readonly kind: 'drop-user'; readonly user: string; readonly ifExists: boolean }
  | {
      readonly kind: 'grant' | 'revoke';
      readonly privileges: readonly string[];
      readonly on: { readonly type: 'database' | 'schema' | 'table' | 'all-tables'; readonly name: string };
      /** Users, and `public`. */
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
      /** WITH NO SCHEMA BINDING: the query as it was written. */
      readonly lateQuery?: string;
      readonly text: string;
    }
  | {
      readonly kind: 'create-materialized-view';
      readonly view: Name;
      readonly columns: readonly ColumnInfo[];
      readonly autoRefresh: boolean;
      readonly reads: readonly Name[];
      /** DuckDB SELECT over the relations it reads. */
      readonly query: string;
      /** Redshift's classification: why it must be recomputed, or undefined when it refreshes incrementally. */
      readonly recomputeReason?: string;
      /** Calls a function whose value changes by itself: the view is always stale. */
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
       * DuckDB SELECT that reads the CTE-like relation `stream_records` with the columns approximate_arrival_timestamp (timestamp), partition_key,
       * shard_id, sequence_number (varchar), refresh_time (timestamp) and kinesis_data (blob). The engine
       * supplies that relation for each refresh.
       */
      readonly query: string;
      readonly text: string;
    }
  | { readonly kind: 'refresh'; readonly view: Name; readonly cascade: boolean }
  | {
      readonly kind: 'copy';
      readonly table: Name;
      /** Columns to fill, in the order of the fields. @default - all of the table */
      readonly columns?: readonly string[];
      /** `s3://bucket/prefix`, or a manifest's URL. */
      readonly from: string;
      readonly roleArn: string;
      readonly manifest: boolean;
      /** `text` is delimited text, the default of Redshift. */
      readonly format: 'json-auto' | 'json-noshred' | 'csv' | 'text' | 'parquet';
      readonly compression: CompressionName;
      readonly maxErrors: number;
      /** Options in effect that the engine has to honour: `timeformat`, `ignoreheader`, …, lower-case. */
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
      /** What stands for NULL in csv and text; nothing if left out. */
      readonly nullAs?: string;
      readonly escape: boolean;
      readonly manifest: 'none' | 'plain' | 'verbose';
      readonly parallel: boolean;
      readonly allowOverwrite: boolean;
      readonly cleanPath: boolean;
      readonly maxFileBytes: number;
      readonly rowGroupBytes?: number;
      /** With a key of S3, as the bucket says (ENCRYPTED AUTO), or with a KMS key. */
      readonly encryption: 's3' | 'bucket' | { readonly kmsKey: string };
      readonly extension?: string;
      readonly partitionBy: readonly string[];
      readonly includePartitionColumns: boolean;
    }
  /** `all` with an empty value sets every setting back. */
  | { readonly kind: 'set'; readonly name: string; readonly value: string }
  /** A plan of DuckDB statement. */
  | { readonly kind: 'explain'; readonly duckdb: string }
  | { readonly kind: 'comment'; readonly relation: Name; readonly column?: string; readonly text?: string }
  /** ANALYZE and VACUUM: of one relation, or of all. */
  | { readonly kind: 'maintain'; readonly verb: 'analyze' | 'vacuum'; readonly table?: Name };

/** How a table's rows are distributed and sorted, which changes no result. */
export interface StoredKeys {
  readonly diststyle?: 'even' | 'all' | 'key' | 'auto';
  readonly distkey?: string;
  readonly sortkey: readonly string[];
  /** Of columns whose encoding was given. */
  readonly encodings?: Readonly<Record<string, string>>;
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
/** IDENTITY(seed, step). Redshift promises unique values, not that they follow each other. */
export interface IdentityColumn {
  readonly seed: number;
  readonly step: number;
  /** GENERATED BY DEFAULT: a value may be given. */
  readonly byDefault: boolean;
}

/** What ALTER TABLE changes in the catalog. */
export type TableChange =
  | { readonly kind: 'drop-column'; readonly column: string; readonly cascade: boolean }
  | { readonly kind: 'rename'; readonly to: string }
  | { readonly kind: 'rename-column'; readonly column: string; readonly to: string }
  | { readonly kind: 'alter-type'; readonly column: string; readonly type: RedshiftType }
  | { readonly kind: 'owner'; readonly to: string }
  | { readonly kind: 'key' }
  | { readonly kind: 'append'; readonly from: Name };

/** A refusal or a mistake in the statement, as the Data API would report it in `Error`. Line and column start at 1. */
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

/**
 * Parses, resolves and translates one or more statements separated by semicolons.
 * `parameters` are the Data API's named parameters (`:name`), bound as text.
 */
export type Translate = (
  sql: string,
  catalog: Catalog,
  parameters?: Readonly<Record<string, string>>,
) => Iterable<Statement>;
