import { NotModelledError } from './ports';

/**
 * Computes when a schedule fires next: the first moment after the given one, in epoch milliseconds. Undefined if it
 * never fires again.
 */
export type NextTime = (after: number) => number | undefined;

/**
 * Parses a schedule expression of EventBridge Scheduler, or of Redshift's scheduled actions: `rate(n minutes|hours|days)` or
 * `cron(minute hour day-of-month month day-of-week year)`.
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 * @param anchor epoch milliseconds from which a rate counts
 * @throws NotModelledError for `at()` and the cron wildcards L, W and #
 */
export function parseScheduleExpression(expression: string, timezone: string, anchor: number): NextTime {
  const rate = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression);
  if (rate)
    return rateTimes(
      Number(rate[1]) * { minute: 60_000, hour: 3_600_000, day: 86_400_000 }[rate[2] as 'minute'],
      anchor,
    );
  const cron = /^cron\((.*)\)$/.exec(expression);
  if (cron) return cronTimes(cron[1]!, timezone);
  throw new NotModelledError(`schedule expression ${expression}`);
}

function rateTimes(periodMs: number, anchor: number): NextTime {
  if (periodMs <= 0) throw new Error('a rate must be at least one unit, got 0');
  return (after) => anchor + (Math.floor((after - anchor) / periodMs) + 1) * periodMs;
}

const monthNames = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const dayNames = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const minuteMs = 60_000;
const dayMs = 86_400_000;

interface CronFields {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  /** Undefined if the field is `?`. */
  readonly daysOfMonth?: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly daysOfWeek?: ReadonlySet<number>;
  readonly years: ReadonlySet<number>;
}

function cronTimes(text: string, timezone: string): NextTime {
  const fields = parseCron(text);
  const toLocal = localTime(timezone);
  const lastYear = Math.max(...fields.years);
  return (after) => {
    let time = (Math.floor(after / minuteMs) + 1) * minuteMs;
    for (;;) {
      const local = toLocal(time);
      if (local.year > lastYear) return undefined;
      if (!matchesDay(fields, local)) {
        // The search jumps to the next local midnight. After a daylight saving change, later rounds correct it.
        const intoDay = (local.hour * 60 + local.minute) * minuteMs;
        time += Math.max(minuteMs, Math.min(dayMs - intoDay, dayMs));
        continue;
      }
      if (fields.hours.has(local.hour) && fields.minutes.has(local.minute)) return time;
      time += fields.hours.has(local.hour) ? minuteMs : (60 - local.minute) * minuteMs;
    }
  };
}

function parseCron(text: string): CronFields {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== 6) throw new Error(`cron(${text}) must have 6 fields, got ${parts.length}`);
  const [minutes, hours, days, months, weekdays, years] = parts as [string, string, string, string, string, string];
  if ((days === '?') === (weekdays === '?'))
    throw new Error(`cron(${text}) must have ? in either day-of-month or day-of-week`);
  return {
    minutes: parseField(minutes, 0, 59, 'minutes'),
    hours: parseField(hours, 0, 23, 'hours'),
    daysOfMonth: days === '?' ? undefined : parseField(days, 1, 31, 'day-of-month'),
    months: parseField(months, 1, 12, 'month', monthNames),
    daysOfWeek: weekdays === '?' ? undefined : parseField(weekdays, 1, 7, 'day-of-week', dayNames),
    years: parseField(years, 1970, 2199, 'year'),
  };
}

function parseField(
  text: string,
  min: number,
  max: number,
  field: string,
  names: readonly string[] = [],
): ReadonlySet<number> {
  const number = (word: string): number => {
    const named = names.indexOf(word.toUpperCase());
    const value = named >= 0 ? named + min : Number(word);
    if (named < 0 && !/^\d+$/.test(word))
      throw new NotModelledError(`${word} in the ${field} field of a cron expression`);
    if (value < min || value > max)
      throw new Error(`${field} of a cron expression must be between ${min} and ${max}, got ${word}`);
    return value;
  };
  const values = new Set<number>();
  for (const item of text.split(',')) {
    const [range, step] = item.split('/') as [string, string | undefined];
    const [from, to] =
      range === '*'
        ? [min, max]
        : range.includes('-')
          ? (range.split('-').map(number) as [number, number])
          : [number(range), step === undefined ? number(range) : max];
    const every = step === undefined ? 1 : Number(step);
    if (!Number.isInteger(every) || every < 1) throw new Error(`${field} of a cron expression has step ${step}`);
    for (let value = from; value <= to; value += every) values.add(value);
  }
  return values;
}

interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  /** 1 is Sunday. */
  readonly weekday: number;
}

function matchesDay(fields: CronFields, local: LocalTime): boolean {
  return (
    fields.years.has(local.year) &&
    fields.months.has(local.month) &&
    (fields.daysOfMonth?.has(local.day) ?? true) &&
    (fields.daysOfWeek?.has(local.weekday) ?? true)
  );
}

function localTime(timezone: string): (time: number) => LocalTime {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  return (time) => {
    const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    const { year, month, day, hour, minute } = parts as Record<'year' | 'month' | 'day' | 'hour' | 'minute', number>;
    return { year, month, day, hour, minute, weekday: new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 1 };
  };
}
