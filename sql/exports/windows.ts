import type { WindowLength } from '../../lambda/export/contract';
import type { ExportContent } from '../../pipelines/definition';

/** The length of an export's windows, or the interval of a snapshot. */
export const windowOf = (content: ExportContent): WindowLength =>
  content.kind === 'snapshot' ? content.every : content.window;

/** A day or a time in UTC as epoch milliseconds; NaN for anything else. */
export function sinceTime(since: string): number {
  return /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z)?$/.test(since) ? Date.parse(since) : Number.NaN;
}

/** SQL for the start of a time's window, equal to `windowStart`: DATE_TRUNC begins weeks on Monday. */
export function windowStartOf(time: string, window: WindowLength): string {
  if (typeof window === 'string') return `date_trunc('${window}', ${time})`;
  const day = `date_trunc('day', ${time})`;
  const minutes = `datediff(minute, ${day}, ${time})`;
  return `dateadd(minute, ${minutes} - mod(${minutes}, ${window.minutes}), ${day})`;
}
