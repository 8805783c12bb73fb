import type { RedshiftType } from '../../statement';
import type { BinaryOperator, Expression } from '../ast';
import { failure } from '../failure';
import {
  asDecimal,
  bigint,
  boolean,
  commonType,
  date,
  describe,
  double,
  duckdbType,
  integer,
  isFloat,
  isInteger,
  isNumeric,
  isText,
  isTime,
  superType,
  type Type,
  timestamp,
  varchar,
} from '../types';
import { withoutBlanks } from './blanks';
import { bounded, type Caster, finite, in64Bits, maxTextBytes } from './cast';
import { decimalArithmetic } from './decimals';
import type { Environment } from './environment';
import { jsonText, jsonType, numberText, scalarKey } from './super';
import { letting, type Value } from './value';

type Binary = Expression & { kind: 'binary' };

const flags = (...values: Value[]) => ({
  aggregate: values.some((value) => value.aggregate),
  window: values.some((value) => value.window),
});

/**
 * Gives a literal of unknown type the given type; other values are unchanged. Beside a text, the literal keeps its own
 * length, so that it is not truncated.
 */
export function settle(environment: Environment, value: Value, type: Type, at: number): Value {
  if (value.type.name !== 'unknown') return value;
  if (value.constant && Buffer.byteLength(value.constant) > maxTextBytes && (type.name === 'unknown' || isText(type)))
    throw environment.context.source.unsupported(`a text literal of more than ${maxTextBytes} bytes`, at);
  if (type.name === 'decimal' && value.constant && dropsDigits(value.constant, type))
    throw environment.context.source.unsupported(
      `"${value.constant}" beside ${describe(type)}, which has no place for its digits (cast it),`,
      at,
    );
  const own = varchar(Math.max(1, Buffer.byteLength(value.constant ?? '')));
  return environment.caster.cast(value, type.name === 'unknown' || isText(type) ? own : type, 'explicit', at);
}

/**
 * Whether a decimal has no place for all digits of a text. Whether Redshift rounds such a text to the scale is
 * undocumented.
 */
function dropsDigits(text: string, { precision, scale }: RedshiftType & { name: 'decimal' }): boolean {
  const [, whole = '', fraction = ''] = /^\s*[+-]?(\d*)(?:\.(\d*))?\s*$/.exec(text) ?? [];
  return fraction.replace(/(?<!0)0+$/, '').length > scale || whole.replace(/^0+/, '').length > precision - scale;
}

/** Converts values to one type, as for CASE, COALESCE, IN and UNION. */
export function unify(
  environment: Environment,
  values: readonly Value[],
  at: number,
  what: string,
): { type: Type; sql: string[] } {
  let type: Type = { name: 'unknown' };
  for (const value of values) {
    const common = commonType(type, value.type);
    if (!common)
      throw environment.context.source.error(
        `${what} types ${describe(type)} and ${describe(value.type)} cannot be matched`,
        at,
      );
    type = common;
  }
  if (type.name === 'unknown' || isText(type)) {
    const literals = values.filter((value) => value.type.name === 'unknown');
    const longest = Math.max(1, ...literals.map((value) => Buffer.byteLength(value.constant ?? '')));
    if (type.name === 'unknown' || longest > type.length) type = varchar(longest);
  }
  return { type, sql: values.map((value) => widen(environment, value, type, at)) };
}

function widen(environment: Environment, value: Value, type: Type, at: number): string {
  if (value.type.name === 'unknown') return settle(environment, value, type, at).sql;
  const same = duckdbType(value.type) === duckdbType(type);
  return same ? value.sql : in64Bits(`cast(${value.sql} as ${duckdbType(type)})`, type);
}

/**
 * The microseconds between two times, for `a - b`; undefined for another expression. The text of an interval is
 * undocumented for the Data API. So an interval can only be compared with another one or read by EXTRACT.
 */
