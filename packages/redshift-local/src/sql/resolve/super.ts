import { mayBeRespelled } from '../../json-text';
import { ownFunction } from '../../own-functions';
import { failure } from '../failure';
import { isColumn, letting, naming, quoteIdentifier, quoteLiteral, type Value } from './value';

type Steps = readonly (string | number)[];

function jsonPath(steps: Steps): string {
  return quoteLiteral(`$${steps.map((step) => (typeof step === 'number' ? `[${step}]` : `."${step}"`)).join('')}`);
}

export function navigated(base: string, steps: Steps): Value {
  return {
    sql: steps.length === 0 ? base : letting('n', base, (json) => spelled(json, steps)),
    type: { name: 'super' },
    path: { base, steps },
  };
}

/**
 * DuckDB's name of the JSON type: OBJECT, ARRAY, VARCHAR, BIGINT, UBIGINT, HUGEINT, DOUBLE, BOOLEAN or NULL; null if
 * there is no value.
 */
export function jsonType(value: Value): string {
  const { path } = value;
  return path && path.steps.length > 0 ? `json_type(${path.base}, ${jsonPath(path.steps)})` : `json_type(${value.sql})`;
}

/**
 * The text of a JSON scalar without its quotes, or the JSON text of any other value. Fractions have DuckDB's spelling;
 * see `numberText`.
 */
export function jsonText(value: Value): string {
  const { path } = value;
  if (path && path.steps.length > 0) return `json_extract_string(${path.base}, ${jsonPath(path.steps)})`;
  return `json_extract_string(${value.sql}, '$')`;
}

/** A number as spelled in the value, digit by digit. */
export const numberText = (value: Value): string => `trim(cast(${value.sql} as varchar), ' \t\r\n')`;

/**
 * Codes of first characters. DuckDB returns a text, false, null and true unchanged; an array and an object are nested.
 */
const [plain, nested] = ['34, 102, 110, 116', '91, 123'];

/**
 * The value below a path, as JSON. DuckDB reads a number with a decimal point or an exponent as a double, and writes
 * that double. Its result is therefore used only in two cases: the text has the same spelling after the only mention of
 * the attribute, or DuckDB respells no number of the whole text. The few other values are read in JavaScript.
 */
const spelled = (json: string, steps: Steps): string =>
  naming('e', `json_extract(${json}, ${jsonPath(steps)})`, (found) => asSpelled(json, steps, found));

/** @param found DuckDB's result for the path, which is repeated */
function asSpelled(json: string, steps: Steps, found: string): string {
  const text = `cast(${json} as varchar)`;
  const given = `cast(${found} as varchar)`;
  const exact = `cast(${ownFunction('below', text, quoteLiteral(JSON.stringify(steps)))} as json)`;
  const whole = `case when not ${mayBeRespelled(text)} then ${found} else ${exact} end`;
  const branches = [
    `${found} is null or ascii(${given}) in (${plain})`,
    `ascii(${given}) not in (${nested}) and not regexp_matches(${given}, '[.eE]')`,
  ];
  return `case when ${branches.join(' or ')} then ${found} else ${coalesced(behindName(text, steps, found, given), whole)} end`;
}

