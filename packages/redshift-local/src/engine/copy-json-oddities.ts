import { isLenientJson } from '../json-text';
import { type CopyColumn, unmodelled } from './copy-fields';
import { literal } from './database';

/** Number of decimal digits that a double always holds. */
export const exactDigits = 15;

const escaped = (name: string) =>
  name.replace(/[^A-Za-z0-9_]/g, (letter) => `\\x{${letter.codePointAt(0)!.toString(16)}}`);
const keyOf = (names: readonly string[]) => `"(?:${names.map(escaped).join('|')})"\\s*:\\s*`;
/**
 * Matches a long number. The pattern is simple, because compiling one that counts digits on both sides of the decimal
 * point costs more than a file of lines. A number without a point matches from one digit more.
 */
const long = `[0-9.]{${exactDigits + 2}}`;
/** Matches numbers that DuckDB does not return as written. */
const rewritten = `-?(?:${long}|[0-9.]+[eE]|[0-9]+\\.[0-9]*0(?:[^0-9eE]|$)|0\\.0000)`;
const negativeZero = '-0(?:[^0-9.]|$)';
const imprecise = `-?(?:${long}|[0-9]{${exactDigits + 1}}|[0-9.]+[eE])`;
/** Matches numbers that are zero in a double, or so close to zero that `problemOf` treats them alike. */
export const vanishing = '-?(?:[0-9.]+[eE]-[0-9]{3}|0\\.0{30})';
/** Matches an attribute's name with an escaped character. The name may be a column's. */
const disguised = '\\\\u00[2-7][^"]*"\\s*:';
const lenient = ',\\s*[}\\]]|[nN][aA][nN]|[iI][nN][fF]';

const isText = ({ type }: CopyColumn) => !numeric.has(type.name) && type.name !== 'super' && type.name !== 'decimal';
const numeric = new Set(['smallint', 'integer', 'bigint', 'real', 'double precision']);

const isFloat = ({ type }: CopyColumn) => type.name === 'real' || type.name === 'double precision';

const twice = ({ name }: CopyColumn) => `${keyOf([name])}.*${keyOf([name])}`;

/** Returns a DuckDB condition that few lines meet. One pass over a line tells whether `problemOf` must check it. */
export function isOdd(line: string, columns: readonly CopyColumn[]): string {
  const names = (which: readonly CopyColumn[]) => which.map(({ name }) => name);
  const texts = columns.filter(isText);
  const decimals = columns.filter(({ type }) => type.name === 'decimal');
  const floats = columns.filter(isFloat);
  const patterns = [
    lenient,
    disguised,
    '\\\\u0000',
    ...(texts.length > 0 ? [`${keyOf(names(texts))}(?:[{\\[]|${rewritten}|${negativeZero})`] : []),
    ...(decimals.length > 0 ? [`${keyOf(names(decimals))}(?:${imprecise})`] : []),
    ...(floats.length > 0 ? [`${keyOf(names(floats))}(?:${vanishing})`] : []),
    ...(columns.length > mostPatterns ? [] : columns.map(twice)),
    '^\\s*[^{\\s]',
  ];
  const odd = `regexp_matches(${line}, ${literal(patterns.join('|'))}, 's')`;
  const keys = `json_keys(${line})`;
  return columns.length > mostPatterns ? `(${odd} or len(${keys}) > len(list_distinct(${keys})))` : odd;
}

/** Most columns with a pattern each. With more columns it is faster to list the keys of a line. */
const mostPatterns = 30;

/**
 * Returns `bad` for an odd line, NULL if the line is good. AWS does not document what Redshift does with these lines,
 * or documents it as inexact (https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-json.html), so
 * they are refused.
 */
export function problemOf(line: string, columns: readonly CopyColumn[]): string {
  const matches = (pattern: string) => `regexp_matches(${line}, ${literal(pattern)}, 's')`;
  const branches = columns.flatMap((column) => {
    const { name } = column;
    const type = column.type.name.toUpperCase();
    const found = `json_type(${line}, ${literal(`$."${name.replaceAll('"', '\\"')}"`)})`;
    const number = (pattern: string, what: string, kinds = "'DOUBLE', 'UBIGINT', 'BIGINT'") =>
      `when ${found} in (${kinds}) and ${matches(`${keyOf([name])}(?:${pattern})`)} then ${unmodelled(name, `${what} into ${type}`)}`;
    const keys = `len(list_filter(json_keys(${line}), lambda k: k = ${literal(name)})) > 1`;
    const doubled = `when json_type(${line}) = 'OBJECT' and ${keys} then ${unmodelled(name, 'an attribute that is there twice, for')}`;
    const digits = `more than ${exactDigits} digits`;
    if (column.type.name === 'decimal')
      return [number(imprecise, `a JSON number with an exponent or ${digits}, and not in quotation marks,`), doubled];
    if (isFloat(column)) return [number(vanishing, 'a JSON number that close to zero'), doubled];
    if (!isText(column)) return [doubled];
    return [
      `when ${found} in ('OBJECT', 'ARRAY') then ${unmodelled(name, `a JSON object or array into ${type}, which SUPER takes,`)}`,
      number(rewritten, `a JSON number with an exponent, closing zeros or ${digits}`, "'DOUBLE'"),
      number(negativeZero, 'the JSON number -0', "'BIGINT'"),
      doubled,
    ];
  });
  const first = columns[0]!.name;
  return `case when ${isLenientJson(line)} then ''
    when json_type(${line}) <> 'OBJECT' then ${unmodelled(first, 'a line that is no JSON object, for')}
    when ${matches('\\\\u0000')} then ${unmodelled(first, 'a record with the character U+0000')}
    when ${matches(disguised)} then ${unmodelled(first, 'an attribute name with an escaped ASCII character')}
    else coalesce(${branches.map((branch) => `case ${branch} end`).join(', ')}) end`;
}
