import { quoteLiteral } from '../../lambda/shared/quote';
import type { ResolvedPipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { forgottenFilter } from '../tables/forgotten';
import { expiryTime } from '../tables/retention';
import { forgottenReason } from './forgotten';

/**
 * Records that are older than the retention when they arrive. They become neither events nor duplicates, because the
 * retention would delete them at once. Each becomes a row of `skipped` without its payload, like the rows that the
 * retention deletes: see `refresh/expire.ts`. In `incoming` they have this reason. No reason of a reject is equal to it.
 */
const expiredReason = quoteLiteral('expired on arrival');

/** Select items of a row of `skipped`. A partition key may name a person, so it is not kept. */
export const expiredItems = ['source', ...placeColumns.filter((name) => name !== 'partition_key')];

/** SQL condition: the retention deletes an event. Undefined if it deletes none. @param time SQL for the event's time */
const isOld = ({ retention }: ResolvedPipeline, time: (of: { name: string; stored: string }) => string) =>
  retention?.events && `${time(retention.events)} < ${expiryTime(retention.events.days)}`;

/** SQL condition on `events`: see `isOld`. */
export const isOldEvent = (pipeline: ResolvedPipeline, of = '') => isOld(pipeline, ({ stored }) => `${of}${stored}`);

/** SQL for the reasons of a typed row that has none but is too old. Undefined if events do not expire. */
export function expiredReasons(pipeline: ResolvedPipeline): string | undefined {
  const old = isOld(pipeline, ({ name }) => name);
  return old && `case when ${old} then ${expiredReason} end`;
}

/**
 * SQL condition on `incoming`: the record is too old, or of a forgotten subject. Only its position is kept. Undefined if
 * the pipeline has no such records.
 */
export function isDroppedRecord({ retention, subject }: ResolvedPipeline): string | undefined {
  const reasons = [...(retention?.events ? [expiredReason] : []), ...(subject.length > 0 ? [forgottenReason] : [])];
  if (reasons.length === 0) return undefined;
  return reasons.length === 1 ? `reason = ${reasons[0]}` : `reason in (${reasons.join(', ')})`;
}

/** SQL condition on `incoming`: the record is a reject. */
export const isReject = (pipeline: ResolvedPipeline): string => {
  const dropped = isDroppedRecord(pipeline);
  return `reason is not null${dropped ? ` and not ${dropped}` : ''}`;
};

/** SQL that selects the rows of `skipped` for expired and forgotten records. Undefined if the pipeline has none. */
export function droppedRows(pipeline: ResolvedPipeline, more: readonly string[]): string | undefined {
  const dropped = isDroppedRecord(pipeline);
  if (dropped === undefined) return undefined;
  const place = placeColumns.map((name) => (expiredItems.includes(name) ? name : `null::varchar(256) as ${name}`));
  return `select ${['source', ...place, 'reason', ...more].join(', ')}, ${filterOf(pipeline)}, {{run_id}}, getdate()
from ${pipeline.temporary.incoming}
where ${dropped}`;
}

/** SQL for the `filter` of a dropped record. */
function filterOf({ retention, subject }: ResolvedPipeline): string {
  const forgotten = quoteLiteral(forgottenFilter);
  if (!retention?.events) return forgotten;
  const expired = quoteLiteral(retention.version);
  return subject.length === 0 ? expired : `case when reason = ${forgottenReason} then ${forgotten} else ${expired} end`;
}
