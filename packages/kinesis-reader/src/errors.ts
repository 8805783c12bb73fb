/** A shard whose unread records may have expired. */
export interface Gap {
  readonly shardId: string;
  /** The moment up to which everything was read. Absent if the shard was never read. */
  readonly readUntil?: Date;
  /** The oldest moment that the stream still retains. */
  readonly oldest: Date;
}

/** A shard's position is older than the stream's retention, so records may be missing. `onGap: 'skip'` reads on. */
export class GapError extends Error {
  override readonly name = 'GapError';
  constructor(
    readonly stream: string,
    readonly gap: Gap,
  ) {
    super(
      `${stream}: shard ${gap.shardId} was read until ${gap.readUntil?.toISOString() ?? 'its beginning'}, but the stream ` +
        `holds nothing older than ${gap.oldest.toISOString()}; records between may be lost (onGap: 'skip' reads on)`,
    );
  }
}

/** The stream was deleted and recreated since the state was saved, so the saved positions are meaningless. */
export class StreamReplacedError extends Error {
  override readonly name = 'StreamReplacedError';
  constructor(stream: string, saved: string, found: string) {
    super(
      `${stream} was created at ${found}, but the state is of a stream of this name created at ${saved}; ` +
        'remove the state to read the new stream from its start',
    );
  }
}

/** The stream cannot be read with these options or credentials. Nothing was saved. */
export class ReadError extends Error {
  override readonly name = 'ReadError';
}

/**
 * The saved state cannot be used: it belongs to another stream or a newer version, is damaged, or is in use. Nothing
 * was overwritten.
 */
export class StateError extends Error {
  override readonly name = 'StateError';
}

/** `decode` could not decode a payload, and `undecodable` is 'throw'. */
export class UndecodableError extends Error {
  override readonly name = 'UndecodableError';
  constructor(
    readonly shardId: string,
    readonly sequenceNumber: string,
    cause: unknown,
  ) {
    super(`record ${sequenceNumber} of ${shardId} cannot be decoded: ${reason(cause)}`, { cause });
  }
}

export const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
