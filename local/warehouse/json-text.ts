/**
 * DuckDB reads trailing commas, NaN and Infinity in JSON; Redshift's parser does not. A DuckDB condition that is true for a JSON text that has one.
 * Texts that may have one are looked at again without their strings.
 */
export function isLenientJson(text: string): string {
  const withoutStrings = `regexp_replace(${text}, '${anyString}', '0', 'g')`;
  return `case when regexp_matches(${text}, '${suspicious}') then regexp_matches(${withoutStrings}, '${suspicious}') else false end`;
}

const suspicious = ',\\s*[}\\]]|(?:^|[\\[,:])\\s*-?(?:[nN][aA][nN]|[iI][nN][fF])';
const anyString = '"(?:[^"\\\\]|\\\\.)*"';
