import type { FileColumn, HistorySource, Pipeline, RecordShape } from '../../pipelines/definition';
import { pathOf } from '../../sql/history/columnar-files';
import { globsOverlap } from '../../sql/history/glob';
import { isText } from '../../sql/merge/text';
import { mustBeGiven } from '../../sql/typing/part';
import { declaredTwice, problem, shown } from './format';
import { elementName } from './shape';

/** Rules between the fields of history sources, and between sources and the pipeline's columns. */
export function historyProblems(pipeline: Pipeline, at: string): string[] {
  const history = (pipeline.history ?? []).map((source, index) => ({
    source,
    field: `${at}.history${elementName(source, index)}`,
  }));
  const globs = history.flatMap(({ source, field }) => source.globs.map((glob) => ({ field, glob })));
  return [
    ...declaredTwice(
      `${at}.history`,
      history.map(({ source }) => source.name),
    ),
    ...history.flatMap(({ source, field }) => sourceProblems(pipeline, source, field)),
    ...globs.flatMap((one, index) =>
      globs
        .slice(index + 1)
        .filter((other) => globsOverlap(one.glob, other.glob))
        .map((other) =>
          problem(`${other.field}.globs`, `not match keys that ${shown(one.glob)} of ${one.field} matches`, other.glob),
        ),
    ),
  ];
}

const literalPrefix = (glob: string) => glob.split('*')[0]!;
const overlap = (one: string, other: string) => one.startsWith(other) || other.startsWith(one);

/** S3 sends the notification of an object to one queue, which it chooses by the beginning of the key. */
export function historyOverlaps(pipelines: readonly Pipeline[]): string[] {
  const all = pipelines.flatMap(({ name, history = [] }) =>
    history.flatMap((source) =>
      source.globs.map((glob) => ({ name, glob, at: `pipelines.${name}.history.${source.name}.globs` })),
    ),
  );
  return all.flatMap((one, index) =>
    all
      .slice(index + 1)
      .filter((other) => other.name !== one.name && overlap(literalPrefix(one.glob), literalPrefix(other.glob)))
      .map(
        (other) =>
          `${other.at} must not begin as those of pipelines.${one.name}, got ${shown(other.glob)} and ${shown(one.glob)}`,
      ),
  );
}

/** Rules between the fields of `records`. */
export const recordProblems = (records: RecordShape | undefined, at: string): string[] =>
  records?.format === undefined
    ? []
    : (['decode', 'unwrap', 'base64'] as const)
        .filter((field) => records[field] !== undefined)
        .map((field) => `${at}.${field} belongs to JSON only, got it with the format ${records.format}`);

/** A payload is made by OBJECT, which takes a name and a value for each column and has a limit of arguments. */
const maxColumns = 100;

function sourceProblems(pipeline: Pipeline, source: HistorySource, at: string): string[] {
  const problems = fileProblems(pipeline, source, at);
  if (problems.length > 0) return problems;
  if (source.format === 'text') return missingInText(pipeline, `${at}.format`);
  return isText(source.records) ? missingInText(pipeline, `${at}.records.format`) : [];
}

function fileProblems(pipeline: Pipeline, source: HistorySource, at: string): string[] {
  const { format, compression, columns, delimiter, records } = source;
  const problems: string[] = [];
  if (format === 'parquet' && compression !== 'none')
    problems.push(problem(`${at}.compression`, 'be none: Parquet compresses inside the file', compression));
  if (delimiter !== undefined && format !== 'csv')
    problems.push(`${at}.delimiter belongs to csv only, got it with ${format}`);
  if (records !== undefined && format !== 'ndjson' && format !== 'firehose')
    problems.push(`${at}.records belong to ndjson and firehose only, got them with ${format}`);
  if (records?.format !== undefined && format === 'ndjson')
    problems.push(
      `${at}.records.format belongs to firehose only, got it with ndjson: for lines of text, set ${at}.format to text`,
    );
  problems.push(...recordProblems(records, `${at}.records`));
  if (records?.decode !== undefined && format === 'ndjson')
    problems.push(
      `${at}.records.decode belongs to firehose only, got it with ndjson: \`compression\` reads compressed files, and a file may hold objects without line breaks`,
    );
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
    ...columns.flatMap((column, index) => typeProblems(column, format, `${at}.columns${elementName(column, index)}`)),
    ...clashes(columns, at),
    ...absent(pipeline, columns, at),
  ];
}

function typeProblems({ type }: FileColumn, format: 'csv' | 'parquet', at: string): string[] {
  if (format === 'parquet')
    return isType(type) ? [] : [problem(`${at}.type`, `be one of ${types.join(', ')} or decimal(p,s)`, type)];
  return type === undefined ? [] : [`${at}.type belongs to parquet only, since a CSV has texts, got ${shown(type)}`];
}

const types = ['varchar', 'smallint', 'integer', 'bigint', 'real', 'double', 'boolean', 'date', 'timestamp'];

function isType(type: string | undefined): boolean {
  if (type === undefined) return false;
  const decimal = /^decimal\((\d{1,2}),(\d{1,2})\)$/.exec(type);
  if (!decimal) return types.includes(type);
  const [precision, scale] = [Number(decimal[1]), Number(decimal[2])];
  return precision >= 1 && precision <= 38 && scale <= Math.min(precision, 37);
}

/** Required columns that a text has no value for: every record would be a reject. */
export function missingInText({ columns }: Pick<Pipeline, 'columns'>, at: string): string[] {
  return columns
    .filter((column) => mustBeGiven(column) && column.path.join('.') !== 'text')
    .map(
      ({ name, path }) =>
        `${at} is text, whose only attribute is text, but the required column ${name} is read from ${shown(path)}`,
    );
}

/** Columns that share a name or a path, or one whose path goes through the value of another. */
function clashes(columns: readonly FileColumn[], at: string): string[] {
  return columns.flatMap((column, index) =>
    columns.slice(0, index).flatMap((other) => {
      const field = `${at}.columns${elementName(column, index)}`;
      const problems: string[] = [];
      if (column.name === other.name)
        problems.push(`${field}.name is declared more than once, got ${shown(column.name)}`);
      const [path, before] = [pathOf(column), pathOf(other)];
      const shared = Math.min(path.length, before.length);
      if (path.slice(0, shared).every((part, i) => part === before[i]))
        problems.push(
          `${field}.path must not meet that of ${shown(other.name)}, got ${shown(path)} and ${shown(before)}`,
        );
      return problems;
    }),
  );
}

/** Required columns of the pipeline that the files do not have: every record would be a reject. */
function absent(pipeline: Pipeline, columns: readonly FileColumn[], at: string): string[] {
  const paths = columns.map((column) => JSON.stringify(pathOf(column)));
  return pipeline.columns
    .filter(({ required, path }) => required && !paths.includes(JSON.stringify(path)))
    .map(
      ({ name, path }) =>
        `${at}.columns must have one with the path ${shown(path)}, which the required column ${name} is read from`,
    );
}
