/**
 * Odd values of every column type as JSON texts, and what a merge has to make of each, worked out without the SQL: by whole numbers, digit by digit.
 */
import type { Random } from '../../pipelines/generator/random';

/** The columns that the values are for. */
export const oddColumns = {
  at: { type: 'timestamp' },
  pieces: { type: 'bigint' },
  amount: { type: 'decimal', precision: 12, scale: 2 },
  exact: { type: 'decimal', precision: 38, scale: 10 },
  share: { type: 'decimal', precision: 4, scale: 4 },
  weight: { type: 'double' },
  name: { type: 'varchar', maxBytes: 16 },
  gift: { type: 'boolean' },
} as const;
export type OddColumn = keyof typeof oddColumns;

export interface OddValue {
  readonly column: OddColumn;
  /** JSON text of the value. */
  readonly json: string;
}

const digits = (random: Random, count: number) =>
  Array.from({ length: count }, () => String(random.below(10))).join('');
const two = (value: number) => String(value).padStart(2, '0');

/** Years at the edges of ISO 8601, of DuckDB, of JavaScript, of Unix time and of Redshift. */
const years = ['0000', '0001', '0002', '1582', '1677', '1899', '1969', '1970', '2026', '2038', '2262', '9998', '9999'];
/** From which an offset may lead out of the calendar. */
const edgeDays = ['0000-12-31', '0001-01-01', '9999-12-31'];
const dates = [
  '01-01',
  '01-31',
  '02-28',
  '02-29',
  '02-30',
  '04-31',
  '12-30',
  '12-31',
  '00-10',
  '13-01',
  '06-00',
  '10-32',
];
const times = [
  '00:00:00',
  '00:00:01',
  '23:59:59',
  '24:00:00',
  '23:59:60',
  '12:30:00',
  '12:60:00',
  '7:00:00',
  '00:59:59',
  '23:00:00',
];
const fractions = [
  '',
  '.',
  '.0',
  '.5',
  '.000001',
  '.999999',
  '.9999999',
  '.123456789012',
  '.1234567890123456789012345678901',
];
const offsets = [
  '',
  'Z',
  'z',
  '+00:00',
  '-00:00',
  '+00:01',
  '-00:01',
  '+01:00',
  '-01:00',
  '+14:00',
  '-12:00',
  '+23:59',
  '-23:59',
  '+24:00',
  '-24:00',
  '+0100',
  '+01',
  ' UTC',
  ' BC',
];
const oddTimes = [
  '',
  ' ',
  'now',
  'today',
  'infinity',
  '-infinity',
  'epoch',
  '2026-01-01',
  '10:00:00',
  '20260101T100000Z',
  '294276-12-31T23:59:59Z',
  '-4713-01-01T00:00:00Z',
  '+010000-01-01T00:00:00Z',
  '2026-01-01T10:00:00Z ',
  '2026-1-1 1:1:1',
  '2026-01-01TT10:00:00',
  '\u0000',
  '２０２６-01-01T10:00:00Z',
];

function oddTime(random: Random): string {
  if (random.chance(0.03)) return random.pick(oddTimes);
  if (random.chance(0.1)) {
    const clock = () => `${two(random.below(24))}:${two(random.below(60))}`;
    return `${random.pick(edgeDays)}T${clock()}:00${random.pick(['+', '-'])}${clock()}`;
  }
  const year = random.chance(0.2) ? digits(random, 4) : random.pick(years);
  const date = random.chance(0.3) ? `${two(random.below(14))}-${two(random.below(33))}` : random.pick(dates);
  return timeOf(random, `${year}-${date}`);
}

function timeOf(random: Random, day: string): string {
  const time = random.chance(0.4)
    ? `${two(random.below(25))}:${two(random.below(61))}:${two(random.below(61))}`
    : random.pick(times);
  const fraction = random.chance(0.3) ? `.${digits(random, 1 + random.below(9))}` : random.pick(fractions);
  const offset = random.chance(0.3)
    ? `${random.pick(['+', '-'])}${two(random.below(25))}:${two(random.below(61))}`
    : random.pick(offsets);
  return `${day}${random.pick(['T', 'T', 'T', ' ', 't', ''])}${time}${fraction}${offset}`;
}

