/**
 * Odd values of every column type as JSON text, and the expected result of a merge for each. The expectation is
 * computed without the SQL: in integers, digit by digit.
 */
import type { ColumnType } from '../../pipelines/definition';
import type { Random } from '../../pipelines/generator/random';

type OddType = ColumnType & {
  readonly trim?: true;
  readonly emptyAsNull?: true;
  readonly default?: string | boolean;
};

/** The columns for the values. */
export const oddColumns = {
  at: { type: 'timestamp' },
  pieces: { type: 'bigint' },
  amount: { type: 'decimal', precision: 12, scale: 2 },
  exact: { type: 'decimal', precision: 38, scale: 10 },
  share: { type: 'decimal', precision: 4, scale: 4 },
  weight: { type: 'double' },
  name: { type: 'varchar', maxBytes: 16 },
  gift: { type: 'boolean' },
  count: { type: 'integer' },
  code: { type: 'char', length: 4 },
  day: { type: 'date' },
  clock: { type: 'time' },
  moment: { type: 'timestamptz' },
  iso: { type: 'timestamp', convert: 'iso' },
  iso_day: { type: 'date', convert: 'iso', emptyAsNull: true },
  iso_clock: { type: 'time', convert: 'iso' },
  seconds: { type: 'timestamp', convert: 'epochseconds' },
  millis: { type: 'timestamptz', convert: 'epochmillis' },
  american: { type: 'timestamp', convert: { format: 'FMMM/FMDD/YYYY FMHH12:MI:SS AM' } },
  compact: { type: 'timestamp', convert: { format: 'YYYYMMDDTHH24MISS.MSOF' } },
  worded: { type: 'date', convert: { format: 'DD-Mon-YYYY' }, trim: true },
  text_amount: { type: 'decimal', precision: 12, scale: 2, convert: 'text', trim: true, emptyAsNull: true },
  text_count: { type: 'integer', convert: 'text' },
  text_weight: { type: 'double', convert: 'text' },
  flag: { type: 'boolean', convert: 'flag', default: false },
  label: { type: 'varchar', maxBytes: 16, convert: 'text', trim: true, emptyAsNull: true, default: 'none' },
  word: { type: 'varchar', maxBytes: 16, trim: true, emptyAsNull: true },
  bag: { type: 'super' },
} as const satisfies Record<string, OddType>;
export type OddColumn = keyof typeof oddColumns;

export interface OddValue {
  readonly column: OddColumn;
  /** The value as JSON text. */
  readonly json: string;
}

const digits = (random: Random, count: number) =>
  Array.from({ length: count }, () => String(random.below(10))).join('');
const two = (value: number) => String(value).padStart(2, '0');

/** Years at the limits of ISO 8601, DuckDB, JavaScript, Unix time and Redshift. */
const years = ['0000', '0001', '0002', '1582', '1677', '1899', '1969', '1970', '2026', '2038', '2262', '9998', '9999'];
/** Days on which a time zone offset may lead out of the calendar. */
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

/** Writes a JSON string in which each character may be escaped. */
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

/** Makes one value, mostly one that suits its column. */
export function oddValue(random: Random): OddValue {
  const column = random.pick(Object.keys(oddColumns) as OddColumn[]);
  if (random.chance(0.05)) return { column, json: random.pick(otherKinds) };
  const json = random.chance(0.02) ? oddText(random) : oddJson(random, column);
  // A result row holds at most 64 KB.
  return { column, json: column === 'bag' && json.length > 1000 ? '"long"' : json };
}

