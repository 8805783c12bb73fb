import { letting, quoteLiteral, trimmedEnd, type Value } from './value';

/** Trailing blanks count for nothing where texts are compared (https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html). */
export function withoutBlanks({ sql, tight }: Pick<Value, 'sql' | 'tight'>): string {
  if (tight) return sql;
  if (/^'(?:[^']|'')*'$/.test(sql)) return quoteLiteral(sql.slice(1, -1).replaceAll("''", "'").replace(/ +$/, ''));
  return trimmedEnd(sql, ' ');
}

/** Sorts a text as what it is without its trailing blanks; among those that differ in nothing else, and among these only, by them. A text itself holds no chr(0). */
export const blankKey = (sql: string): string =>
  letting('k', sql, (k) => `case when ends_with(${k}, ' ') then rtrim(${k}, ' ') || chr(0) || ${k} else ${k} end`);

/** The text of such a key. */
export const ofBlankKey = (sql: string): string => `split_part(${sql}, chr(0), -1)`;
