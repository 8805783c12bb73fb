import { hasForm } from './forms';
import { isSkip } from './skip-reason';
import { isWaiting } from './waiting';

/**
 * SQL condition on `rejects`: a record of the source that arrives at the reject's position replaces the reject.
 * - A record that streaming ingestion skipped is replaced by its bytes, from either source: see skips.ts.
 * - A record that waits to be decoded is replaced by its first part, which the load function brings like a line of the
 *   archive.
 * - An aggregate of the Kinesis Producer Library is replaced by its first user record, from the archive only. Firehose
 *   splits aggregates, so the archive has the user records. Streaming ingestion does not split them, so the stream has
 *   only the aggregate again.
 */
export const givesWay = (source: 'stream' | 'archive', of = '') =>
  source === 'stream' ? isSkip(of) : `(${isSkip(of)} or ${isWaiting(of)} or ${hasForm('aggregate', of)})`;
