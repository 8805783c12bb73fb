import type { Column } from '../../pipelines/definition';
import { compileFormat, offsetOf } from './custom-format';
import { conversionOf, formatOf, partOf, stringOf, textOf } from './part';

/** A column of times. */
export type TimeColumn = Extract<Column, { readonly type: 'timestamp' | 'timestamptz' | 'date' | 'time' }>;

export const isTimeColumn = (column: Column): column is TimeColumn =>
  ['timestamp', 'timestamptz', 'date', 'time'].includes(column.type);

const day = '[0-9]{4}-[0-9]{2}-[0-9]{2}';
const secondsPattern = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]';
const utcPattern = `^${day} ${secondsPattern}([.][0-9]{1,6})?Z?$`;
const patternOfDays = (days: string) => `^${days} ${secondsPattern}([.][0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?$`;
const timestampPattern = patternOfDays(day);
/** Matches the year 0, which does not exist, and days on which an offset can lead out of the years 1 to 9999. */
const edgePattern = patternOfDays('(0000-[0-9]{2}-[0-9]{2}|0001-01-01|9999-12-31)');
const dayPattern = `^${day}$`;
const timePattern = `^${secondsPattern}([.][0-9]{1,6})?$`;

/** The looser forms of ISO 8601 that `convert: 'iso'` accepts. */
const isoPattern = `^${day}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?( ?(UTC|GMT|[Zz]|[+-][0-9]{2}(:?[0-9]{2})?))?)?$`;
const isoTimePattern = '^[Tt]?[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?$';

/**
 * SQL that rewrites the text of a time with `convert: 'iso'` or a custom format to the one form that its value is
 * computed from: `2026-11-21 10:00:00.5+01:00`. A text that does not match stays unchanged with `iso`, and becomes null
 * with a custom format.
 * @param given the column with the value's string
 */
export function timeText(column: TimeColumn, given: string): string {
  const format = formatOf(column);
  if (format !== undefined) {
    const { pattern, iso } = compileFormat(format, formatTarget(column));
    return `case when ${given} ~ '${pattern}' then ${iso(given)} when octet_length(${given}) = 0 then '' end`;
  }
  if (column.type === 'time') {
    const text = `ltrim(${given}, 'Tt')`;
    return `case when ${given} ~ '${isoTimePattern}' then left(left(${text}, 5) || ${secondsOf(`substring(${text}, 6)`)}, 15) else ${given} end`;
  }
  const rest = `substring(${given}, 17)`;
  const before = `rtrim(split_part(split_part(${rest}, '+', 1), '-', 1), ' ZzUTCGM')`;
  const offset = (sign: string) =>
    `when strpos(${rest}, '${sign}') > 0 then ${offsetOf(`'${sign}'`, `replace(split_part(${rest}, '${sign}', 2), ':', '')`)}`;
  return `case when ${given} ~ '${isoPattern}' then
      left(${given}, 10) || ' ' || case when octet_length(${given}) = 10 then '00:00:00' else
        substring(${given}, 12, 5) || ${secondsOf(before)} || case ${offset('+')} ${offset('-')} else '' end
      end
    else ${given} end`;
}

/** SQL for the seconds with their fraction, `:00` if there are none. */
const secondsOf = (text: string) => `case when left(${text}, 1) = ':' then replace(${text}, ',', '.') else ':00' end`;

/** SQL that rewrites a text in the column's own form to Redshift's, which has a space between date and time. */
export const ownText = ({ type }: TimeColumn, text: string) =>
  type === 'date' || type === 'time' ? text : spaced(text);

const spaced = (text: string) => `replace(${text}, 'T', ' ')`;

export const formatTarget = ({ type }: TimeColumn) => (type === 'timestamptz' ? 'timestamp' : type);

/** True if a column reads numbers as times. */
export const isEpoch = (column: Column) => /^epoch/.test(String(conversionOf(column)));

/** SQL for the typed value of a time. Null if the text does not fit. */
export function timeValue(column: TimeColumn): string {
  const text = textOf(column);
  if (column.type === 'time') return `case when ${text} ~ '${timePattern}' then try_cast(${text} as time) end`;
  if (isEpoch(column)) return ofType(column, epochExpression(text, conversionOf(column) === 'epochmillis'));
  if (column.type === 'date' && conversionOf(column) === undefined)
    return `case when ${text} ~ '${dayPattern}' and left(${text}, 4) <> '0000' then try_cast(${text} as date) end`;
  return ofType(column, timestampExpression(text));
}

/** SQL that casts a UTC timestamp to the column's type. */
function ofType({ type }: TimeColumn, timestamp: string): string {
  if (type === 'date') return `(${timestamp})::date`;
  return type === 'timestamptz' ? `(${timestamp}) at time zone 'UTC'` : timestamp;
}

