import { quoteLiteral } from '../resolve/value';
import { bigint, date, double, integer, timestamp, varchar } from '../types';
import type { Call, FunctionEntry } from './call';

/** Redshift's spellings of a date part (https://docs.aws.amazon.com/redshift/latest/dg/r_Dateparts_for_datetime_functions.html). */
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
};
const partOf = new Map(
  Object.entries(spellings).flatMap(([part, names]) => names.map((name) => [name, part] as const)),
);

function datePart(call: Call, text: string, allowed: readonly string[]): string {
  const part = partOf.get(text.toLowerCase());
  if (!part || !allowed.includes(part)) throw call.unsupported(`date part ${text} in function ${call.name}`);
  return part;
}

/** Of the transaction; GETDATE alone goes by the statement (r_GETDATE, r_SYSDATE). */
const now = "cast(getvariable('millrace_now') as timestamp)";
const moment = (sql: string, type: typeof date): FunctionEntry => ({
  arguments: [0, 0],
  mutable: true,
  emit: () => ({ sql, type }),
});

const extracted = ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second', 'dow', 'doy', 'epoch'];
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
};

const dateadd: FunctionEntry = {
  arguments: [3, 3],
  emit: (call) => {
    const part = datePart(call, call.literal(0), Object.keys(adders));
    const amount = part === 'quarter' ? `3 * ${call.integer(1)}` : call.integer(1);
    return { sql: `(${call.time(2)} + ${adders[part]}(cast(${amount} as integer)))`, type: timestamp };
  },
};

/** Counts the boundaries between the two, like DuckDB's date_diff; weeks are left out, since their first day is not documented. */
const datediff: FunctionEntry = {
  arguments: [3, 3],
  emit: (call) => {
    const part = datePart(call, call.literal(0), ['year', 'quarter', 'month', 'day', 'hour', 'minute', 'second']);
    return { sql: `date_diff('${part}', ${call.time(1)}, ${call.time(2)})`, type: bigint };
  },
};

const formats: Readonly<Record<string, string>> = {
  YYYY: '%Y',
  MM: '%m',
  DD: '%d',
  HH24: '%H',
  MI: '%M',
  SS: '%S',
  MS: '%g',
  US: '%f',
};

/** A TO_CHAR format of the patterns above, punctuation, and texts in double quotes. */
function strftime(call: Call, format: string): string {
  let rest = format;
  let pattern = '';
  while (rest !== '') {
    const name = Object.keys(formats).find((candidate) => rest.startsWith(candidate));
    const literal = /^(?:"([^"\\%]*)"|([-/:., _T]))/.exec(rest);
    const after = name ? rest.slice(name.length) : '';
    if (name && !/^(th|TH|SP)/.test(after)) {
      pattern += formats[name];
      rest = after;
    } else if (literal) {
      pattern += literal[1] ?? literal[2];
      rest = rest.slice(literal[0].length);
    } else throw call.unsupported(`format "${rest}" in function TO_CHAR`);
  }
  return pattern;
}

export const timeFunctions: Readonly<Record<string, FunctionEntry>> = {
  // Of the statement, without a fraction; SYSDATE has one, and is the same all through a transaction.
  getdate: moment(
    `date_trunc('second', coalesce(cast(getvariable('millrace_statement_now') as timestamp), ${now}))`,
    timestamp,
  ),
  sysdate: moment(now, timestamp),
  current_date: moment(`cast(${now} as date)`, date),
  date_trunc: {
    arguments: [2, 2],
    emit: (call) => ({
      sql: `date_trunc('${datePart(call, call.literal(0), truncated)}', ${call.time(1)})`,
      type: timestamp,
    }),
  },
  extract: {
    arguments: [1, 1],
    emit: (call) => {
      const part = datePart(call, call.node.keyword!, extracted);
      if (part === 'epoch') return { sql: `cast(floor(epoch(${call.time(0)})) as bigint)`, type: bigint };
      return { sql: `cast(extract(${part} from ${call.time(0)}) as integer)`, type: integer };
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
      if (part === 'epoch') return { sql: `epoch(${call.time(1)})`, type: double };
      return { sql: `cast(extract(${part} from ${call.time(1)}) as double)`, type: double };
    },
  },
  dateadd,
  date_add: dateadd,
  datediff,
  date_diff: datediff,
  last_day: { arguments: [1, 1], emit: (call) => ({ sql: `last_day(${call.time(0)})`, type: date }) },
  to_char: {
    arguments: [2, 2],
    emit: (call) => ({
      sql: `strftime(${call.time(0)}, ${quoteLiteral(strftime(call, call.literal(1)))})`,
      type: varchar(256),
    }),
  },
};