const oddNumbers = [
  ...[
    '0',
    '-0',
    '0.0',
    '-0.0',
    '0e0',
    '-0e-0',
    '0e400',
    '1e400',
    '-1e400',
    '1e-400',
    '5e-324',
    '4e-324',
    '2e-324',
    '2.2250738585072014e-308',
  ],
  ...[
    '1.7976931348623157e308',
    '1.7976931348623159e308',
    '-1.7976931348623157e308',
    '1e308',
    '1e309',
    '1e2',
    '1E2',
    '1e+2',
    '1e02',
    '1.0e2',
    '1.5e2',
    '12e-1',
    '100e-2',
    '9e9',
    '1e10',
    '1e18',
    '9e18',
    '1e19',
    '123456789012345e1',
  ],
  ...[
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775808',
    '-9223372036854775809',
    '18446744073709551615',
    '18446744073709551616',
    '170141183460469231731687303715884105727',
    '170141183460469231731687303715884105728',
  ],
  ...[
    '9007199254740993',
    '2147483647',
    '2147483648',
    '9999999999.99',
    '10000000000',
    '9999999999.994',
    '9999999999.995',
    '0.01',
    '0.001',
    '0.0100',
    '0.9999',
    '0.99999',
    '1.00',
    '1.000000000000000000000000',
    '9223372036854775807.0',
    '5.10',
  ],
  ...[
    '9'.repeat(28),
    `${'9'.repeat(28)}.${'9'.repeat(10)}`,
    '9'.repeat(29),
    '9'.repeat(400),
    `0.${'0'.repeat(400)}1`,
    `1.${'0'.repeat(400)}`,
    `${'1'.repeat(19)}.5`,
    `-${'9'.repeat(38)}`,
  ],
];

function oddNumber(random: Random): string {
  if (random.chance(0.4)) return random.pick(oddNumbers);
  const whole = random.chance(0.2)
    ? '0'
    : `${1 + random.below(9)}${digits(random, random.below(random.pick([3, 11, 21, 40])))}`;
  const fraction = random.chance(0.5) ? `.${digits(random, 1 + random.below(random.pick([3, 12, 30])))}` : '';
  const exponent = random.chance(0.25)
    ? `${random.pick(['e', 'E'])}${random.pick(['', '+', '-'])}${digits(random, 1 + random.below(3))}`
    : '';
  return `${random.pick(['', '-'])}${whole}${fraction}${exponent}`;
}

const letters = [
  'a',
  'Z',
  ' ',
  "'",
  '"',
  '\\',
  '/',
  '\n',
  '\t',
  '\u0000',
  '\u0001',
  '\u007f',
  'é',
  'ß',
  '日',
  '\ufeff',
  '\u200b',
  '\u2028',
  '😀',
  '\ud83d',
  '\ude00',
  '\uffff',
  '\ufffd',
  '{{x}}',
  '%',
  '$1',
  'T',
  '-',
];

