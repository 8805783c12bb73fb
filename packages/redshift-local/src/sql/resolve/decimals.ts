import type { RedshiftType } from '../../statement';
import type { BinaryOperator } from '../ast';
import { failure } from '../failure';
import { asDecimal, bigint, decimal, describe, integer } from '../types';
import type { Environment } from './environment';
import { letting, quoteLiteral, type Value } from './value';

/**
 * Decimal arithmetic with the precision and scale of
 * https://docs.aws.amazon.com/redshift/latest/dg/r_numeric_computations201.html
 */
export function decimalArithmetic(
  operator: BinaryOperator,
  a: Value,
  b: Value,
  environment: Environment,
  at: number,
): Value {
  const { context } = environment;
  const [x, y] = [asDecimal(a.type)!, asDecimal(b.type)!];
  const refuse = (why: string) =>
    context.source.unsupported(`operator ${operator} between ${describe(a.type)} and ${describe(b.type)}${why}`, at);
  if (operator === '%') throw refuse(' (cast to bigint)');
  if (operator === '/') return decimalQuotient(a, b, environment, at);
  if (operator === '*') {
    const scale = x.scale + y.scale;
    if (scale > 37) throw refuse(', which has more than 37 places,');
    return { sql: `(${wide(a)} * ${wide(b)})`, type: decimal(Math.min(38, x.precision + y.precision + 1), scale) };
  }
  const scale = Math.max(x.scale, y.scale);
  const precision = Math.max(x.precision - x.scale, y.precision - y.scale) + scale + 1;
  return { sql: `(${wide(a)} ${operator} ${wide(b)})`, type: decimal(Math.min(38, precision), scale) };
}

/** An integer as the decimal to which Redshift converts it. */
function wide({ sql, type }: Value): string {
  return type.name === 'decimal' ? sql : `cast(${sql} as decimal(${asDecimal(type)!.precision}, 0))`;
}

/**
 * A quotient is truncated to its scale. Redshift does not document this. But the averages on
 * https://docs.aws.amazon.com/redshift/latest/dg/r_AVG.html are truncated, and
 * https://docs.aws.amazon.com/redshift/latest/dg/r_enable_numeric_rounding.html describes truncation as the default.
 */
function decimalQuotient(a: Value, b: Value, environment: Environment, at: number): Value {
  const type = quotientType(asDecimal(a.type)!, asDecimal(b.type)!);
  const [x, y] = [asDecimal(a.type)!, asDecimal(b.type)!];
  const shift = type.scale - x.scale + y.scale;
  const up = (sql: string, places: number) => (places > 0 ? `${sql} * ${10n ** BigInt(places)}::hugeint` : sql);
  const parts = `{'x': ${up(unscaled(a), shift)}, 'y': ${up(unscaled(b), -shift)}}`;
  const quotient = letting(
    'p',
    environment.caster.repeated(parts, at),
    (p) =>
      `case when ${p}.x is null then null when ${p}.y = 0 then ${failure('division by zero')} else ${p}.x // ${p}.y end`,
  );
  return { sql: scaled(quotient, type), type };
}

function quotientType(
  x: { precision: number; scale: number },
  y: { precision: number; scale: number },
): RedshiftType & { precision: number; scale: number } {
  const scale = Math.max(4, x.scale + y.precision - y.scale + 1);
  const precision = x.precision - x.scale + y.scale + scale;
  if (precision <= 38) return { name: 'decimal', precision, scale };
  return { name: 'decimal', precision: 38, scale: Math.min(37, Math.max(38 + scale - precision, 4)) };
}

/** The digits of a decimal as a whole number, without the decimal point. */
export function unscaled(value: Value): string {
  const { scale } = asDecimal(value.type)!;
  if (scale === 0) return `cast(${value.sql} as hugeint)`;
  return `cast(replace(cast(${value.sql} as varchar), '.', '') as hugeint)`;
}

/** The decimal whose digits are the given whole number. */
export function scaled(sql: string, type: RedshiftType & { precision: number; scale: number }): string {
  const unit = `cast('${type.scale === 0 ? '1' : `0.${'0'.repeat(type.scale - 1)}1`}' as decimal(38, ${type.scale}))`;
  return `cast(cast(${sql} as decimal(38, 0)) * ${unit} as decimal(${type.precision}, ${type.scale}))`;
}

/**
 * An integer literal has the smallest type that holds it, INTEGER at least. A literal with a decimal point is a DECIMAL
 * of its digits.
 */
export function numberLiteral(text: string, environment: Environment, at: number): Value {
  const [whole = '', fraction] = text.split('.');
  if (fraction === undefined) {
    const value = BigInt(whole);
    if (value <= 2147483647n) return { sql: String(value), type: integer, constant: String(value) };
    if (value <= 9223372036854775807n)
      return { sql: `cast(${value} as bigint)`, type: bigint, constant: String(value) };
  }
  const digits = whole.replace(/^0+/, '');
  const scale = fraction?.length ?? 0;
  const precision = Math.max(1, digits.length + scale);
  if (precision === 19 && BigInt(digits + (fraction ?? '')) > 9223372036854775807n)
    throw environment.context.source.unsupported(
      'a number of 19 digits that does not fit into 64 bits (cast a text to decimal)',
      at,
    );
  if (precision > 38) throw environment.context.source.unsupported('a number of more than 38 digits', at);
  const sql = `cast(${quoteLiteral(`${digits || '0'}${scale > 0 ? `.${fraction}` : ''}`)} as decimal(${precision}, ${scale}))`;
  return { sql, type: decimal(precision, scale), constant: text };
}
