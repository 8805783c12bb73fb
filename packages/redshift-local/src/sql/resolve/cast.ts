import { decimalText, floatText, largestOf } from '../../decimal';
import { cutToBytes, ownFunction } from '../../own-functions';
import type { RedshiftType } from '../../statement';
import { failure, failureWith, overflow } from '../failure';
import type { Source } from '../lexer';
import {
  asDecimal,
  describe,
  duckdbType,
  isFloat,
  isInteger,
  isNumeric,
  isText,
  isTime,
  type Type,
  varchar,
} from '../types';
import { jsonText, jsonType, navigated, numberText } from './super';
import { isColumn, letting, looksLikeString, naming, quoteLiteral, type Value } from './value';

/** How a value is converted to another type: by `cast(…)` or `::`, by try_cast, or by storage in a column. */
export type CastMode = 'explicit' | 'lenient' | 'assignment';

/** There is no year 0. The pattern has no lookaheads, because DuckDB's regular expressions do not support them. */
const year = '(?:\\d{3}[1-9]|\\d{2}[1-9]0|\\d[1-9]00|[1-9]000)';

const patterns: Readonly<Record<string, string>> = {
  integer: '\\s*[+-]?\\d+\\s*',
  number: '\\s*[+-]?(\\d+(\\.\\d*)?|\\.\\d+)\\s*',
  float: '\\s*[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d+)?\\s*',
  // The time of day is dropped (an example of https://docs.aws.amazon.com/redshift/latest/dg/r_CAST_function.html).
  date: `${year}-\\d{1,2}-\\d{1,2}([T ]([01]?\\d|2[0-3]):\\d{2}(:\\d{2}(\\.\\d{1,6})?)?)?`,
  // From 00:00:00 to 24:00:00 (https://docs.aws.amazon.com/redshift/latest/dg/r_Datetime_types.html).
  time: '([01]?\\d|2[0-3]):[0-5]\\d(:[0-5]\\d(\\.\\d{1,6})?)?|24:00(:00(\\.0{1,6})?)?',
  // A timestamp without time zone ignores an offset, so only offsets that mean UTC are accepted here.
  timestamp: `${year}-\\d{1,2}-\\d{1,2}([T ]([01]?\\d|2[0-3]):\\d{2}(:\\d{2}(\\.\\d{1,6})?)?(Z|\\+00(:?00)?)?)?`,
  // A time without an offset is in UTC, the session's time zone.
  timestamptz: `${year}-\\d{1,2}-\\d{1,2}([T ]([01]?\\d|2[0-3]):\\d{2}(:\\d{2}(\\.\\d{1,6})?)?(Z| UTC|[+-](0\\d|1[0-5])(:[0-5]\\d)?)?)?`,
};

function patternOf(type: Type): string | undefined {
  if (isInteger(type)) return patterns['integer'];
  if (type.name === 'decimal') return patterns['number'];
  if (type.name === 'real' || type.name === 'double precision') return patterns['float'];
  return patterns[type.name];
}

const truths = ['t', 'true', 'y', 'yes', '1'];
const falsehoods = ['f', 'false', 'n', 'no', '0'];
const listed = (texts: readonly string[]) => texts.map(quoteLiteral).join(', ');

/**
 * Most characters of an expression that is repeated. Emitted expressions repeat their arguments, so that nested ones
 * would grow exponentially.
 */
const maxExpressionLength = 100_000;

/**
 * Whether the value is the result of FLOOR, CEIL or TRUNC. No rounding is left in which engines could differ.
 * Operators are in parentheses, so the call is the whole value.
 */
