import { asArray, asRecord, asText, asTime } from './parse';

/** Object of the work bucket that says which run the pipeline's views come from. */
export const freshnessKey = (pipeline: string) => `freshness/${pipeline}.json`;

/**
 * Written by the refresh function before it refreshes the first view of a run and after the last one, each time on condition that nobody wrote
 * since it was read. An entry of `open` leaves only together with a new `done`, so the pair of `run` and `refreshedAt` names one state of the views.
 * An answer that was computed between two reads with this pair and with no open run is exact for `done`.
 */
export interface Freshness {
  readonly pipeline: string;
  /** The last run that finished its views. @default - none has yet */
  readonly done?: FinishedRun;
  /** Runs that may be refreshing views now, the oldest first. */
  readonly open: readonly { readonly run: string; readonly since: string }[];
}

export interface FinishedRun {
  readonly run: string;
  /** When the run's views were complete, ISO 8601 in UTC with milliseconds. Later than that of every `done` before. */
  readonly refreshedAt: string;
  /** Events that arrived before it are in the views, ISO 8601 in UTC. @default - unknown */
  readonly completeUntil?: string;
  /** Names of views that the run could not refresh. Their rows are of an earlier run. */
  readonly failed: readonly string[];
}

/** Undefined for a text that is no such document: it then counts as lost. */
export function parseFreshness(text: string): Freshness | undefined {
  try {
    const { pipeline, done, open } = asRecord(JSON.parse(text), 'freshness');
    return {
      pipeline: asText(pipeline, 'pipeline'),
      ...(done === undefined ? {} : { done: parseDone(done) }),
      open: asArray(open, 'open').map((entry) => {
        const { run, since } = asRecord(entry, 'open');
        return { run: asText(run, 'run'), since: asIso(since, 'since') };
      }),
    };
  } catch {
    return undefined;
  }
}

function parseDone(value: unknown): FinishedRun {
  const { run, refreshedAt, completeUntil, failed } = asRecord(value, 'done');
  return {
    run: asText(run, 'run'),
    refreshedAt: asIso(refreshedAt, 'refreshedAt'),
    ...(completeUntil === undefined ? {} : { completeUntil: asIso(completeUntil, 'completeUntil') }),
    failed: asArray(failed, 'failed').map((view) => asText(view, 'failed')),
  };
}

const asIso = (value: unknown, field: string) => new Date(asTime(value, field)).toISOString();
