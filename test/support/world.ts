import { createHash } from 'node:crypto';

/** The place of a record on the stream. */
export interface Position {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  /** Epoch milliseconds. */
  readonly arrivedAt: number;
}

/** A record that the stream accepted. */
export interface StreamRecord extends Position {
  readonly line: string;
}

/** One uploaded version of an object. */
export interface Uploaded {
  readonly key: string;
  readonly etag: string;
  readonly lines: readonly string[];
  /** The stream's record of each line, for an object in the archive's envelope. */
  readonly records?: readonly StreamRecord[];
  /** True if the object cannot be read. */
  readonly poison: boolean;
  /** True if at least one notification reached, or will reach, the queue. */
  readonly notified: boolean;
}

/** The facts of the outside world, with which the tables are compared. */
export interface Truth {
  readonly stream: readonly StreamRecord[];
  readonly uploads: readonly Uploaded[];
  /** The versions that exist at the end, by key. */
  readonly current: ReadonlyMap<string, Uploaded>;
  /** Keys of all objects that Firehose wrote, and of their copies. */
  readonly archived: readonly string[];
  /** Ids of events whose records make each statement fail that converts them to column types. */
  readonly raising: readonly string[];
  /** Ids of the events that were forgotten. */
  readonly forgotten: ReadonlySet<string>;
}

/** An event with the expected values of its columns. */
export interface Event {
  readonly id: string;
  readonly amount: number | null;
  /** A time in the warehouse's format. */
  readonly at: string;
}

const firstMs = Date.UTC(2026, 10, 20);
const stepMs = 11 * 60_000;
const momentOf = (number: number) => new Date(firstMs + number * stepMs);

/**
 * Returns the line of the event with this number. Of twenty lines one is not JSON, one has a value that does not fit
 * its column, one has no id, and one has a column without a value.
 * @param copy the name of this arrival of the event, which shows in a row which arrival it is
 */
export function lineOf(number: number, copy: string): string {
  const id = `e${number}`;
  const at = momentOf(number).toISOString();
  switch (number % 20) {
    case 19:
      return `{"id":"${id}", oops ${copy}`;
    case 18:
      return JSON.stringify({ id, amount: 'many', at, copy });
    case 17:
      return JSON.stringify({ amount: number, at, copy });
    case 16:
      return JSON.stringify({ id, at, copy });
    default:
      return JSON.stringify({ id, amount: number, at, copy });
  }
}

/** Returns the merge's expected result for a line: an event, or a reject with its reason. @param raising see `Truth` */
export function outcomeOf(
  line: string,
  raising: readonly string[] = [],
): { readonly event: Event } | { readonly reason: string } {
  let fields: { id?: string; amount?: number | string; at: string };
  try {
    fields = JSON.parse(line);
  } catch {
    return { reason: notJson };
  }
  const { id, amount = null, at } = fields;
  if (id === undefined) return { reason: 'id: missing' };
  if (raising.includes(id)) return { reason: raised };
  if (typeof amount === 'string') return { reason: 'amount: expected a number, got a string' };
  return { event: { id, amount, at: timestampText(Date.parse(at)) } };
}

/** The local warehouse's error for a record of a raising event. */
const raised = 'raised: ERROR: Numeric data overflow (result precision)';

/** The reject reason of a stream's record. The reason of an object's line is `payload: ` and COPY's error. */
export const notJson =
  'payload: not JSON that SUPER takes: malformed, an attribute twice in an object, more than 1,000 levels, half a surrogate pair, or a number out of range';

/** Returns the identity of an event with this id: the SHA-256 of the id's length, a colon and the id. */
export const eventIdOf = (id: string) =>
  createHash('sha256')
    .update(`${Buffer.byteLength(id)}:${id}`)
    .digest('hex');

/** Formats epoch milliseconds as the warehouse writes a timestamp: without trailing zeros in the fraction. */
export function timestampText(epochMs: number): string {
  const [whole, fraction = ''] = new Date(epochMs).toISOString().slice(0, 23).replace('T', ' ').split('.');
  const kept = fraction.replace(/0+$/, '');
  return kept === '' ? whole! : `${whole}.${kept}`;
}
