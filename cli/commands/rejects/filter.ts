import type { Values } from '../../../lambda/shared/statement';
import { Failure } from '../../failure';
import { warehouseText } from '../context';

export const sources = ['stream', 'archive', 'history'] as const;

/** Which rejects are meant; without any of them, all. */
export interface RejectFilter {
  /** A part of the reason. */
  readonly reason?: string;
  readonly source?: (typeof sources)[number];
  /** Rejected then or later, epoch milliseconds. */
  readonly since?: number;
  /** Rejected before. */
  readonly until?: number;
  /** Where one came from. */
  readonly id?: RejectId;
}

/** A record's place: shard and sequence number, or object and line. */
export interface RejectId {
  readonly container: string;
  readonly place?: string;
}

/**
 * A parser for commander: `<shard>,<sequence number>` or `<object>,<line>` as the list shows them, or the shard or the object alone.
 * @throws Failure with what is allowed
 */
export function rejectId(flag: string): (value: string) => RejectId {
  return (value) => {
    const [, container, place] =
      /^(.*?)(?:, *(?:line )?(\d+))?$/s.exec(value.replace(/^(?:stream|archive|history), /, '')) ?? [];
    // a line is a bigint of the warehouse
    const fits = place === undefined || !value.includes('s3://') || place.length <= 18;
    if (container && fits && (/^shardId-\d+$/.test(container) || /^s3:\/\/[^/]+\/./s.test(container)))
      return { container, ...(place === undefined ? {} : { place }) };
    throw new Failure(
      `${flag} must be <shard>,<sequence number> or s3://<bucket>/<key>,<line> as rejects shows them, or one without its number, got '${value}'`,
      2,
    );
  };
}

/** SYS_LOAD_ERROR_DETAIL cuts the names of files after so many characters. */
const NAME_LENGTH = 256;

/** A condition on the columns of `rejects`, and the values of its placeholders. Undefined: all rejects. */
export function conditionOf({ reason, source, since, until, id }: RejectFilter): {
  readonly sql?: string;
  readonly values: Values;
} {
  const parts: string[] = [];
  const values: Record<string, string> = {};
  const add = (sql: string, more: Readonly<Record<string, string>>) => {
    parts.push(sql);
    Object.assign(values, more);
  };
  // a text that is searched for is no pattern
  if (reason !== undefined) add('strpos(reason, {{reason}}) > 0', { reason });
  if (source !== undefined) add('source = {{source}}', { source });
  if (since !== undefined) add('merged_at >= {{since}}::timestamp', { since: warehouseText(since) });
  if (until !== undefined) add('merged_at < {{until}}::timestamp', { until: warehouseText(until) });
  if (id !== undefined) {
    const { container, place } = id;
    if (container.startsWith('s3://'))
      add('object_key in ({{object}}, {{cut}})', { object: container, cut: container.slice(0, NAME_LENGTH) });
    else add('shard_id = {{shard}}', { shard: container });
    if (place !== undefined)
      add(container.startsWith('s3://') ? 'line = {{place}}::bigint' : 'sequence_number = {{place}}', { place });
  }
  return { ...(parts.length === 0 ? {} : { sql: parts.join(' and ') }), values };
}
