import type { Values } from '../../../lambda/shared/statement';
import { Failure } from '../../failure';
import { warehouseText } from '../context';

export const sources = ['stream', 'archive', 'history'] as const;

/** Selects rejects. Without any field, it selects all. */
export interface RejectFilter {
  /** Part of the reason. */
  readonly reason?: string;
  readonly source?: (typeof sources)[number];
  /** Earliest time of rejection, epoch milliseconds. */
  readonly since?: number;
  /** End of the time of rejection, exclusive, epoch milliseconds. */
  readonly until?: number;
  /** Place of one record, or a shard or an object. */
  readonly id?: RejectId;
}

/** A record's place: shard and sequence number, or object and line. */
export interface RejectId {
  readonly container: string;
  readonly place?: string;
}

/**
 * Creates a commander parser for `<shard>,<sequence number>` or `<object>,<line>`, as the list shows them, or the shard
 * or object alone.
 * @throws Failure that says what is allowed
 */
export function rejectId(flag: string): (value: string) => RejectId {
  return (value) => {
    const [, container, place] =
      /^(.*?)(?:, *(?:line )?(\d+(?::\d+)?(?:\/\d+)?(?:\.\d+)?))?$/s.exec(
        value.replace(/^(?:stream|archive|history), /, ''),
      ) ?? [];
    // The warehouse stores a line as bigint.
    const fits = place === undefined || !value.includes('s3://') || /^\d{1,18}$/.test(place);
    if (container && fits && (/^shardId-\d+$/.test(container) || /^s3:\/\/[^/]+\/./s.test(container)))
      return { container, ...(place === undefined ? {} : { place }) };
    throw new Failure(
      `${flag} must be <shard>,<sequence number> or s3://<bucket>/<key>,<line> as rejects shows them, or one without its number, got '${value}'`,
      2,
    );
  };
}

/** SYS_LOAD_ERROR_DETAIL cuts file names after this many characters. */
const NAME_LENGTH = 256;

/**
 * Returns a condition on the columns of `rejects`, and the values of its placeholders. Undefined selects all rejects.
 */
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
  // The text is searched for literally, not as a pattern.
  if (reason !== undefined) add('strpos(coalesce(reasons, reason), {{reason}}) > 0', { reason });
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
