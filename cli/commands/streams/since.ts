import { Failure } from '../../failure';
import { parseMoment } from '../context';

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A parser for commander: `beginning`, `latest`, a span back from now such as `10m`, or an ISO 8601 time with its zone. */
export function since(flag: string): (value: string) => (now: number) => 'beginning' | 'latest' | Date {
  return (value) => {
    if (value === 'beginning' || value === 'latest') return () => value;
    const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(value) ?? [];
    if (amount !== undefined) return (now) => new Date(now - Number(amount) * units[unit!]!);
    const time = parseMoment(value);
    if (time === undefined)
      throw new Failure(
        `${flag} must be beginning, latest, a span such as 10m, 6h or 2d, or a time such as 2026-01-31T12:00:00Z, got '${value}'`,
        2,
      );
    return () => new Date(time);
  };
}
