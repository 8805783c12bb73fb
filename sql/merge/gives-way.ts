import { isAggregate } from './parsing';
import { isSkip } from './skip-reason';

/**
 * SQL condition on `rejects`: the reject gives way to a record of the source that arrives at its position.
 * - A record that streaming ingestion skipped gives way to its bytes, from either source: see skips.ts.
 * - An aggregate of the Kinesis Producer Library gives way to its first user record. Firehose takes aggregates apart, so
 *   the archive has the user records. Streaming ingestion does not, so the stream has the aggregate once more.
 */
export const givesWay = (source: 'stream' | 'archive', of = '') =>
  source === 'stream' ? isSkip(of) : `(${isSkip(of)} or ${isAggregate(of)})`;
