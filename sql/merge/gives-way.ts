import type { StatementTemplate } from '../../lambda/shared/plan';
import type { ResolvedPipeline } from '../resolve';
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

/**
 * What a run does about the rejects that its new rejects replace, in a merge without `incoming`. The new ones are already
 * in the table, so only rejects of other runs are meant. Placeholder: `run_id`.
 * @param raised the relation with the positions of the new rejects
 */
export function replacedRejects(
  { tables: { rejects } }: ResolvedPipeline,
  source: 'stream' | 'archive',
  raised: string,
): {
  /** SQL for their count. Records that wait to be decoded were not counted as rejects. */
  readonly replaced: string;
  /** Deletes them. */
  readonly replace: readonly StatementTemplate[];
} {
  const isReplaced = (of: string) =>
    `${raised}.shard_id = ${of}shard_id and ${raised}.sequence_number = ${of}sequence_number and ${givesWay(source, of)} and ${of}run_id <> {{run_id}}`;
  return {
    replaced: `(select count(*) from ${rejects} r inner join ${raised} on ${isReplaced('r.')} where not (${isWaiting('r.')}))`,
    replace: [
      `delete from ${rejects}
using ${raised}
where ${isReplaced(`${rejects}.`)}`,
    ],
  };
}
