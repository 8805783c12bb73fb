import type { CompressionName } from '../statement';
import { type CopyColumn, type CopyOptions, fieldOf, type Reading } from './copy-fields';
import { maxLineBytes } from './copy-lines';
import { identifier, literal } from './database';

const field = (index: number) => `f${index}`;

/**
 * COPY … CSV: fields in the order of the table's columns. An empty field is an empty text in a CHAR or VARCHAR column unless EMPTYASNULL is given,
 * NULL in any other; `\N` is NULL unless NULL AS names another text (https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html).
 */
export function csvReading(columns: readonly CopyColumn[], options: CopyOptions): Reading {
  const delimiter = String(options['delimiter'] ?? ',');
  const quote = String(options['quote'] ?? '"');
  const types = columns.map((_, index) => `${field(index)}: 'VARCHAR'`).join(', ');
  const reader = (paths: readonly string[], compression: CompressionName, skip: number) =>
    `read_csv([${paths.map(literal).join(', ')}], auto_detect = false, columns = {${types}}, header = false, skip = ${skip}, delim = ${literal(delimiter)},
      quote = ${literal(quote)}, escape = ${literal(quote)}, nullstr = ${literal(String(options['null'] ?? '\\N'))}, compression = '${compression}', filename = true,
      max_line_size = ${maxLineBytes}, store_rejects = true, rejects_table = 'millrace_copy_rejects', rejects_scan = 'millrace_copy_scans', rejects_limit = 0)`;
  const skip = Number(options['ignoreheader'] ?? 0);
  const fields = columns.map((column, index) => {
    const text = column.type.name === 'varchar' || column.type.name === 'char';
    return fieldOf(column, text ? field(index) : `nullif(${field(index)}, '')`, options);
  });
  return {
    // A repaired file has lost its header.
    reader: (paths, compression, repaired) => reader(paths, compression, repaired ? 0 : skip),
    names: columns.map(({ name }) => identifier(name)),
    values: fields.map(({ value }) => value),
    bad: `coalesce(${[...fields.map(({ bad }) => bad), 'null'].join(', ')})`,
    rules: { skip, quote, fields: { delimiter, count: columns.length } },
    brokenMessage: 'Invalid CSV record',
    rejects: true,
  };
}
