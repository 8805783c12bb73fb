import { faultOf, mayBeRespelled, numberMark, quoted, unquoted } from '../json-text';
import type { CompressionName } from '../statement';
import {
  badIfMissing,
  type CopyColumn,
  type CopyOptions,
  evaluated,
  type Field,
  fieldOf,
  type Reading,
  unmodelled,
} from './copy-fields';
import { isOdd, problemOf } from './copy-json-oddities';
import { maxLineBytes } from './copy-lines';
import { usualObjects, usualRecords } from './copy-usual';
import { identifier, literal } from './database';

/** Returns a relation of the lines. A line that is not JSON is NULL. Blank lines are left out. */
export function jsonLines(paths: readonly string[], compression: CompressionName): string {
  const list = paths.map(literal).join(', ');
  return `(select json as line, filename from read_ndjson_objects([${list}], compression = '${compression === 'none' ? 'uncompressed' : compression}',
    maximum_object_size = ${maxLineBytes}, ignore_errors = true, filename = true))`;
}

/**
 * True for a line that JSON_PARSE would refuse. It is assumed that COPY reads as JSON_PARSE does: see
 * docs/aws-open-questions.md.
 */
const broken = `line is null or (${faultOf('cast(line as varchar)')}) is not null`;

/** Reads COPY … JSON 'noshred': a line is the value of the table's only column, with numbers as written. */
export function noshredReading(columns: readonly CopyColumn[]): Reading {
  return {
    reader: jsonLines,
    names: columns.map(({ name }) => identifier(name)),
    values: ['line'],
    bad: `case when ${broken} then '' end`,
    rules: { skip: 0, objects: true },
    brokenMessage: 'Invalid JSON format',
    usual: usualObjects,
  };
}

/**
 * Reads COPY … JSON 'auto': attributes named like a column are loaded, and others are ignored. A missing attribute
 * gives the column's DEFAULT or NULL.
 */
export function autoReading(columns: readonly CopyColumn[], options: CopyOptions): Reading {
  const texts = columns.filter(({ type }) => type.name !== 'super');
  const supers = columns.filter(({ type }) => type.name === 'super');
  const from = (column: CopyColumn) => `f${columns.indexOf(column)}`;
  // One pass over the line extracts all its attributes.
  const parts = [
    `${isOdd('line', columns)} as odd`,
    ...(texts.length > 0 ? [`json_extract_string(line, [${texts.map(path).join(', ')}]) as texts`] : []),
    ...(supers.length > 0 ? [`json_extract(line, [${supers.map(path).join(', ')}]) as parts`] : []),
    ...(supers.length > 0 ? [`case when ${mayBeRespelled('line')} then ${quoted('line')} end as exact`] : []),
  ];
  const attributes = [
    ...texts.map((column, index) => `texts[${index + 1}] as ${from(column)}`),
    ...supers.map((column, index) => `${superOf(column, `parts[${index + 1}]`)} as ${from(column)}`),
  ];
  const fields = columns.map((column) => autoField(column, from(column), options));
  const marked =
    supers.length > 0
      ? `when exact is not null and contains(line, '${numberMark}') then ${unmodelled(supers[0]!.name, `the text ${numberMark} in a record with`)}`
      : '';
  const broken = `case when line is null then '' ${marked} when odd then ${problemOf('line', columns)} end`;
  const rows = (relation: string) =>
    evaluated(
      `(select line, filename, odd, ${supers.length > 0 ? 'exact, ' : ''}${attributes.join(', ')} from (select line, filename, ${parts.join(', ')} from ${relation}))`,
      fields,
      broken,
    );
  const { values, bad } = rows('none');
  return {
    reader: (paths, compression) => rows(jsonLines(paths, compression)).relation,
    names: columns.map(({ name }) => identifier(name)),
    values,
    bad,
    rules: { skip: 0, objects: true },
    brokenMessage: 'Invalid JSON format',
    usual: usualRecords(columns, options),
  };
}

const path = ({ name }: CopyColumn) => literal(`$."${name.replaceAll('"', '\\"')}"`);

/** Returns the SUPER value of a column. DuckDB would convert its numbers to a double and drop their trailing zeros. */
const superOf = (column: CopyColumn, part: string) =>
  `case when exact is null then ${part} else cast(${unquoted(`cast(json_extract(exact, ${path(column)}) as varchar)`)} as json) end`;

function autoField(column: CopyColumn, given: string, options: CopyOptions): Field {
  const { type, defaultValue } = column;
  const field =
    type.name === 'super'
      ? { cast: given, value: (cast: string) => cast, bad: (of: string) => badIfMissing(column, of) }
      : fieldOf(column, given, options);
  if (defaultValue === undefined) return field;
  const absent = `json_type(line, ${path(column)}) is null`;
  return {
    cast: field.cast,
    value: (cast) => `case when ${absent} then ${defaultValue} else ${field.value(cast)} end`,
    bad: (of) => `case when not ${absent} then ${field.bad(of)} end`,
  };
}
