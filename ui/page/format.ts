const groups = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 });

export const grouped = (value: number) => groups.format(value);
export const plural = (amount: number, noun: string) => `${grouped(amount)} ${noun}${amount === 1 ? '' : 's'}`;

export function bytes(amount: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = amount;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** All times are UTC, as in the warehouse. */
export const timeOf = (epochMs: number) => new Date(epochMs).toISOString().slice(11, 19);
export const minuteOf = (epochMs: number) => new Date(epochMs).toISOString().slice(0, 16).replace('T', ' ');

export const ago = (epochMs: number, now: number) => (now - epochMs < 1500 ? 'now' : `${spanOf(now - epochMs)} ago`);

/** `45 s`, `12 min`, `7 h`, `3 days`. */
export function spanOf(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
