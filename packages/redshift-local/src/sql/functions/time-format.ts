/**
 * Elements of a TO_CHAR format, applied to a timestamp `t`, longest names first
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_FORMAT_strings.html).
 */
const pieces: readonly (readonly [name: string, sql: (t: string) => string])[] = [
  ['YYYY', strftime('%Y')],
  ['IYYY', strftime('%G')],
  ['MONTH', (t) => `rpad(upper(${strftime('%B')(t)}), 9, ' ')`],
  ['Month', (t) => `rpad(${strftime('%B')(t)}, 9, ' ')`],
  ['month', (t) => `rpad(lower(${strftime('%B')(t)}), 9, ' ')`],
  ['HH24', strftime('%H')],
  ['HH12', strftime('%I')],
  ['DAY', (t) => `rpad(upper(${strftime('%A')(t)}), 9, ' ')`],
  ['Day', (t) => `rpad(${strftime('%A')(t)}, 9, ' ')`],
  ['day', (t) => `rpad(lower(${strftime('%A')(t)}), 9, ' ')`],
  ['MON', (t) => `upper(${strftime('%b')(t)})`],
  ['Mon', strftime('%b')],
  ['mon', (t) => `lower(${strftime('%b')(t)})`],
  ['DDD', strftime('%j')],
  ['YY', strftime('%y')],
  ['MM', strftime('%m')],
  ['DD', strftime('%d')],
  ['DY', (t) => `upper(${strftime('%a')(t)})`],
  ['Dy', strftime('%a')],
  ['dy', (t) => `lower(${strftime('%a')(t)})`],
  ['ID', (t) => `cast(isodow(${t}) as varchar)`],
  ['IW', strftime('%V')],
  ['HH', strftime('%I')],
  ['MI', strftime('%M')],
  ['SS', strftime('%S')],
  ['MS', strftime('%g')],
  ['US', strftime('%f')],
  ['AM', strftime('%p')],
  ['PM', strftime('%p')],
  ['am', (t) => `lower(${strftime('%p')(t)})`],
  ['pm', (t) => `lower(${strftime('%p')(t)})`],
  ['D', (t) => `cast(dayofweek(${t}) + 1 as varchar)`],
  ['Q', (t) => `cast(quarter(${t}) as varchar)`],
  ['CC', (t) => `lpad(cast((year(${t}) + 99) // 100 as varchar), 2, '0')`],
];
/**
 * Numeric elements mean the same in lower case (an example of
 * https://docs.aws.amazon.com/redshift/latest/dg/r_TO_CHAR.html has `cc`).
 */
const numbers = [
  'YYYY',
  'IYYY',
  'HH24',
  'HH12',
  'DDD',
  'YY',
  'MM',
  'DD',
  'ID',
  'IW',
  'HH',
  'MI',
  'SS',
  'MS',
  'US',
  'CC',
];
const patterns = [
  ...pieces,
  ...pieces.filter(([name]) => numbers.includes(name)).map(([name, sql]) => [name.toLowerCase(), sql] as const),
].sort(([a], [b]) => b.length - a.length);

function strftime(pattern: string): (t: string) => string {
  return (t) => `strftime(${t}, '${pattern}')`;
}

const quoted = /^"([^"\\]*)"/;
const separator = /^[-/:., ]/;

