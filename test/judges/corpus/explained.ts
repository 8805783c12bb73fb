const guide = 'https://docs.aws.amazon.com/redshift/latest/dg/';

/** Statements of the corpus that Redshift rejects too, with the source. For them a syntax error is right. */
export const explained: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /^select\s+auto,\s+avro,\s+backup,/i, why: `${guide}r_pg_keywords.html: reserved words as names` },
  { pattern: /^select snapshot, type/i, why: `${guide}r_pg_keywords.html: a reserved word as a name` },
  { pattern: /from table(?: t)?$/i, why: `${guide}r_pg_keywords.html: a reserved word as a table` },
  { pattern: /^select a, b, from/i, why: `${guide}r_SELECT_list.html: an item is missing` },
  { pattern: /^select schema\.exclude\(/i, why: `${guide}r_EXCLUDE_list.html: EXCLUDE follows *` },
  {
    pattern: /is (?:not )?null::boolean/i,
    why: `${guide}r_null_condition.html: a cast of a condition needs parentheses`,
  },
  { pattern: /^create table a$/i, why: `${guide}r_CREATE_TABLE_NEW.html: a table has columns` },
  {
    pattern: /^create table sales \(salesid integer not null\) distkey\(listid\)/i,
    why: 'its keys are no columns of it',
  },
  {
    pattern: /position\(needle in substring\(haystack from position\)\)/i,
    why: `${guide}r_POSITION.html: the expression has parentheses within`,
  },
];
