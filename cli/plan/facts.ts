/** A time without records: the stream dropped them before they were read, and no backfill has closed the gap. */
export interface OpenGap {
  readonly from: string;
  readonly to: string;
}

export interface PipelineFacts {
  /** Everything that arrived before this time is merged; epoch milliseconds. Null before the first merge. */
  readonly mergedUntil: number | null;
  readonly gaps: readonly OpenGap[];
}

/** Facts about a pipeline whose identity becomes a finer one. */
export interface RebuildFacts {
  readonly duplicates: number;
  /** Number of those duplicates whose payload the landing view has. */
  readonly landed: number;
}

/** What a new retention would delete: rows, and objects of the archive. Null where that is not known. */
export interface ExpiryFacts {
  readonly events: number | null;
  readonly rejects: number | null;
  readonly objects: number | null;
}

/** Facts that the warehouse reports. */
export interface Facts {
  /** The warehouse's time, in epoch milliseconds. */
  readonly now: number;
  /** Number of rows by relation. */
  readonly rows: ReadonlyMap<string, number>;
  readonly pipelines: ReadonlyMap<string, PipelineFacts>;
  /** Rebuilds by pipeline. */
  readonly rebuilds: ReadonlyMap<string, RebuildFacts>;
  /** What changed retentions would delete, by pipeline. */
  readonly expiries: ReadonlyMap<string, ExpiryFacts>;
  /** Reasons why the deployment would refuse a landing view, by the name of the new view. */
  readonly losses: ReadonlyMap<string, string>;
}
