import type { FaultScript, Kill } from '../../local/faults';

/** Events with consecutive numbers: see `lineOf`. */
export interface Span {
  readonly from: number;
  readonly count: number;
}

/** An action of the outside world or of an operator. */
export type Action =
  | { readonly do: 'put'; readonly events: readonly Span[] }
  /** Uploads to a new key, or to an existing one, which gets a new version, perhaps with the same bytes. */
  | { readonly do: 'upload'; readonly key: number; readonly events: readonly Span[]; readonly poison?: boolean }
  /** Uploads several objects at once, under consecutive keys from `key`. */
  | { readonly do: 'uploads'; readonly key: number; readonly objects: number; readonly events: readonly Span[] }
  /** Uploads records of the stream, counted from its first, as an object in the archive's envelope. */
  | { readonly do: 'envelope'; readonly key: number; readonly records: Span }
  /** Uploads the bytes of the current version again. */
  | { readonly do: 'again'; readonly key: number }
  /** Uploads the bytes of the current version under another key. */
  | { readonly do: 'copy'; readonly key: number; readonly to: number }
  | { readonly do: 'delete'; readonly key: number }
  /** The schedules fire. */
  | { readonly do: 'tick' }
  | { readonly do: 'reconcile' }
  | { readonly do: 'export' }
  /** An operator runs the backfill command for the archive. */
  | { readonly do: 'backfill' }
  /** An operator runs the command that forgets a subject: the id of the event with this number. */
  | { readonly do: 'forget'; readonly event: number }
  /** Firehose delivers its last object twice. */
  | { readonly do: 'archive twice' }
  | { readonly do: 'pass'; readonly minutes: number }
  | { readonly do: 'split' }
  | { readonly do: 'merge' }
  | { readonly do: 'pause' }
  | { readonly do: 'resume' };

/** The end of an invocation: it is killed, or its call hangs until it times out. */
export interface Stop extends Kill {
  readonly hangs?: true;
}

export interface Scenario {
  readonly actions: readonly Action[];
  /**
   * Turns of the event loop between an action and the next one, by action.
   * @default - the next action waits until all work is done that does not need the clock to move
   */
  readonly turns?: readonly (number | undefined)[];
  /** Retention of the stream. @default - a year */
  readonly retentionHours?: number;
  readonly faults: FaultScript;
  /** Kills by function, or by `backfill` and `forget` for the commands. Entry n is for the nth invocation. */
  readonly kills: Readonly<Record<string, readonly (Stop | undefined)[]>>;
  /**
   * Milliseconds by which a function's clock is ahead, by function. Entry n is for the nth invocation, so a clock may
   * step back from one invocation to the next. @default - all clocks are right
   */
  readonly clocks?: Readonly<Record<string, readonly (number | undefined)[]>>;
  /**
   * Room in bytes on the disk of the local stores, by action. Undefined: there is enough, as after the last action.
   * @default - there is always enough
   */
  readonly disk?: readonly (number | undefined)[];
  /** The functions' calls of S3 that are answered with 503 SlowDown, in the order of all their calls. @default - none */
  readonly slowDowns?: readonly (true | undefined)[];
}

/** The first key of the source whose objects must not be overwritten. */
export const firstOnceKey = 6;
/** The number of keys. */
export const keys = 8;

/** Returns a key with characters that S3 event notifications encode. */
export const keyOf = (key: number) => (key < firstOnceKey ? `in/a+b ${key}.gz` : `once/é/${key}.gz`);
export const envelopeKey = (key: number) => `envelopes/${key}.gz`;
export const mustNotBeOverwritten = (key: string) => key.startsWith('once/');

export const numbersOf = (spans: readonly Span[]) =>
  spans.flatMap(({ from, count }) => Array.from({ length: count }, (_, index) => from + index));