/** DuckDB texts to concatenate, or the part of the format that is unknown. */
export function charFormat(format: string, t: string): string[] | { readonly unknown: string } {
  const parts: string[] = [];
  for (let rest = format; rest !== ''; ) {
    // FM omits the blanks after a name and the zeros before a number.
    const fill = /^FM(?=[A-Za-z])/.test(rest);
    if (fill) rest = rest.slice(2);
    const piece = patterns.find(([name]) => rest.startsWith(name));
    if (fill && !piece) return { unknown: `FM${rest}` };
    const literal = quoted.exec(rest) ?? separator.exec(rest);
    const after = piece ? rest.slice(piece[0].length) : '';
    if (piece && !/^(?:th|TH|SP)/.test(after) && !/^S{4}|^s{4}/.test(rest)) {
      parts.push(fill ? `regexp_replace(rtrim(${piece[1](t)}, ' '), '^0+(.)', '\\1')` : piece[1](t));
      rest = after;
    } else if (literal) {
      parts.push(`'${(literal[1] ?? literal[0]).replaceAll("'", "''")}'`);
      rest = rest.slice(literal[0].length);
    } else return { unknown: rest };
  }
  return parts;
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const fields: readonly (readonly [name: string, field: 'year' | 'month' | 'day', pattern: string])[] = [
  ['YYYY', 'year', '\\d{4}'],
  ['MON', 'month', '[A-Za-z]{3}'],
  ['Mon', 'month', '[A-Za-z]{3}'],
  ['mon', 'month', '[A-Za-z]{3}'],
  ['MM', 'month', '\\d{2}'],
  ['DD', 'day', '\\d{2}'],
  ['yyyy', 'year', '\\d{4}'],
  ['mm', 'month', '\\d{2}'],
  ['dd', 'day', '\\d{2}'],
];

type TimeField = 'year' | 'month' | 'monthName' | 'day' | 'hour' | 'minute' | 'second' | 'micros' | 'half';
/** A TO_TIMESTAMP format. */
export interface TimeFormat {
  /** Pattern of the whole text, with a group for each field. */
  readonly pattern: string;
  /** Group number of each field. */
  readonly groups: Partial<Record<TimeField, number>>;
}

const timeFields: readonly (readonly [name: string, field: TimeField, pattern: string])[] = [
  ['YYYY', 'year', '\\d{4}'],
  ['HH24', 'hour', '\\d{2}'],
  ['HH12', 'hour', '\\d{2}'],
  ['MON', 'monthName', '[A-Za-z]{3}'],
  ['HH', 'hour', '\\d{2}'],
  ['MM', 'month', '\\d{2}'],
  ['DD', 'day', '\\d{2}'],
  ['MI', 'minute', '\\d{2}'],
  ['SS', 'second', '\\d{2}'],
  ['MS', 'micros', '\\d{3}'],
  ['US', 'micros', '\\d{6}'],
  ['AM', 'half', '[AaPp][Mm]'],
  ['PM', 'half', '[AaPp][Mm]'],
];

/** Reads a TO_TIMESTAMP format that has a date, and each field once. Undefined for an unknown format. */
export function timeFormat(format: string): TimeFormat | undefined {
  let pattern = '';
  let count = 0;
  const groups: Partial<Record<TimeField, number>> = {};
  for (let rest = format; rest !== ''; ) {
    const field = timeFields.find(([name]) => rest.toUpperCase().startsWith(name));
    const sign = quoted.exec(rest) ?? separator.exec(rest) ?? /^T(?=HH)/.exec(rest);
    if (field && groups[field[1]] === undefined) {
      groups[field[1]] = ++count;
      rest = rest.slice(field[0].length);
      pattern += `(${shortened(field[2], rest)})`;
    } else if (sign && !field) {
      pattern += (sign[1] ?? sign[0]).replace(/[^A-Za-z0-9]/g, (letter) => `\\${letter}`);
      rest = rest.slice(sign[0].length);
    } else return undefined;
  }
  const twelve = /HH(?!24)/i.test(format);
  if (groups.year === undefined || twelve !== (groups.half !== undefined)) return undefined;
  return { pattern, groups };
}

/** A field of two digits may have one digit if a separator or the end follows. */
const shortened = (pattern: string, rest: string): string =>
  pattern === '\\d{2}' && (rest === '' || separator.test(rest)) ? '\\d{1,2}' : pattern;

export interface DateFormat {
  /** Pattern of the whole text, with a group for each field. */
  readonly pattern: string;
  /** Group number of each field. */
  readonly groups: Readonly<Record<'year' | 'month' | 'day', number>>;
  readonly monthByName: boolean;
}

/** Reads a TO_DATE format that has year, month and day once each. Undefined for any other format. */
export function dateFormat(format: string): DateFormat | undefined {
  let pattern = '';
  let monthByName = false;
  const groups: Partial<Record<'year' | 'month' | 'day', number>> = {};
  for (let rest = format; rest !== ''; ) {
    const field = fields.find(([name]) => rest.startsWith(name));
    if (field) {
      if (groups[field[1]] !== undefined) return undefined;
      groups[field[1]] = Object.keys(groups).length + 1;
      monthByName ||= field[0].toLowerCase() === 'mon';
      rest = rest.slice(field[0].length);
      pattern += `(${shortened(field[2], rest)})`;
    } else if (separator.test(rest)) {
      pattern += `[${rest[0] === '-' ? '\\-' : rest[0]}]`;
      rest = rest.slice(1);
    } else return undefined;
  }
  const { year, month, day } = groups;
  if (year === undefined || month === undefined || day === undefined) return undefined;
  return { pattern, groups: { year, month, day }, monthByName };
}

/** DuckDB text for the number of a month from its short name; 0 for an unknown name. */
export const monthNumber = (name: string): string =>
  `coalesce(list_position([${months.map((month) => `'${month}'`).join(', ')}], lower(${name})), 0)`;
