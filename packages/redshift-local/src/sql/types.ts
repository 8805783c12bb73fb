import type { RedshiftType } from '../statement';

/** `unknown` is a literal, a parameter or NULL whose type depends on its use. */
export type Type = RedshiftType | { readonly name: 'unknown' };

export const varchar = (length: number): RedshiftType => ({
  name: 'varchar',
  length: Math.max(1, Math.min(length, 65_535)),
});
export const decimal = (precision: number, scale: number): RedshiftType => ({ name: 'decimal', precision, scale });
export const integer: RedshiftType = { name: 'integer' };
export const bigint: RedshiftType = { name: 'bigint' };
export const double: RedshiftType = { name: 'double precision' };
export const boolean: RedshiftType = { name: 'boolean' };
export const date: RedshiftType = { name: 'date' };
export const time: RedshiftType = { name: 'time' };
export const timestamp: RedshiftType = { name: 'timestamp' };
export const timestamptz: RedshiftType = { name: 'timestamptz' };
export const superType: RedshiftType = { name: 'super' };

const duckdbNames: Readonly<Record<string, string>> = {
  'double precision': 'double',
  timestamptz: 'timestamptz',
  super: 'json',
  varbyte: 'blob',
  char: 'varchar',
  real: 'float',
  unknown: 'varchar',
};

export function duckdbType(type: Type): string {
  return type.name === 'decimal' ? `decimal(${type.precision},${type.scale})` : (duckdbNames[type.name] ?? type.name);
}

/** The type as Redshift's catalog and messages spell it. */
export function describe(type: Type): string {
  switch (type.name) {
    case 'varchar':
      return `character varying(${type.length})`;
    case 'char':
      return `character(${type.length})`;
    case 'varbyte':
      return `binary varying(${type.length})`;
    case 'decimal':
      return `numeric(${type.precision},${type.scale})`;
    case 'time':
      return 'time without time zone';
    case 'timestamp':
      return 'timestamp without time zone';
    case 'timestamptz':
      return 'timestamp with time zone';
    default:
      return type.name;
  }
}

const shortNames: Readonly<Record<string, string>> = {
  smallint: 'int2',
  integer: 'int4',
  bigint: 'int8',
  real: 'float4',
  'double precision': 'float8',
  boolean: 'bool',
  decimal: 'numeric',
  char: 'bpchar',
};
/** The type as the Data API names it. */
export const shortName = (type: Type): string => shortNames[type.name] ?? type.name;

export const isText = (type: Type): type is RedshiftType & { name: 'varchar' | 'char' } =>
  type.name === 'varchar' || type.name === 'char';
export const isInteger = (type: Type): boolean => type.name in integerDigits;
export const isFloat = (type: Type): boolean => type.name === 'real' || type.name === 'double precision';
export const isNumeric = (type: Type): boolean => isInteger(type) || isFloat(type) || type.name === 'decimal';
export const isTime = (type: Type): boolean =>
  type.name === 'date' || type.name === 'timestamp' || type.name === 'timestamptz';

const integerDigits: Readonly<Record<string, number>> = { smallint: 5, integer: 10, bigint: 19 };
const integerRank = ['smallint', 'integer', 'bigint'];

/**
 * An integer or decimal as the decimal to which Redshift widens it
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_numeric_computations201.html).
 */
export function asDecimal(type: Type): { precision: number; scale: number } | undefined {
  if (type.name === 'decimal') return type;
  const digits = integerDigits[type.name];
  return digits === undefined ? undefined : { precision: digits, scale: 0 };
}

/** The type to which both types can be converted without loss, as for CASE and UNION; undefined if there is none. */
export function commonType(left: Type, right: Type): Type | undefined {
  if (left.name === 'unknown') return right;
  if (right.name === 'unknown') return left;
  if (left.name === 'char' && right.name === 'char') return left.length < right.length ? right : left;
  if (isText(left) && isText(right)) return varchar(Math.max(left.length, right.length));
  if (left.name === 'varbyte' && right.name === 'varbyte')
    return { name: 'varbyte', length: Math.max(left.length, right.length) };
  if (isNumeric(left) && isNumeric(right)) return commonNumber(left, right);
  if (left.name === right.name) return left;
  // A time without a time zone is in UTC, the session's time zone.
  if (isTime(left) && isTime(right))
    return left.name === 'timestamptz' || right.name === 'timestamptz' ? timestamptz : timestamp;
  return undefined;
}

function commonNumber(left: Type, right: Type): Type {
  if (isFloat(left) || isFloat(right)) return left.name === 'real' && right.name === 'real' ? left : double;
  if (isInteger(left) && isInteger(right))
    return integerRank.indexOf(left.name) < integerRank.indexOf(right.name) ? right : left;
  const [a, b] = [asDecimal(left)!, asDecimal(right)!];
  const scale = Math.max(a.scale, b.scale);
  // Documented for up to 19 digits: https://docs.aws.amazon.com/redshift/latest/dg/r_numeric_computations201.html
  const most = Math.max(a.precision, b.precision) > 19 ? 38 : 19;
  return decimal(Math.min(most, Math.max(a.precision - a.scale, b.precision - b.scale) + scale), scale);
}
