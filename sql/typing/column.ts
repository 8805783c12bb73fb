import { quoteLiteral } from '../../lambda/shared/quote';
import type { Column } from '../../pipelines/definition';
import { redshiftType } from '../tables/column-type';
import { identifier } from '../text/identifier';
import {
  conversionOf,
  formatOf,
  type Item,
  isAbsent,
  isGiven,
  isTooLong,
  kindOf,
  mustBeGiven,
  partOf,
  stringOf,
  textOf,
} from './part';
import { isAtEdge, isEpoch, isOwnForm, isTimeColumn, ownText, timePhrase, timeText, timeValue } from './times';

export { type Item, isAbsent, kindOf, partItem, payloadPath } from './part';

export function items(list: readonly Item[]): string {
  return list.map(({ name, expression }) => `    ${expression} as ${identifier(name)}`).join(',\n');
}

/** True if a value is read from its text. Other values are cast directly. */
const hasText = (column: Column) =>
  column.type === 'super'
    ? false
    : column.type === 'boolean' || column.type === 'double'
      ? conversionOf(column) !== undefined || column.emptyAsNull === true || column.trim === true
      : true;

/** The select item with the value as text. A type whose cast could raise is checked as text before it is cast. */
export function textItem(column: Column): Item | undefined {
  return hasText(column) ? { name: `${column.name}_text`, expression: textExpression(column) } : undefined;
}

const isRewritten = (column: Column) =>
  isTimeColumn(column) && (conversionOf(column) === 'iso' || formatOf(column) !== undefined);
const rawOf = (column: Column) => identifier(`${column.name}_raw`);

/** The select item with the raw string of a column whose text is rewritten. It makes the string be read only once. */
export function rawItem(column: Column): Item | undefined {
  if (!isRewritten(column)) return undefined;
  const trimmed = (text: string) => (column.trim ? `btrim(${text}, ${whiteSpace})` : text);
  return { name: `${column.name}_raw`, expression: stringOf(partOf(column), trimmed) };
}

/** The characters that `trim` removes. */
export const whiteSpace = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)";

function textExpression(column: Column): string {
  const part = partOf(column);
  const trimmed = (text: string) => (column.trim ? `btrim(${text}, ${whiteSpace})` : text);
  const string = stringOf(part, trimmed);
  const number = `when json_typeof(${part}) = 'number' then json_serialize(${part})`;
  const orString = (cases: string) => `case ${cases} else ${string} end`;
  switch (column.type) {
    case 'varchar':
    case 'char':
      return conversionOf(column) === 'text'
        ? orString(`${number} when is_boolean(${part}) then json_serialize(${part})`)
        : string;
    case 'timestamp':
    case 'timestamptz':
    case 'date':
    case 'time':
      if (isEpoch(column)) return orString(number);
      return isRewritten(column)
        ? timeText(column, rawOf(column))
        : stringOf(part, (text) => ownText(column, trimmed(text)));
    case 'boolean':
      return conversionOf(column) === 'flag' ? `lower(${orString(number)})` : emptyOnly(string);
    case 'integer':
    case 'bigint':
    case 'decimal':
    case 'double':
      if (conversionOf(column) === 'text') return orString(number);
      return column.emptyAsNull ? `case ${number} else ${emptyOnly(string)} end` : `case ${number} end`;
    case 'super':
      throw new Error(`${column.name}: a super has no text`);
  }
}

/** SQL for a text that only shows whether the string is empty. */
const emptyOnly = (string: string) => `case when octet_length(${string}) = 0 then '' end`;

/** The select item with the typed value. If it is null although a value is given, the record becomes a reject. */
export function valueItem(column: Column): Item {
  const value = valueExpression(column);
  return {
    name: column.name,
    expression:
      column.default === undefined
        ? value
        : `case when ${isAbsent(column)} then ${quoteLiteral(defaultText(column))}::${redshiftType(column)} else ${value} end`,
  };
}

/** The default in a text form that Redshift can cast. */
const defaultText = ({ default: value }: Column) => String(value).replace(/^(\d{4}-\d\d-\d\d)T(.*?)Z?$/, '$1 $2');

