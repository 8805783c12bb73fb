/** How a sample writes its times. They are read and written again in the same form. */
export type ReplayedTime = 'iso' | 'epochseconds' | 'epochmillis';

const pattern =
  /^(\d{4}-\d\d-\d\d)(?:([Tt ])(\d\d:\d\d)(:\d\d)?(?:([.,])(\d+))?( ?(?:UTC|GMT|[Zz])|([+-])(\d\d)(:?)(\d\d)?)?)?$/;

/** A time of a record: when it is, and how to write another one in its form. */
export interface WrittenTime {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Writes another time. What the form has no place for is cut. */
  write(epochMs: number): string | number;
}

/** Reads a time. Undefined for a value that is none. */
export function readTime(value: unknown, form: ReplayedTime): WrittenTime | undefined {
  if (form !== 'iso') return epoch(value, form === 'epochseconds' ? 1000 : 1);
  const found = typeof value === 'string' ? pattern.exec(value) : null;
  if (found === null) return undefined;
  const [, day, separator, minutes, seconds, point, fraction, zone = '', sign, hours, colon, rest] = found;
  const offsetMinutes = sign === undefined ? 0 : Number(`${sign}1`) * (Number(hours) * 60 + Number(rest ?? 0));
  const shift = offsetMinutes * 60_000;
  const clock = minutes === undefined ? 'T00:00:00' : `T${minutes}${seconds ?? ':00'}`;
  const ofFraction = fraction === undefined ? 0 : Math.floor(Number(`0.${fraction}`) * 1000);
  const local = Date.parse(`${day}${clock}Z`);
  if (Number.isNaN(local)) return undefined;
  return {
    at: local + ofFraction - shift,
    write(epochMs) {
      const text = new Date(epochMs + shift).toISOString();
      if (separator === undefined) return text.slice(0, 10);
      const digits =
        fraction === undefined ? '' : point + text.slice(20, 23).padEnd(fraction.length, '0').slice(0, fraction.length);
      const offset = sign === undefined ? zone : `${sign}${hours}${colon}${rest ?? ''}`;
      return (
        text.slice(0, 10) +
        separator +
        text.slice(11, 16) +
        (seconds === undefined ? '' : text.slice(16, 19)) +
        digits +
        offset
      );
    },
  };
}

function epoch(value: unknown, factor: number): WrittenTime | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) return undefined;
  const isText = typeof value === 'string';
  return {
    at: number * factor,
    write(epochMs) {
      const next = Math.floor(epochMs / factor);
      return isText ? String(next) : next;
    },
  };
}
