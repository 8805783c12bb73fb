import type { Days, Pipeline, Retention } from '../../pipelines/definition';
import { shortHash } from '../text/definition';
import { identifier } from '../text/identifier';
import { storedName } from './columns';

export const daysOf = (days: Days) => Number.parseInt(days, 10);

/** Begins the version of a retention, by which rows of `skipped` are known that a retention put there. */
const versionPrefix = 'expiry-';

/** What statements need to know about the retention of a pipeline. */
export interface ResolvedRetention {
  /** How long events are kept, and the column with their time as SQL writes it. @default - for good */
  readonly events?: { readonly days: number; readonly name: string; readonly stored: string };
  /** How long rejects are kept, in days. @default - for good */
  readonly rejectDays?: number;
  /** The `filter` of rows of `skipped` that this retention put there. Another retention judges their records again. */
  readonly version: string;
}

/** Undefined if the warehouse keeps everything. */
export function resolveRetention({
  retention,
  columns,
}: Pick<Pipeline, 'retention' | 'columns'>): ResolvedRetention | undefined {
  const { events, eventTime, rejects } = retention ?? {};
  if (events === undefined && rejects === undefined) return undefined;
  return {
    ...(events === undefined ? {} : { events: { days: daysOf(events), ...timeColumn(eventTime, columns) } }),
    ...(rejects === undefined ? {} : { rejectDays: daysOf(rejects) }),
    version: versionOf({ events, eventTime, rejects }),
  };
}

const versionOf = ({ events, eventTime, rejects }: Retention) =>
  `${versionPrefix}${shortHash(JSON.stringify([events ?? null, eventTime ?? null, rejects ?? null]))}`;

/** The names of the time in the merge and in the table. */
function timeColumn(eventTime: string | undefined, columns: Pipeline['columns']) {
  if (eventTime === undefined) return { name: 'arrived_at', stored: 'arrived_at' };
  const column = columns.find(({ name }) => name === eventTime);
  if (!column) throw new Error(`retention.eventTime names ${eventTime}, which is no column`);
  return { name: identifier(column.name), stored: identifier(storedName(column)) };
}

/**
 * SQL for the time before which rows have expired. It is the same in all statements of a transaction.
 * https://docs.aws.amazon.com/redshift/latest/dg/r_SYSDATE.html
 */
export const expiryTime = (days: number) => `dateadd(day, -${days}, sysdate)`;

/** SQL condition on `skipped`: the record, or its event, was older than a retention. */
export const isExpired = `filter like '${versionPrefix}%'`;