function valueExpression(column: Column): string {
  if (isTimeColumn(column)) return timeValue(column);
  const text = textOf(column);
  const part = partOf(column);
  switch (column.type) {
    case 'varchar':
      return `case when octet_length(${text}) <= ${column.maxBytes}${notEmpty(column)}${listed(column)}${plainNumber(column)} then ${text}::varchar(${column.maxBytes}) end`;
    case 'char':
      return `case when ${text} ~ '^[ -~]*$' and octet_length(${text}) <= ${column.length}${notEmpty(column)}${listed(column)}${plainNumber(column)} then ${text}::char(${column.length}) end`;
    case 'integer':
    case 'bigint':
      return numberExpression(
        `^-?[0-9]{1,19}([.]0+)?$`,
        text,
        `try_cast(split_part(${text}, '.', 1) as ${column.type})`,
        column.type === 'bigint'
          ? `${part}::bigint`
          : `case when ${part}::bigint between -2147483648 and 2147483647 then ${part}::integer end`,
        part,
        column,
      );
    case 'decimal': {
      const type = redshiftType(column);
      const pattern = decimalPattern(column.precision, column.scale);
      return numberExpression(pattern, text, `try_cast(${text} as ${type})`, `${part}::${type}`, part, column);
    }
    case 'double': {
      const number = `when json_typeof(${part}) = 'number' then ${part}::double precision`;
      return conversionOf(column) === 'text'
        ? `case ${number} when ${text} ~ '${doublePattern}' then try_cast(${text} as double precision) end`
        : `case ${number} end`;
    }
    case 'boolean':
      return conversionOf(column) === 'flag'
        ? `case when is_boolean(${part}) then ${part}::boolean when ${text} in (${trueTexts}) then true when ${text} in (${falseTexts}) then false end`
        : `case when is_boolean(${part}) then ${part}::boolean end`;
    case 'super':
      return `case when ${isGiven(column)} then ${part} end`;
  }
}

type TextColumn = Extract<Column, { readonly type: 'varchar' | 'char' }>;

const notEmpty = (column: TextColumn) => (column.emptyAsNull ? ` and octet_length(${textOf(column)}) > 0` : '');

const listed = ({ oneOf, ...column }: TextColumn) =>
  oneOf ? ` and ${textOf(column as Column)} in (${oneOf.map(quoteLiteral).join(', ')})` : '';

/** SQL condition: a number is whole. Only whole numbers have the same text in every type that SUPER stores them in. */
const plainNumber = (column: TextColumn) =>
  conversionOf(column) === 'text'
    ? ` and (${kindOf(column)} <> 'number' or ${textOf(column)} ~ '^-?[0-9]{1,18}$')`
    : '';

/** A whole number, which is exact whatever type SUPER stores it in. How SUPER writes it is not documented. */
const exponentPattern = '^-?[0-9]{1,15}[eE][+]?[0-9]{1,2}$';

/** 1e100 or more: larger than any type. */
const hugePattern = '^-?[1-9][0-9]*[eE][+]?[1-9][0-9]{2,}$';

/** A pattern for the text of a number. It allows numbers beyond a double's range and more digits than its 17. */
const doublePattern = '^-?[0-9]{1,400}([.][0-9]{1,400})?([eE][+-]?[0-9]{1,3})?$';

/** The texts that Redshift casts to boolean: https://docs.aws.amazon.com/redshift/latest/dg/r_Boolean_type.html */
const trueTexts = "'true', 't', 'yes', 'y', '1'";
const falseTexts = "'false', 'f', 'no', 'n', '0'";

/**
 * A cast of SUPER gives null for a value that does not fit
 * (https://docs.aws.amazon.com/redshift/latest/dg/super-configurations.html). A string is not cast from SUPER.
 */
const numberExpression = (
  pattern: string,
  text: string,
  value: string,
  ofExponent: string,
  part: string,
  column: Column,
) =>
  `case when ${text} ~ '${pattern}' then ${value} when ${text} ~ '${exponentPattern}'${conversionOf(column) === 'text' ? ` and json_typeof(${part}) = 'number'` : ''} then ${ofExponent} end`;

