/** The places where an event can be, in the order in which it comes through them. */
export const places = [
  'stream',
  'landing',
  'archive',
  'history',
  'queue',
  'staged',
  'rejects',
  'duplicates',
  'events',
  'view',
  'export',
] as const;
export type Place = (typeof places)[number];

/** One place, and whether the event is there. */
export interface Sighting {
  readonly place: Place;
  /** `unknown`: it was not looked for, or not everywhere. */
  readonly found: 'yes' | 'no' | 'unknown';
  /** One line for a person. */
  readonly what: string;
  /** The facts of that line. */
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

/** A record's place on the stream. */
export interface Position {
  readonly shard: string;
  readonly sequenceNumber: string;
  /** Epoch milliseconds; undefined where it is not known. */
  readonly arrivedAt?: number;
}

/** How much is read at most before a place counts as not looked through. */
export interface Bounds {
  /** Epoch milliseconds. */
  readonly since?: number;
  readonly until?: number;
  /** Records of the stream. */
  readonly records: number;
  /** Bytes of objects, compressed as they are. */
  readonly bytes: number;
  /** Read the history also where nothing says that it brought the event. @default false */
  readonly everywhere?: boolean;
  /** Look into the queues of the load function also where that counts as a delivery. @default false */
  readonly look?: boolean;
}
