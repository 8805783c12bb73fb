import { defineEnv, pipelineVariables } from '../shared/env';
import type { SearchPlan, StatementTemplate } from '../shared/plan';

export const env = defineEnv(
  ...pipelineVariables,
  'HISTORY_BUCKET',
  'ARCHIVE_BUCKET',
  'WORK_BUCKET',
  'LOAD_ROLE_ARN',
  'DEAD_LETTERS_URL',
  'KEY_ARN',
);

/** COPY manifests are written to `<WORK_BUCKET>/<manifestPrefix><pipeline>/<run id>.manifest`. */
export const manifestPrefix = 'manifests/';

/**
 * Copies of object versions, for a COPY that must read exactly those bytes, are written to `<WORK_BUCKET>/<versionPrefix><pipeline>/<run id>`,
 * encrypted with KEY_ARN.
 */
export const versionPrefix = 'versions/';

/** The prefix of every key that the glob matches. S3 lists and notifies by prefix, not by glob. */
export function literalPrefix(glob: string): string {
  const wildcard = glob.indexOf('*');
  return wildcard < 0 ? glob : glob.slice(0, wildcard);
}

/** The narrowest prefixes that cover the globs, sorted. None begins with another: S3 refuses that for the notifications of a bucket. */
export function literalPrefixes(globs: readonly string[]): string[] {
  const all = [...new Set(globs.map(literalPrefix))].sort();
  return all.filter((prefix) => !all.some((other) => other !== prefix && prefix.startsWith(other)));
}

/** A message that the load function writes to the dead-letter queue. */
export interface ParkedMessage {
  /** Why the object was not loaded, in the words of Redshift or S3. */
  readonly reason: string;
  /** @default - the message could not be parsed */
  readonly object?: {
    readonly bucket: string;
    readonly key: string;
    readonly etag: string;
    readonly versionId: string;
    readonly size: number;
  };
  /** Deliveries of the message. */
  readonly attempts: number;
  /** ISO 8601. */
  readonly at: string;
  /** A body that the load function takes. Sent to a history or backlog queue, it makes the function try again; so does this whole message. */
  readonly original: string;
}

/** A column of CSV and Parquet files, and how its values become part of the payload. */
export interface FileShapeColumn {
  readonly name: string;
  /** Attribute path in the payload. */
  readonly path: readonly string[];
  /** What the text of a CSV field is read as. */
  readonly spelling: 'text' | 'number' | 'flag' | 'json';
}

/**
 * Records that the merge could not read are unloaded to `<WORK_BUCKET>/<undecodedPrefix><pipeline>/<run id>/`, encrypted
 * with the customer key.
 */
export const undecodedPrefix = 'undecoded/';

/** The columns of an unloaded record. The time is a text, the bytes are hexadecimal. */
export const undecodedColumns = ['shard_id', 'sequence_number', 'partition_key', 'arrived_at', 'bytes'] as const;

/** A form in which a record is sent: the same as `RecordForm` of a pipeline. */
export type RecordForm = 'gzip' | 'zlib' | 'aggregate' | 'objects';

/** Longest text, in bytes: the length of a varchar. */
export const maxTextBytes = 65_535;

/** Why bytes are no text. The merge and the load function give the same reasons. */
export const textProblems = {
  tooLong: 'a text longer than 65,535 bytes',
  noUtf8: 'not UTF-8 text, or it has a NUL byte',
} as const;

/** Where a record holds its events: the same as `RecordShape` of a pipeline. */
export interface RecordShape {
  readonly format?: 'text';
  readonly decode?: readonly RecordForm[];
  readonly unwrap?: readonly string[];
  readonly base64?: boolean;
}

/** The file format of a source's objects. */
export interface FileShape {
  /** `undecoded`: a CSV that UNLOAD wrote, with the position, partition key, arrival time and bytes of records. */
  readonly format: 'ndjson' | 'firehose' | 'csv' | 'parquet' | 'text' | 'undecoded';
  readonly compression: 'gzip' | 'zstd' | 'none';
  /** For JSON only: where a record holds its events. @default - a record is an event */
  readonly records?: RecordShape;
  /** CSV only. */
  readonly delimiter?: string;
  /** CSV and Parquet only: all columns in order. */
  readonly columns?: readonly FileShapeColumn[];
}

/** Objects of one file format that a pipeline loads, and how. */
export interface LoadSource {
  /**
   * Name of a history source of the pipeline, `archive` for the objects that Firehose writes, or `undecoded` for records
   * that the merge could not read.
   */
  readonly name: string;
  readonly bucket: 'history' | 'archive' | 'work';
  /** An object belongs to the source whose glob its key matches. */
  readonly globs: readonly string[];
  /** What to do when a loaded key gets other bytes. */
  readonly overwritten: 'load-again' | 'alarm';
  readonly shape: FileShape;
  /**
   * Loads objects in place. Placeholders: `run_id`; `manifest` (s3:// URL); `load_role`; `objects` (JSON text:
   * `[{bucket,key,etag,versionId,size}]`); `files` (JSON text: `[{url,etag}]`, the versions that COPY must have read);
   * `may_refuse` (1 if lines that COPY cannot read may become rejects without their bytes, else 0). The warehouse's
   * system views must account for everything: every file with its etag, every scanned line as a row or an error.
   */
  readonly inPlace: CheckedTransaction;
  /**
   * Loads files that do not change, not the objects themselves: copies of versions, or files that the function wrote.
   * It needs no system view. Placeholders: `run_id`, `manifest`, `load_role` and `objects` as above; `records`, the
   * number of records in the files (-1: not counted); `refused` (s3:// URL), a manifest of gzip JSON lines
   * `{object_key, line, message, bytes}`. Those are the records of the objects that are not in the files, with their
   * bytes as `base64Of` writes them. The warehouse itself parses JSON among them. A row without `object_key` is
   * ignored.
   */
  readonly exact: CheckedTransaction;
  readonly scan: ScanPlan;
  readonly reload: ReloadPlan;
  readonly raising: { readonly inPlace: RaisingPlan; readonly exact: RaisingPlan };
}