const isWholeDouble = ({ type, sql }: Value) =>
  type.name === 'double precision' && /^(floor|ceil|trunc)\(cast\(/.test(sql);

export class Caster {
  constructor(private readonly source: Source) {}

  /** Refuses an expression that is too long to be repeated. */
  repeated(sql: string, at: number): string {
    if (sql.length > maxExpressionLength) throw this.source.unsupported('an expression of this size', at);
    return sql;
  }

  cast(value: Value, to: RedshiftType, mode: CastMode, at: number): Value {
    if (value.constant !== undefined && value.type.name === 'unknown') {
      value.infer?.(to);
      const given = value.isParameter && value.constant ? withoutOffset(value.constant, to) : value.constant;
      const constant = this.constant(given, to, mode, at);
      return { ...constant, sql: in64Bits(constant.sql, to), aggregate: value.aggregate };
    }
    const sql = this.repeated(this.castSql(value, to, mode, at), at);
    return { sql: in64Bits(sql, to), type: to, aggregate: value.aggregate, window: value.window };
  }

  private castSql(value: Value, to: RedshiftType, mode: CastMode, at: number): string {
    const { type, sql } = value;
    if (type.name === 'super') {
      if (mode === 'assignment' && to.name !== 'super') throw this.impossible(type, to, at, 'store');
      return to.name === 'super' ? sql : this.fromSuper(value, to, at);
    }
    if (mode === 'lenient' && !isText(type)) throw this.source.unsupported(`try_cast from ${describe(type)}`, at);
    if (isText(type)) return this.fromText(sql, type, to, mode, at);
    if (to.name === 'super') return this.toSuper(value, at);
    // Bytes that are not UTF-8 fail the statement.
    if (type.name === 'varbyte' && to.name === 'varchar' && mode === 'explicit')
      return this.fitText(`decode(${sql})`, varchar(type.length), to, mode, at);
    if (isText(to)) return this.toText(value, to, mode, at);
    const isWholeToBigint = to.name === 'bigint' && mode === 'explicit' && isWholeDouble(value);
    if (!isWholeToBigint && !this.isPlain(type, to, mode)) throw this.impossible(type, to, at);
    if (type.name === 'varbyte' && to.name === 'varbyte') return fitBytes(sql, type, to);
    if (type.name === to.name && type.name !== 'decimal') return sql;
    const cast = (of: string) => `cast(${of} as ${duckdbType(to)})`;
    if (isFloat(type) && to.name === 'decimal') return cast(textOf(sql, type));
    if (mode !== 'explicit' || value.constant !== undefined) return cast(sql);
    if (isFloat(type) && isInteger(to)) return unrounded(sql, to);
    if (losesFraction(type, to) && readsRows(sql)) return cast(cutOff(sql, to));
    // In a comparison with a constant, DuckDB would compare the value before the cast, and an overflow of the cast
    // would go unnoticed. CASE prevents that.
    return isNarrower(type, to)
      ? letting('c', sql, (c) => `case when ${c} is null then null else ${cast(c)} end`)
      : cast(sql);
  }

  private impossible(from: Type, to: Type, at: number, verb = 'cast'): Error {
    return this.source.unsupported(
      `${verb === 'store' ? 'storing' : 'a cast from'} ${describe(from)} ${verb === 'store' ? 'in a column of type' : 'to'} ${describe(to)}`,
      at,
    );
  }

  /**
   * Casts in which DuckDB and Redshift agree. A floating-point number becomes the decimal nearest to its text, as in
   * PostgreSQL; Redshift does not document this.
   */
  private isPlain(from: Type, to: Type, mode: CastMode): boolean {
    const exact = (type: Type) => isInteger(type) || type.name === 'decimal';
    if (from.name === to.name) return true;
    if (exact(from) && isNumeric(to)) return true;
    if (isNumeric(from) && !exact(from))
      return isFloat(to) || to.name === 'decimal' || (isInteger(to) && mode === 'explicit');
    if (isTime(from) && to.name === 'timestamptz') return true;
    if (from.name === 'date') return to.name === 'timestamp';
    if (from.name === 'timestamptz' && to.name === 'timestamp') return true;
    if (from.name === 'timestamp' && to.name === 'time') return mode === 'explicit';
    if (isTime(from)) return to.name === 'date' && mode === 'explicit';
    if (mode !== 'explicit') return false;
    return (from.name === 'boolean' && to.name === 'integer') || (isInteger(from) && to.name === 'boolean');
  }

  private toSuper({ sql, type }: Value, at: number): string {
    if (isInteger(type) || type.name === 'boolean') return `to_json(${sql})`;
    // Keeps the decimal places (https://docs.aws.amazon.com/redshift/latest/dg/limitations-super.html).
    if (type.name === 'decimal') return `cast(${decimalText(sql, type)} as json)`;
    throw this.impossible(type, { name: 'super' }, at);
  }

  private toText({ sql, type }: Value, to: RedshiftType & { length: number }, mode: CastMode, at: number): string {
    const widest: Readonly<Record<string, number>> = {
      smallint: 6,
      integer: 11,
      bigint: 20,
      decimal: 41,
      real: 13,
      'double precision': 22,
      date: 10,
      time: 15,
      timestamp: 26,
      timestamptz: 32,
    };
    const width = widest[type.name];
    if (width === undefined) throw this.impossible(type, to, at);
    const text = this.repeated(textOf(sql, type), at);
    if (mode !== 'explicit' || width <= to.length) return this.fitText(text, varchar(width), to, mode, at);
    const cut = failure(
      `a cast to ${describe(to)} that cuts a ${type.name} is not supported by the local warehouse (use left)`,
    );
    const whole = letting('w', text, (w) => `case when strlen(${w}) > ${to.length} then ${cut} else ${w} end`);
    return this.fitText(whole, varchar(to.length), to, mode, at);
  }

  /**
   * VARCHAR(n) counts bytes. An explicit cast truncates between characters; the storage of a longer text is an error.
   */
  fitText(sql: string, from: Type, to: RedshiftType, mode: CastMode, at: number): string {
    if (!isText(to)) return sql;
    this.repeated(sql, at);
    if (to.name === 'char' && from.name !== 'char') return fitChar(sql, to, mode);
    if (isText(from) && from.length <= to.length) return sql;
    const tooLong = failure(`value too long for type ${describe(to)}`);
    return letting('t', sql, (t) => {
      const cut = ownFunction('cut', t, quoteLiteral(String(to.length)));
      if (mode !== 'assignment') return `case when strlen(${t}) > ${to.length} then ${cut} else ${t} end`;
      return `case when ${t} is null or strlen(${t}) <= ${to.length} then ${t} when strlen(rtrim(${t}, ' ')) <= ${to.length} then ${cut} else ${tooLong} end`;
    });
  }

  private fromText(sql: string, from: Type, to: RedshiftType, mode: CastMode, at: number): string {
    if (isText(to)) return this.fitText(sql, from, to, mode, at);
    if (mode === 'assignment') throw this.impossible(from, to, at, 'store');
    if (to.name === 'super') return `to_json(${sql})`;
    this.repeated(sql, at);
    if (to.name === 'varbyte' && mode === 'explicit') {
      const length = 'length' in from ? from.length : maxTextBytes;
      const padded = from.name === 'char' ? `rpad(${sql}, ${length}, ' ')` : sql;
      return fitBytes(`encode(${padded})`, { length }, to);
    }
    const pattern = patternOf(to);
    if (to.name !== 'boolean' && !pattern) throw this.impossible(from, to, at);
    return letting('x', sql, (x) => (pattern ? this.read(x, pattern, to, mode) : this.readTruth(x, to, mode)));
  }

  private readTruth(x: string, to: RedshiftType, mode: CastMode): string {
    const branches = `when lower(trim(${x})) in (${listed(truths)}) then true when lower(trim(${x})) in (${listed(falsehoods)}) then false`;
    if (mode === 'lenient') return `case ${branches} end`;
    return `case when ${x} is null then null ${branches} else ${this.invalid(x, to)} end`;
  }

  private read(x: string, pattern: string, to: RedshiftType, mode: CastMode): string {
    const fits = `regexp_full_match(${x}, ${quoteLiteral(pattern)})`;
    const cast = `cast(${x} as ${duckdbType(to)})`;
    if (mode === 'lenient') return `case when ${fits} then ${finite(`try_${cast}`, to, 'null')} end`;
    if (!isTime(to))
      return `case when ${x} is null or ${fits} then ${finite(cast, to)} else ${this.invalid(x, to)} end`;
    const american = `regexp_full_match(${x}, ${quoteLiteral(`${slashedPattern}( \\d{1,2}:\\d{2}(:\\d{2})?)?`)})`;
    const dashed = `cast(regexp_replace(${x}, ${quoteLiteral(slashedPattern)}, '\\3-\\1-\\2') as ${duckdbType(to)})`;
    return `case when ${x} is null or ${fits} then ${cast} when ${american} then ${dashed} else ${this.invalid(x, to)} end`;
  }

  private invalid(sql: string, to: Type): string {
    const shown =
      isTime(to) || to.name === 'time'
        ? 'not a text that the local warehouse reads as'
        : 'invalid input syntax for type';
    return failureWith(`${shown} ${to.name}`, sql);
  }

  /**
   * SUPER casts are lax: a value that does not fit becomes NULL
   * (https://docs.aws.amazon.com/redshift/latest/dg/super-configurations.html).
   */
  private fromSuper(value: Value, to: RedshiftType, at: number): string {
    const { base, steps } = value.path ?? { base: value.sql, steps: [] };
    return letting('s', base, (json) => this.fromJson(navigated(json, steps), to, at));
  }

  private fromJson(value: Value, to: RedshiftType, at: number): string {
    const type = this.repeated(jsonType(value), at);
    const text = this.repeated(jsonText(value), at);
    const isWhole = `${type} in ('UBIGINT', 'BIGINT')`;
    const duckdb = duckdbType(to);
    if (isText(to)) {
      const kept = `case when ${type} = 'DOUBLE' then ${shownNumber(numberText(value), to)} else ${text} end`;
      const fitted = (of: string) => this.fitText(of, { name: 'unknown' }, to, 'explicit', at);
      const string = isColumn(value.sql)
        ? `when ${looksLikeString(value.sql)} then ${unlessShort(value.sql, text, to, fitted(text))} `
        : '';
      // Four values at most: DuckDB turns five or more into a join, which runs for every row despite the CASE around
      // it.
      return `case ${string}when ${type} not in ('OBJECT', 'ARRAY', 'BOOLEAN', 'NULL') then ${fitted(kept)} end`;
    }
    if (to.name === 'boolean') {
      return `case when ${type} = 'BOOLEAN' then ${text} = 'true' when ${isWhole} then ${text} <> '0' when ${type} = 'VARCHAR' then ${this.fromText(text, varchar(65_535), to, 'lenient', at)} end`;
    }
    const pattern = patternOf(to);
    if (!pattern || to.name === 'time') throw this.impossible({ name: 'super' }, to, at);
    const fits = `${type} = 'VARCHAR' and ${this.readable(text, to, pattern)}`;
    const read = (of: string) => `try_cast(${of} as ${duckdb})`;
    if (isTime(to)) return `case when ${fits} then ${read(text)} end`;
    if (to.name === 'decimal') {
      const fraction = naming(
        'd',
        text,
        (d) => `case when ${isShort(d, to.scale)} then ${read(d)} else ${whatFits(numberText(value), to)} end`,
      );
      return `case when ${isWhole} or (${fits}) then ${read(text)} when ${type} = 'DOUBLE' then ${fraction} end`;
    }
    if (!isInteger(to))
      return `case when ${isWhole} or ${type} = 'DOUBLE' or (${fits}) then ${finite(read(text), to, 'null')} end`;
    return `case when ${isWhole} or (${fits}) then ${read(text)} when ${type} = 'DOUBLE' then ${whatFits(numberText(value), to)} end`;
  }

  /**
   * Whether a SUPER text is a value of the type; if not, the cast gives NULL. A text that Redshift may read but the
   * local warehouse does not is refused.
   */
  private readable(text: string, to: RedshiftType, pattern: string): string {
    const reads = `regexp_full_match(${text}, ${quoteLiteral(pattern)})`;
    if (isInteger(to)) return reads;
    const perhaps = isTime(to)
      ? '.*(\\d|epoch|now|today|tomorrow|yesterday|inf).*'
      : '\\s*[+-]?(\\d|\\.|nan|inf).*[\\d.nyf]\\s*';
    const unread = failureWith(`not a text that the local warehouse reads as ${to.name}`, text);
    return `case when ${reads} then true when regexp_full_match(lower(${text}), ${quoteLiteral(perhaps)}, 's') then ${unread} else false end`;
  }

  /** Checks and casts a literal during translation. */
  constant(given: string | null, to: RedshiftType, mode: CastMode, at: number): Value {
    const text = given !== null && isTime(to) ? withDashes(given) : given;
    if (text === null)
      return { sql: `cast(null as ${duckdbType(to)})`, type: to, constant: to.name === 'varchar' ? null : undefined };
    if (to.name === 'char') {
      if (/[^\0-\x7f]/.test(text)) throw this.source.error('multibyte character not supported for CHAR', at);
      const kept =
        mode === 'assignment' ? text.replace(/(?<! ) +$/, '') : text.slice(0, to.length).replace(/(?<! ) +$/, '');
      if (kept.length > to.length) throw this.source.error(`value too long for type ${describe(to)}`, at);
      return { sql: quoteLiteral(kept), type: to, tight: true };
    }
    if (isText(to)) {
      const bytes = Buffer.byteLength(text);
      if (bytes <= to.length) return { sql: quoteLiteral(text), type: to };
      if (mode === 'assignment' && Buffer.byteLength(text.replace(/(?<! ) +$/, '')) > to.length)
        throw this.source.error(`value too long for type ${describe(to)}`, at);
      return { sql: quoteLiteral(cutToBytes(text, to.length)), type: to };
    }
    if (to.name === 'varbyte')
      return this.cast({ sql: quoteLiteral(text), type: varchar(Math.max(1, Buffer.byteLength(text))) }, to, mode, at);
    if (to.name === 'super') return { sql: `to_json(${quoteLiteral(text)})`, type: to };
    if (to.name === 'boolean') {
      const word = text.trim().toLowerCase();
      if (truths.includes(word) || falsehoods.includes(word)) return { sql: String(truths.includes(word)), type: to };
    }
    const pattern = patternOf(to);
    if (pattern && new RegExp(`^(?:${pattern})$`).test(text) && mode === 'lenient') {
      const cast = `try_cast(${quoteLiteral(text.trim())} as ${duckdbType(to)})`;
      return { sql: finite(cast, to, 'null'), type: to };
    }
    if (pattern && new RegExp(`^(?:${pattern})$`).test(text))
      return { sql: finite(`cast(${quoteLiteral(text.trim())} as ${duckdbType(to)})`, to), type: to };
    if (mode === 'lenient' && pattern) return { sql: `cast(null as ${duckdbType(to)})`, type: to };
    if (isTime(to) || to.name === 'time') throw this.source.unsupported(`"${text}" as a ${to.name}`, at);
    if (!pattern && to.name !== 'boolean') throw this.impossible({ name: 'unknown' }, to, at);
    throw this.source.error(`invalid input syntax for type ${describe(to)}: "${text}"`, at);
  }
}

/**
 * A text is never longer than its JSON without the quotes. If that is short enough, the text is read once. To compare
 * its own length first would parse the JSON twice for every row.
 */
const unlessShort = (json: string, text: string, to: RedshiftType & { length: number }, fitted: string): string =>
  to.name === 'varchar' && fitted !== text
    ? `case when strlen(cast(${json} as varchar)) <= ${to.length + 2} then ${text} else ${fitted} end`
    : fitted;

/** Refuses bytes that do not fit the type. Redshift does not document what happens to them. */
function fitBytes(sql: string, from: { length: number }, to: RedshiftType & { length: number }): string {
  if (from.length <= to.length) return sql;
  const words = `more than ${to.length} bytes as ${describe(to)} are not supported by the local warehouse`;
  return letting('y', sql, (y) => `case when octet_length(${y}) > ${to.length} then ${failure(words)} else ${y} end`);
}

/** Fails for a text longer than the longest VARCHAR, where nothing else limits the length. */
export function bounded(sql: string): string {
  const tooLong = failure(`value too long for type ${describe(varchar(maxTextBytes))}`);
  return letting('b', sql, (b) => `case when strlen(${b}) > ${maxTextBytes} then ${tooLong} else ${b} end`);
}
export const maxTextBytes = 65_535;

/**
 * The text of a parameter without its offset, which dates, times and timestamps without time zone ignore. Redshift's JDBC
 * driver sends the offset of its machine with each of them, and reads the value as a time of that machine.
 */
const withoutOffset = (text: string, to: RedshiftType) =>
  ['date', 'time', 'timestamp'].includes(to.name)
    ? text.replace(/^((?:\d{4}-\d\d?-\d\d?)?(?: ?\d\d:\d\d:\d\d(?:\.\d+)?)?) ?[+-]\d\d(?::?\d\d)?$/, '$1')
    : text;

/** `20240209` is a date too (https://docs.aws.amazon.com/redshift/latest/dg/r_Date_and_time_literals.html). */
const withDashes = (text: string) => {
  const iso = text.trim().replace(/^(\d{4})(\d{2})(\d{2})(?= |$)/, '$1-$2-$3');
  const [, month, day, year, time] = slashed.exec(iso) ?? [];
  if (month !== undefined) return `${year}-${month.padStart(2, '0')}-${day!.padStart(2, '0')}${time}`;
  return iso.toLowerCase() === 'epoch' ? '1970-01-01' : iso;
};

/**
 * Month, day and year, in the order of the default DateStyle
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_datestyle.html).
 */
const slashed = /^(\d{1,2})\/(\d{1,2})\/(\d{4})((?: .*)?)$/;
/** The same format as a pattern for DuckDB. */
const slashedPattern = '(\\d{1,2})/(\\d{1,2})/(\\d{4})';

/** DuckDB has a year 0 and negative years. */
export const beforeChrist = failure('a date before the year 1 is not supported by the local warehouse');
const timeText = (sql: string) =>
  letting('d', sql, (d) => `case when ${d} < date '0001-01-01' then ${beforeChrist} else cast(${d} as varchar) end`);

/** Number of decimal digits that a double always preserves. */
const exactDigits = 15;

/**
 * Whether a fraction in DuckDB's spelling becomes the same decimal as in its original spelling. All its digits must fit
 * the scale, and a double must hold all digits up to the scale.
 */
const isShort = (text: string, scale: number) =>
  `strlen(${text}) - strpos(${text}, '.') <= ${scale} and strpos(${text}, '.') + ${scale} <= ${exactDigits + 1}`;

/** A SUPER number as an exact number. It is NULL if it does not fit, and refused where `unrounded` would refuse it. */
function whatFits(number: string, to: RedshiftType): string {
  const scale = to.name === 'decimal' ? to.scale : 0;
  return letting('w', number, (w) => {
    const exact = `try_cast(${w} as decimal(38, ${scale}))`;
    const cut = `try_cast(regexp_extract(${w}, '^-?[0-9]+(?:[.][0-9]{0,${scale}})?') as decimal(38, ${scale}))`;
    // A whole number times a power of ten loses no digits. The comparison of doubles would not show that.
    const whole = `regexp_full_match(${w}, '-?[0-9]+[eE][+]?[0-9]+')`;
    const kept = `case when ${whole} then true when contains(lower(${w}), 'e') then cast(${exact} as double) = cast(${w} as double) else ${exact} = ${cut} end`;
    return `case when ${exact} is null then null when ${kept} then try_cast(${exact} as ${duckdbType(to)}) else ${failure(dropsDigits(to))} end`;
  });
}

/** Refuses a number with an exponent, because Redshift's spelling of it is undocumented. */
function shownNumber(number: string, to: RedshiftType): string {
  const words = `a number with an exponent as ${describe(to)} is not supported by the local warehouse (cast it to double precision)`;
  return letting('v', number, (v) => `case when contains(lower(${v}), 'e') then ${failure(words)} else ${v} end`);
}

/** CHAR accepts single-byte characters only. It is stored without its trailing blanks. */
function fitChar(sql: string, to: RedshiftType & { length: number }, mode: CastMode): string {
  const tooLong = failure(`value too long for type ${describe(to)}`);
  const wide = failure('multibyte character not supported for CHAR');
  return letting('t', sql, (t) => {
    const kept = mode === 'assignment' ? `rtrim(${t}, ' ')` : `rtrim(left(${t}, ${to.length}), ' ')`;
    return `case when strlen(${t}) <> length(${t}) then ${wide} when length(${kept}) > ${to.length} then ${tooLong} else ${kept} end`;
  });
}

/** Whether a value comes from rows. A constant is computed before the statement runs, and is rounded. */
const readsRows = (sql: string): boolean => sql.includes('"');

/**
 * An explicit cast truncates digits unless `enable_numeric_rounding` is on; its default is off
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_enable_numeric_rounding.html).
 */
const cutOff = (sql: string, to: RedshiftType): string =>
  to.name === 'decimal' ? `trunc(${sql}, ${to.scale})` : `trunc(${sql})`;

/**
 * Casts a floating-point number to a whole one. Redshift does not document whether it rounds or truncates, so a value
 * for which this matters is refused.
 */
function unrounded(sql: string, to: RedshiftType): string {
  return letting('u', sql, (u) => {
    const [cast, kept] = [`cast(${u} as ${duckdbType(to)})`, cutOff(u, to)];
    return `case when ${u} is null or ${cast} = ${kept} then ${cast} else ${failure(dropsDigits(to))} end`;
  });
}

const dropsDigits = (to: RedshiftType) =>
  `a cast to ${describe(to)} that drops digits is not supported by the local warehouse (use round or trunc)`;

function textOf(sql: string, type: Type): string {
  if (isTime(type)) return timeText(sql);
  const { name } = type;
  if (name === 'real' || name === 'double precision') return letting('n', sql, (n) => floatText(n, name));
  return type.name === 'decimal' ? decimalText(sql, type) : `cast(${sql} as varchar)`;
}

/** Fails for a value larger than the largest of its type. */
export function in64Bits(sql: string, type: Type): string {
  const most = largestOf(type);
  if (most === undefined) return sql;
  return letting('m', sql, (m) => `case when abs(${m}) > ${most} then ${failure(overflow)} else ${m} end`);
}

/** DuckDB reads a number too large for a double as infinity and computes with it. In Redshift this is an overflow. */
export function finite(sql: string, type: Type, otherwise = failure('value out of range: overflow')): string {
  if (type.name !== 'double precision' && type.name !== 'real') return sql;
  return letting('f', sql, (f) => `case when isinf(${f}) then ${otherwise} else ${f} end`);
}

/** Whether a number of type `from` may have decimal places that do not fit type `to`. */
function losesFraction(from: Type, to: RedshiftType): boolean {
  if (isInteger(to)) return isNumeric(from) && !isInteger(from);
  return from.name === 'decimal' && to.name === 'decimal' && from.scale > to.scale;
}

/** Whether a number of type `from` may be too large for type `to`. */
function isNarrower(from: Type, to: RedshiftType): boolean {
  const [a, b] = [asDecimal(from), asDecimal(to)];
  return a !== undefined && b !== undefined && a.precision - a.scale > b.precision - b.scale;
}
