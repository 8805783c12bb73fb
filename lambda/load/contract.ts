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
 * Copies of single versions of objects, for a COPY that must read those bytes and no others, are
 * `<WORK_BUCKET>/<versionPrefix><pipeline>/<run id>`, encrypted with KEY_ARN as the objects are.
 */
export const versionPrefix = 'versions/';

/** What every key matched by the glob begins with: S3 lists and notifies by prefix, not by glob. */
export function literalPrefix(glob: string): string {
  const wildcard = glob.indexOf('*');
  return wildcard < 0 ? glob : glob.slice(0, wildcard);
}

/** The narrowest prefixes that cover the globs, sorted; none begins with another, which S3 refuses for notifications of one bucket. */
export function literalPrefixes(globs: readonly string[]): string[] {
  const all = [...new Set(globs.map(literalPrefix))].sort();
  return all.filter((prefix) => !all.some((other) => other !== prefix && prefix.startsWith(other)));
}

/** A message of the dead-letter queue that the load function wrote. */
export interface ParkedMessage {
  /** Why the object was not loaded, as Redshift or S3 said it. */
  readonly reason: string;
  /** Undefined where the message itself could not be read. */
  readonly object?: {
    readonly bucket: string;
    readonly key: string;
    readonly etag: string;
    readonly versionId: string;
    readonly size: number;
  };
  /** How often the message was delivered. */
  readonly attempts: number;
  /** ISO 8601. */
  readonly at: string;
  /** A body that the load function takes: sent to a history or backlog queue, it tries again, as it does with this message itself. */
  readonly original: string;
}

/** A column of CSV and Parquet files, and what becomes of its values. */
export interface FileShapeColumn {
  readonly name: string;
  /** Where in the payload. */
  readonly path: readonly string[];
  /** What a text of a CSV may stand for. */
  readonly spelling: 'text' | 'number' | 'flag';
}

/** What an object of a source looks like inside. */
export interface FileShape {
  readonly format: 'ndjson' | 'firehose' | 'csv' | 'parquet';
  readonly compression: 'gzip' | 'zstd' | 'none';
  /** CSV only. */
  readonly delimiter?: string;
  /** CSV and Parquet only: all columns, in their order. */
  readonly columns?: readonly FileShapeColumn[];
}

/** Objects of one shape that a pipeline loads, and how. */
export interface LoadSource {
  /** The name of the pipeline's history source, or `archive` for what Firehose wrote. */
  readonly name: string;
  readonly bucket: 'history' | 'archive';
  /** An object belongs to the source whose glob its key matches. */
  readonly globs: readonly string[];
  /** What a key with other bytes than those loaded before means. */
  readonly overwritten: 'load-again' | 'alarm';
  readonly shape: FileShape;
  /**
   * Loads objects where they are. Placeholders: `run_id`; `manifest` (s3:// URL); `load_role`; `objects` (JSON text:
   * `[{bucket,key,etag,versionId,size}]`); `files` (JSON text: `[{url,etag}]`, what COPY must have read). Accepts only what the
   * warehouse's system views account for: every file with its etag, every line scanned as a row or an error.
   */
  readonly inPlace: Answering;
  /**
   * Loads files that nobody changes, in place of the objects that they hold: copies of versions, or what the function wrote itself. No system view is
   * asked. Placeholders: `run_id`, `manifest`, `load_role` and `objects` as above; `records`, how many the files have (-1 where nobody counted them);
   * `refused` (s3:// URL), a manifest of gzip JSON lines `{object_key, line, message, bytes}`, the lines of the objects that the files do not
   * have, bytes in base64 or missing; a row without `object_key` is none.
   */
  readonly exact: Answering;
  readonly scan: ScanPlan;
  readonly reload: ReloadPlan;
  /** For `inPlace` and for `exact`. */
  readonly raising: { readonly inPlace: RaisingPlan; readonly exact: RaisingPlan };
}

