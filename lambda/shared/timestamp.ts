/** A timestamp without time zone for Redshift: `2026-11-21 05:00:00`, in UTC. */
export const formatTimestamp = (epochMs: number) => new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ');

/** Epoch milliseconds of a timestamp from the Data API, cut to milliseconds. Undefined for null. */
export function parseTimestamp(value: unknown, field: string): number | undefined {
  if (value === null) return undefined;
  const match = typeof value === 'string' ? /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d{1,3})?\d*$/.exec(value) : null;
  const time = match ? Date.parse(`${match[1]}T${match[2]}${match[3] ?? ''}Z`) : Number.NaN;
  if (Number.isNaN(time))
    throw new Error(`${field} must be a timestamp as in 2026-11-21 05:00:00, got ${JSON.stringify(value)}`);
  return time;
}