/**
 * Zeros after the last decimal place are allowed. Any other digit there would be rounded away, so it makes a reject.
 */
function decimalPattern(precision: number, scale: number): string {
  const whole = precision === scale ? '0' : `[0-9]{1,${precision - scale}}`;
  const fraction = scale === 0 ? '0+' : `[0-9]{1,${scale}}0*`;
  return `^-?${whole}([.]${fraction})?$`;
}

/** The kinds of values that a column accepts, by json_typeof's names, and the phrase for them in a reason. */
export function expectationOf(column: Column): { readonly kinds: readonly string[]; readonly phrase: string } {
  const convert = conversionOf(column);
  switch (column.type) {
    case 'varchar':
    case 'char':
      return convert === 'text'
        ? { kinds: ['string', 'number', 'boolean'], phrase: 'a string, a number or a boolean' }
        : { kinds: ['string'], phrase: 'a string' };
    case 'boolean':
      return convert === 'flag'
        ? { kinds: ['boolean', 'number', 'string'], phrase: 'a boolean, 0 or 1, or a string' }
        : { kinds: ['boolean'], phrase: 'a boolean' };
    case 'super':
      return { kinds: ['string', 'number', 'boolean', 'array', 'object'], phrase: 'any value' };
    case 'timestamp':
    case 'timestamptz':
    case 'date':
    case 'time':
      return isEpoch(column)
        ? { kinds: ['number', 'string'], phrase: 'a number or a string' }
        : { kinds: ['string'], phrase: 'a string' };
    default:
      return convert === 'text'
        ? { kinds: ['number', 'string'], phrase: 'a number or a string' }
        : { kinds: ['number'], phrase: 'a number' };
  }
}

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
    return column.required || column.default !== undefined
      ? `${name} is not null`
      : `(${name} is not null or ${isAbsent(column)})`;
  };
  const conditions = columns.filter(({ type, required }) => type !== 'super' || required).map(isSound);
  return [...(columns.some(mustBeGiven) ? [] : ['is_object(payload)']), ...conditions].join(' and ');
}

/** The `when … then …` lines that name what is wrong with a column. The first that applies counts. */
export function problemLines(column: Column): string[] {
  const kind = kindOf(column);
  const { kinds, phrase } = expectationOf(column);
  const oneOf = (names: readonly string[]) => `${kind} not in (${names.map((name) => `'${name}'`).join(', ')})`;
  const isOther = column.emptyAsNull ? `${isGiven(column)} and ${oneOf(kinds)}` : oneOf(['null', ...kinds]);
  const reason = (text: string) => quoteLiteral(shortened(`${column.name}: ${text}`));
  return [
    ...(mustBeGiven(column) ? [`when ${isAbsent(column)} then ${reason('missing')}`] : []),
    ...(column.type === 'super'
      ? []
      : [
          `when ${isOther} then ${reason(`expected ${phrase}, got `)} || ${withArticle(kind)}`,
          ...misfits(column).map(([when, text]) => `when ${when} then ${reason(text)}`),
        ]),
  ];
}

/** Cuts a long list of allowed values: the column `reason` takes 512 bytes, and the kind of a value may follow. */
function shortened(text: string): string {
  const most = 480;
  // The text must not contain `; `, which separates reasons.
  const bytes = Buffer.from(text.replace(/; /g, ';'));
  if (bytes.length <= most) return bytes.toString();
  let end = most;
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1;
  return `${bytes.subarray(0, end).toString()} …`;
}

function misfits(column: Column): [string, string][] {
  const misfit = `${isGiven(column)} and ${identifier(column.name)} is null`;
  if (isTimeColumn(column)) {
    const atEdge = isAtEdge(column);
    return [
      ...(atEdge === undefined
        ? []
        : [[`${misfit} and ${atEdge}`, 'outside the years 1 to 9999 in UTC'] as [string, string]]),
      [misfit, timePhrase(column)],
    ];
  }
  switch (column.type) {
    case 'varchar':
    case 'char':
      return textMisfits(column, misfit);
    case 'integer':
    case 'bigint':
    case 'decimal':
      return numberMisfits(column, misfit);
    case 'double':
      return conversionOf(column) === 'text'
        ? [
            [`${misfit} and not (${textOf(column)} ~ '${doublePattern}')`, 'not a number'],
            [misfit, 'out of the range of double precision'],
          ]
        : [[misfit, 'out of the range of double precision']];
    case 'boolean':
      return conversionOf(column) === undefined ? [] : [[misfit, 'not a boolean']];
    case 'super':
      return [];
  }
}