export function timeDifference(node: Expression, environment: Environment): Value | undefined {
  if (node.kind !== 'binary' || node.operator !== '-') return undefined;
  if ([node.left, node.right].some((side) => intervalIn(side, environment) !== undefined)) return undefined;
  const [a, b] = resolveSides(node, environment);
  const isMoment = ({ type }: Value) => type.name === 'timestamp' || type.name === 'timestamptz';
  if (!isMoment(a) || a.type.name !== b.type.name) return undefined;
  return { sql: `date_diff('microsecond', ${b.sql}, ${a.sql})`, type: bigint, ...flags(a, b) };
}

/** `a - b > interval '1 hour'` */
function compareDifference(node: Binary, environment: Environment): Value | undefined {
  if (!['=', '<>', '<', '>', '<=', '>='].includes(node.operator)) return undefined;
  const [right, left] = [node.right, node.left].map((side) =>
    side.kind === 'interval' || side.kind === 'binary' ? intervalIn(side, environment) : undefined,
  );
  const interval = right ?? left;
  if (!interval || interval.times || interval.months !== 0) return undefined;
  const difference = timeDifference(right ? node.left : node.right, environment);
  if (!difference) return undefined;
  const sides = [difference.sql, String(interval.microseconds)];
  const [a, b] = right ? sides : sides.reverse();
  return { sql: `(${a} ${node.operator} ${b})`, type: boolean, ...flags(difference) };
}

export function resolveBinary(node: Binary, environment: Environment): Value {
  const compared = compareDifference(node, environment);
  if (compared) return compared;
  const { context } = environment;
  const { operator, at } = node;
  const interval = operator === '+' || operator === '-' ? intervalIn(node.right, environment) : undefined;
  if (interval) return addInterval(node, node.left, interval, environment);
  const first = operator === '+' ? intervalIn(node.left, environment) : undefined;
  if (first) return addInterval(node, node.right, first, environment);
  const [left, right] = resolveSides(node, environment);
  if (['=', '<>', '<', '>', '<=', '>='].includes(operator)) return compare(operator, left, right, environment, at);
  if (operator === '||') return concatenate(left, right, environment, at);
  if (operator === '+' && areTexts(left, right)) {
    context.catalogOnly ??= { what: 'operator + between texts (use ||)', at };
    return concatenate(left, right, environment, at);
  }
  const [a, b] = operands(operator, left, right, environment, at);
  if (isTime(a.type) || isTime(b.type)) return { ...dateArithmetic(operator, a, b, environment, at), ...flags(a, b) };
  if (a.type.name === 'super' || b.type.name === 'super') {
    const sql = superArithmetic(operator, a, b, environment, at);
    if (sql !== undefined) return { sql, type: superType, ...flags(a, b) };
  }
  if (!isNumeric(a.type) || !isNumeric(b.type)) {
    throw context.source.unsupported(
      `operator ${operator} between ${describe(left.type)} and ${describe(right.type)}`,
      at,
    );
  }
  return { ...arithmetic(operator, a, b, environment, at), ...flags(a, b) };
}

/** Whether `+` is between texts, as in the queries of AWS's own tools for the catalog (v_generate_tbl_ddl). */
const areTexts = (left: Value, right: Value): boolean =>
  [left, right].some(({ type }) => isText(type)) &&
  [left, right].every(
    ({ type, constant }) => isText(type) || (type.name === 'unknown' && typeof constant === 'string'),
  );

/**
 * A literal of unknown type takes the type of the other side. Its digits are undocumented if it multiplies or divides a
 * decimal.
 */
function operands(
  operator: BinaryOperator,
  left: Value,
  right: Value,
  environment: Environment,
  at: number,
): [Value, Value] {
  const [literal, other] = left.type.name === 'unknown' ? [left, right] : [right, left];
  if (literal.type.name !== 'unknown') return [left, right];
  const scaled = other.type.name === 'decimal' && (operator === '*' || operator === '/');
  if (typeof literal.constant === 'string' && (scaled || (isTime(other.type) && operator === '+')))
    throw environment.context.source.unsupported(
      `operator ${operator} between ${describe(left.type)} and ${describe(right.type)} (cast the text)`,
      at,
    );
  return [settle(environment, left, other.type, at), settle(environment, right, other.type, at)];
}