function oddJson(random: Random, column: OddColumn): string {
  const text = (value: string) => spelledText(random, value);
  const blank = () => random.pick(['', '', '', ' ', '\t', '\n ']);
  switch (column) {
    case 'at':
    case 'moment':
      return text(oddTime(random));
    case 'iso':
    case 'iso_day':
    case 'day':
      return text(random.chance(0.5) ? looseTime(random) : random.chance(0.3) ? oddTime(random) : oddDay(random));
    case 'clock':
    case 'iso_clock':
      return text(oddClock(random));
    case 'seconds':
    case 'millis':
      return random.chance(0.5)
        ? oddEpoch(random).replace(/^(-?)0+(?=\d)/, '$1')
        : random.chance(0.5)
          ? oddNumber(random)
          : text(oddEpoch(random));
    case 'american':
    case 'compact':
    case 'worded':
      return text(blank() + formatted(random, column) + blank());
    case 'text_amount':
    case 'text_count':
    case 'text_weight':
      return random.chance(0.4) ? oddNumber(random) : text(blank() + oddNumber(random) + blank());
    case 'flag':
      return random.chance(0.5)
        ? random.pick(otherKinds)
        : text(
            random.pick([
              'true',
              'TRUE',
              't',
              'Yes',
              'y',
              '1',
              'false',
              'F',
              'no',
              'N',
              '0',
              'x',
              '',
              ' true',
              'oui',
              '2',
            ]),
          );
    case 'word':
    case 'label':
      return random.chance(0.3)
        ? oddNumber(random)
        : random.chance(0.2)
          ? text(blank())
          : text(blank() + random.pick(['a', 'b c', 'é']) + blank());
    case 'name':
      return oddText(random);
    case 'code':
      return random.chance(0.3)
        ? oddText(random)
        : text(random.pick(['', 'A', 'AB', 'ABCD', 'ABCDE', 'é', ' A', 'A ', '~', '\u007f', '\t']));
    case 'gift':
      return random.pick(otherKinds);
    case 'bag':
      return random.chance(0.5) ? random.pick(otherKinds) : random.chance(0.5) ? oddText(random) : oddNumber(random);
    default:
      return oddNumber(random);
  }
}

const oddDay = (random: Random) =>
  random.chance(0.5)
    ? `${random.pick(years)}-${random.pick(dates)}`
    : `${digits(random, 4)}-${two(random.below(14))}-${two(random.below(33))}`;

/** Makes a time, mostly in a looser form of ISO 8601. */
function looseTime(random: Random): string {
  const clock = `${two(random.below(25))}:${two(random.below(61))}`;
  const seconds = random.pick(['', ':00', ':59', ':60', ':07.5', ':07,25', ':07.123456789', ':7']);
  const offset = random.pick([
    '',
    'Z',
    'z',
    ' Z',
    ' UTC',
    ' GMT',
    '+01',
    '+0130',
    '+01:30',
    ' -05:00',
    '-0',
    '+2500',
    'UTC+1',
  ]);
  return `${oddDay(random)}${random.pick(['T', 't', ' ', '  ', ''])}${clock}${seconds}${offset}`;
}

const oddClock = (random: Random) =>
  `${random.pick(['', '', '', 'T', 't', ' '])}${two(random.below(26))}:${two(random.below(62))}${random.pick(['', ':00', ':59', ':60', ':07.5', ':07.123456', ':07.1234567', ':07,5', 'Z'])}`;

const oddEpoch = (random: Random) =>
  random.pick([
    '0',
    '-0',
    '-0.5',
    '-1.5',
    '1764410400',
    '1764410400.5',
    '1764410400.1234567',
    '1764410400123',
    '1764410400123.25',
    '-62135596800',
    '-62135596799',
    '-62135596799.5',
    '253402300799',
    '253402300799.999999',
    '253402300800',
    '-62135596799999',
    '253402300799999',
    '253402300799999.999',
    '253402300800000',
    '99999999999999999',
    `${digits(random, 1 + random.below(16))}`,
    `-${digits(random, 1 + random.below(12))}.${digits(random, 1 + random.below(8))}`,
  ]);

/** Makes a text that mostly has the column's custom format. */
function formatted(random: Random, column: 'american' | 'compact' | 'worded'): string {
  const loose = (value: number) => (random.chance(0.5) ? String(value) : two(value));
  const [year, month, day] = [random.pick(['2026', '0001', '9999', '26']), random.below(14), random.below(33)];
  const [hour, minute, second] = [random.below(25), two(random.below(62)), two(random.below(62))];
  if (column === 'american')
    return `${loose(month)}/${loose(day)}/${year} ${loose(hour)}:${minute}:${second} ${random.pick(['AM', 'PM', 'am', 'pM', 'M'])}`;
  if (column === 'compact')
    return `${year}${two(month)}${two(day)}T${two(hour)}${minute}${second}.${random.pick(['000', '5', '123'])}${random.pick(['Z', 'z', '+01', '-0130', '+05:30', '', '+1'])}`;
  const name = random.pick([
    'Jan',
    'feb',
    'MAR',
    'Apr',
    'May',
    'Jun',
    'Jul',
    'Aug',
    'Sep',
    'Oct',
    'Nov',
    'Dec',
    'Foo',
    'anf',
  ]);
  return `${two(day)}-${name}-${year}`;
}

