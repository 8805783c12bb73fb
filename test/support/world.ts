import { createHash } from 'node:crypto';

/** Where on the stream a record is. */
export interface Position {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  /** Epoch milliseconds. */
  readonly arrivedAt: number;
}

/** A record that the stream took. */
export interface StreamRecord extends Position {
  readonly line: string;
}

/** One version of an object that was uploaded. */
export interface Uploaded {
  readonly key: string;
  readonly etag: string;
  readonly lines: readonly string[];
  /** Of an object in the archive's envelope: which record of the stream each line is. */
  readonly records?: readonly StreamRecord[];
  /** Cannot be read. */
  readonly poison: boolean;
  /** At least one notification reached, or will reach, the queue. */
  readonly notified: boolean;
}

/** What the world did, for comparison. */
export interface Truth {
  readonly stream: readonly StreamRecord[];
  readonly uploads: readonly Uploaded[];
  /** The versions that are there at the end, by key. */
  readonly current: ReadonlyMap<string, Uploaded>;
  /** Keys of all that Firehose wrote, or that was copied beside it. */
  readonly archived: readonly string[];
  /** Ids of events whose records make every statement fail that types them. */
  readonly raising: readonly string[];
}

/** An event with the values that its columns must have. */
export interface Event {
  readonly id: string;
  readonly amount: number | null;
  /** As the warehouse writes it. */
  readonly at: string;
}

const firstMs = Date.UTC(2026, 10, 20);
const stepMs = 11 * 60_000;
const momentOf = (number: number) => new Date(firstMs + number * stepMs);

/**
 * The line of an event of this number: one in twenty is not JSON, one has a value that does not fit its column, one has no id, and one has
 * a column without a value.
 * @param copy names this very arrival of the event, so that a row tells which one it is
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

/** What the merge has to make of a line: an event, or a reject with its reason. @param raising as of `Truth` */
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

/** What the local warehouse says of such a record. */
const raised = 'raised: ERROR: Numeric data overflow (result precision)';

/** The reason of a record of the stream; that of an object's line begins with `payload: ` and is COPY's. */
export const notJson =
  'payload: not JSON that SUPER takes: malformed, an attribute twice in an object, more than 1,000 levels, half a surrogate pair, or a number out of range';

/** The identity of an event with this id: the SHA-256 of the id behind its length. */
export const eventIdOf = (id: string) =>
  createHash('sha256')
    .update(`${Buffer.byteLength(id)}:${id}`)
    .digest('hex');

/** Epoch milliseconds as the warehouse writes a timestamp: without the zeros at the end of its fraction. */
export function timestampText(epochMs: number): string {
  const [whole, fraction = ''] = new Date(epochMs).toISOString().slice(0, 23).replace('T', ' ').split('.');
  const kept = fraction.replace(/0+$/, '');
  return kept === '' ? whole! : `${whole}.${kept}`;
}
