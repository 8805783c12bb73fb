import { isLenientJson } from '../json-text';
import type { ColumnInfo, CompressionName } from '../statement';
import { type CopyOptions, fieldOf, type Reading } from './copy-fields';
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
export function noshredReading(columns: readonly ColumnInfo[]): Reading {
  return {
    reader,
    names: columns.map(({ name }) => identifier(name)),
    values: ['line'],
    bad: `case when ${broken} then '' end`,
    rules: { skip: 0 },
    brokenMessage: 'Invalid JSON format',
  };
}

/** COPY … JSON 'auto': attributes named like the columns, others ignored, missing ones NULL. */
export function autoReading(columns: readonly ColumnInfo[], options: CopyOptions): Reading {
  const fields = columns.map((column) => {
    const path = literal(`$."${column.name.replaceAll('"', '\\"')}"`);
    if (column.type.name === 'super') return { value: `json_extract(line, ${path})`, bad: undefined };
    return fieldOf(column, `json_extract_string(line, ${path})`, options);
  });
  const bad = fields.flatMap((field) => (field.bad === undefined ? [] : [field.bad]));
  return {
    reader,
    names: columns.map(({ name }) => identifier(name)),
    values: fields.map(({ value }) => value),
    bad: `case when ${broken} then ''${bad.length > 0 ? ` else coalesce(${[...bad, 'null'].join(', ')})` : ''} end`,
    rules: { skip: 0 },
    brokenMessage: 'Invalid JSON format',
  };
}