/** Finds the records that make the load of an object fail, and loads it without them. */
export interface RaisingPlan {
  /** Placeholders: `manifest`, `load_role`, and `raised`, the records that are known and not searched. */
  readonly search: SearchPlan;
  /**
   * As the load, but that the records of `raised` (JSON text: `[{key,reason}]`), with the keys of the search, become rejects before anything is typed.
   */
  readonly load: Answering;
}

/**
 * One transaction that changes all or nothing: nothing also, though it finishes, where its answer says so.
 */
export interface Answering {
  readonly statements: readonly StatementTemplate[];
  /**
   * Which of the statements, from 0, has a row with what was found: `accepted` (1 or 0); `known`, how many of the objects are in the ledger; `unseen`
   * files of which the warehouse does not show what was read; `changed` files that were not read with their etags; `staged` rows that COPY made;
   * `refused` lines that it could not read; `expected`, the rows that it should have made.
   */
  readonly answer: number;
}

/** Finds the lines of exact files that COPY cannot read. */
export interface ScanPlan {
  /** One transaction that changes nothing. Placeholders: `manifest`, `load_role`. */
  readonly statements: readonly StatementTemplate[];
  /** Which of the statements, from 0, has the row `query_id, copied`. */
  readonly answer: number;
  /** Rows `url, line, message, scanned` of that COPY: a line that it could not read, and the lines of all files. Placeholder: `query_id`. */
  readonly lines: StatementTemplate;
}

/**
 * Loads the objects of a run again, all together, and puts what they give by now in the place of the run's rows. Placeholders: those of the load, and
 * `replaced`, the run whose rows go; `run_id` is the one that takes its place and `objects` are all of the run. The answer has in addition
 * the rows of the run `before` and `now`, and `lost`, the events of the run that would be none any longer; its `known` is 1 where the ledger has just
 * these objects of the run.
 */
export interface ReloadPlan {
  readonly inPlace: Answering;
  readonly exact: Answering;
}

/** Where the rejects of loads came from. */
export interface OriginsPlan {
  /**
   * Rejects of the runs that loaded `objects`. Those without a line, equal payloads of a run together: `run_id, digest, copies, payload`
   * (JSON text). Those of lines that COPY could not read, without their bytes: `run_id, object_key` (s3:// URL)`, line`. Placeholder: `objects`.
   */
  readonly missing: StatementTemplate;
  /** Rows `run_id, bucket, object_key, etag, version_id, size` of all objects of these runs. Placeholder: `objects`. */
  readonly objects: StatementTemplate;
  /** One transaction. Placeholders: `run_id`, `places` (JSON text: `[{digest,copy,url,line}]`, copies from 1). */
  readonly place: readonly StatementTemplate[];
  /** One transaction. Placeholders: `run_id`, `texts` (JSON text: `[{url,line,bytes}]`, bytes in base64). */
  readonly keep: readonly StatementTemplate[];
}

/** `plan.json` beside the bundle. `objects` is the same JSON text everywhere. */
export interface LoadPlan {
  readonly pipeline: string;
  /** The sources of the history bucket, then `archive`, whose objects are loaded on demand only. */
  readonly sources: readonly LoadSource[];
  /** Rows `object_key, etag` of those of `objects` that are in the ledger. Placeholder: `objects`. */
  readonly loaded: StatementTemplate;
  /** Rows `object_key` of those of `objects` whose key is in the ledger with other etags only. Placeholder: `objects`. */
  readonly overwritten: StatementTemplate;
  /** Rows `object_key` of those of `objects` that are set aside. Placeholder: `objects`. */
  readonly parked: StatementTemplate;
  /** Sets objects aside, once each. Placeholders: `objects`, `reason`. */
  readonly park: StatementTemplate;
  /** Takes objects back. Placeholder: `objects`. */
  readonly unpark: StatementTemplate;
  readonly origins: OriginsPlan;
  /** Rows `bucket, object_key, etag, version_id, size` of all objects that a run loaded. Placeholder: `run_id`. */
  readonly runObjects: StatementTemplate;
}