/**
 * Returns the expected column value: null for an absent value, undefined for a reject, else the value as the warehouse
 * shows it, and a double as a number.
 */
export function expectedOf({ column, json }: OddValue): string | number | boolean | null | undefined {
  const declared: OddType = oddColumns[column];
  const given: unknown = JSON.parse(json);
  const text = typeof given === 'string' ? (declared.trim ? trimmed(given) : given) : undefined;
  if (json === 'null' || (declared.emptyAsNull && text === '')) return declared.default ?? null;
  const convert = 'convert' in declared ? declared.convert : undefined;
  const isNumber = typeof given === 'number';
  const written = isNumber ? json : convert === 'text' ? text : undefined;
  switch (declared.type) {
    case 'timestamp':
    case 'timestamptz':
    case 'date': {
      const found =
        convert === 'epochseconds' || convert === 'epochmillis'
          ? epoch(isNumber ? json : text, convert === 'epochmillis')
          : text !== undefined
            ? timeOfText(column, declared.type, convert, text)
            : undefined;
      if (found === undefined) return undefined;
      if (declared.type === 'date') return found.slice(0, 10);
      return declared.type === 'timestamptz' ? `${found}+00` : found;
    }
    case 'time':
      return text === undefined ? undefined : clockOf(text, convert === 'iso');
    case 'varchar':
    case 'char':
      return textOf(declared, given, text, json);
    case 'boolean':
      if (typeof given === 'boolean') return given;
      if (convert !== 'flag') return undefined;
      return flagOf(isNumber ? json : text?.toLowerCase());
    case 'double': {
      if (written === undefined || !/^-?\d{1,400}([.]\d{1,400})?([eE][+-]?\d{1,3})?$/.test(isNumber ? '0' : written))
        return undefined;
      return Number.isFinite(Number(written)) ? Number(written) : undefined;
    }
    case 'integer':
    case 'bigint':
      return written === undefined
        ? undefined
        : scaled(written, 0, declared.type === 'integer' ? 2n ** 31n : 2n ** 63n, isNumber);
    case 'decimal':
      return written === undefined
        ? undefined
        : scaled(written, declared.scale, 10n ** BigInt(declared.precision), isNumber);
    case 'super':
      return /\p{Surrogate}/u.test(String(given)) ? undefined : json;
  }
}

/** Trims ASCII white space, as the column option `trim` does. */
const trimmed = (text: string) => text.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '');

function textOf(
  declared: Extract<OddType, { type: 'varchar' | 'char' }>,
  given: unknown,
  text: string | undefined,
  json: string,
): string | undefined {
  const isPlain = typeof given === 'boolean' || (typeof given === 'number' && /^-?\d{1,18}$/.test(json));
  const value = text ?? (declared.convert === 'text' && isPlain ? json.replace(/^-0$/, '0') : undefined);
  if (value === undefined || /\p{Surrogate}/u.test(value)) return undefined;
  if (declared.type === 'varchar') return Buffer.byteLength(value) <= declared.maxBytes ? value : undefined;
  return /^[ -~]*$/.test(value) && value.length <= declared.length ? value.padEnd(declared.length) : undefined;
}

const flagOf = (text: string | undefined) =>
  text === undefined
    ? undefined
    : ['true', 't', 'yes', 'y', '1'].includes(text)
      ? true
      : ['false', 'f', 'no', 'n', '0'].includes(text)
        ? false
        : undefined;

