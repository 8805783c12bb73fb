/**
 * DuckDB reads trailing commas, NaN and Infinity in JSON; Redshift's parser does not. A DuckDB condition that is true for a JSON text that has one.
 * It looks for more and more: at every text quickly, at few again, and at those that still may have one without their strings.
 */
export function isLenientJson(text: string): string {
  const withoutStrings = `regexp_replace(${text}, '${anyString}', '0', 'g')`;
  const suspected = `case when regexp_matches(${text}, '${suspicious}') then regexp_matches(${withoutStrings}, '${suspicious}') else false end`;
  return `case when regexp_matches(${text}, '${trailingComma}') or contains(lower(${text}), 'nan') or contains(lower(${text}), 'inf') then ${suspected} else false end`;
}

const trailingComma = ',\\s*[}\\]]';
const suspicious = `${trailingComma}|(?:^|[\\[,:])\\s*-?(?:[nN][aA][nN]|[iI][nN][fF])`;
const anyString = '"(?:[^"\\\\]|\\\\.)*"';

/** A DuckDB condition that is true for a valid JSON text in which an object, however deep, has one attribute twice; JSON_PARSE refuses those (https://docs.aws.amazon.com/redshift/latest/dg/super-configurations.html). */
export function hasDuplicateKeys(text: string): string {
  const given = `coalesce(${text}, 'null')`;
  const doubled = (object: string) => `len(json_keys(${object})) <> len(list_distinct(json_keys(${object})))`;
  const below = `list_filter(json_extract(${given}, '$..*'), lambda n: starts_with(cast(n as varchar), '{'))`;
  return `(${doubled(given)} or len(list_filter(${below}, lambda n: ${doubled('n')})) > 0)`;
}