/** A number in scientific notation becomes a floating-point number if the other side is one. */
function resolveSides({ left, right }: Binary, environment: Environment): [Value, Value] {
  const beside = (node: Expression, type: Type) =>
    environment.resolve(isFloat(type) ? storedAs(node, double) : node, environment);
  if (!isExponent(left)) {
    const value = environment.resolve(left, environment);
    return [value, beside(right, value.type)];
  }
  const value = environment.resolve(right, environment);
  return [beside(left, value.type), value];
}

/** Casts a number in scientific notation to a floating-point type. Any other expression is unchanged. */
export const storedAs = (node: Expression, type: RedshiftType): Expression =>
  isExponent(node) && isFloat(type) ? { kind: 'cast', operand: node, type, at: node.at } : node;

const isExponent = (node: Expression): boolean =>
  node.kind === 'exponent' || (node.kind === 'negate' && isExponent(node.operand));

function dateArithmetic(operator: BinaryOperator, a: Value, b: Value, { context }: Environment, at: number): Value {
  if (a.type.name === 'date' && isInteger(b.type) && (operator === '+' || operator === '-')) {
    return { sql: `(${a.sql} ${operator} cast(${b.sql} as integer))`, type: date };
  }
  // The number counts days, as for a date: `getdate() - 7`.
  if (a.type.name === 'timestamp' && isInteger(b.type) && (operator === '+' || operator === '-'))
    return { sql: `(${a.sql} ${operator} to_days(cast(${b.sql} as integer)))`, type: timestamp };
  if (a.type.name === 'date' && b.type.name === 'date' && operator === '-')
    return { sql: `cast(${a.sql} - ${b.sql} as integer)`, type: integer };
  const hint =
    isTime(a.type) && isTime(b.type) && operator === '-'
      ? ' (use datediff, extract, or compare it with an interval)'
      : '';
  throw context.source.unsupported(
    `operator ${operator} between ${describe(a.type)} and ${describe(b.type)}${hint}`,
    at,
  );
}

/**
 * Units of an interval in microseconds, or in months
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_interval_literals.html).
 */
const microseconds: readonly (readonly [names: RegExp, size: number])[] = [
  [/^(?:w|weeks?)$/, 604_800_000_000],
  [/^(?:d|days?)$/, 86_400_000_000],
  [/^(?:h|hrs?|hours?)$/, 3_600_000_000],
  [/^(?:m|mins?|minutes?)$/, 60_000_000],
  [/^(?:s|secs?|seconds?)$/, 1_000_000],
  [/^(?:ms|msecs?|milliseconds?)$/, 1000],
  [/^(?:us|usecs?|microseconds?)$/, 1],
];
const monthsOf: readonly (readonly [names: RegExp, size: number])[] = [
  [/^(?:y|yrs?|years?)$/, 12],
  [/^(?:mons?|months?)$/, 1],
];
const intervalPart = /\s*(?:,\s*)?([+-]?\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+)\s*/iy;

interface Interval {
  readonly months: number;
  readonly microseconds: number;
  /** The factor of the interval. */
  readonly times?: Expression;
}

/** `interval '1 day'`, `n * interval '1 day'` or `interval '1 day' * n`. */
function intervalIn(node: Expression, { context: { source } }: Environment): Interval | undefined {
  if (node.kind === 'interval') {
    const found = readInterval(node.text);
    if (!found) throw source.unsupported(`interval '${node.text}'`, node.at);
    return found;
  }
  if (node.kind !== 'binary' || node.operator !== '*') return undefined;
  const [interval, times] = node.right.kind === 'interval' ? [node.right, node.left] : [node.left, node.right];
  if (interval.kind !== 'interval') return undefined;
  const found = readInterval(interval.text);
  if (!found || (found.months !== 0 && found.microseconds !== 0))
    throw source.unsupported(`interval '${interval.text}' with operator *`, interval.at);
  return { ...found, times };
}

