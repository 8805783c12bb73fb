import { isLenientJson } from '../json-text';
import type { CompressionName } from '../statement';
import { badIfMissing, type CopyColumn, type CopyOptions, fieldOf, type Reading } from './copy-fields';
import { maxLineBytes } from './copy-lines';
import { identifier, literal } from './database';

/** NULL for a line that is not JSON; blank lines are left out. */
function reader(paths: readonly string[], compression: CompressionName): string {
  const list = paths.map(literal).join(', ');
  return `(select json as line, filename from read_ndjson_objects([${list}], compression = '${compression === 'none' ? 'uncompressed' : compression}',
    maximum_object_size = ${maxLineBytes}, ignore_errors = true, filename = true))`;
}

/** Not JSON as Redshift reads it. */
const broken = `line is null or ${isLenientJson('line')}`;

/** COPY … JSON 'noshred': a line is the table's one value, numbers as they are written. */
export function noshredReading(columns: readonly CopyColumn[]): Reading {
  return {
    reader,
    names: columns.map(({ name }) => identifier(name)),
    values: ['line'],
    bad: `case when ${broken} then '' end`,
    rules: { skip: 0 },
    brokenMessage: 'Invalid JSON format',
  };
}

/** COPY … JSON 'auto': attributes named like the columns, others ignored, missing ones their column's DEFAULT or NULL. */
export function autoReading(columns: readonly CopyColumn[], options: CopyOptions): Reading {
  const path = ({ name }: CopyColumn) => literal(`$."${name.replaceAll('"', '\\"')}"`);
  const texts = columns.filter(({ type }) => type.name !== 'super');
  const values = columns.filter(({ type }) => type.name === 'super');
  // One look at the line for all its attributes.
  const parts = [
    ...(texts.length > 0 ? [`json_extract_string(line, [${texts.map(path).join(', ')}]) as texts`] : []),
    ...(values.length > 0 ? [`json_extract(line, [${values.map(path).join(', ')}]) as parts`] : []),
  ];
  const from = (column: CopyColumn) => `f${columns.indexOf(column)}`;
  const attributes = [
    ...texts.map((column, index) => `texts[${index + 1}] as ${from(column)}`),
    ...values.map((column, index) => `parts[${index + 1}] as ${from(column)}`),
  ];
  const fields = columns.map((column) => {
    const given = from(column);
    const field =
      column.type.name === 'super'
        ? { value: given, bad: badIfMissing(column, given) }
        : fieldOf(column, given, options);
    if (column.defaultValue === undefined) return field;
    const absent = `json_type(line, ${path(column)}) is null`;
    return {
      value: `case when ${absent} then ${column.defaultValue} else ${field.value} end`,
      bad: `case when not ${absent} then ${field.bad} end`,
    };
  });
  const bad = fields.map((field) => field.bad).filter((sql) => sql !== 'null');
  return {
    reader: (paths, compression) =>
      `(select line, filename, ${attributes.join(', ')} from (select line, filename, ${parts.join(', ')} from ${reader(paths, compression)}))`,
    names: columns.map(({ name }) => identifier(name)),
    values: fields.map(({ value }) => value),
    bad: `case when ${broken} then ''${bad.length > 0 ? ` else coalesce(${[...bad, 'null'].join(', ')})` : ''} end`,
    rules: { skip: 0 },
    brokenMessage: 'Invalid JSON format',
  };
}