function textMisfits(column: TextColumn, misfit: string): [string, string][] {
  const text = textOf(column);
  const most = column.type === 'varchar' ? column.maxBytes : column.length;
  const isLong = `octet_length(${text}) > ${most} or (${text} is null and ${isTooLong(column)})`;
  return [
    [`${kindOf(column)} = 'string' and (${isLong})`, `longer than ${most} bytes`],
    ...(column.type === 'char'
      ? [[`${misfit} and not (${text} ~ '^[ -~]*$')`, 'not ASCII, which is all that char holds'] as [string, string]]
      : []),
    ...(conversionOf(column) === 'text'
      ? [[`${misfit} and ${kindOf(column)} = 'number'`, 'a number that is not whole or too long'] as [string, string]]
      : []),
    ...(column.oneOf
      ? [[`${misfit} and ${text} is not null`, `not one of ${column.oneOf.join(', ')}`] as [string, string]]
      : []),
    [misfit, `a string that ${column.type} does not hold`],
  ];
}

function numberMisfits(column: Extract<Column, { readonly type: string }>, misfit: string): [string, string][] {
  const type = redshiftType(column);
  const text = textOf(column);
  const isText = conversionOf(column) === 'text';
  return [
    ...(isText
      ? [
          [`${misfit} and not (${text} ~ '^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$')`, 'not a number'] as [
            string,
            string,
          ],
        ]
      : []),
    [
      `${misfit} and ${text} ~ '[eE]' and not (${text} ~ '${exponentPattern}') and not (${text} ~ '${hugePattern}')`,
      `spelled with an exponent in a way that ${type} does not take: only whole numbers such as 15e2`,
    ],
    [misfit, column.type === 'decimal' ? `does not fit ${type}` : `not a whole number in the range of ${type}`],
  ];
}

/** The name of the select item with the option that made a column's value. */
export const howName = (column: Column) => identifier(`${column.name}_how`);

/** True if a column has options that change values. */
export const isLenient = (column: Column) =>
  conversionOf(column) !== undefined ||
  column.trim === true ||
  column.emptyAsNull === true ||
  column.default !== undefined;

/**
 * The select item with the option that made the column's value: `default`, `emptyAsNull`, `convert` or `trim`. It is
 * null for a value that the column accepts without options, and for a value that it does not accept.
 */
export function howItem(column: Column): Item | undefined {
  if (!isLenient(column)) return undefined;
  const isTaken = `${identifier(column.name)} is not null`;
  const string = stringOf(partOf(column));
  const lines = [
    ...(column.default === undefined ? [] : [`when ${isAbsent(column)} then 'default'`]),
    ...(column.emptyAsNull ? [`when ${kindOf(column)} = 'string' and ${isAbsent(column)} then 'emptyAsNull'`] : []),
    ...(conversionOf(column) === undefined ? [] : [`when ${isTaken} and ${isConverted(column)} then 'convert'`]),
    ...(column.trim ? [`when ${isTaken} and ${string} <> btrim(${string}, ${whiteSpace}) then 'trim'`] : []),
  ];
  return { name: `${column.name}_how`, expression: `case ${lines.join(' ')} end` };
}

/** SQL condition: an accepted value would not be accepted without `convert`. */
function isConverted(column: Column): string {
  if (isTimeColumn(column))
    return conversionOf(column) === 'iso' ? `not coalesce(${isOwnForm(column)}, false)` : 'true';
  const { kinds } = expectationOf({ ...column, convert: undefined } as Column);
  return `${kindOf(column)} not in (${kinds.map((kind) => `'${kind}'`).join(', ')})`;
}