function readInterval(text: string): Interval | undefined {
  const total = { months: 0, microseconds: 0 };
  intervalPart.lastIndex = 0;
  let end = 0;
  while (end < text.length) {
    const part = intervalPart.exec(text);
    if (!part) return undefined;
    end = intervalPart.lastIndex;
    const [amount, unit] = [Number(part[1]), part[2]!.toLowerCase()];
    const months = monthsOf.find(([names]) => names.test(unit));
    const size = microseconds.find(([names]) => names.test(unit));
    if (months && Number.isInteger(amount)) total.months += amount * months[1];
    else if (size) total.microseconds += Math.round(amount * size[1]);
    else return undefined;
  }
  return end > 0 && Number.isSafeInteger(total.microseconds) ? total : undefined;
}

/**
 * A year after February 29 is February 28, because a year counts as twelve months. Redshift does not document this for
 * intervals.
 */
function addInterval(node: Binary, time: Expression, interval: Interval, environment: Environment): Value {
  const { source } = environment.context;
  const { operator, at } = node;
  const left = settle(environment, environment.resolve(time, environment), timestamp, at);
  if (!isTime(left.type))
    throw source.unsupported(`operator ${operator} between ${describe(left.type)} and interval`, at);
  const times = interval.times && environment.resolve(interval.times, environment);
  const added = [
    interval.months !== 0 ? `to_months(cast(${multiplied(interval.months, times, environment, at)} as integer))` : '',
    interval.microseconds !== 0 || interval.months === 0
      ? `to_microseconds(${multiplied(interval.microseconds, times, environment, at)})`
      : '',
  ].filter((part) => part !== '');
  const sql = added.reduce((sum, part) => `(${sum} ${operator} ${part})`, `cast(${left.sql} as timestamp)`);
  const all = flags(left, ...(times ? [times] : []));
  if (left.type.name === 'timestamptz') return { sql: `timezone('UTC', ${sql})`, type: left.type, ...all };
  return { sql, type: timestamp, ...all };
}

/** The units times a factor, as a whole number. A fraction is rounded to the nearest microsecond. */
function multiplied(units: number, times: Value | undefined, environment: Environment, at: number): string {
  if (!times) return `${units}::bigint`;
  const factor = settle(environment, times, integer, at);
  if (!isNumeric(factor.type))
    throw environment.context.source.unsupported(`operator * between ${describe(factor.type)} and interval`, at);
  if (isInteger(factor.type)) return `(cast(${factor.sql} as bigint) * ${units})`;
  return `cast(round(cast(${factor.sql} as double) * ${units}) as bigint)`;
}

function arithmetic(operator: BinaryOperator, a: Value, b: Value, environment: Environment, at: number): Value {
  const { source } = environment.context;
  if (isFloat(a.type) || isFloat(b.type)) {
    if (operator === '%')
      throw source.unsupported(`operator % between ${describe(a.type)} and ${describe(b.type)}`, at);
    // Two REAL values give a REAL (https://docs.aws.amazon.com/redshift/latest/dg/r_numeric_computations201.html).
    const type = a.type.name === 'real' && b.type.name === 'real' ? a.type : double;
    const [x, y] = [`cast(${a.sql} as ${duckdbType(type)})`, `cast(${b.sql} as ${duckdbType(type)})`];
    const sql = operator === '/' ? divided(x, y, '/', b, environment, at) : `(${x} ${operator} ${y})`;
    return { sql: finite(environment.caster.repeated(sql, at), type), type };
  }
  if (isInteger(a.type) && isInteger(b.type)) {
    const type = commonType(a.type, b.type)!;
    if (operator === '%') return remainder(a, b, environment, at);
    const sides = [a, b].map((value) =>
      value.type.name === type.name ? value.sql : `cast(${value.sql} as ${type.name})`,
    ) as [string, string];
    if (operator === '/') return { sql: divided(...sides, '//', b, environment, at), type };
    return { sql: exact(`(${sides[0]} ${operator} ${sides[1]})`, a, b), type };
  }
  return decimalArithmetic(operator, a, b, environment, at);
}