function clockOf(text: string, isLoose: boolean): string | undefined {
  const pattern = isLoose
    ? /^[Tt]?(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?$/
    : /^(\d\d):(\d\d):(\d\d)(?:[.](\d{1,6}))?$/;
  const [, hour, minute, second = '00', fraction = ''] = pattern.exec(text) ?? [];
  if (hour === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const micros = fraction.slice(0, 6).replace(/0+$/, '');
  return `${hour}:${minute}:${second}${micros ? `.${micros}` : ''}`;
}

/** Normalizes a time with `utc`. Returns undefined if the text lacks the format of the column. */
function timeOfText(column: OddColumn, type: string, convert: unknown, text: string): string | undefined {
  if (convert === undefined)
    return type === 'date' ? (/^\d{4}-\d\d-\d\d$/.test(text) ? utc(`${text}T00:00:00`) : undefined) : utc(text);
  if (convert === 'iso') {
    const [, day, clock = '00:00', seconds = ':00', fraction = '', offset = ''] =
      /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?:(:\d\d)([.,]\d+)?)?(?: ?(UTC|GMT|[Zz]|[+-]\d\d(?::?\d\d)?))?)?$/.exec(
        text,
      ) ?? [];
    return day === undefined
      ? undefined
      : utc(`${day}T${clock}${seconds}${fraction.replace(',', '.')}${offsetOf(offset)}`);
  }
  if (column === 'american') {
    const [, month, day, year, hour, minute, second, half] =
      /^(\d\d?)\/(\d\d?)\/(\d{4}) (\d\d?):(\d\d):(\d\d) ([ap])m$/i.exec(text) ?? [];
    if (year === undefined || Number(hour) < 1 || Number(hour) > 12) return undefined;
    const hours = (Number(hour) % 12) + (half!.toLowerCase() === 'p' ? 12 : 0);
    return utc(`${year}-${two(Number(month))}-${two(Number(day))}T${two(hours)}:${minute}:${second}`);
  }
  if (column === 'compact') {
    const [, year, month, day, hour, minute, second, millis, offset] =
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)[.](\d{3})([Zz]|[+-]\d\d(?::?\d\d)?)$/.exec(text) ?? [];
    return year === undefined
      ? undefined
      : utc(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millis}${offsetOf(offset!)}`);
  }
  const [, day, name, year] = /^(\d\d)-([A-Za-z]{3})-(\d{4})$/.exec(text) ?? [];
  const month = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].indexOf(
    String(name).toLowerCase(),
  );
  return day === undefined || month < 0 ? undefined : utc(`${year}-${two(month + 1)}-${day}T00:00:00`);
}

const offsetOf = (text: string) => {
  if (/^(|UTC|GMT|[Zz])$/.test(text)) return text === '' ? '' : 'Z';
  const figures = text.slice(1).replace(':', '').padEnd(4, '0');
  return `${text[0]}${figures.slice(0, 2)}:${figures.slice(2)}`;
};

function epoch(text: string | undefined, isMillis: boolean): string | undefined {
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:[.](\d+))?$/.exec(text ?? '') ?? [];
  if (whole === undefined || whole.length > (isMillis ? 15 : 12)) return undefined;
  const places = isMillis ? 3 : 6;
  const magnitude = BigInt(whole) * BigInt(10 ** places) + BigInt(fraction.slice(0, places).padEnd(places, '0'));
  const micros = sign ? -magnitude : magnitude;
  const seconds = (sign ? -1n : 1n) * (isMillis ? BigInt(whole) / 1000n : BigInt(whole));
  if (seconds <= -62_135_596_800n || seconds > 253_402_300_799n) return undefined;
  const inDay = ((micros % 86_400_000_000n) + 86_400_000_000n) % 86_400_000_000n;
  const [y, m, d] = civil(Number((micros - inDay) / 86_400_000_000n));
  const ofDay = Number(inDay / 1_000_000n);
  const rest = String(inDay % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${String(y).padStart(4, '0')}-${two(m)}-${two(d)} ${two(Math.floor(ofDay / 3600))}:${two(Math.floor(ofDay / 60) % 60)}:${two(ofDay % 60)}${rest ? `.${rest}` : ''}`;
}

/**
 * Writes a number with `scale` decimal places. Returns undefined if digits would be lost, if the number in units of its
 * last place reaches `limit`, or if the merge does not accept the exponent.
 */
function scaled(json: string, scale: number, limit: bigint, isNumber: boolean): string | undefined {
  const [, sign, whole, fraction = '', e, exponent] =
    /^(-?)([0-9]+)(?:[.]([0-9]+))?(?:([eE])([+-]?[0-9]+))?$/.exec(json) ?? [];
  if (whole === undefined || (e && !isNumber)) return undefined;
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

/** Converts a Gregorian date to days since 1970-01-01; `civil` converts back. Both count years from March. */
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
