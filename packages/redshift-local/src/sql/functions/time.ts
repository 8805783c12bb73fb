import { failure, failureWith } from '../failure';
import { beforeChrist } from '../resolve/cast';
import { timeDifference } from '../resolve/operators';
import { letting, quoteLiteral } from '../resolve/value';
import {
  asDecimal,
  bigint,
  date as date_,
  decimal,
  double,
  duckdbType,
  integer,
  isFloat,
  isNumeric,
  timestamp,
  timestamptz,
  varchar,
} from '../types';
import type { Call, FunctionEntry } from './call';
import { formattedNumber, numberFormat, readNumber } from './number-format';
import { charFormat, type DateFormat, dateFormat, monthNumber, type TimeFormat, timeFormat } from './time-format';

/**
 * Redshift's spellings of a date part
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_Dateparts_for_datetime_functions.html).
 */
const spellings: Readonly<Record<string, readonly string[]>> = {
  year: ['year', 'years', 'y', 'yr', 'yrs'],
  quarter: ['quarter', 'quarters', 'qtr', 'qtrs'],
  month: ['month', 'months', 'mon', 'mons'],
  week: ['week', 'weeks', 'w'],
  day: ['day', 'days', 'd'],
  hour: ['hour', 'hours', 'h', 'hr', 'hrs'],
  minute: ['minute', 'minutes', 'm', 'min', 'mins'],
  second: ['second', 'seconds', 's', 'sec', 'secs'],
  dow: ['dow', 'dayofweek', 'dw', 'weekday'],
  doy: ['doy', 'dayofyear', 'dy', 'yearday'],
  epoch: ['epoch'],
  millisecond: [
    'millisecond',
    'milliseconds',
    'ms',
    'msec',
    'msecs',
    'msecond',
    'mseconds',
    'millisec',
    'millisecs',
    'millisecon',
  ],
  microsecond: ['microsecond', 'microseconds', 'us', 'usec', 'usecs', 'usecond', 'useconds', 'microsec', 'microsecs'],
};
const partOf = new Map(
  Object.entries(spellings).flatMap(([part, names]) => names.map((name) => [name, part] as const)),
);

function datePart(call: Call, text: string, allowed: readonly string[]): string {
  const part = partOf.get(text.toLowerCase());
  if (!part || !allowed.includes(part)) throw call.unsupported(`date part ${text} in function ${call.name}`);
  return part;
}

/** The start of the transaction. Only GETDATE uses the start of the statement (r_GETDATE, r_SYSDATE). */
const now = "cast(getvariable('millrace_now') as timestamp)";
const moment = (sql: string, type: typeof date_): FunctionEntry => ({
  arguments: [0, 0],
  mutable: true,
  emit: () => ({ sql, type }),
});

const extracted = [
  'year',
  'quarter',
  'month',
  'week',
  'day',
  'hour',
  'minute',
  'second',
  'millisecond',
  'dow',
  'doy',
  'epoch',
];
const truncated = ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second'];
const adders: Readonly<Record<string, string>> = {
  year: 'to_years',
  quarter: 'to_months',
  month: 'to_months',
  week: 'to_weeks',
  day: 'to_days',
  hour: 'to_hours',
  minute: 'to_minutes',
  second: 'to_seconds',
  millisecond: 'to_milliseconds',
  microsecond: 'to_microseconds',
};

/**
 * MILLISECOND counts within the second only (https://docs.aws.amazon.com/redshift/latest/dg/r_EXTRACT_function.html).
 */
const extractedSql = (part: string, time: string) =>
  letting('e', time, (t) => {
    const value = part === 'millisecond' ? `(extract(millisecond from ${t}) % 1000)` : `extract(${part} from ${t})`;
    return `case when ${t} < timestamp '0001-01-01' then ${beforeChrist} else ${value} end`;
  });

/** Returns a time in UTC with a time zone if argument `i` has one, otherwise without. */
const zonedAs = (call: Call, i: number, sql: string): { sql: string; type: typeof timestamp } =>
  call.value(i).type.name === 'timestamptz'
    ? { sql: `timezone('UTC', ${sql})`, type: timestamptz }
    : { sql, type: timestamp };