/** Decimal places in the arithmetic of SUPER numbers. */
const superPlaces = 12;

/**
 * The result for a SUPER number and another number; NULL if one of them is not a number (lax mode). Whole numbers give
 * a whole number. The type of a fraction is undocumented, so a fraction is returned only if decimals and floating-point
 * numbers give the same one.
 */
function superArithmetic(
  operator: BinaryOperator,
  a: Value,
  b: Value,
  environment: Environment,
  at: number,
): string | undefined {
  if (!['+', '-', '*'].includes(operator)) return undefined;
  const whole = (value: Value): string | undefined =>
    value.type.name === 'super' ? undefined : isInteger(value.type) ? `cast(${value.sql} as varchar)` : undefined;
  const texts = [a, b].map((value) => {
    if (value.type.name === 'super')
      return `case when ${jsonType(value)} in (${numberKinds}) then ${numberText(value)} end`;
    if (value.type.name === 'decimal') return `cast(${value.sql} as varchar)`;
    return whole(value);
  });
  if (texts.some((text) => text === undefined)) return undefined;
  const unknown = failure(
    `operator ${operator} with these numbers of type super is not supported by the local warehouse (cast them)`,
  );
  const sides = environment.caster.repeated(`{'a': ${texts[0]}, 'b': ${texts[1]}}`, at);
  return letting('w', sides, (w) => {
    const [x, y] = [`${w}.a`, `${w}.b`];
    const areWhole = `regexp_full_match(${x}, '-?[0-9]{1,15}') and regexp_full_match(${y}, '-?[0-9]{1,15}')`;
    const places = operator === '*' ? superPlaces / 2 : superPlaces;
    const digits = operator === '*' ? 18 : 37;
    const read = (side: string) => `try_cast(${side} as decimal(${digits}, ${places}))`;
    const few = (side: string) =>
      `regexp_full_match(${side}, '-?[0-9]{1,15}(?:[.][0-9]{1,${places}})?') and ${read(side)} is not null`;
    const result = `rtrim(rtrim(cast(${read(x)} ${operator} ${read(y)} as varchar), '0'), '.')`;
    // Whether the result's trailing zero is written depends on its undocumented type.
    const longest =
      operator === '*' ? `${fractionOf(x)} + ${fractionOf(y)}` : `greatest(${fractionOf(x)}, ${fractionOf(y)})`;
    const sure = `${few(x)} and ${few(y)} and ${fractionOf(result)} = ${longest} and strlen(replace(${result}, '.', '')) <= 15`;
    return `case when ${x} is null or ${y} is null then null when ${areWhole} then cast(cast(cast(${x} as hugeint) ${operator} cast(${y} as hugeint) as varchar) as json) when ${sure} then cast(regexp_replace(${result}, '^(-?)[.]', '\\10.') as json) else ${unknown} end`;
  });
}

const fractionOf = (text: string) =>
  `case when contains(${text}, '.') then strlen(${text}) - strpos(${text}, '.') else 0 end`;

/**
 * Prevents DuckDB from moving a constant to the other side of a comparison or out of a sum, where an overflow would go
 * unnoticed.
 */
const exact = (sql: string, ...operands: Value[]): string =>
  operands.some((value) => !value.sql.includes('"')) ? `coalesce(${sql}, null)` : sql;

/**
 * The result is INTEGER if one side is. SMALLINT and BIGINT cannot be combined
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_MOD.html).
 */