/**
 * Converts ISO 8601, with a space in place of T, to a UTC timestamp. Most texts need no conversion and are cast
 * directly. For others it casts the date, the time and up to six digits of the fraction, and then subtracts the offset.
 * Further digits are cut. The result is null for a day that does not exist and for an offset that leads out of the
 * years 1 to 9999, because readers of `events` accept no other times. In a matching text the sixth character from the
 * end is a sign only if an offset follows. Every cast is a TRY_CAST, so nothing raises in any order of evaluation.
 */
function timestampExpression(text: string): string {
  const number = (digits: string) => `try_cast(${digits} as int)`;
  const minutes = `${number(`left(right(${text}, 5), 2)`)} * 60 + ${number(`right(${text}, 2)`)}`;
  const ofDay = `${number(`substring(${text}, 12, 2)`)} * 60 + ${number(`substring(${text}, 15, 2)`)}`;
  const sign = `left(right(${text}, 6), 1)`;
  const isBefore = `left(${text}, 10) = '0001-01-01' and ${sign} = '+' and ${ofDay} < ${minutes}`;
  const isAfter = `left(${text}, 10) = '9999-12-31' and ${sign} = '-' and ${ofDay} + ${minutes} >= 1440`;
  return `case when ${text} ~ '${utcPattern}' then try_cast(rtrim(${text}, 'Z') as timestamp)
    when ${text} ~ '${timestampPattern}' and not (${isBefore}) and not (${isAfter}) then
      dateadd(
        minute,
        case ${sign} when '+' then -(${minutes}) when '-' then ${minutes} else 0 end,
        try_cast(left(${text}, 19) || regexp_substr(${text}, '[.][0-9]{1,6}') as timestamp)
      )
    end`;
}

/** The first and last second of the years 1 to 9999, in seconds since 1970. */
const firstSecond = -62_135_596_800;
const lastSecond = 253_402_300_799;
const daySeconds = 86_400;

/**
 * Converts seconds or milliseconds since 1970 to a timestamp, in steps of days, seconds and microseconds, each of which
 * is an INTEGER: DATEADD takes no larger number (https://docs.aws.amazon.com/redshift/latest/dg/r_DATEADD_function.html).
 * The digits before and after the point are cast separately, so that none is rounded. Digits beyond microseconds are
 * cut.
 */
function epochExpression(text: string, isMillis: boolean): string {
  const sign = `case when left(${text}, 1) = '-' then -1 else 1 end`;
  const whole = `try_cast(split_part(${text}, '.', 1) as bigint)`;
  const seconds = isMillis ? `(${whole} / 1000)` : whole;
  const digits = isMillis ? 3 : 6;
  const fraction = `coalesce(try_cast(rpad(left(split_part(${text}, '.', 2), ${digits}), ${digits}, '0') as int), 0) * (${sign})`;
  const micros = isMillis ? `(${whole} % 1000)::int * 1000 + ${fraction}` : fraction;
  const pattern = `^-?[0-9]{1,${isMillis ? 15 : 12}}([.][0-9]+)?$`;
  return `case when ${text} ~ '${pattern}' and ${seconds} > ${firstSecond} and ${seconds} <= ${lastSecond} then
      dateadd(microsecond, ${micros}, dateadd(second, (${seconds} % ${daySeconds})::int, dateadd(day, (${seconds} / ${daySeconds})::int, '1970-01-01'::timestamp)))
    end`;
}

/** Returns the phrase in a reason for a text that the column does not accept. */
export function timePhrase(column: TimeColumn): string {
  const convert = conversionOf(column);
  if (typeof convert === 'object') return `not in the format ${convert.format}`;
  if (convert === 'epochseconds') return 'not a number of seconds since 1970';
  if (convert === 'epochmillis') return 'not a number of milliseconds since 1970';
  if (column.type === 'time') return 'not a time of day as 23:59:59';
  if (column.type === 'date' && convert === undefined) return 'not a date as 2026-11-21';
  return 'not an ISO 8601 timestamp';
}

/** SQL condition: the text is a time outside the years 1 to 9999. Undefined for columns without such a range. */
export const isAtEdge = (column: TimeColumn) =>
  column.type === 'time' || isEpoch(column) || (column.type === 'date' && conversionOf(column) === undefined)
    ? undefined
    : `${textOf(column)} ~ '${edgePattern}'`;

/** SQL condition: the text has the column's own form, without any conversion. */
export function isOwnForm(column: TimeColumn): string {
  const text = stringOf(partOf(column));
  if (column.type === 'date') return `${text} ~ '${dayPattern}'`;
  return column.type === 'time' ? `${text} ~ '${timePattern}'` : `${spaced(text)} ~ '${timestampPattern}'`;
}
