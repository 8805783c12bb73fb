import type { FileColumn, HistorySource, Pipeline } from '../../pipelines/definition';
import { pathOf } from './columnar-files';

/** What is wrong with how a history source describes its files, each problem naming its field, the value and what is allowed. */
export function fileProblems(pipeline: Pipeline, source: HistorySource, at: string): string[] {
  const { format, compression, columns, delimiter } = source;
  const problems = [
    ...oneOf(`${at}.format`, format, formats),
    ...oneOf(`${at}.compression`, compression, compressions),
    ...(format === 'parquet' && compression !== 'none'
      ? [`${at}.compression must be none: Parquet compresses inside the file, got ${show(compression)}`]
      : []),
    ...(delimiter !== undefined && format !== 'csv'
      ? [`${at}.delimiter belongs to csv only, got it with ${format}`]
      : []),
    ...(delimiter === undefined ? [] : oneOf(`${at}.delimiter`, delimiter, delimiters)),
  ];
  if (format !== 'csv' && format !== 'parquet')
    return columns === undefined
      ? problems
      : [...problems, `${at}.columns belong to csv and parquet only, got them with ${format}`];
  if (columns === undefined || columns.length === 0 || columns.length > maxColumns)
    return [
      ...problems,
      `${at}.columns must name the columns of the files in their order, 1 to ${maxColumns}, got ${columns?.length ?? 'none'}`,
    ];
  return [
    ...problems,
    ...columns.flatMap((column, index) => columnProblems(column, format, `${at}.columns[${index}]`)),
    ...clashes(columns, at),
    ...absent(pipeline, columns, at),
  ];
}

const formats = ['ndjson', 'firehose', 'csv', 'parquet'];
const compressions = ['gzip', 'zstd', 'none'];
const delimiters = [',', ';', '|', '\t'];

/** OBJECT takes a name and a value for each, and no function takes arguments without end. */
const maxColumns = 100;

function columnProblems(column: FileColumn, format: 'csv' | 'parquet', at: string): string[] {
  const { name, type } = column;
  const problems: string[] = [];
  if (name === '' || /[\r\n\0]/.test(name) || name.includes('{{') || Buffer.byteLength(name) > 127)
    problems.push(`${at}.name must be 1 to 127 bytes without line ends, NUL and {{, got ${show(name)}`);
  const path = pathOf(column);
  if (path.length === 0 || path.some((part) => part === '' || part.includes('\0') || part.includes('{{')))
    problems.push(`${at}.path must name one or more attributes of the payload, got ${show(path)}`);
  if (format === 'csv' && type !== undefined)
    problems.push(`${at}.type belongs to parquet only, since a CSV has texts, got ${show(type)}`);
  if (format === 'parquet' && !isType(type))
    problems.push(`${at}.type must be one of ${types.join(', ')} or decimal(p,s), got ${show(type) ?? 'nothing'}`);
  return problems;
}

const types = ['varchar', 'smallint', 'integer', 'bigint', 'real', 'double', 'boolean', 'date', 'timestamp'];

function isType(type: string | undefined): boolean {
  if (type === undefined) return false;
  const decimal = /^decimal\((\d{1,2}),(\d{1,2})\)$/.exec(type);
  if (!decimal) return types.includes(type);
  const [precision, scale] = [Number(decimal[1]), Number(decimal[2])];
  return precision >= 1 && precision <= 38 && scale <= Math.min(precision, 37);
}

/** Two columns cannot have one name, nor one place in the payload, and no place can be both a value and an object of values. */
function clashes(columns: readonly FileColumn[], at: string): string[] {
  return columns.flatMap((column, index) =>
    columns.slice(0, index).flatMap((other) => {
      const problems: string[] = [];
      if (column.name === other.name)
        problems.push(`${at}.columns[${index}].name is declared more than once, got ${show(column.name)}`);
      const [path, before] = [pathOf(column), pathOf(other)];
      const shared = Math.min(path.length, before.length);
      if (path.slice(0, shared).every((part, i) => part === before[i]))
        problems.push(
          `${at}.columns[${index}].path must not meet that of ${show(other.name)}, got ${show(path)} and ${show(before)}`,
        );
      return problems;
    }),
  );
}

/** Without them every record would be a reject. */
function absent(pipeline: Pipeline, columns: readonly FileColumn[], at: string): string[] {
  const paths = columns.map((column) => JSON.stringify(pathOf(column)));
  return pipeline.columns
    .filter(({ required, path }) => required && !paths.includes(JSON.stringify(path)))
    .map(
      ({ name, path }) =>
        `${at}.columns must have one with the path ${show(path)}, which the required column ${name} is read from`,
    );
}

function oneOf(field: string, value: string, allowed: readonly string[]): string[] {
  return allowed.includes(value) ? [] : [`${field} must be one of ${allowed.map(show).join(', ')}, got ${show(value)}`];
}

const show = (value: unknown) => JSON.stringify(value);