function remainder(a: Value, b: Value, environment: Environment, at: number): Value {
  const names = [a.type.name, b.type.name];
  if (names.includes('smallint') && names.includes('bigint'))
    throw environment.context.source.unsupported(`operator % between ${names[0]} and ${names[1]}`, at);
  const [x, y] = [a, b].map(({ sql }) => `cast(${sql} as bigint)`) as [string, string];
  const type = names.includes('integer') ? integer : a.type;
  return { sql: `cast(${divided(x, y, '%', b, environment, at)} as ${duckdbType(type)})`, type };
}

/** Division by zero is an error in Redshift, but gives NULL or infinity in DuckDB. NULL stays NULL. */
function divided(x: string, y: string, operator: string, divisor: Value, { caster }: Environment, at: number): string {
  if (divisor.constant !== undefined && Number(divisor.constant) !== 0) return `(${x} ${operator} ${y})`;
  const quotient = (a: string, b: string) =>
    // NULL divided by zero is NULL.
    `case when ${b} = 0 and ${a} is not null then ${failure('division by zero')} else ${a} ${operator} ${b} end`;
  if (caster.repeated(x + y, at).length <= 120) return quotient(x, y);
  return letting('q', `{'a': ${x}, 'b': ${y}}`, (q) => quotient(`${q}.a`, `${q}.b`));
}

/** Most bytes of a VARBYTE (https://docs.aws.amazon.com/redshift/latest/dg/r_VARBYTE_type.html). */
const maxVarbyteBytes = 16_777_216;

function concatenate(left: Value, right: Value, environment: Environment, at: number): Value {
  if (left.type.name === 'varbyte' && right.type.name === 'varbyte') {
    // https://docs.aws.amazon.com/redshift/latest/dg/r_VARBYTE_OPERATORS.html
    const length = left.type.length + right.type.length;
    if (length > maxVarbyteBytes)
      throw environment.context.source.unsupported(`operator || whose result may have ${length} bytes`, at);
    return { sql: `(${left.sql} || ${right.sql})`, type: { name: 'varbyte', length }, ...flags(left, right) };
  }
  const parts = [left, right].map((value) => {
    const settled = settle(environment, value, { name: 'unknown' }, at);
    if (isText(settled.type)) return settled;
    const digits = isInteger(settled.type) ? 20 : 41;
    if (isNumeric(settled.type)) return environment.caster.cast(settled, varchar(digits), 'explicit', at);
    // Redshift does not cast a boolean to a text.
    const advice = settled.type.name === 'boolean' ? 'use CASE' : 'cast it to varchar';
    throw environment.context.source.unsupported(`operator || with ${describe(settled.type)} (${advice})`, at);
  });
  const length = parts.reduce((sum, part) => sum + (isText(part.type) ? part.type.length : 0), 0);
  const sql = environment.caster.repeated(`(${parts[0]!.sql} || ${parts[1]!.sql})`, at);
  return { sql: length > maxTextBytes ? bounded(sql) : sql, type: varchar(length), ...flags(left, right) };
}

/** Both sides, converted so that they can be compared. */
export function comparable(
  left: Value,
  right: Value,
  environment: Environment,
  at: number,
  what: string,
): [string, string] {
  const plain = (type: Type): Type => (type.name === 'super' ? { name: 'unknown' } : type);
  const a = settle(environment, left, plain(right.type), at);
  const b = settle(environment, right, plain(a.type), at);
  const type = commonType(a.type, b.type);
  if (!type || type.name === 'super' || type.name === 'varbyte') {
    const hint = a.type.name === 'super' || b.type.name === 'super' ? ' (cast the super value)' : '';
    const mistake = `${what} between ${describe(a.type)} and ${describe(b.type)}${hint}`;
    if (!isNumberAsText(a.type, b.type)) throw environment.context.source.unsupported(mistake, at);
    environment.context.catalogOnly ??= { what: mistake, at };
    return [`cast(${a.sql} as varchar)`, `cast(${b.sql} as varchar)`];
  }
  const mixed = (isTime(a.type) || isFloat(type)) && a.type.name !== b.type.name;
  if (mixed) return [widen(environment, a, type, at), widen(environment, b, type, at)];
  return isText(type) ? [withoutBlanks(a), withoutBlanks(b)] : [a.sql, b.sql];
}

