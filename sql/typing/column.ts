import { quoteLiteral } from '../../lambda/shared/quote';
import type { Column } from '../../pipelines/definition';
import { redshiftType } from '../tables/column-type';
import { identifier, quoteIdentifier } from '../text/identifier';

/** A select item. */
interface Item {
  readonly name: string;
  readonly expression: string;
}

export function items(list: readonly Item[]): string {
  return list.map(({ name, expression }) => `    ${expression} as ${identifier(name)}`).join(',\n');
}

/** `payload."product"."price"`: delimited, since attribute names are case-sensitive in the warehouse. */
export function payloadPath(path: readonly string[]): string {
  return ['payload', ...path.map(quoteIdentifier)].join('.');
}

const partOf = (column: Column) => identifier(`${column.name}_part`);
const textOf = (column: Column) => identifier(`${column.name}_text`);
/** The kind of the value at the column's path, as json_typeof names it. `null` also where there is no value. */
export const kindOf = (column: Column) => `coalesce(json_typeof(${partOf(column)}), 'null')`;

/** The value at the column's path, so that the path is followed once. */
export function partItem(column: Column): Item {
  return { name: `${column.name}_part`, expression: payloadPath(column.path) };
}

/** The value as text. Every type except boolean and double is checked as text before it is cast. */
export function textItem(column: Column): Item | undefined {
  const part = partOf(column);
  const name = `${column.name}_text`;
  switch (column.type) {
    case 'varchar':
      return { name, expression: stringOf(part, (text) => text) };
    case 'timestamp':
      // Redshift writes a space between date and time.
      return { name, expression: stringOf(part, (text) => `replace(${text}, 'T', ' ')`) };
    case 'bigint':
    case 'decimal':
      return { name, expression: `case when json_typeof(${part}) = 'number' then json_serialize(${part}) end` };
    default:
      return undefined;
  }
}

const maxTextBytes = 65_535;

/** The guard keeps texts longer than a varchar away from the cast, whose behaviour for them is not documented. */
const stringOf = (part: string, made: (text: string) => string) =>
  `case when is_varchar(${part}) and json_size(${part}) <= ${maxTextBytes + 2} then ${made(`${part}::varchar(${maxTextBytes})`)} end`;

/** The typed value, or null if the payload's value does not fit. A null whose kind is not `null` makes a reject. */
export function valueItem(column: Column): Item {
  return { name: column.name, expression: valueExpression(column) };
}

function valueExpression(column: Column): string {
  const text = textOf(column);
  const part = partOf(column);
  switch (column.type) {
    case 'varchar': {
      const fits = `octet_length(${text}) <= ${column.maxBytes}`;
      const listed = column.oneOf ? ` and ${text} in (${column.oneOf.map(quoteLiteral).join(', ')})` : '';
      return `case when ${fits}${listed} then ${text}::varchar(${column.maxBytes}) end`;
    }
    case 'bigint':
      return numberExpression(
        '^-?[0-9]{1,19}([.]0+)?$',
        text,
        `try_cast(split_part(${text}, '.', 1) as bigint)`,
        `${part}::bigint`,
      );
    case 'decimal': {
      const type = redshiftType(column);
      const pattern = decimalPattern(column.precision, column.scale);
      return numberExpression(pattern, text, `try_cast(${text} as ${type})`, `${part}::${type}`);
    }
    case 'double':
      return `case when json_typeof(${part}) = 'number' then ${part}::double precision end`;
    case 'boolean':
      return `case when is_boolean(${part}) then ${part}::boolean end`;
    case 'timestamp':
      return timestampExpression(text);
  }
}

/** A whole number, which is exact whatever type SUPER stores it in. How SUPER writes it is not documented. */
const exponentPattern = '^-?[0-9]{1,15}[eE][+]?[0-9]{1,2}$';

/** 1e100 or more: larger than any type. */
const hugePattern = '^-?[1-9][0-9]*[eE][+]?[1-9][0-9]{2,}$';

/**
 * A cast of SUPER gives null for a value that does not fit
 * (https://docs.aws.amazon.com/redshift/latest/dg/super-configurations.html).
 */
const numberExpression = (pattern: string, text: string, value: string, ofExponent: string) =>
  `case when ${text} ~ '${pattern}' then ${value} when ${text} ~ '${exponentPattern}' then ${ofExponent} end`;

/**
 * Zeros after the last decimal place are allowed. Any other digit there would be rounded away, so it makes a reject.
 */
function decimalPattern(precision: number, scale: number): string {
  const whole = precision === scale ? '0' : `[0-9]{1,${precision - scale}}`;
  const fraction = scale === 0 ? '0+' : `[0-9]{1,${scale}}0*`;
  return `^-?${whole}([.]${fraction})?$`;
}