/** A JSON string, each character escaped or not. */
function spelledText(random: Random, text: string): string {
  const spelled = [...text].map((letter) => {
    if (!random.chance(0.2)) return JSON.stringify(letter).slice(1, -1);
    return Array.from(
      { length: letter.length },
      (_, i) => `\\u${letter.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join('');
  });
  return `"${spelled.join('')}"`;
}

function oddText(random: Random): string {
  if (random.chance(0.01)) return `"${'x'.repeat(random.pick([65_534, 65_535, 65_536, 70_000]))}"`;
  return spelledText(random, Array.from({ length: random.below(9) }, () => random.pick(letters)).join(''));
}

const otherKinds = ['null', 'true', 'false', '{}', '[]', '[1]', '{"a":null}', '""', '"1"', '"true"', '0', '1'];

/** One value: mostly of the column's kind. */
export function oddValue(random: Random): OddValue {
  const column = random.pick(Object.keys(oddColumns) as OddColumn[]);
  if (random.chance(0.05)) return { column, json: random.pick(otherKinds) };
  switch (oddColumns[column].type) {
    case 'timestamp':
      return { column, json: spelledText(random, oddTime(random)) };
    case 'varchar':
      return { column, json: oddText(random) };
    case 'boolean':
      return { column, json: random.pick(otherKinds) };
    default:
      return { column, json: oddNumber(random) };
  }
}

/** `null` for an absent value, undefined for a reject, else the value as the warehouse shows it; a double as its number. */
export function expectedOf({ column, json }: OddValue): string | number | boolean | null | undefined {
  if (json === 'null') return null;
  const declared = oddColumns[column];
  const isNumber = /^[-0-9]/.test(json);
  switch (declared.type) {
    case 'timestamp':
      return json.startsWith('"') ? utc(JSON.parse(json)) : undefined;
    case 'varchar': {
      const text: unknown = JSON.parse(json);
      return typeof text === 'string' && !/\p{Surrogate}/u.test(text) && Buffer.byteLength(text) <= declared.maxBytes
        ? text
        : undefined;
    }
    case 'boolean':
      return json === 'true' ? true : json === 'false' ? false : undefined;
    case 'double':
      return isNumber && Number.isFinite(Number(json)) ? Number(json) : undefined;
    case 'bigint':
      return isNumber ? scaled(json, 0, 2n ** 63n) : undefined;
    case 'decimal':
      return isNumber ? scaled(json, declared.scale, 10n ** BigInt(declared.precision)) : undefined;
  }
}

/** A number's digits in units of its last place; undefined where digits are lost, it is not below `limit`, or an exponent stands behind more than digits. */
function scaled(json: string, scale: number, limit: bigint): string | undefined {
  const [, sign, whole, fraction = '', e, exponent] = /^(-?)([0-9]+)(?:[.]([0-9]+))?(?:([eE])([+-]?[0-9]+))?$/.exec(
    json,
  )!;
  if (e && (fraction !== '' || whole!.length > 15 || !/^[+]?[0-9]{1,2}$/.test(exponent!))) return undefined;
  if (scale === 0 && !e && whole!.length > 19) return undefined;
  const kept = fraction.replace(/0+$/, '');
  if (kept.length > scale) return undefined;
  const magnitude = BigInt(whole! + kept.padEnd(scale, '0')) * 10n ** BigInt(exponent ?? '0');
  const value = sign ? -magnitude : magnitude;
  const least = scale === 0 ? -limit : 1n - limit;
  if (value < least || value >= limit) return undefined;
  const all = magnitude.toString().padStart(scale + 1, '0');
  const text = scale === 0 ? all : `${all.slice(0, -scale)}.${all.slice(-scale)}`;
  return value < 0n ? `-${text}` : text;
}

/** Days of a civil date since 1970-01-01, and back: years of 365.2425 days, counted from March. */
function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const yearOfEra = y - era * 400;
  return (
    era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
  );
}
function civil(days: number): [year: number, month: number, day: number] {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const doe = z - era * 146_097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36_524) - Math.floor(doe / 146_096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  return [yoe + era * 400 + (month <= 2 ? 1 : 0), month, doy - Math.floor((153 * mp + 2) / 5) + 1];
}

function utc(text: string): string | undefined {
  const found = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.](\d+))?(?:(Z)|([+-])(\d\d):(\d\d))?$/.exec(text);
  if (!found) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [fraction = '', , sign, offsetHour = '0', offsetMinute = '0'] = found.slice(7);
  if (hour > 23 || minute > 59 || second > 59 || Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined;
  if (
    year < 1 ||
    month < 1 ||
    month > 12 ||
    day < 1 ||
    civil(daysOf(year, month, day)).join() !== [year, month, day].join()
  )
    return undefined;
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === '-' ? 1 : -1);
  const minutes = daysOf(year, month, day) * 1440 + hour * 60 + minute + (sign ? offset : 0);
  const [y, m, d] = civil(Math.floor(minutes / 1440));
  if (y < 1 || y > 9999) return undefined;
  const ofDay = minutes - Math.floor(minutes / 1440) * 1440;
  const micros = fraction.slice(0, 6).replace(/0+$/, '');
  return `${String(y).padStart(4, '0')}-${two(m)}-${two(d)} ${two(Math.floor(ofDay / 60))}:${two(ofDay % 60)}:${two(second)}${micros ? `.${micros}` : ''}`;
}
