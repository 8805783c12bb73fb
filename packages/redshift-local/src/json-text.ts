import { ownFunction } from './own-functions';

/**
 * Returns a DuckDB condition that is true for a JSON text with a trailing comma, NaN or Infinity. DuckDB accepts these
 * in JSON; Redshift's parser does not. The condition searches every text with quick patterns. It searches the few
 * suspicious texts again without their strings. Each preceding character has its own pattern, because DuckDB finds a
 * fixed first character many times faster than one of several.
 */
export function isLenientJson(text: string): string {
  const withoutStrings = `regexp_replace(${text}, '${anyString}', '0', 'g')`;
  const [comma, colon, bracket, start] = suspicious.map((pattern) => `regexp_matches(${text}, '${pattern}')`);
  const suspected = `${comma} or ${colon} or (contains(${text}, '[') and ${bracket}) or (not starts_with(${text}, '{') and ${start})`;
  const found = `regexp_matches(${withoutStrings}, '${suspicious.join('|')}')`;
  return `case when ${suspected} then ${found} else false end`;
}

const noNumber = '-?(?:[nN][aA][nN]|[iI][nN][fF])';
const suspicious = [`,\\s*(?:[}\\]]|${noNumber})`, `:\\s*${noNumber}`, `\\[\\s*${noNumber}`, `^\\s*${noNumber}`];
const anyString = '"(?:[^"\\\\]|\\\\.)*"';

/**
 * Name of the DuckDB function that returns why JSON_PARSE would refuse a text: see json-fault.ts. The function runs in
 * JavaScript and is slow, so usual texts are decided without it.
 */
export const faultFunction = 'millrace_json_fault';
/**
 * Name of the DuckDB variable that holds a pattern of known shapes. A text that parses and matches the pattern has no
 * fault: see json-shapes.ts.
 */
export const shapesVariable = 'millrace_json_shapes';

/** Returns a DuckDB condition. If it is true for a text that parses, the text has no fault. */
export const isUsual = (text: string): string =>
  `regexp_full_match(${text}, cast(getvariable('${shapesVariable}') as varchar))`;

/** Returns a DuckDB expression for the fault of a text, NULL if the text has none. */
export const faultOf = (text: string): string =>
  `case when ${isUsual(text)} and json_valid(${text}) then null else ${faultFunction}(${text}) end`;

/** Prefix of a quoted number. A text that contains it must not be passed to `quoted`. */
export const numberMark = '#millrace number#';

/** Turns the numbers of a JSON text into strings, so that no digit is lost. `unquoted` turns them back. */
export const quoted = (text: string): string =>
  `regexp_replace(regexp_replace(${text}, '((?:${anyString}|[^"0-9-])+)(-?[0-9][-+.0-9eE]*)?', '\\1"${numberMark}\\2"', 'g'), '"${numberMark}"\\s*$', '')`;
export const unquoted = (json: string): string => `regexp_replace(${json}, '"${numberMark}([^"]*)"', '\\1', 'g')`;

/**
 * Matches numbers that DuckDB would respell: long numbers, exponents, trailing zeros, many zeros after the decimal
 * point, -0. The pattern may match other texts too.
 */
const respelled = '[0-9]{16}|[0-9.]{17}|[0-9][eE]|\\.[0-9]*0(?:[^0-9]|$)|\\.00000|-0';

/** Returns a DuckDB condition. If it is false for a JSON text, DuckDB keeps the spelling of all its numbers. */
export const mayBeRespelled = (text: string): string => `regexp_matches(${text}, '${respelled}')`;

/** Matches a text that has blanks only inside strings, and no escapes. */
const compactText = '(?:[^"\\\\\\s]|"[^"\\\\]*")*';

/**
 * Returns a DuckDB expression for a JSON value as results show it: no blanks between tokens, no escapes in strings,
 * numbers as written.
 * @param text DuckDB expression that is JSON or NULL; it is repeated in the result
 */
export function compactJson(text: string): string {
  return `case when not regexp_matches(${text}, '[\\s\\\\]') or regexp_full_match(${text}, '${compactText}') then ${text} when not ${mayBeRespelled(text)} then cast(json(${text}) as varchar) else ${ownFunction('compact', text, "''")} end`;
}

/**
 * Name of a DuckDB variable that each session sets. It lists JSON texts of values; a query that asks for the type of
 * one fails. The variable is usually NULL.
 */
export const raisingVariable = 'millrace_raising';

/** Name of a DuckDB variable that each connection sets: a map from DuckDB's names of JSON types to Redshift's. */
export const typesVariable = 'millrace_json_types';
