/** How far a shard has been read. */
export interface ShardPosition {
  /** Sequence number of the last record that was read. Absent until the first. */
  readonly after?: string;
  /** Index of the last part that was read, if `after` is an aggregated record with unread parts. */
  readonly sub?: number;
  /** A time in ISO 8601. Everything that arrived in the shard up to this moment has been read. */
  readonly until?: string;
  /** The shard is closed and all of it has been read. */
  readonly ended?: true;
}

/** Where the read of a shard without a position starts. */
export type Start = 'beginning' | { readonly at: string };

/** Where the read of one shard starts. The types are those of GetShardIterator and SubscribeToShard. */
export type StartingPosition =
  | { readonly type: 'TRIM_HORIZON' }
  | { readonly type: 'AT_TIMESTAMP'; readonly timestamp: Date }
  | { readonly type: 'AT_SEQUENCE_NUMBER' | 'AFTER_SEQUENCE_NUMBER'; readonly sequenceNumber: string };

/**
 * Finds the starting position of a shard.
 * @param afterParent true if the shard's parent was read to its end and had records. Then all records of the child are
 * later than the start.
 */
export function startingPosition({ after, sub }: ShardPosition, start: Start, afterParent: boolean): StartingPosition {
  if (after !== undefined)
    return { type: sub === undefined ? 'AFTER_SEQUENCE_NUMBER' : 'AT_SEQUENCE_NUMBER', sequenceNumber: after };
  if (start === 'beginning' || afterParent) return { type: 'TRIM_HORIZON' };
  return { type: 'AT_TIMESTAMP', timestamp: new Date(start.at) };
}

/** Compares sequence numbers as numbers: they have up to 128 digits and differ in length. */
export function compareSequenceNumbers(a: string, b: string): number {
  if (a.length === b.length) return a < b ? -1 : a > b ? 1 : 0;
  const [left, right] = [BigInt(a), BigInt(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
