/**
 * DuckDB reads trailing commas, NaN and Infinity in JSON; Redshift's parser does not. A DuckDB condition that is true for a JSON text that has one.
 * It looks at every text quickly, and again without their strings at the few that may have one. A pattern for each sign that may stand before: the engine finds
 * a first letter many times faster than one of several.
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

/** The engine's function that finds what JSON_PARSE would not take: see json-fault.ts. It runs in JavaScript, so usual texts are kept away from it. */
export const faultFunction = 'millrace_json_fault';
/** The engine's variable with a pattern of texts that have no fault if they parse: see json-shapes.ts. */
export const shapesVariable = 'millrace_json_shapes';

/** A DuckDB condition that is true only for texts that have no fault if they parse. */
export const isUsual = (text: string): string =>
  `regexp_full_match(${text}, cast(getvariable('${shapesVariable}') as varchar))`;

/** DuckDB text: the fault of a text, NULL where it has none. */
export const faultOf = (text: string): string =>
  `case when ${isUsual(text)} and json_valid(${text}) then null else ${faultFunction}(${text}) end`;

/** No text of a value that is quoted has it. */
export const numberMark = '#millrace number#';

/** A JSON text with its numbers as strings, from which `unquoted` makes numbers again: no digit is lost on the way. */
export const quoted = (text: string): string =>
  `regexp_replace(regexp_replace(${text}, '((?:${anyString}|[^"0-9-])+)(-?[0-9][-+.0-9eE]*)?', '\\1"${numberMark}\\2"', 'g'), '"${numberMark}"\\s*$', '')`;
export const unquoted = (json: string): string => `regexp_replace(${json}, '"${numberMark}([^"]*)"', '\\1', 'g')`;

/** What the engine would spell otherwise: long numbers, exponents, closing zeros, many zeros behind the point, -0. More texts than these may match. */
const respelled = '[0-9]{16}|[0-9.]{17}|[0-9][eE]|\\.[0-9]*0(?:[^0-9]|$)|\\.00000|-0';

/** A DuckDB condition that is false only for a JSON text whose numbers the engine spells as they are. */
export const mayBeRespelled = (text: string): string => `regexp_matches(${text}, '${respelled}')`;

/** A JSON text with its numbers as strings, also where the text is a number and nothing else. */
export const quotedWhole = (text: string): string => quoted(`(' ' || ${text})`);

/** Blanks in strings only, and no escapes. */
const compactText = '(?:[^"\\\\\\s]|"[^"\\\\]*")*';

/**
 * DuckDB text of a JSON value as results show it: without blanks between tokens and escapes of strings, numbers as they are spelled.
 * @param text DuckDB text that is JSON or NULL, emitted several times
 * @param refused DuckDB expression for a value that has the text `numberMark` itself
 */
export function compactJson(text: string, refused: string): string {
  const exact = unquoted(`cast(json(${quotedWhole(text)}) as varchar)`);
  return `case when not regexp_matches(${text}, '[\\s\\\\]') or regexp_full_match(${text}, '${compactText}') then ${text} when not ${mayBeRespelled(text)} then cast(json(${text}) as varchar)
    when contains(${text}, '${numberMark}') then ${refused} else ${exact} end`;
}

/** A list of JSON texts in every session: values whose type cannot be asked for without failing. NULL most often, which costs nothing. */
export const raisingVariable = 'millrace_raising';