/** https://docs.aws.amazon.com/redshift/latest/dg/r_DATEADD_function.html */
const dateadd: FunctionEntry = {
  arguments: [3, 3],
  emit: (call) => {
    const part = datePart(call, call.literal(0), Object.keys(adders));
    const amount = part === 'quarter' ? `3 * ${call.integer(1)}` : call.integer(1);
    const added = `${call.zonedTime(2)} + ${adders[part]}(cast(${amount} as integer))`;
    if (part !== 'year') return zonedAs(call, 2, `(${added})`);
    // A year after February 29 is March 1 if the later year has no leap day. Twelve months after it is February 28.
    const sql = letting('y', `{'t': ${call.zonedTime(2)}, 'later': ${added}}`, (y) => {
      const isLeapDay = (time: string) => `month(${time}) = 2 and day(${time}) = 29`;
      const next = `case when ${isLeapDay(`${y}.t`)} and not (${isLeapDay(`${y}.later`)}) then to_days(1) else to_days(0) end`;
      return `(${y}.later + ${next})`;
    });
    return zonedAs(call, 2, sql);
  },
};

/**
 * Weeks between two times. Which day starts a week is undocumented, so the statement fails if Sunday and Monday give
 * different results.
 */
function weeksApart(call: Call): string {
  const given = `{'a': date_trunc('day', ${call.zonedTime(1)}), 'b': date_trunc('day', ${call.zonedTime(2)})}`;
  const unknown = failure(
    `${call.name} of weeks that depends on the first day of the week is not supported by the local warehouse (use days)`,
  );
  return letting('w', given, (w) => {
    const weeks = (day: number) => {
      const start = (time: string) => `date_trunc('week', ${time} + to_days(${day}))`;
      return `(date_diff('day', ${start(`${w}.a`)}, ${start(`${w}.b`)}) // 7)`;
    };
    return `case when ${weeks(0)} is null then null when ${weeks(0)} = ${weeks(1)} then ${weeks(0)} else ${unknown} end`;
  });
}

/**
 * Counts the boundaries between two times, like DuckDB's date_diff
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_DATEDIFF_function.html).
 */
const datediff: FunctionEntry = {
  arguments: [3, 3],
  emit: (call) => {
    const part = datePart(call, call.literal(0), [
      'year',
      'quarter',
      'month',
      'week',
      'day',
      'hour',
      'minute',
      'second',
      'millisecond',
      'microsecond',
    ]);
    if (part === 'week') return { sql: weeksApart(call), type: bigint };
    return { sql: `date_diff('${part}', ${call.zonedTime(1)}, ${call.zonedTime(2)})`, type: bigint };
  },
};

/** https://docs.aws.amazon.com/redshift/latest/dg/r_TO_CHAR.html, r_Numeric_formating.html */
function numberToChar(call: Call): { sql: string; type: ReturnType<typeof varchar> } {
  const { sql, type } = call.value(0);
  const format = numberFormat(call.literal(1));
  if (!format) throw call.unsupported(`format "${call.literal(1)}" of a number in function TO_CHAR`);
  const places = format.fraction?.length ?? 0;
  const scale = asDecimal(type)?.scale ?? places;
  const text = (value: string) => {
    if (isFloat(type)) return `format('{:.${places}f}', abs(cast(${value} as double)))`;
    const rounded = scale > places ? `round(${value}, ${places})` : value;
    return `cast(cast(abs(${rounded}) as decimal(38, ${places})) as varchar)`;
  };
  // DuckDB omits the zero before the decimal point if the type has no digit there.
  const emitted = letting('v', sql, (v) =>
    formattedNumber(
      format,
      `regexp_replace(${text(v)}, '^\\.', '0.')`,
      `${v} < 0 and regexp_matches(${text(v)}, '[1-9]')`,
    ),
  );
  return { sql: `(${emitted})`, type: varchar(256) };
}

/** https://docs.aws.amazon.com/redshift/latest/dg/r_TO_NUMBER.html */
const toNumber: FunctionEntry = {
  arguments: [2, 2],
  emit: (call) => {
    const format = numberFormat(call.literal(1));
    if (!format || format.fill) throw call.unsupported(`format "${call.literal(1)}" in function TO_NUMBER`);
    const scale = format.fraction?.length ?? 0;
    const type = decimal(Math.min(38, format.whole.replaceAll(',', '').length + scale), scale);
    return { sql: readNumber(format, call.text(0).sql, call.literal(1), duckdbType(type)), type };
  },
};

