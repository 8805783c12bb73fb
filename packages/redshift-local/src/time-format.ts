/** A date or time format as a regular expression. */
export interface Format {
  /** Matches the whole text, with a group for each part. */
  readonly pattern: string;
  /** Replacement that turns a match into ISO 8601. */
  readonly iso: string;
}

/**
 * Parts of a format, longest first
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_DATEFORMAT_and_TIMEFORMAT_strings.html).
 */
const formatParts: readonly (readonly [name: string, part: string, pattern: string])[] = [
  ['yyyy', 'year', '\\d{4}'],
  ['hh24', 'hour', '\\d{2}'],
  ['hh', 'hour', '\\d{2}'],
  ['mm', 'month', '\\d{2}'],
  ['mi', 'minute', '\\d{2}'],
  ['dd', 'day', '\\d{2}'],
  ['ss', 'second', '\\d{2}(?:\\.\\d{1,6})?'],
];

/** Parses a numeric DATEFORMAT or TIMEFORMAT with year, month and day. Returns undefined for any other format. */
export function formatOf(format: string): Format | undefined {
  const groups: Record<string, number> = {};
  let pattern = '';
  for (let rest = format.toLowerCase(); rest !== ''; ) {
    const found = formatParts.find(([name]) => rest.startsWith(name));
    if (found && groups[found[1]] !== undefined) return undefined;
    if (found) groups[found[1]] = Object.keys(groups).length + 1;
    else if (!/^[-/:. t]/.test(rest)) return undefined;
    pattern += found ? `(${found[2]})` : `[${rest[0] === 't' ? 'T' : rest[0] === '-' ? '\\-' : rest[0]}]`;
    rest = rest.slice(found ? found[0].length : 1);
  }
  const { year, month, day, hour, minute, second } = groups;
  if (year === undefined || month === undefined || day === undefined) return undefined;
  if (hour === undefined && (minute !== undefined || second !== undefined)) return undefined;
  const part = (group: number | undefined) => (group === undefined ? '00' : `\\${group}`);
  const time = hour === undefined ? '' : ` ${part(hour)}:${part(minute)}:${part(second)}`;
  return { pattern, iso: `\\${year}-\\${month}-\\${day}${time}` };
}
