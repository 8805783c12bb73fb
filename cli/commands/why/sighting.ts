/** The places where an event can be, in the order in which it passes them. */
export const places = [
  'stream',
  'landing',
  'archive',
  'history',
  'queue',
  'staged',
  'rejects',
  'skipped',
  'duplicates',
  'events',
  'view',
  'export',
] as const;
export type Place = (typeof places)[number];

/** A place, and whether the event is there. */
export interface Sighting {
  readonly place: Place;
  /** `unknown`: the place was not searched, or not all of it. */
  readonly found: 'yes' | 'no' | 'unknown';
  /** One line for a person. */
  readonly what: string;
  /** The facts of that line, as fields. */
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

export const yes = (place: Place, what: string, facts: Sighting['facts'] = {}): Sighting => ({
  place,
  found: 'yes',
  what,
  facts,
});
export const no = (place: Place, what: string, facts: Sighting['facts'] = {}): Sighting => ({
  place,
  found: 'no',
  what,
  facts,
});
export const unknown = (place: Place, what: string, facts: Sighting['facts'] = {}): Sighting => ({
  place,
  found: 'unknown',
  what,
  facts,
});

/** A record's position on the stream. */
export interface Position {
  readonly shard: string;
  /**
   * A later user record of an aggregated record has its subsequence number after a colon (decision 30). A later object
   * of several has its index after a slash (decision 34), and a later event of an array after a point (decision 33).
   */
  readonly sequenceNumber: string;
  /** Epoch milliseconds; undefined if not known. */
  readonly arrivedAt?: number;
}

/** Returns the sequence number of a position in the stream and in the landing view. */
export const streamSequence = ({ sequenceNumber }: Position): string => sequenceNumber.split(/[:/.]/)[0]!;

/** Limits of a search. A place beyond them counts as not fully searched. */
export interface Bounds {
  /** Epoch milliseconds. */
  readonly since?: number;
  readonly until?: number;
  /** Number of stream records. */
  readonly records: number;
  /** Number of object bytes, compressed. */
  readonly bytes: number;
  /** True searches the history even if no load has the event. @default false */
  readonly everywhere?: boolean;
  /** True inspects the load function's queues even if that counts as a delivery. @default false */
  readonly look?: boolean;
}
