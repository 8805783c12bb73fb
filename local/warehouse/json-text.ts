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

/** A DuckDB condition that is true for a valid JSON text in which an object, however deep, has one attribute twice; JSON_PARSE refuses those (https://docs.aws.amazon.com/redshift/latest/dg/super-configurations.html). */
export function hasDuplicateKeys(text: string): string {
  const given = `coalesce(${text}, 'null')`;
  const objects = `list_append(json_extract(${given}, '$..*'), cast(${given} as json))`;
  const doubled = `json_type(n) = 'OBJECT' and len(json_keys(n)) <> len(list_distinct(json_keys(n)))`;
  return `len(list_filter(${objects}, lambda n: ${doubled})) > 0`;
}
