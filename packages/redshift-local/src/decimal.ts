/**
 * The largest value of a type whose digits do not tell it: a decimal of 19 digits is kept in 64 bits
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_Numeric_types201.html). SQL of DuckDB.
 */
export function largestOf(type: {
  readonly name: string;
  readonly precision?: number;
  readonly scale?: number;
}): string | undefined {
  const { name, precision, scale = 0 } = type;
  if (name !== 'decimal' || precision !== 19) return undefined;
  const digits = '9223372036854775807';
  const [whole, fraction] = [digits.slice(0, 19 - scale), digits.slice(19 - scale)];
  return `cast('${whole}${fraction && `.${fraction}`}' as decimal(19, ${scale}))`;
}

/** Digits of a text: FLT_DIG and DBL_DIG (https://docs.aws.amazon.com/redshift/latest/dg/r_extra_float_digits.html, which is 0 unless it is set, and cannot be here). */
const floatDigits = { real: 6, 'double precision': 15 } as const;

/** The text of a floating-point number: as many digits as the type always keeps, without zeros at the end, and an exponent for the very large and small. SQL of DuckDB. */
export function floatText(sql: string, type: keyof typeof floatDigits): string {
  const value = `cast(${sql} as double)`;
  const special = `when isnan(${value}) then 'NaN' when isinf(${value}) then case when ${value} > 0 then 'Infinity' else '-Infinity' end`;
  return `case ${special} else format('{:.${floatDigits[type]}g}', ${value}) end`;
}

/** The text of a decimal as Redshift writes it: the engine leaves out the zero before the point where the type has no place for it. SQL of DuckDB. */
export function decimalText(sql: string, type: { readonly precision?: number; readonly scale?: number }): string {
  const text = `cast(${sql} as varchar)`;
  return type.precision === type.scale ? `regexp_replace(${text}, '^(-?)\\.', '\\10.')` : text;
}
