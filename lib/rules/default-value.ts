import type { Column } from '../../pipelines/definition';
import { isBetween } from './shape';

export const isAscii = (text: string) => /^[ -~]*$/.test(text);

/** Returns the rule that a column's default breaks, undefined if it is valid. */
export function defaultProblem(column: Column): string | undefined {
  const value = column.default;
  const isText = typeof value === 'string';
  const unless = (holds: boolean, rule: string) => (holds ? undefined : rule);
  switch (column.type) {
    case 'varchar':
      return textProblem(value, column.maxBytes, column.oneOf, () => true, 'a text');
    case 'char':
      return textProblem(value, column.length, column.oneOf, isAscii, 'an ASCII text');
    case 'integer':
      return unless(
        typeof value === 'number' && isBetween(value, -2_147_483_648, 2_147_483_647),
        'be a whole number of integer',
      );
    case 'bigint':
      return unless(isWhole(value), 'be a whole number of bigint, or its text');
    case 'decimal':
      return unless(
        isDecimal(value, column.precision, column.scale),
        `be a number that fits decimal(${column.precision},${column.scale}), or its text`,
      );
    case 'double':
      return unless(typeof value === 'number' && Number.isFinite(value), 'be a number');
    case 'boolean':
      return unless(typeof value === 'boolean', 'be true or false');
    case 'date':
      return unless(isText && isDay(value), 'be a date as 2026-11-21');
    case 'time':
      return unless(isText && /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?$/.test(value), 'be a time as 23:59:59');
    case 'timestamp':
    case 'timestamptz': {
      const [, day, clock] = isText ? (/^(.{10})[T ](.*?)Z?$/.exec(value) ?? []) : [];
      return unless(
        day !== undefined && isDay(day) && /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?$/.test(clock!),
        'be a time in UTC as 2026-11-21T10:00:00Z',
      );
    }
    case 'super':
      return undefined;
  }
}

function textProblem(
  value: unknown,
  most: number,
  oneOf: readonly string[] | undefined,
  holds: (text: string) => boolean,
  what: string,
): string | undefined {
  if (typeof value !== 'string' || !holds(value) || Buffer.byteLength(value) > most || /\0|\{\{/.test(value))
    return `be ${what} of at most ${most} bytes`;
  return oneOf && !oneOf.includes(value) ? `be one of ${oneOf.join(', ')}` : undefined;
}

export function isWhole(value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (typeof value !== 'string' || !/^-?\d{1,19}$/.test(value)) return false;
  const whole = BigInt(value);
  return whole >= -(2n ** 63n) && whole < 2n ** 63n;
}

export function isDecimal(value: unknown, precision: number, scale: number): boolean {
  const match = /^-?(\d+)(?:\.(\d+))?$/.exec(typeof value === 'boolean' ? '' : String(value));
  if (!match) return false;
  return match[1]!.replace(/^0+/, '').length <= precision - scale && (match[2] ?? '').length <= scale;
}

export function isDay(text: string): boolean {
  if (!/^(?!0000)\d{4}-\d\d-\d\d$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
