import { lengthText } from '../../lambda/export/contract';
import {
  type CsvFormat,
  type ExportContent,
  type ExportDefinition,
  type ExportFormat,
  type MaterializeColumn,
  materializeTypes,
  type Pipeline,
  type WindowLength,
} from '../../pipelines/definition';
import { isPlainName } from '../text/identifier';
import { TokenError } from '../text/tokens';
import { type OutputColumn, outputColumns } from '../views/output-columns';
import { sinceTime, windowOf } from './plan';

const minutesOfDay = 1440;
const lengths = ['hour', 'day', 'week', 'month'] as const;

/** What is wrong with an export by itself: everything but its query. */
export function exportProblems(definition: ExportDefinition, at: string): string[] {
  const { name, content, format, everyMinutes, windowsPerTick } = definition;
  const problems: string[] = [];
  if (!isPlainName(name) || name.length > 64)
    problems.push(`${at}.name must be lower-case snake_case of at most 64 characters`);
  problems.push(...contentProblems(content, at), ...formatProblems(format, `${at}.format`));
  problems.push(...engineProblems(definition, at));
  if (everyMinutes !== undefined) problems.push(...between(`${at}.everyMinutes`, everyMinutes, 1, minutesOfDay));
  if (windowsPerTick !== undefined) problems.push(...between(`${at}.windowsPerTick`, windowsPerTick, 1, 1000));
  return problems;
}

function contentProblems(content: ExportContent, at: string): string[] {
  if (content.kind !== 'incremental' && content.kind !== 'snapshot')
    return [`${at}.content.kind must be incremental or snapshot, got ${show((content as { kind: unknown }).kind)}`];
  const length = lengthProblems(windowOf(content), `${at}.content.${content.kind === 'snapshot' ? 'every' : 'window'}`);
  if (content.kind === 'snapshot') return length;
  const { timeColumn, latenessMinutes = 0, since } = content;
  const problems = [...length, ...between(`${at}.content.latenessMinutes`, latenessMinutes, 0, 10_080)];
  if (!isPlainName(timeColumn))
    problems.push(`${at}.content.timeColumn must be a lower-case column name, got ${show(timeColumn)}`);
  if (since !== undefined && Number.isNaN(sinceTime(since)))
    problems.push(
      `${at}.content.since must be a day as in 2026-01-31 or a time in UTC as in 2026-01-31T12:00Z, got ${show(since)}`,
    );
  return problems;
}

function lengthProblems(window: WindowLength, at: string): string[] {
  const isKnown =
    typeof window === 'string'
      ? (lengths as readonly string[]).includes(window)
      : Number.isInteger(window?.minutes) &&
        window.minutes >= 5 &&
        window.minutes < minutesOfDay &&
        minutesOfDay % window.minutes === 0;
  if (isKnown) return [];
  const got = typeof window === 'object' && window !== null ? lengthText(window) : show(window);
  return [`${at} must be ${lengths.join(', ')} or 5 to 720 minutes that divide a day, got ${got}`];
}

/** Source of the bounds: UNLOAD in the Redshift database developer guide. */
function formatProblems(format: ExportFormat, at: string): string[] {
  if (!['parquet', 'csv', 'json'].includes(format.kind))
    return [`${at}.kind must be parquet, csv or json, got ${show(format.kind)}`];
  const problems: string[] = [];
  if (format.maxFileMb !== undefined) {
    problems.push(...between(`${at}.maxFileMb`, format.maxFileMb, 5, 6200));
    if (format.kind === 'parquet' && format.maxFileMb % 32 !== 0)
      problems.push(`${at}.maxFileMb must be a multiple of 32 for Parquet, got ${format.maxFileMb}`);
  }
  if (format.kind === 'parquet' && format.rowGroupMb !== undefined)
    problems.push(...between(`${at}.rowGroupMb`, format.rowGroupMb, 32, 128));
  if (format.kind === 'csv') problems.push(...delimiterProblems(format, at));
  return problems;
}

function delimiterProblems({ delimiter }: CsvFormat, at: string): string[] {
  if (delimiter === undefined || (/^[\x20-\x7e]$/.test(delimiter) && delimiter !== '"')) return [];
  return [`${at}.delimiter must be one printable ASCII character and not the quote, got ${show(delimiter)}`];
}

