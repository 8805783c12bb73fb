/** As in the pipeline's definition: aligned in UTC, weeks from Monday, months from their first day. */
export type WindowLength = { readonly minutes: number } | 'hour' | 'day' | 'week' | 'month';

const minuteMs = 60_000;
const dayMs = 1440 * minuteMs;
const weekMs = 7 * dayMs;
/** The first Monday of the epoch: 1970-01-05. */
const mondayMs = 4 * dayMs;

/** Start of the window that a moment lies in, both in epoch milliseconds. */
export function windowStart(length: WindowLength, time: number): number {
  if (length === 'month') return monthStart(time, 0);
  if (length === 'week') return Math.floor((time - mondayMs) / weekMs) * weekMs + mondayMs;
  const step = fixedMs(length);
  const midnight = Math.floor(time / dayMs) * dayMs;
  return midnight + Math.floor((time - midnight) / step) * step;
}

/** End of the window that begins at `start`, which is the start of the next. */
export function windowEnd(length: WindowLength, start: number): number {
  if (length === 'month') return monthStart(start, 1);
  return start + (length === 'week' ? weekMs : fixedMs(length));
}

/** Minutes of the longest window of that length. */
export const longestMinutes = (length: WindowLength) =>
  length === 'month' ? 31 * 1440 : length === 'week' ? 7 * 1440 : fixedMs(length) / minuteMs;

/** `15 minutes`, `hour`, `month`. */
export const lengthText = (length: WindowLength) => (typeof length === 'string' ? length : `${length.minutes} minutes`);

function fixedMs(length: { readonly minutes: number } | 'hour' | 'day'): number {
  if (length === 'hour') return 60 * minuteMs;
  return length === 'day' ? dayMs : length.minutes * minuteMs;
}

function monthStart(time: number, monthsOn: number): number {
  const date = new Date(time);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + monthsOn, 1);
}
