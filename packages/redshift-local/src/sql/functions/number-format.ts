import { failureWith } from '../failure';
import { letting, quoteLiteral } from '../resolve/value';

/**
 * A number format of TO_CHAR and TO_NUMBER (https://docs.aws.amazon.com/redshift/latest/dg/r_Numeric_formating.html).
 */
export interface NumberFormat {
  /** `9` and `0` before the decimal point, with `,` at the end of each group. */
  readonly whole: string;
  /** `9` and `0` after the decimal point; undefined for a format without a point. */
  readonly fraction?: string;
  /** FM: the result has no surrounding blanks, and no zeros where `9` allows their omission. */
  readonly fill: boolean;
  readonly sign: 'before number' | 'S first' | 'S last' | 'MI last' | 'MI first' | 'PR';
}

/** Undefined for an unknown format. */
export function numberFormat(format: string): NumberFormat | undefined {
  const fill = /^FM/i.test(format);
  const rest = (fill ? format.slice(2) : format).toUpperCase().replaceAll('G', ',').replaceAll('D', '.').trim();
  const found = /^(S|MI)?([90,]*)(?:(\.)([90]*))?(S|MI|PR)?$/.exec(rest);
  if (!found) return undefined;
  const [, first, whole = '', point, fraction = '', last] = found;
  if ((first && last) || !/[90]/.test(whole + fraction) || /^,|,$/.test(whole)) return undefined;
  const sign = first === 'S' ? 'S first' : first === 'MI' ? 'MI first' : undefined;
  const lasts = { S: 'S last', MI: 'MI last', PR: 'PR' } as const;
  return {
    whole,
    fraction: point === undefined ? undefined : fraction,
    fill,
    sign: sign ?? (last ? lasts[last as 'S'] : 'before number'),
  };
}

/**
 * DuckDB text that formats a number as old PostgreSQL, Redshift's origin, does. Digits that do not fit are shown as #.
 * @param digits DuckDB text of the number without its sign, rounded to the places of the format
 * @param negative DuckDB condition
 */
export function formattedNumber(format: NumberFormat, digits: string, negative: string): string {
  const places = [...format.whole.replaceAll(',', '')];
  const fraction = format.fraction ?? '';
  const first = places.indexOf('0');
  const least = first < 0 ? 0 : places.length - first;
  return letting('n', digits, (n) => {
    const whole = `split_part(${n}, '.', 1)`;
    // Omits the zero before the decimal point where the format has a 9.
    const shown = fraction !== '' ? `case when ${whole} = '0' then '' else ${whole} end` : whole;
    const padded = `lpad(lpad(${shown}, cast(greatest(${least}, strlen(${shown})) as integer), '0'), ${places.length}, ' ')`;
    const overflow = `strlen(${whole}) > ${places.length} and ${whole} <> '0'`;
    const cells = `case when ${overflow} then '${'#'.repeat(places.length)}' else ${padded} end`;
    const grouped = letting('g', cells, (g) => {
      let index = 0;
      const parts = [...format.whole].map((sign) => {
        if (sign !== ',') {
          index += 1;
          return `substr(${g}, ${index}, 1)`;
        }
        return `case when trim(substr(${g}, 1, ${index})) = '' then ' ' else ',' end`;
      });
      return parts.length > 0 ? `(${parts.join(' || ')})` : "''";
    });
    const behind = behindPoint(format, n, overflow);
    return signed(format, `(${grouped} || ${behind})`, negative);
  });
}

function behindPoint({ fraction, fill }: NumberFormat, n: string, overflow: string): string {
  if (fraction === undefined) return "''";
  const digits = fraction === '' ? "''" : `split_part(${n}, '.', 2)`;
  const kept = fraction.lastIndexOf('0') + 1;
  const trimmed = fill ? `left(${digits}, ${kept}) || rtrim(substr(${digits}, ${kept + 1}), '0')` : digits;
  return `'.' || case when ${overflow} then '${'#'.repeat(fraction.length)}' else ${trimmed} end`;
}

function signed({ sign, fill }: NumberFormat, body: string, negative: string): string {
  const blank = fill ? '' : ' ';
  const either = (minus: string, plus: string) => `case when ${negative} then '${minus}' else '${plus}' end`;
  return letting('b', fill ? `ltrim(${body}, ' ')` : body, (b) => {
    const anchored = (mark: string) =>
      `lpad(${mark} || ltrim(${b}, ' '), cast(${fill ? 0 : 1} + strlen(${b}) as integer), ' ')`;
    switch (sign) {
      case 'S first':
        return fill ? `(${either('-', '+')} || ${b})` : anchored(either('-', '+'));
      case 'S last':
        return `(${b} || ${either('-', '+')})`;
      case 'MI last':
        return `(${b} || ${either('-', blank)})`;
      case 'MI first':
        return `(${either('-', blank)} || ${b})`;
      case 'PR':
        return fill
          ? `(${either('<', '')} || ${b} || ${either('>', '')})`
          : `(${anchored(either('<', ' '))} || ${either('>', ' ')})`;
      case 'before number':
        return fill ? `(${either('-', '')} || ${b})` : anchored(either('-', ' '));
    }
  });
}

/**
 * DuckDB text that reads a number from a text in the given format. Each part of the text must be at its place, so that
 * nothing is guessed.
 */
export function readNumber(format: NumberFormat, text: string, written: string, type: string): string {
  const whole = format.whole.replaceAll(',', '').length;
  const fraction = format.fraction?.length ?? 0;
  const group = format.whole.includes(',') ? `[0-9,]{0,${format.whole.length}}` : `[0-9]{0,${whole}}`;
  const point = format.fraction === undefined ? '' : `(?:\\.[0-9]{0,${fraction}})?`;
  const minus = '[-+]?';
  const before = format.sign.endsWith('last') || format.sign === 'PR' ? '' : minus;
  const after = format.sign.endsWith('last') ? minus : '';
  const pattern = format.sign === 'PR' ? `\\s*<?${group}${point}>?\\s*` : `\\s*${before}${group}${point}${after}\\s*`;
  return letting('t', text, (t) => {
    const unread = failureWith(`not a text that the local warehouse reads with the format ${written}`, t);
    const digits = `regexp_replace(${t}, '[^0-9.]', '', 'g')`;
    const fits = `regexp_full_match(${t}, ${quoteLiteral(pattern)}) and regexp_matches(${t}, '[0-9]')`;
    const number = `try_cast(case when regexp_matches(${t}, '[-<]') then '-' else '' end || ${digits} as ${type})`;
    return `case when ${t} is null then null when ${fits} then coalesce(${number}, ${unread}) else ${unread} end`;
  });
}
