/** A time without records: nobody read them before the stream forgot them, and no backfill has closed it. */
export interface OpenGap {
  readonly from: string;
  readonly to: string;
}

export interface PipelineFacts {
  /** Whatever arrived before is merged; epoch milliseconds. Null before the first merge. */
  readonly mergedUntil: number | null;
  readonly gaps: readonly OpenGap[];
}

/** Of a pipeline whose identity becomes a finer one. */
export interface RebuildFacts {
  readonly duplicates: number;
  /** How many of them the landing view has with their payload. */
  readonly landed: number;
}

/** What the warehouse says when it is asked. */
export interface Facts {
  /** The warehouse's own time, in epoch milliseconds. */
  readonly now: number;
  /** Rows by relation. */
  readonly rows: ReadonlyMap<string, number>;
  readonly pipelines: ReadonlyMap<string, PipelineFacts>;
  /** By pipeline. */
  readonly rebuilds: ReadonlyMap<string, RebuildFacts>;
  /** By the name of a landing view that is to be created: why the deployment would refuse it. */
  readonly losses: ReadonlyMap<string, string>;
}
