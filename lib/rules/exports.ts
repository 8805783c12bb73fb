import type {
  ExportContent,
  ExportDefinition,
  ExportFormat,
  MaterializeColumn,
  Pipeline,
} from '../../pipelines/definition';
import { TokenError } from '../../sql/text/tokens';
import { type OutputColumn, outputColumns } from '../../sql/views/output-columns';
import { namedTwice, problem, repeated, shown } from './format';

/** Columns of the query that the engine or the window refuses. The query has to be readable. */
export function exportColumnProblems(pipeline: Pipeline, definition: ExportDefinition): string[] {
  if (definition.engine === 'materialize') return [];
  const at = `pipelines.${pipeline.name}.exports.${definition.name} (${definition.file})`;
  const columns = readColumns(pipeline, definition, at);
  if (columns.length === 0) return [`${at} has no columns`];
  return [
    ...unnamedProblems(columns, at),
    ...timeProblems(definition.content, columns, at),
    ...columns.flatMap((column) => typeProblems(definition.format, column, at)),
    ...partitionProblems(definition.format, columns, at),
  ];
}

/** Rules between the fields of an export: each engine has its own formats and contents. */
export function exportProblems({ engine, columns, content, format }: ExportDefinition, at: string): string[] {
  if (engine !== 'materialize')
    return columns === undefined ? [] : [`${at}.columns must not be given: those of Redshift are read from the query`];
  const problems = materializeColumnProblems(columns ?? [], content, at);
  if (content.kind === 'incremental') {
    if (content.since === undefined)
      problems.push(
        `${at}.content.since must be given: Materialize cannot be asked beforehand which windows have rows`,
      );
    if (content.corrections)
      problems.push(
        `${at}.content.corrections must not be true: Millrace counts late rows of Materialize and does not publish them`,
      );
  }
  const none = (field: string, is: boolean, what: string) => {
    if (is) problems.push(`${at}.format.${field} must be ${what}: COPY TO of Materialize has no such option`);
  };
  if (format.kind === 'json') problems.push(problem(`${at}.format.kind`, 'be parquet or csv', format.kind));
  none('partitionBy', (format.partitionBy ?? []).length > 0, 'left out');
  if (format.kind === 'parquet') none('rowGroupMb', format.rowGroupMb !== undefined, 'left out');
  if (format.kind === 'csv') {
    none('header', format.header !== false, 'false');
    none('gzip', format.gzip !== false, 'false');
    none('delimiter', (format.delimiter ?? ',') !== ',', 'a comma');
  }
  return problems;
}

function materializeColumnProblems(
  columns: readonly MaterializeColumn[],
  content: ExportContent,
  at: string,
): string[] {
  if (columns.length === 0) return [`${at}.columns must name the columns of the query, got none`];
  const time = content.kind === 'incremental' ? content.timeColumn : undefined;
  const timeType = columns.find(({ name }) => name === time)?.type;
  return [
    ...namedTwice(
      `${at}.columns`,
      columns.map(({ name }) => name),
    ),
    ...(time === undefined || timeType === 'timestamp' || timeType === 'timestamptz' || timeType === 'date'
      ? []
      : [problem(`${at}.content.timeColumn`, 'be a column of type timestamp, timestamptz or date', time)]),
  ];
}

function readColumns(pipeline: Pipeline, { query }: ExportDefinition, at: string): OutputColumn[] {
  try {
    return outputColumns(pipeline, query);
  } catch (error) {
    if (error instanceof TokenError) return [];
    throw new Error(`${at}: its columns are unknown: ${(error as Error).message}`, { cause: error });
  }
}

function unnamedProblems(columns: readonly OutputColumn[], at: string): string[] {
  const names = columns.map(({ name }) => name);
  return [
    ...columns
      .filter(({ name }) => name === undefined)
      .map(({ text }) => `${at}: ${text} has no name; give it one, as in ${text} as total`),
    ...columns
      .filter(({ name, type }) => name !== undefined && type === undefined)
      .map(
        ({ name, text }) =>
          `${at}: the type of column ${name} is unknown; cast it to the type that it is to have, as in (${text.replace(/ as \S+$/, '')})::varchar(64)`,
      ),
    ...repeated(names.filter((name) => name !== undefined)).map((name) => `${at}: has column ${name} more than once`),
  ];
}

function timeProblems(content: ExportContent, columns: readonly OutputColumn[], at: string): string[] {
  if (content.kind === 'snapshot') return [];
  const { timeColumn } = content;
  const column = columns.find(({ name }) => name === timeColumn);
  if (!column)
    return [
      `${at}: content.timeColumn must be one of ${columns.map(({ name }) => name).join(', ')}, got ${shown(timeColumn)}`,
    ];
  if (column.type === undefined || column.type === 'timestamp' || column.type === 'date') return [];
  return [`${at}: content.timeColumn ${timeColumn} must be a timestamp or a date, got ${column.type}`];
}

const noColumnOf: Readonly<Record<ExportFormat['kind'], Readonly<Record<string, string>>>> = {
  parquet: {
    varbyte: 'Parquet holds no VARBYTE',
    timestamptz: 'in Parquet a timestamp loses its zone; cast it to timestamp',
    timetz: 'in Parquet a time loses its zone; cast it to time',
    geometry: 'Parquet holds no GEOMETRY',
    geography: 'Parquet holds no GEOGRAPHY',
    hllsketch: 'Parquet holds no HLLSKETCH',
    interval: 'Parquet holds no INTERVAL',
  },
  json: {
    varbyte: 'JSON holds no VARBYTE',
    geometry: 'JSON holds no GEOMETRY',
    geography: 'JSON holds no GEOGRAPHY',
    hllsketch: 'JSON holds no HLLSKETCH',
  },
  csv: {},
};

const kindOf = (type: string) => type.replace(/\(.*/, '');

function typeProblems({ kind }: ExportFormat, { name, type }: OutputColumn, at: string): string[] {
  const reason = type === undefined ? undefined : noColumnOf[kind][kindOf(type)];
  return reason ? [`${at}: column ${name} is ${type}: ${reason}`] : [];
}

const partitionTypes = [
  'smallint',
  'integer',
  'bigint',
  'decimal',
  'real',
  'boolean',
  'char',
  'varchar',
  'date',
  'timestamp',
];

function partitionProblems({ partitionBy = [] }: ExportFormat, columns: readonly OutputColumn[], at: string): string[] {
  const problems: string[] = [];
  for (const name of partitionBy) {
    const column = columns.find((candidate) => candidate.name === name);
    if (!column)
      problems.push(
        `${at}: format.partitionBy must name columns of the query (${columns.map((c) => c.name).join(', ')}), got ${shown(name)}`,
      );
    else if (column.type !== undefined && !partitionTypes.includes(kindOf(column.type)))
      problems.push(
        `${at}: column ${name} is ${column.type}: folders can be made of ${partitionTypes.join(', ')} only`,
      );
  }
  problems.push(...namedTwice(`${at}: format.partitionBy`, partitionBy));
  if (partitionBy.length > 0 && columns.every(({ name }) => partitionBy.includes(name ?? '')))
    problems.push(`${at}: format.partitionBy must leave at least one column in the files`);
  return problems;
}
