import type { FaultScript, Kill } from '../../local/faults';

/** Events of consecutive numbers: see `lineOf`. */
export interface Span {
  readonly from: number;
  readonly count: number;
}

/** Something that the world, or an operator, does. */
export type Action =
  | { readonly do: 'put'; readonly events: readonly Span[] }
  /** To a key of its own or one that was there: a new version, perhaps of the same bytes. */
  | { readonly do: 'upload'; readonly key: number; readonly events: readonly Span[]; readonly poison?: boolean }
  /** So many objects at once, under the keys from this one on. */
  | { readonly do: 'uploads'; readonly key: number; readonly objects: number; readonly events: readonly Span[] }
  /** Records that the stream took, counted from its first, as an object in the archive's envelope. */
  | { readonly do: 'envelope'; readonly key: number; readonly records: Span }
  /** The bytes of the current version once more. */
  | { readonly do: 'again'; readonly key: number }
  /** The bytes of the current version under another key. */
  | { readonly do: 'copy'; readonly key: number; readonly to: number }
  | { readonly do: 'delete'; readonly key: number }
  /** What the schedules do. */
  | { readonly do: 'tick' }
  | { readonly do: 'reconcile' }
  | { readonly do: 'export' }
  /** From the archive, by the command. */
  | { readonly do: 'backfill' }
  /** Firehose delivers its last object twice. */
  | { readonly do: 'archive twice' }
  | { readonly do: 'pass'; readonly minutes: number }
  | { readonly do: 'split' }
  | { readonly do: 'merge' }
  | { readonly do: 'pause' }
  | { readonly do: 'resume' };

export interface Scenario {
  readonly actions: readonly Action[];
  /** By action: the next one follows after so many turns of the event loop. @default - when all that it caused is done, as far as it needs no clock */
  readonly turns?: readonly (number | undefined)[];
  /** Of the stream. @default - a year */
  readonly retentionHours?: number;
  readonly faults: FaultScript;
  /** By function, or `backfill` for the command: what happens to its nth invocation. */
  readonly kills: Readonly<Record<string, readonly (Kill | undefined)[]>>;
}

/** Keys from this on are of the source that must not be overwritten. */
export const firstOnceKey = 6;
/** One more than the last. */
export const keys = 8;

/** With characters that events of S3 encode. */
export const keyOf = (key: number) => (key < firstOnceKey ? `in/a+b ${key}.gz` : `once/é/${key}.gz`);
export const envelopeKey = (key: number) => `envelopes/${key}.gz`;
export const mustNotBeOverwritten = (key: string) => key.startsWith('once/');

export const numbersOf = (spans: readonly Span[]) =>
  spans.flatMap(({ from, count }) => Array.from({ length: count }, (_, index) => from + index));