const toChar: FunctionEntry = {
  arguments: [2, 2],
  emit: (call) => {
    if (isNumeric(call.value(0).type)) return numberToChar(call);
    const sql = letting('t', call.zonedTime(0), (t) => {
      const parts = charFormat(call.literal(1), t);
      if (!Array.isArray(parts)) throw call.unsupported(`format "${parts.unknown}" in function TO_CHAR`);
      if (parts.length === 0) throw call.unsupported('an empty format in function TO_CHAR');
      return `case when ${t} < timestamp '0001-01-01' then ${beforeChrist} else ${parts.join(' || ')} end`;
    });
    return { sql: `(${sql})`, type: varchar(256) };
  },
};

function readDate(text: string, format: DateFormat, strict: boolean, written: string): string {
  const group = (number: number) => `regexp_extract(${text}, ${quoteLiteral(`^${format.pattern}$`)}, ${number})`;
  const [year, day] = [group(format.groups.year), `${group(format.groups.day)}::integer`];
  const given = group(format.groups.month);
  const month = format.monthByName ? monthNumber(given) : `${given}::integer`;
  const date = `make_date(${year}::integer, ${month}, 1) + (${day} - 1)`;
  const fits = `regexp_full_match(${text}, ${quoteLiteral(format.pattern)})`;
  const inRange = `${day} between 1 and 31${strict ? ` and month(${date}) = ${month}` : ''}`;
  const wrong = failureWith('date/time field date value out of range', text);
  const unread = failureWith(`not a text that the local warehouse reads with the format ${written}`, text);
  return `case when ${text} is null then null when not ${fits} then ${unread} when ${year} <> '0000' and ${month} between 1 and 12 then case when ${inRange} then ${date} else ${wrong} end else ${wrong} end`;
}

/**
 * A day past the end of its month continues into the next month, unless `is_strict` is true
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_TO_DATE_function.html).
 */
const toDate: FunctionEntry = {
  arguments: [2, 3],
  emit: (call) => {
    const format = dateFormat(call.literal(1));
    if (!format) throw call.unsupported(`format "${call.literal(1)}" in function TO_DATE`);
    const strict = call.count === 3 && call.value(2).sql === 'true';
    if (call.count === 3 && !strict && call.value(2).sql !== 'false')
      throw call.unsupported('argument 3 of function TO_DATE that is not a literal');
    const sql = letting('t', call.text(0).sql, (t) => readDate(t, format, strict, call.literal(1)));
    return { sql: `cast(${sql} as date)`, type: date_ };
  },
};

/**
 * The result is in UTC, the session's time zone (https://docs.aws.amazon.com/redshift/latest/dg/r_TO_TIMESTAMP.html).
 */
const toTimestamp: FunctionEntry = {
  arguments: [2, 3],
  emit: (call) => {
    const format = timeFormat(call.literal(1));
    if (!format) throw call.unsupported(`format "${call.literal(1)}" in function TO_TIMESTAMP`);
    if (call.count === 3 && !/^(?:true|false)$/.test(call.value(2).sql))
      throw call.unsupported('argument 3 of function TO_TIMESTAMP that is not a literal');
    const sql = letting('t', call.text(0).sql, (t) => readTime(t, format, call.literal(1)));
    return { sql: `timezone('UTC', cast(${sql} as timestamp))`, type: timestamptz };
  },
};

/** Refuses a day or an hour out of range. Redshift carries it over to the next unit, unless the call is strict. */
function readTime(text: string, { pattern, groups }: TimeFormat, written: string): string {
  const group = (name: keyof TimeFormat['groups'], otherwise: string) =>
    groups[name] === undefined
      ? otherwise
      : `cast(regexp_extract(${text}, ${quoteLiteral(`^${pattern}$`)}, ${groups[name]}) as integer)`;
  const given = groups.monthName && `regexp_extract(${text}, ${quoteLiteral(`^${pattern}$`)}, ${groups.monthName})`;
  const month = given ? monthNumber(given) : group('month', '1');
  const half = groups.half && `lower(regexp_extract(${text}, ${quoteLiteral(`^${pattern}$`)}, ${groups.half}))`;
  const twelve = `(${group('hour', '0')} % 12)`;
  const hour = half ? `case when ${half} = 'pm' then ${twelve} + 12 else ${twelve} end` : group('hour', '0');
  const micros = groups.micros
    ? `cast(rpad(regexp_extract(${text}, ${quoteLiteral(`^${pattern}$`)}, ${groups.micros}), 6, '0') as bigint)`
    : '0';
  const seconds = `(${group('second', '0')} + ${micros} / 1000000.0)`;
  const unread = failureWith(`not a text that the local warehouse reads with the format ${written}`, text);
  const time = `try(make_timestamp(${group('year', '1')}, ${month}, ${group('day', '1')}, ${hour}, ${group('minute', '0')}, ${seconds}))`;
  return `case when ${text} is null then null when regexp_full_match(${text}, ${quoteLiteral(pattern)}) then coalesce(${time}, ${unread}) else ${unread} end`;
}