/** Finds the records that make the load of an object fail, and loads the object without them. */
export interface RaisingPlan {
  /** Placeholders: `manifest`, `load_role`, and `raised`: records already found, which are not searched. */
  readonly search: SearchPlan;
  /**
   * The same load, but the records of `raised` (JSON text: `[{key,reason}]`, with keys of the search) become rejects before anything is typed.
   */
  readonly load: CheckedTransaction;
}

/** A transaction that checks what COPY read. When a check fails, it finishes without a change, and its answer says why. */
export interface CheckedTransaction {
  readonly statements: readonly StatementTemplate[];
  /**
   * Index of the statement whose row is the answer: `accepted` (1 or 0); `known`: objects that are in the ledger already; `unseen`: files whose COPY
   * the system views do not show; `changed`: files that were read with another etag; `staged`: rows that COPY made; `refused`: lines that it could
   * not read; `expected`: rows that it should have made.
   */
  readonly answer: number;
}

/** Finds the lines of files that COPY cannot read. */
export interface ScanPlan {
  /** One transaction that stages the files and keeps nothing. Placeholders: `manifest`, `load_role`. */
  readonly statements: readonly StatementTemplate[];
  /** Index of the statement with the row `query_id, copied`. */
  readonly answer: number;
  /** Rows `url, line, message, scanned` of that COPY: each unreadable line, and the number of lines in all files. Placeholder: `query_id`. */
  readonly lines: StatementTemplate;
}

/**
 * Loads all objects of a run again and replaces the run's rows. Placeholders: those of the load, and `replaced`, the run whose rows are deleted;
 * `run_id` is the run that replaces it, and `objects` are all objects of the run. The answer also has the run's number of rows `before` and `now`,
 * and `lost`: events of the run that would no longer be events. Its `known` is 1 where the ledger has exactly these objects for the run.
 */
export interface ReloadPlan {
  readonly inPlace: CheckedTransaction;
  readonly exact: CheckedTransaction;
}

/** Records the object and line that rejects of loads came from. */
export interface OriginsPlan {
  /**
   * Returns the rejects without a line, of the runs that loaded `objects`. Equal payloads of a run are one row:
   * `run_id, digest, copies, payload` (JSON text). Placeholder: `objects`.
   */
  readonly missing: StatementTemplate;
  /** Lists the objects of these runs: `run_id, bucket, object_key, etag, version_id, size`. Placeholder: `objects`. */
  readonly objects: StatementTemplate;
  /**
   * Stores the places in one transaction. Placeholders: `run_id`, `places` (JSON text: `[{digest,copy,url,line}]`,
   * copies counted from 1).
   */
  readonly place: readonly StatementTemplate[];
}

/** `plan.json` beside the bundle. The placeholder `objects` is the same JSON text in all statements. */
export interface LoadPlan {
  readonly pipeline: string;
  /**
   * The sources of the history bucket, then `archive`, whose objects are loaded only on demand, then `undecoded` if
   * records are decoded.
   */
  readonly sources: readonly LoadSource[];
  /**
   * Rows `object_key, etag`: those objects that are in the ledger. With `swap`, also rows `object_key, etag, before,
   * rewrite_id` for each claim of a key: the claim's id, and the etag of the object that is to be replaced. `before` is null
   * in the other rows. Placeholder: `objects`.
   */
  readonly loaded: StatementTemplate;
  /**
   * One transaction that gives the rows of the ledger the objects that `npx millrace forget` has written in place of theirs.
   * Placeholder: `objects` (JSON text: `[{bucket,key,etag,newEtag,newVersionId,newSize}]`). @default - the pipeline has no
   * subjects
   */
  readonly swap?: readonly StatementTemplate[];
  /** Rows `object_key`: those objects whose key is in the ledger with other etags only. Placeholder: `objects`. */
  readonly overwritten: StatementTemplate;
  /** Rows `object_key`: those objects that are parked. Placeholder: `objects`. */
  readonly parked: StatementTemplate;
  /** Parks objects, each once. Placeholders: `objects`, `reason`. */
  readonly park: StatementTemplate;
  /** Deletes the objects from the parked ones. Placeholder: `objects`. */
  readonly unpark: StatementTemplate;
  readonly origins: OriginsPlan;
  /** Rows `bucket, object_key, etag, version_id, size`: all objects that a run loaded. Placeholder: `run_id`. */
  readonly runObjects: StatementTemplate;
}
