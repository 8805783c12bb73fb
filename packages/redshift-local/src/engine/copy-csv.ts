import type { CompressionName } from '../statement';
import { type CopyColumn, type CopyOptions, evaluated, fieldOf, type Reading, unmodelled } from './copy-fields';
import { maxLineBytes } from './copy-lines';
import { identifier, literal } from './database';

/** AWS names neither the code nor the text of this error. */
const missingEnd = { code: 1214, message: 'Delimited value missing end quote' };

const field = (index: number) => `f${index}`;

/**
 * Reads COPY … CSV, and delimited text. Fields are in the order of the table's columns. An empty field, quoted or not,
 * is an empty text in a CHAR or VARCHAR column unless EMPTYASNULL is given. In any other column it is NULL. `\N` is
 * NULL unless NULL AS names another text
 * (https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html). AWS documents neither the
 * meaning of NULL's text in quotes nor that of U+0000, so both fail the COPY. Delimited text has no quotes, and its
 * default delimiter is a bar. With ESCAPE or REMOVEQUOTES it was rewritten as CSV: see copy-marks.ts.
 */
export function csvReading(columns: readonly CopyColumn[], options: CopyOptions, format: 'csv' | 'text'): Reading {
  const delimiter = String(options['delimiter'] ?? (format === 'csv' ? ',' : '|'));
  const marked = options['escape'] === true || options['removequotes'] === true;
  const quote = format === 'csv' || marked ? String(options['quote'] ?? '"') : undefined;
  const fill = options['fillrecord'] === true;
  const nothing = literal(String(options['null'] ?? '\\N'));
  const types = columns.map((_, index) => `${field(index)}: 'VARCHAR'`).join(', ');
  const file = (paths: readonly string[], compression: CompressionName, skip: number) =>
    `read_csv([${paths.map(literal).join(', ')}], auto_detect = false, columns = {${types}}, header = false, skip = ${skip}, delim = ${literal(delimiter)},
      quote = ${literal(quote ?? '')}, escape = ${literal(quote ?? '')}, null_padding = ${fill}${fill ? ', parallel = false' : ''}, nullstr = ${nothing}, allow_quoted_nulls = false, compression = '${compression}', filename = true,
      max_line_size = ${maxLineBytes}, store_rejects = true, rejects_table = 'millrace_copy_rejects', rejects_scan = 'millrace_copy_scans', rejects_limit = 0)`;
  // FILLRECORD fills a missing field with an empty text in a text column, and with NULL in any other column.
  const textField = (index: number) => (fill ? `coalesce(${field(index)}, '') as ${field(index)}` : field(index));
  const given = columns.map(({ type }, index) =>
    type.name === 'varchar' || type.name === 'char'
      ? textField(index)
      : `nullif(${field(index)}, '') as ${field(index)}`,
  );
  const fields = columns.map((column, index) => {
    const plain = fieldOf(column, field(index), options);
    const strange = `when ${field(index)} = ${nothing} then ${unmodelled(column.name, marked ? 'the text of NULL in quotation marks or with escapes, for' : 'the text of NULL in quotation marks, for')}
      when contains(${field(index)}, chr(0)) then ${unmodelled(column.name, 'the character U+0000, for')}`;
    return { ...plain, bad: (of: string) => `case ${strange} else ${plain.bad(of)} end` };
  });
  const skip = Number(options['ignoreheader'] ?? 0);
  const rows = (relation: string) => evaluated(`(select filename, ${given.join(', ')} from ${relation})`, fields);
  const { values, bad } = rows('none');
  return {
    // A repaired file has no header.
    reader: (paths, compression, repaired) => rows(file(paths, compression, repaired ? 0 : skip)).relation,
    names: columns.map(({ name }) => identifier(name)),
    values,
    bad,
    rules: {
      skip,
      quote,
      fields: { delimiter, count: columns.length, least: fill ? 1 : undefined },
      brokenQuote: marked ? missingEnd : undefined,
    },
    brokenMessage: format === 'csv' ? 'Invalid CSV record' : 'Invalid record',
    rejects: true,
  };
}