const weekdays = ['su', 'mo', 'tu', 'we', 'th', 'fr', 'sa'];
const longestWeekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/**
 * The first date after the given one that is such a weekday
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_NEXT_DAY.html).
 */
const nextDay: FunctionEntry = {
  arguments: [2, 2],
  emit: (call) => {
    const given = call.literal(1).toLowerCase();
    const day = weekdays.findIndex((short, i) => given.startsWith(short) && longestWeekdays[i]!.startsWith(given));
    if (day < 0) throw call.unsupported(`day '${call.literal(1)}' in function NEXT_DAY`);
    const sql = letting('d', `cast(${call.zonedTime(0)} as date)`, (d) => {
      const ahead = `(${day} - dayofweek(${d}) + 7) % 7`;
      return `(${d} + cast(case when ${ahead} = 0 then 7 else ${ahead} end as integer))`;
    });
    return { sql, type: date_ };
  },
};

/**
 * The last day of a month stays the last day of a month
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_ADD_MONTHS.html).
 */
const addMonths: FunctionEntry = {
  arguments: [2, 2],
  emit: (call) => {
    const given = `{'t': ${call.time(0)}, 'n': ${call.position(1)}}`;
    const sql = letting('p', given, (p) => {
      const later = `(${p}.t + to_months(${p}.n))`;
      const atEnd = `cast(last_day(${later}) as timestamp) + (${p}.t - date_trunc('day', ${p}.t))`;
      return `case when cast(${p}.t as date) = last_day(${p}.t) then ${atEnd} else ${later} end`;
    });
    return { sql, type: timestamp };
  },
};

/**
 * Whole months, plus the remaining days as a fraction of a month of 31 days
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_MONTHS_BETWEEN_function.html).
 */
const monthsBetween: FunctionEntry = {
  arguments: [2, 2],
  emit: (call) => {
    const given = `{'a': ${call.time(0)}, 'b': ${call.time(1)}}`;
    return { sql: letting('p', given, (p) => monthsApart(`${p}.a`, `${p}.b`)), type: double };
  },
};

function monthsApart(a: string, b: string): string {
  const whole = `((year(${a}) - year(${b})) * 12 + month(${a}) - month(${b}))`;
  const isLast = (t: string) => `cast(${t} as date) = last_day(${t})`;
  const seconds = (t: string) => `(epoch(${t}) - epoch(date_trunc('month', ${t})))`;
  const same = `day(${a}) = day(${b}) or (${isLast(a)} and ${isLast(b)})`;
  const rest = `(${seconds(a)} - ${seconds(b)}) / (31 * 86400.0::double)`;
  return `case when ${same} then cast(${whole} as double) else ${whole} + ${rest} end`;
}

/** Whether a time zone exists, under its current name or an older one. */
function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Hours from UTC of the unambiguous abbreviations. `pg_timezone_abbrevs` has all abbreviations. */
const abbreviations: Readonly<Record<string, number>> = {
  ...{ UTC: 0, GMT: 0, Z: 0, EST: -5, EDT: -4, CDT: -5, MST: -7, MDT: -6, PST: -8, PDT: -7 },
  ...{ WET: 0, CET: 1, CEST: 2, EET: 2, EEST: 3, JST: 9 },
};

/** A time zone by its name or abbreviation. Offsets follow different rules and are not supported. */
function zone(call: Call, i: number): string {
  const name = call.literal(i);
  const hours = Object.hasOwn(abbreviations, name.toUpperCase()) ? abbreviations[name.toUpperCase()] : undefined;
  // DuckDB's fixed zones have the opposite sign: Etc/GMT-1 is one hour ahead of UTC.
  if (hours !== undefined)
    return quoteLiteral(hours === 0 ? 'UTC' : `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}`);
  if (!(/^[A-Z][A-Za-z]+\/[A-Za-z_/-]+$/.test(name) && isZone(name))) throw call.unsupported(`time zone '${name}'`);
  return quoteLiteral(name);
}

