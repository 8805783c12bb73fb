import { faultOf, numberMark, quoted, unquoted } from '../json-text';
import {
  type CopyColumn,
  type CopyOptions,
  evaluated,
  type Field,
  fatal,
  fieldOf,
  type Reading,
  unmodelled,
} from './copy-fields';
import { jsonLines } from './copy-json';
import { exactDigits, vanishing } from './copy-json-oddities';
import { identifier, literal } from './database';
import { WarehouseError } from './errors';

/** An element that a JSONPath names: an attribute, or a position in an array. */
type Step = string | number;
export type JsonPath = readonly Step[];

const dotted = /^\$(?:\.[^.'[\]]+|\[\d+\])+$/;
const bracketed = /^\$(?:\['[^']+'\]|\[\d+\])+$/;

/**
 * Returns the paths of a JSONPaths file, or undefined if it names none: COPY then loads as with 'auto'
 * (https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html#copy-json-jsonpaths).
 */
export function readJsonPaths(url: string, body: string, columns: number): readonly JsonPath[] | undefined {
  const bad = (why: string) => new WarehouseError(`JSONPaths file ${url} is not valid: ${why}`);
  let file: unknown;
  try {
    file = JSON.parse(body);
  } catch {
    throw bad('it is not one JSON object');
  }
  if (typeof file !== 'object' || file === null || Array.isArray(file)) throw bad('it is not one JSON object');
  const { jsonpaths } = file as { jsonpaths?: unknown };
  if (jsonpaths === undefined) return undefined;
  if (!Array.isArray(jsonpaths)) throw bad('"jsonpaths" is not a list');
  for (const [index, path] of jsonpaths.entries())
    if (typeof path !== 'string' || path === '') throw bad(`path ${index + 1} is not a text, or is empty`);
  const paths = jsonpaths as readonly string[];
  if (paths.length !== columns)
    throw bad(`it has ${paths.length} paths for ${columns} columns of the table or the list of columns`);
  const strange = paths.find((path) => !dotted.test(path) && !bracketed.test(path));
  if (strange !== undefined)
    throw new WarehouseError(`path ${strange} of JSONPaths file ${url} is not modelled by the local warehouse`);
  if (paths.some((path) => !dotted.test(path)) && paths.some((path) => !bracketed.test(path)))
    throw bad('it mixes dots and brackets for names');
  return paths.map((path) =>
    [...path.matchAll(/\.([^.'[\]]+)|\['([^']+)'\]|\[(\d+)\]/g)].map(
      ([, name, quotedName, index]) => name ?? quotedName ?? Number(index),
    ),
  );
}

/** How the value of a column is found in a record. */
interface Place {
  /** DuckDB expression of the path, NULL if the record has no such attribute. */
  readonly path: string;
  /** DuckDB expression of the path to the last array element of `path`, which must exist. */
  readonly element?: string;
  /** Why the record's attributes do not say which one the column takes, as a branch of CASE. */
  readonly doubt?: string;
  /** True if a missing attribute gives the column's DEFAULT. */
  readonly default?: boolean;
}

/** Reads COPY … JSON with a JSONPaths file. A record is an object or an array. */
export function pathsReading(
  columns: readonly CopyColumn[],
  paths: readonly JsonPath[],
  options: CopyOptions,
): Reading {
  const places = paths.map((path): Place => {
    const last = path.findLastIndex((step) => typeof step === 'number');
    return { path: literal(pathOf(path)), element: last < 0 ? undefined : literal(pathOf(path.slice(0, last + 1))) };
  });
  return placesReading(columns, places, options, "'OBJECT', 'ARRAY'");
}

const pathOf = (path: JsonPath) =>
  `$${path.map((step) => (typeof step === 'number' ? `[${step}]` : `."${step.replaceAll('"', '\\"')}"`)).join('')}`;

/** Reads COPY … JSON 'auto ignorecase': as 'auto', but an attribute's name may be written in any case. */
export function ignoreCaseReading(columns: readonly CopyColumn[], options: CopyOptions): Reading {
  const places = columns.map((column): Place => {
    const names = `list_filter(json_keys(line), lambda k: lower(k) = ${literal(column.name.toLowerCase())})`;
    return {
      path: `'$."' || ${names}[1] || '"'`,
      doubt: `when len(${names}) > 1 then ${unmodelled(column.name, 'several attributes whose names differ in case only, for')}`,
      default: true,
    };
  });
  return placesReading(columns, places, options, "'OBJECT'");
}

function placesReading(
  columns: readonly CopyColumn[],
  places: readonly Place[],
  options: CopyOptions,
  kinds: string,
): Reading {
  const first = columns[0]!.name;
  const broken = `case when line is null or fault = 'not JSON' then ''
    when contains(line, '${numberMark}') then ${unmodelled(first, `the text ${numberMark} in a record with`)}
    when json_type(line) not in ('OBJECT', 'ARRAY') then ''
    when json_type(line) not in (${kinds}) then ${unmodelled(first, 'a line that is no JSON object, for')}
    when fault is not null or contains(line, '\\u0000') then ${unmodelled(first, `a record in which SUPER would refuse an attribute or a character, for`)} end`;
  const found = places.flatMap(({ path, element, doubt }, index) => [
    `json_extract(exact, ${path}) as j${index}`,
    ...(element === undefined ? [] : [`json_type(exact, ${element}) is null as lost${index}`]),
    ...(doubt === undefined ? [] : [`case ${doubt} end as doubt${index}`]),
  ]);
  const texts = columns.flatMap((column, index) => [
    `json_type(j${index}) as kind${index}`,
    `coalesce(starts_with(j${index} ->> '$', '${numberMark}'), false) as number${index}`,
    `${textOrJson(column, `j${index}`)} as f${index}`,
  ]);
  const exact = `case when fault is null and not contains(line, '${numberMark}') then cast(${quoted('cast(line as varchar)')} as json) end`;
  const rows = (relation: string) =>
    evaluated(
      `(select *, ${texts.join(', ')} from (select *, ${found.join(', ')} from (select *, ${exact} as exact
        from (select line, filename, ${faultOf('cast(line as varchar)')} as fault from ${relation}))))`,
      columns.map((column, index) => placedField(column, places[index]!, index, options)),
      broken,
    );
  const { values, bad } = rows('none');
  return {
    reader: (files, compression) => rows(jsonLines(files, compression)).relation,
    names: columns.map(({ name }) => identifier(name)),
    values,
    bad,
    rules: { skip: 0, objects: true },
    brokenMessage: 'Invalid JSON format',
  };
}

/** Returns a value as JSON for SUPER, and as text for every other type. An empty text is NULL in other types. */
function textOrJson({ type }: CopyColumn, json: string): string {
  if (type.name === 'super') return `cast(${unquoted(`cast(${json} as varchar)`)} as json)`;
  const text = `case when json_type(${json}) in ('OBJECT', 'ARRAY') then ${unquoted(`cast(${json} as varchar)`)}
    when json_type(${json}) <> 'NULL' then replace(${json} ->> '$', '${numberMark}', '') end`;
  return type.name === 'varchar' || type.name === 'char' ? text : `nullif(${text}, '')`;
}

function placedField(column: CopyColumn, place: Place, index: number, options: CopyOptions): Field {
  const { type, name, defaultValue } = column;
  const text = `f${index}`;
  const field: Field =
    type.name === 'super'
      ? {
          cast: text,
          value: (cast) => cast,
          bad: (of) => (column.notNull ? `case when ${of} is null then ${literal(name)} end` : 'null'),
        }
      : fieldOf(column, text, options);
  const doubts = [
    ...(place.element === undefined
      ? []
      : [`when lost${index} then ${fatal('Invalid JSONPath format: Not an array or index out of range.')}`]),
    ...(place.doubt === undefined ? [] : [`when doubt${index} is not null then doubt${index}`]),
    ...spellings(column, text, index),
  ];
  const absent = defaultValue !== undefined && place.default ? `kind${index} is null` : undefined;
  return {
    cast: field.cast,
    value: (cast) =>
      absent ? `case when ${absent} then ${defaultValue} else ${field.value(cast)} end` : field.value(cast),
    bad: (of) => `case ${doubts.join(' ')} when ${absent ?? 'false'} then null else ${field.bad(of)} end`,
  };
}

/** Values that AWS does not say how COPY reads, as branches of CASE. */
function spellings({ type, name }: CopyColumn, text: string, index: number): string[] {
  const refused = (what: string) => unmodelled(name, `${what} into ${type.name.toUpperCase()}`);
  const number = (condition: string, what: string) => `when number${index} and (${condition}) then ${refused(what)}`;
  const long = `length(regexp_replace(${text}, '[^0-9]', '', 'g')) > ${exactDigits}`;
  switch (type.name) {
    case 'super':
      return [];
    case 'varchar':
    case 'char':
      return [
        `when kind${index} in ('OBJECT', 'ARRAY') and not contains(line, ${text}) then ${refused('a JSON object or array with blanks or escapes')}`,
        number(
          `${long} or ${text} = '-0' or contains(${text}, '0.0000') or not regexp_full_match(${text}, '-?[0-9]+(\\.[0-9]*[1-9])?')`,
          `a JSON number with an exponent, closing zeros or more than ${exactDigits} digits`,
        ),
      ];
    case 'decimal':
      return [
        number(
          `${long} or regexp_matches(${text}, '[eE]')`,
          `a JSON number with an exponent or more than ${exactDigits} digits, and not in quotation marks,`,
        ),
      ];
    case 'real':
    case 'double precision':
      return [number(`regexp_matches(${text}, ${literal(`^${vanishing}`)})`, 'a JSON number that close to zero')];
    default:
      return [];
  }
}