/** Whether a number is compared with a text, as in the queries of AWS's own tools for the catalog (v_generate_tbl_ddl). */
const isNumberAsText = (a: Type, b: Type): boolean => (isText(a) && isInteger(b)) || (isInteger(a) && isText(b));

const mirrored: Readonly<Record<string, string>> = { '=': '=', '<': '>', '>': '<', '<=': '>=', '>=': '<=' };

/**
 * Compares a SUPER value with a value of a plain type. Equality with a value of another kind is false; any other
 * comparison with one is NULL. A comparison with a missing value is NULL too.
 * https://docs.aws.amazon.com/redshift/latest/dg/query-super.html#dynamic-typing-lax-processing
 */
function compareSuper(
  operator: string,
  value: Value,
  other: Value,
  { caster }: Environment,
  at: number,
): string | undefined {
  const [type, text] = [caster.repeated(jsonType(value), at), caster.repeated(jsonText(value), at)];
  const there = other.constant === undefined ? ` and ${other.sql} is not null` : '';
  const otherwise = operator === '=' && other.constant !== null ? ` when ${type} <> 'NULL'${there} then false` : '';
  const when = (kinds: string, compared: string) => `when ${type} in (${kinds}) then ${compared}`;
  if (isText(other.type))
    return `case ${when("'VARCHAR'", `rtrim(${text}, ' ') ${operator} ${withoutBlanks(other)}`)}${otherwise} end`;
  if (other.type.name === 'boolean' && operator === '=')
    return `case ${when("'BOOLEAN'", `(${text} = 'true') = ${other.sql}`)}${otherwise} end`;
  if (!isNumeric(other.type)) return undefined;
  const short = isShort(other.type)
    ? `when ${type} in ('UBIGINT', 'BIGINT') and strlen(${text}) <= 18 then cast(${text} as bigint) ${operator} ${other.sql}`
    : '';
  const whole = `${short} ${when("'UBIGINT', 'BIGINT'", `try_cast(${text} as decimal(38, 0)) ${operator} ${other.sql}`)}`;
  const fraction = when("'DOUBLE'", compareFraction(operator, value, other, at, caster));
  return `case ${whole} ${fraction}${otherwise} end`;
}

/** Whether the comparison can avoid the widest decimals, which take DuckDB ten times as long. */
const isShort = (type: Type): boolean =>
  isInteger(type) || (type.name === 'decimal' && type.precision <= 19 && type.scale <= 12);

/** Decimal places that a SUPER fraction keeps in a comparison with a decimal. */
const comparedPlaces = 18;

/**
 * Compares a number with a decimal point or an exponent: with a floating-point number as doubles, with an exact number
 * digit by digit.
 */
function compareFraction(operator: string, value: Value, other: Value, at: number, caster: Caster): string {
  if (isFloat(other.type)) return `try_cast(${jsonText(value)} as double) ${operator} ${other.sql}`;
  const { precision, scale } = asDecimal(other.type)!;
  const places = Math.max(scale, Math.min(comparedPlaces, 38 - precision + scale));
  const unread = failure(
    'a comparison with a number of type super that has more digits than a decimal is not supported by the local warehouse (cast it)',
  );
  const both = `{'n': ${caster.repeated(numberText(value), at)}, 'o': ${other.sql}}`;
  return letting('n', both, (n) => {
    const few = Math.max(scale, 6);
    const fast = `when strlen(${n}.n) <= 16 and ${placesOf(`${n}.n`)} <= ${few} and try_cast(${n}.n as decimal(18, ${few})) is not null then cast(${n}.n as decimal(18, ${few})) ${operator} ${n}.o`;
    const branches = [places, scale].map((kept) => {
      const [read, beside] = [`try_cast(${n}.n as decimal(38, ${kept}))`, `cast(${n}.o as decimal(38, ${kept}))`];
      return `when ${placesOf(`${n}.n`)} <= ${kept} and ${read} is not null then ${read} ${operator} ${beside}`;
    });
    return `case when contains(lower(${n}.n), 'e') then ${unread} ${isShort(other.type) ? fast : ''} ${branches.join(' ')} else ${unread} end`;
  });
}