/** One table or named query with its alias. */
const relation = /^ from (?:temp\.main\.)?(?:"[^"]+"\.)*"[^"]+" as ("[^"]+")$/;
const together = quoteIdentifier('millrace attributes');

/**
 * The select list of a query without groups over `from`, and its FROM. Several attributes of one column are read at
 * once: the relation gets an additional column with all of them.
 * @param from FROM clause of the query, or an empty text
 */
export function selected(
  values: readonly Value[],
  from: string,
): { readonly list: readonly string[]; readonly from: string } {
  const alias = relation.exec(from)?.[1];
  const isAttribute = ({ path, sql }: Value) =>
    path !== undefined &&
    path.steps.length > 0 &&
    isColumn(path.base) &&
    path.base.startsWith(`${alias}.`) &&
    sql === navigated(path.base, path.steps).sql;
  const attributes = values.filter(isAttribute).map(({ path }) => path!);
  const base = attributes[0]?.base;
  const paths = [...new Set(attributes.filter((path) => path.base === base).map(({ steps }) => jsonPath(steps)))];
  if (paths.length < 2) return { list: values.map(({ sql }) => sql), from };
  const list = values.map((value) => {
    if (!isAttribute(value) || value.path!.base !== base) return value.sql;
    const { steps } = value.path!;
    return asSpelled(base!, steps, `${alias}.${together}[${paths.indexOf(jsonPath(steps)) + 1}]`);
  });
  return {
    list,
    from: ` from (select *, json_extract(${base}, [${paths.join(', ')}]) as ${together}${from}) as ${alias}`,
  };
}

const coalesced = (first: string | undefined, second: string) => (first ? `coalesce(${first}, ${second})` : second);

function behindName(text: string, steps: Steps, found: string, given: string): string | undefined {
  const name = steps.at(-1);
  if (typeof name !== 'string' || name.includes('/')) return undefined;
  // A name may be written with escapes, or be the end of another name.
  const disguised = (r: string) =>
    `contains(${text}, '${/^[ -~]*$/.test(name) ? '\\u00' : '\\u'}') or ends_with(${r}[1], '\\')`;
  return naming('r', `string_split(${text}, ${quoteLiteral(`"${name}"`)})`, (r) => {
    const digits = `regexp_extract(${r}[2], '^\\s*:\\s*(-?[0-9][-+.0-9eE]*)', 1)`;
    const begins = (blank: string) => `starts_with(${r}[2], ':${blank}' || ${given})`;
    return `case when len(${r}) <> 2 or ${disguised(r)} then null when ascii(${given}) not in (${nested}) then try_cast(${digits} as json) when ${begins('')} or ${begins(' ')} then ${found} end`;
  });
}

/**
 * The key by which a SUPER scalar is grouped and compared: its JSON text in a unique spelling. Arrays and objects are
 * refused. So are numbers and texts that may equal values with another spelling, because no page says whether they do.
 */
export function scalarKey(value: Value, use: string): string {
  const refused = (what: string, advice = 'cast it') =>
    failure(`${use} of ${what} of type super is not supported by the local warehouse (${advice})`);
  return naming('g', value.sql, (found) => {
    const kind = `json_type(${found})`;
    const text = `json_extract_string(${found}, '$')`;
    const written = `trim(cast(${found} as varchar))`;
    const string = `when ${kind} = 'VARCHAR' then case when ends_with(${text}, ' ') then ${refused('a text that ends with a blank')} else cast(to_json(${text}) as json) end`;
    const fraction = `when ${kind} = 'DOUBLE' then case when regexp_full_match(${written}, '-?[0-9]+[.][0-9]*[1-9]') then cast(${written} as json) else ${refused('a number with zeros at its end or an exponent')} end`;
    const whole = `when ${kind} in ('UBIGINT', 'BIGINT', 'HUGEINT') then case when ${written} = '-0' then cast('0' as json) else cast(${written} as json) end`;
    return `case when ${kind} is null or ${kind} = 'NULL' then null ${string} when ${kind} = 'BOOLEAN' then ${found} ${whole} ${fraction} else ${refused('an array or an object', 'use JSON_SERIALIZE')} end`;
  });
}

/** The values of an object's attributes, with numbers as spelled; none for anything else. */
export const valuesOf = (value: Value): string => partsOf(value, '$.*');

/** The names of an object's attributes. */
export const namesOf = (value: Value): string => `json_keys(${value.sql})`;

/** The elements of an array, with numbers as spelled; null for anything else. */
export const elementsOf = (value: Value): string => partsOf(value, '$[*]');

function partsOf(value: Value, below: string): string {
  return letting('l', value.sql, (json) => {
    const text = `cast(${json} as varchar)`;
    const list = (of: string) => `json_extract(${of}, '${below}')`;
    const exact = `cast(json_extract_string(${ownFunction('parts', text, quoteLiteral(below === '$[*]' ? '[' : '{'))}, '$[*]') as json[])`;
    return `case when not ${mayBeRespelled(text)} then ${list(json)} else ${exact} end`;
  });
}