const convertTimezone: FunctionEntry = {
  arguments: [2, 3],
  emit: (call) => {
    const [from, to, time] =
      call.count === 3 ? [zone(call, 0), zone(call, 1), call.time(2)] : ["'UTC'", zone(call, 0), call.zonedTime(1)];
    return { sql: `timezone(${to}, timezone(${from}, ${time}))`, type: timestamp };
  },
};

/**
 * Converts a time without a time zone to one with a time zone, and the reverse
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_TIMEZONE.html).
 */
const timezone: FunctionEntry = {
  arguments: [2, 2],
  emit: (call) => {
    const { type, sql } = call.value(1);
    if (type.name === 'timestamptz') return { sql: `timezone(${zone(call, 0)}, ${sql})`, type: timestamp };
    return { sql: `timezone(${zone(call, 0)}, ${call.time(1)})`, type: timestamptz };
  },
};

/**
 * Runs on the leader node only (https://docs.aws.amazon.com/redshift/latest/dg/c_SQL_functions_leader_node_only.html).
 */
const currentTimestamp: FunctionEntry = { ...moment(`timezone('UTC', ${now})`, timestamptz), node: 'leader' };

export const timeFunctions: Readonly<Record<string, FunctionEntry>> = {
  /** A cast to DATE (https://docs.aws.amazon.com/redshift/latest/dg/r_CAST_function.html). */
  date: { arguments: [1, 1], emit: (call) => call.cast(call.value(0), date_) },
  // GETDATE is the start of the statement, without a fraction. SYSDATE has a fraction and is constant in a transaction.
  getdate: moment(
    `date_trunc('second', coalesce(cast(getvariable('millrace_statement_now') as timestamp), ${now}))`,
    timestamp,
  ),
  sysdate: moment(now, timestamp),
  current_date: moment(`cast(${now} as date)`, date_),
  date_trunc: {
    arguments: [2, 2],
    emit: (call) => {
      const sql = `date_trunc('${datePart(call, call.literal(0), truncated)}', ${call.zonedTime(1)})`;
      return zonedAs(call, 1, sql);
    },
  },
  extract: {
    arguments: [1, 1],
    emit: (call) => {
      const part = datePart(call, call.node.keyword!, extracted);
      const difference = timeDifference(call.node.args[0]!, call.environment);
      if (difference) {
        call.use(0, difference);
        if (part !== 'epoch') throw call.unsupported(`date part ${part} of a difference of times in function EXTRACT`);
        const refused = failure(
          'EXTRACT of the epoch of a difference with a fraction of a second is not supported by the local warehouse (use datediff)',
        );
        const seconds = letting(
          'i',
          difference.sql,
          (i) => `case when ${i} % 1000000 <> 0 then ${refused} else ${i} // 1000000 end`,
        );
        return { sql: seconds, type: bigint };
      }
      if (part === 'epoch') return { sql: `cast(floor(epoch(${call.zonedTime(0)})) as bigint)`, type: bigint };
      return { sql: `cast(${extractedSql(part, call.zonedTime(0))} as integer)`, type: integer };
    },
  },
  date_part: {
    arguments: [2, 2],
    emit: (call) => {
      const part = datePart(
        call,
        call.literal(0),
        extracted.filter((name) => name !== 'second'),
      );
      if (part === 'epoch') return { sql: `epoch(${call.zonedTime(1)})`, type: double };
      return { sql: `cast(${extractedSql(part, call.zonedTime(1))} as double)`, type: double };
    },
  },
  dateadd,
  date_add: dateadd,
  datediff,
  date_diff: datediff,
  last_day: { arguments: [1, 1], emit: (call) => ({ sql: `last_day(${call.time(0)})`, type: date_ }) },
  to_char: toChar,
  to_number: toNumber,
  to_timestamp: toTimestamp,
  next_day: nextDay,
  to_date: toDate,
  add_months: addMonths,
  months_between: monthsBetween,
  convert_timezone: convertTimezone,
  timezone,
  current_timestamp: currentTimestamp,
  now: currentTimestamp,
};