/** Decimal places of a number's text, without trailing zeros. */
const placesOf = (number: string) =>
  `case when contains(${number}, '.') then strlen(rtrim(${number}, '0')) - strpos(${number}, '.') else 0 end`;

/** Two SUPER scalars are equal if their keys are; NULL if one of them is missing. */
function equalSupers(operator: string, left: Value, right: Value): string {
  const [a, b] = [left, right].map((value) => `cast(${scalarKey(value, 'comparison')} as varchar)`);
  return `(${a} ${operator} ${b})`;
}

/** `<>` is the opposite of `=`. Between kinds it may also be NULL, so it is refused there. */
function unequalSuper(value: Value, other: Value, environment: Environment, at: number): string | undefined {
  const equal = compareSuper('=', value, other, environment, at);
  if (equal === undefined) return undefined;
  const kinds = isText(other.type) ? "'VARCHAR'" : other.type.name === 'boolean' ? "'BOOLEAN'" : numberKinds;
  const unknown = failure(
    `operator <> between a value of type super and one of another kind is not supported by the local warehouse (cast it)`,
  );
  const kind = jsonType(value);
  return `case when ${kind} is null or ${kind} = 'NULL' then null when ${kind} in (${kinds}) then not ${equal} else ${unknown} end`;
}
const numberKinds = "'UBIGINT', 'BIGINT', 'HUGEINT', 'DOUBLE'";

export function compare(operator: string, left: Value, right: Value, environment: Environment, at: number): Value {
  if (left.type.name === 'super' && right.type.name === 'super' && (operator === '=' || operator === '<>'))
    return { sql: equalSupers(operator, left, right), type: boolean, ...flags(left, right) };
  if (operator === '<>' && (left.type.name === 'super') !== (right.type.name === 'super')) {
    const [value, other] = left.type.name === 'super' ? [left, right] : [right, left];
    const sql = unequalSuper(value, settle(environment, other, { name: 'unknown' }, at), environment, at);
    if (sql) return { sql: `(${sql})`, type: boolean, ...flags(left, right) };
  }
  const swapped = mirrored[operator];
  if (swapped && (left.type.name === 'super') !== (right.type.name === 'super')) {
    const [value, other] = left.type.name === 'super' ? [left, right] : [right, left];
    const settled = settle(environment, other, { name: 'unknown' }, at);
    const sql = compareSuper(left.type.name === 'super' ? operator : swapped, value, settled, environment, at);
    if (sql) return { sql: `(${sql})`, type: boolean, ...flags(left, right) };
  }
  const [a, b] = comparable(left, right, environment, at, `operator ${operator}`);
  const sql = `${a} ${operator} ${b}`;
  const sure = left.atMost && /^<=?$/.test(operator) && /^\d+$/.test(b) ? `${left.atMost} ${operator} ${b}` : undefined;
  return {
    sql: sure ? `(case when ${sure} then true else ${sql} end)` : `(${sql})`,
    type: boolean,
    ...flags(left, right),
  };
}

export function negate(value: Value, environment: Environment, at: number): Value {
  if (value.constant !== undefined && isNumeric(value.type))
    return { ...value, sql: `(-${value.sql})`, constant: `-${value.constant}` };
  if (!isNumeric(value.type))
    throw environment.context.source.unsupported(`operator - with ${describe(value.type)}`, at);
  return { sql: `(-${value.sql})`, type: value.type, ...flags(value) };
}
