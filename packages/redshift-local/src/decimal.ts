/**
 * Returns DuckDB SQL for the largest value of a type if its digits do not determine it. Redshift stores a decimal of 19
 * digits in 64 bits (https://docs.aws.amazon.com/redshift/latest/dg/r_Numeric_types201.html).
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

/**
 * Digits in the text of a floating-point number: FLT_DIG and DBL_DIG. The setting extra_float_digits would add to them
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_extra_float_digits.html). It is 0 by default and cannot be set
 * here.
 */
const floatDigits = { real: 6, 'double precision': 15 } as const;

/**
 * Returns DuckDB SQL for the text of a floating-point number. The text has the digits that the type always keeps, no
 * trailing zeros, and an exponent if the number is very large or very small.
 */
export function floatText(sql: string, type: keyof typeof floatDigits): string {
  const value = `cast(${sql} as double)`;
  const special = `when isnan(${value}) then 'NaN' when isinf(${value}) then case when ${value} > 0 then 'Infinity' else '-Infinity' end`;
  return `case ${special} else format('{:.${floatDigits[type]}g}', ${value}) end`;
}

/**
 * Returns DuckDB SQL for the text of a decimal as Redshift writes it. DuckDB omits the zero before the decimal point if
 * the type has no integer digits.
 */
export function decimalText(sql: string, type: { readonly precision?: number; readonly scale?: number }): string {
  const text = `cast(${sql} as varchar)`;
  return type.precision === type.scale ? `regexp_replace(${text}, '^(-?)\\.', '\\10.')` : text;
}
