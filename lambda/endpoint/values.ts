import type { EndpointParam, ParamType } from './contract';

/** A value in the form in which statements and cache keys have it, or what is allowed instead. */
export type Parsed = { readonly value: string } | { readonly allowed: string };

/** Reads the text of a parameter. Equal values have one form: `007` and `7`, `10:00+02:00` and `08:00Z`. */
export const parseValue = (param: EndpointParam, text: string): Parsed => parsers[param.type](param, text);

type Parser = (param: EndpointParam, text: string) => Parsed;

const parsers: Readonly<Record<ParamType, Parser>> = {
  varchar: parseText,
  integer: (param, text) => parseWhole(param, text, { digits: 10, least: -(2n ** 31n), most: 2n ** 31n - 1n }),
  bigint: (param, text) => parseWhole(param, text, { digits: 19, least: -(2n ** 63n), most: 2n ** 63n - 1n }),
  decimal: parseDecimal,
  boolean: (_, text) => (text === 'true' || text === 'false' ? { value: text } : { allowed: 'true or false' }),
  date: parseDate,
  timestamp: parseTime,
};

const defaultMaxBytes = 256;

function parseText({ maxBytes = defaultMaxBytes, oneOf }: EndpointParam, text: string): Parsed {
  if (oneOf) return oneOf.includes(text) ? { value: text } : { allowed: `one of ${oneOf.join(', ')}` };
  const isAllowed = text !== '' && Buffer.byteLength(text) <= maxBytes && !text.includes('\0');
  return isAllowed ? { value: text } : { allowed: `a text of 1 to ${maxBytes} bytes of UTF-8, without U+0000` };
}

interface WholeRange {
  readonly digits: number;
  readonly least: bigint;
  readonly most: bigint;
}

function parseWhole({ min, max }: EndpointParam, text: string, range: WholeRange): Parsed {
  const least = min === undefined ? range.least : BigInt(min);
  const most = max === undefined ? range.most : BigInt(max);
  const allowed = `a whole number from ${least} to ${most}`;
  // Leading zeros are bounded too: a long text would take long to convert.
  if (!new RegExp(`^-?\\d{1,${range.digits}}$`).test(text)) return { allowed };
  const value = BigInt(text);
  return value >= least && value <= most ? { value: `${value}` } : { allowed };
}

/** Most digits of a decimal (Redshift, "Numeric types"). */
const maxPrecision = 38;

function parseDecimal({ precision = maxPrecision, scale = 0, min, max }: EndpointParam, text: string): Parsed {
  const bounds = [...(min === undefined ? [] : [`from ${min}`]), ...(max === undefined ? [] : [`to ${max}`])];
  const before = precision - scale;
  const allowed = [`a number with up to ${before} digits before and ${scale} after the point`, ...bounds].join(' ');
  const match = new RegExp(`^(-?)(\\d{1,${maxPrecision}})(?:\\.(\\d{1,${maxPrecision}}))?$`).exec(text);
  if (!match) return { allowed };
  const whole = match[2]!.replace(/^0+(?=\d)/, '');
  const part = (match[3] ?? '').replace(/0+$/, '');
  if ((whole === '0' ? 0 : whole.length) > before || part.length > scale) return { allowed };
  const digits = `${whole}${part === '' ? '' : `.${part}`}`;
  const value = match[1] === '-' && digits !== '0' ? `-${digits}` : digits;
  const isBetween =
    (min === undefined || scaled(value) >= scaled(min)) && (max === undefined || scaled(value) <= scaled(max));
  return isBetween ? { value } : { allowed };
}

/** A decimal as a whole number of its smallest possible digit. */
function scaled(text: string): bigint {
  const [whole, part = ''] = text.split('.') as [string, string?];
  return BigInt(`${whole}${part.padEnd(maxPrecision, '0')}`);
}

function parseDate({ min, max }: EndpointParam, text: string): Parsed {
  const allowed = `a date as 2026-11-21${between(min, max)}`;
  return isDate(text) && within(text, min, max) ? { value: text } : { allowed };
}

function parseTime({ min, max }: EndpointParam, text: string): Parsed {
  const allowed = `an ISO 8601 time as 2026-11-21T10:00:00Z, in UTC if it has no offset, with + written as %2B${between(min, max)}`;
  const value = utcTime(text);
  const bound = (limit: string | undefined) => (limit === undefined ? undefined : utcTime(limit));
  return value !== undefined && within(value, bound(min), bound(max)) ? { value } : { allowed };
}

const between = (min: string | undefined, max: string | undefined) =>
  `${min === undefined ? '' : `, from ${min}`}${max === undefined ? '' : `, to ${max}`}`;

/** For texts whose order is that of their values. */
const within = (value: string, min: string | undefined, max: string | undefined) =>
  (min === undefined || value >= min) && (max === undefined || value <= max);

function isDate(text: string): boolean {
  if (!/^(?!0000)\d{4}-\d\d-\d\d$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

const timePattern =
  /^(\d{4}-\d\d-\d\d)(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,6}))?)?(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?$/;

/** A time in UTC as Redshift writes it, with its microseconds: `2026-11-21 08:00:00.000000`. Undefined for other texts. */
export function utcTime(text: string): string | undefined {
  const match = timePattern.exec(text);
  if (!match || !isDate(match[1]!)) return undefined;
  const [, date, hour = '00', minute = '00', second = '00', part = '', offset = 'Z'] = match;
  const sign = offset.startsWith('-') ? -1 : 1;
  const minutes = offset === 'Z' ? 0 : sign * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(-2)));
  const time = new Date(Date.parse(`${date}T${hour}:${minute}:${second}Z`) - minutes * 60_000);
  const year = time.getUTCFullYear();
  if (year < 1 || year > 9999) return undefined;
  return `${time.toISOString().slice(0, 19).replace('T', ' ')}.${part.padEnd(6, '0')}`;
}
