import { letting, quoteLiteral, trimmedEnd, type Value } from './value';

/**
 * Comparisons of texts ignore trailing blanks (https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html).
 */
export function withoutBlanks({ sql, tight }: Pick<Value, 'sql' | 'tight'>): string {
  if (tight) return sql;
  if (/^'(?:[^']|'')*'$/.test(sql))
    return quoteLiteral(
      sql
        .slice(1, -1)
        .replaceAll("''", "'")
        .replace(/(?<! ) +$/, ''),
    );
  return trimmedEnd(sql, ' ');
}

/**
 * Sort key of a text: first the text without its trailing blanks, then the whole text. Blanks thus decide only between
 * texts that are equal otherwise. chr(0) separates the two parts; a text cannot contain it.
 */
export const blankKey = (sql: string): string =>
  letting('k', sql, (k) => `case when ends_with(${k}, ' ') then rtrim(${k}, ' ') || chr(0) || ${k} else ${k} end`);

/** The text from which a `blankKey` was made. */
export const ofBlankKey = (sql: string): string => `split_part(${sql}, chr(0), -1)`;
