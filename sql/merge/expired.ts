import { quoteLiteral } from '../../lambda/shared/quote';
import type { ResolvedPipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { expiryTime } from '../tables/retention';

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

/** SQL condition on `incoming`: the record is too old. Undefined if events do not expire. */
export const isExpiredRecord = ({ retention }: ResolvedPipeline): string | undefined =>
  retention?.events && `reason = ${expiredReason}`;

/** SQL condition on `incoming`: the record is a reject. */
export const isReject = (pipeline: ResolvedPipeline): string => {
  const expired = isExpiredRecord(pipeline);
  return `reason is not null${expired ? ` and not ${expired}` : ''}`;
};

/** SQL that selects the rows of `skipped` for expired records. Undefined if events do not expire. */
export function expiredRows(pipeline: ResolvedPipeline, more: readonly string[]): string | undefined {
  const expired = isExpiredRecord(pipeline);
  if (expired === undefined) return undefined;
  const place = placeColumns.map((name) => (expiredItems.includes(name) ? name : `null::varchar(256) as ${name}`));
  return `select ${['source', ...place, 'reason', ...more].join(', ')}, ${quoteLiteral(pipeline.retention!.version)}, {{run_id}}, getdate()
from ${pipeline.temporary.incoming}
where ${expired}`;
}