const day = '[0-9]{4}-[0-9]{2}-[0-9]{2}';
const secondsPattern = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]';
const utcPattern = `^${day} ${secondsPattern}([.][0-9]{1,6})?Z?$`;
const patternOfDays = (days: string) => `^${days} ${secondsPattern}([.][0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?$`;
const timestampPattern = patternOfDays(day);
/** Days on which an offset can lead out of the years 1 to 9999, and the year 0, which does not exist. */
const edgePattern = patternOfDays('(0000-[0-9]{2}-[0-9]{2}|0001-01-01|9999-12-31)');

/**
 * Converts ISO 8601, with a space for its T, to a UTC timestamp. Most texts need no conversion: they are cast as they
 * are. For others the date, the time and up to six digits of the fraction are cast, then the offset is subtracted.
 * Further digits are cut. The result is null for a day that does not exist and for an offset that leads out of the
 * years 1 to 9999: readers of `events` take no other times. In a matching text the sixth character from the end is a
 * sign only if an offset follows. Nothing here raises, in whatever order it is evaluated: every cast is a TRY_CAST.
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

/** For each type: the kind of value that it takes, and how a reason names it. */
const expectations: Record<Column['type'], { kind: string; phrase: string }> = {
  varchar: { kind: 'string', phrase: 'a string' },
  timestamp: { kind: 'string', phrase: 'a string' },
  bigint: { kind: 'number', phrase: 'a number' },
  decimal: { kind: 'number', phrase: 'a number' },
  double: { kind: 'number', phrase: 'a number' },
  boolean: { kind: 'boolean', phrase: 'a boolean' },
};

/** `a string`, `an object`: a kind in the middle of a reason. */
export function withArticle(kind: string): string {
  return `case when ${kind} in ('array', 'object') then 'an ' else 'a ' end || ${kind}`;
}

/**
 * True for a valid row. It accepts exactly the rows for which no line of `problemLines` applies, but without the
 * kinds of values that are present, since it decides nearly every row.
 */
export function validCondition(columns: readonly Column[]): string {
  const isSound = (column: Column) => {
    const name = identifier(column.name);
    return column.required ? `${name} is not null` : `(${name} is not null or ${kindOf(column)} = 'null')`;
  };
  const conditions = columns.map(isSound);
  return [...(columns.some(({ required }) => required) ? [] : ['is_object(payload)']), ...conditions].join(' and ');
}

/** The `when … then …` lines that name what is wrong with a column. The first that applies counts. */
export function problemLines(column: Column): string[] {
  const kind = kindOf(column);
  const expected = expectations[column.type];
  const reason = (text: string) => quoteLiteral(shortened(`${column.name}: ${text}`));
  return [
    ...(column.required ? [`when ${kind} = 'null' then ${reason('missing')}`] : []),
    `when ${kind} not in ('null', '${expected.kind}') then ${reason(`expected ${expected.phrase}, got `)} || ${withArticle(kind)}`,
    ...misfits(column).map(([when, text]) => `when ${when} then ${reason(text)}`),
  ];
}

/** Cuts a long list of allowed values: the column `reason` takes 512 bytes, and the kind of a value may follow. */
function shortened(text: string): string {
  const most = 480;
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  let end = most;
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1;
  return `${bytes.subarray(0, end).toString()} …`;
}

function misfits(column: Column): [string, string][] {
  const misfit = `${kindOf(column)} <> 'null' and ${identifier(column.name)} is null`;
  switch (column.type) {
    case 'varchar': {
      const text = textOf(column);
      const isLong = `octet_length(${text}) > ${column.maxBytes} or (${text} is null and json_size(${partOf(column)}) > ${maxTextBytes + 2})`;
      return [
        [`${kindOf(column)} = 'string' and (${isLong})`, `longer than ${column.maxBytes} bytes`],
        ...(column.oneOf
          ? [[`${misfit} and ${text} is not null`, `not one of ${column.oneOf.join(', ')}`] as [string, string]]
          : []),
        [misfit, 'a string that varchar does not hold'],
      ];
    }
    case 'timestamp':
      return [
        [`${misfit} and ${textOf(column)} ~ '${edgePattern}'`, 'outside the years 1 to 9999 in UTC'],
        [misfit, 'not an ISO 8601 timestamp'],
      ];
    case 'bigint':
    case 'decimal': {
      const fits =
        column.type === 'bigint' ? 'not a whole number in the range of bigint' : `does not fit ${redshiftType(column)}`;
      const text = textOf(column);
      return [
        [
          `${misfit} and ${text} ~ '[eE]' and not (${text} ~ '${exponentPattern}') and not (${text} ~ '${hugePattern}')`,
          `spelled with an exponent in a way that ${redshiftType(column)} does not take: only whole numbers such as 15e2`,
        ],
        [misfit, fits],
      ];
    }
    case 'double':
      return [[misfit, 'out of the range of double precision']];
    case 'boolean':
      return [];
  }
}