/** What the engine, or the window, refuses of the columns: the query has to be readable. */
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

/** Engine and columns by themselves, and what COPY TO of Materialize does not have. */
function engineProblems({ engine = 'redshift', columns, content, format }: ExportDefinition, at: string): string[] {
  if (engine !== 'redshift' && engine !== 'materialize')
    return [`${at}.engine must be redshift or materialize, got ${show(engine)}`];
  if (engine === 'redshift')
    return columns === undefined ? [] : [`${at}.columns must not be given: those of Redshift are read from the query`];
  const problems = materializeColumnProblems(columns ?? [], content, at);
  if (content.kind === 'incremental') {
    if (content.since === undefined)
      problems.push(
        `${at}.content.since must be given: which windows have rows cannot be asked of Materialize beforehand`,
      );
    if (content.corrections)
      problems.push(`${at}.content.corrections must not be true: late rows are not looked for in Materialize`);
  }
  const none = (field: string, is: boolean, what: string) => {
    if (is) problems.push(`${at}.format.${field} must be ${what}: Materialize has no choice of it`);
  };
  if (format.kind === 'json') problems.push(`${at}.format.kind must be parquet or csv, got ${show(format.kind)}`);
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
  const names = columns.map(({ name }) => name);
  const time = content.kind === 'incremental' ? content.timeColumn : undefined;
  const timeType = columns.find(({ name }) => name === time)?.type;
  return [
    ...names.filter((name) => !isPlainName(name)).map((name) => `${at}.columns: ${show(name)} must be a plain name`),
    ...[...new Set(names.filter((name, i) => names.indexOf(name) !== i))].map(
      (name) => `${at}.columns name ${name} more than once`,
    ),
    ...columns
      .filter(({ type }) => !(materializeTypes as readonly string[]).includes(type))
      .map(
        ({ name, type }) =>
          `${at}.columns.${name}.type must be one of ${materializeTypes.join(', ')}, got ${show(type)}`,
      ),
    ...(time === undefined || timeType === 'timestamp' || timeType === 'timestamptz' || timeType === 'date'
      ? []
      : [`${at}.content.timeColumn must be a column of type timestamp, timestamptz or date, got ${show(time)}`]),
  ];
}

function readColumns(pipeline: Pipeline, { query }: ExportDefinition, at: string): OutputColumn[] {
  try {
    return outputColumns(pipeline, query);
  } catch (error) {
    if (error instanceof TokenError) return [];
    throw new Error(`${at}: its columns cannot be told: ${(error as Error).message}`, { cause: error });
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
          `${at}: the type of column ${name} cannot be told; cast it, as in (${text.replace(/ as \S+$/, '')})::bigint`,
      ),
    ...[...new Set(names.filter((name, i) => name !== undefined && names.indexOf(name) !== i))].map(
      (name) => `${at}: column ${name} is there more than once`,
    ),
  ];
}

function timeProblems(content: ExportContent, columns: readonly OutputColumn[], at: string): string[] {
  if (content.kind === 'snapshot') return [];
  const { timeColumn } = content;
  const column = columns.find(({ name }) => name === timeColumn);
  if (!column)
    return [
      `${at}: content.timeColumn must be one of ${columns.map(({ name }) => name).join(', ')}, got ${show(timeColumn)}`,
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
        `${at}: format.partitionBy must name columns of the query (${columns.map((c) => c.name).join(', ')}), got ${show(name)}`,
      );
    else if (column.type !== undefined && !partitionTypes.includes(kindOf(column.type)))
      problems.push(`${at}: column ${name} is ${column.type}: folders are made of ${partitionTypes.join(', ')} only`);
  }
  for (const name of new Set(partitionBy.filter((name, i) => partitionBy.indexOf(name) !== i)))
    problems.push(`${at}: format.partitionBy names ${name} more than once`);
  if (partitionBy.length > 0 && columns.every(({ name }) => partitionBy.includes(name ?? '')))
    problems.push(`${at}: format.partitionBy must leave at least one column in the files`);
  return problems;
}

function between(field: string, value: number, low: number, high: number): string[] {
  if (Number.isInteger(value) && value >= low && value <= high) return [];
  return [`${field} must be a whole number between ${low} and ${high}, got ${value}`];
}

const show = (value: unknown) => JSON.stringify(value) ?? String(value);
