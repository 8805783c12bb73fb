import type { Pipeline } from '../../pipelines/definition';
import type { ResolvedPipeline } from '../resolve';
import { formsOf } from './forms';

/** Whether records of a pipeline's stream may wait for the load function to decode them. */
export const decodes = ({ stream }: Pick<Pipeline, 'stream'>) => formsOf(stream.records).length > 0;

/** SQL condition on `rejects`: the record waits for the load function to decode it. */
export const isWaiting = (of = '') => `${of}decode_after is not null`;

/** Hours for which a record that waits to be decoded holds back the time up to which all records are merged. */
const heldBackHours = 1;

/** SQL condition on `rejects`: the record waits and holds back that time. */
export const holdsBack = `(${isWaiting()} and arrived_at > dateadd(hour, -${heldBackHours}, getdate()))`;

/**
 * SQL for the time up to which all records are merged. Records that wait to be decoded are not, so the time is not later
 * than their arrival. It never goes back.
 * @param until SQL for the time without such records
 */
export const heldBack = (pipeline: ResolvedPipeline, until: string) =>
  decodes(pipeline.definition)
    ? `greatest(
    least(${until}, (select min(arrived_at) from ${pipeline.tables.rejects} where ${holdsBack})),
    (select max(merged_until) from ${pipeline.tables.checkpoints} where ${pipeline.ofIdentity})
  )`
    : until;
