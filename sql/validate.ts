import type { Column, ExportDefinition, HistorySource, Pipeline, ViewDefinition } from '../pipelines/definition';
import { exportColumnProblems, exportProblems } from './exports/rules';
import { fileProblems } from './history/file-problems';
import { globsOverlap } from './history/glob';
import { archiveSource } from './history/load';
import { rejectNames } from './merge/retry';
import { landedMarginHours } from './refresh/trim';
import { ownColumns, storedName } from './tables/columns';
import { bookNames, tableNames } from './tables/names';
import { isPlainName, reservedProblems } from './text/identifier';
import { significant, TokenError, tokenize } from './text/tokens';
import { dependencyProblems, referenceProblems } from './views/compiled-views';
import { incrementalProblems } from './views/incremental';
import { viewColumnProblems } from './views/public-view';

/** Every problem of every pipeline, each naming its field as the user wrote it, the value and what is allowed. Empty when all is well. */
export function validatePipelines(pipelines: readonly Pipeline[]): string[] {
  const names = pipelines.map(({ name }) => name);
  return [
    ...duplicates(names).map((name) => `pipelines.${name} is declared more than once`),
    ...names
      .filter((name) => names.includes(`${name}_stream`))
      .map((name) => `pipelines.${name}_stream has the name of the external schema of pipelines.${name}`),
    ...historyOverlaps(pipelines),
    ...pipelines.flatMap(pipelineProblems),
  ];
}

const literalPrefix = (glob: string) => glob.split('*')[0]!;
const overlap = (one: string, other: string) => one.startsWith(other) || other.startsWith(one);

/** S3 notifies one queue only of an object, chosen by the literal beginning of its key. */
function historyOverlaps(pipelines: readonly Pipeline[]): string[] {
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
          `${other.at} must not begin as those of pipelines.${one.name}, got ${show(other.glob)} and ${show(one.glob)}`,
      ),
  );
}

function pipelineProblems(pipeline: Pipeline): string[] {
  const at = `pipelines.${pipeline.name}`;
  const queries = queryProblems(pipeline);
  const problems = [
    ...nameProblems(pipeline, at),
    ...streamProblems(pipeline, at),
    ...columnsProblems(pipeline.columns, at),
    ...identityProblems(pipeline, at),
    ...historyProblems(pipeline, at),
    ...stackProblems(pipeline, at),
    ...between(`${at}.refreshEveryMinutes`, pipeline.refreshEveryMinutes, 1, 59),
    ...viewNameProblems(pipeline, at),
    ...pipeline.exports.flatMap((definition) => exportProblems(definition, `${at}.exports.${definition.name}`)),
    ...duplicates(pipeline.exports.map(({ name }) => name)).map(
      (name) => `${at}.exports.${name} is declared more than once`,
    ),
    ...queries,
    ...(queries.length === 0 ? relationProblems(pipeline) : []),
  ];
  if (problems.length > 0) return problems;
  return [
    ...viewColumnProblems(pipeline),
    ...pipeline.exports.flatMap((definition) => exportColumnProblems(pipeline, definition)),
  ];
}

const maxNameLength = 32;

function stackProblems({ stack }: Pipeline, at: string): string[] {
  if (stack === undefined || (/^[a-z][a-z0-9-]*$/.test(stack) && stack.length <= maxNameLength)) return [];
  return [
    `${at}.stack must be lower-case letters, digits and hyphens, begin with a letter and have at most ${maxNameLength} characters, got ${show(stack)}`,
  ];
}

function nameProblems({ name }: Pipeline, at: string): string[] {
  if (/^[a-z][a-z0-9_]*$/.test(name) && name.length <= maxNameLength && !reservedSchemas.test(name))
    return reservedProblems(`${at}.name`, name);
  return [
    `${at}.name must be lower-case letters, digits and underscores, begin with a letter, have at most ${maxNameLength} characters and be neither a schema of Redshift's own nor millrace, got ${show(name)}`,
  ];
}

const reservedSchemas = /^(pg_.*|public|information_schema|catalog_history|stl|sys|millrace)$/;

function streamProblems({ stream }: Pipeline, at: string): string[] {
  const { capacity, retentionHours, landedHours, recreatedAt } = stream;
  return [
    ...(recreatedAt === undefined || isUtcTime(recreatedAt)
      ? []
      : [`${at}.stream.recreatedAt must be a time in UTC as 2026-11-21T10:00:00Z, got ${show(recreatedAt)}`]),
    ...between(`${at}.stream.retentionHours`, retentionHours, 24, 8760),
    ...(landedHours === undefined
      ? []
      : between(`${at}.stream.landedHours`, landedHours, retentionHours + landedMarginHours, 87_600)),
    ...(capacity.mode === 'provisioned' ? between(`${at}.stream.capacity.shards`, capacity.shards, 1, 10_000) : []),
  ];
}

const isUtcTime = (text: string) =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(text) && !Number.isNaN(Date.parse(text));

/** Names that the merge uses between the landing view and the tables. */
const mergeNames = new Set([
  'refresh_time',
  'unparsed',
  'reason',
  'copy_number',
  'is_stored',
  ...Object.values(rejectNames),
]);

function columnsProblems(columns: readonly Column[], at: string): string[] {
  const names = columns.map(({ name }) => name);
  const helpers = new Set(names.flatMap((name) => [`${name}_part`, `${name}_text`]));
  return [
    ...(columns.length === 0 ? [`${at}.columns must name at least one column`] : []),
    ...duplicates(names).map((name) => `${at}.columns.${name} is declared more than once`),
    ...storedTwice(columns, at),
    ...columns.flatMap((column) => columnProblems(column, `${at}.columns.${column.name}`, helpers)),
  ];
}

/** Two columns of one name are told of already. */
function storedTwice(columns: readonly Column[], at: string): string[] {
  return columns.flatMap((column, index) => {
    const stored = storedName(column);
    const other = columns
      .slice(0, index)
      .find((before) => storedName(before) === stored && before.name !== column.name);
    return other
      ? [`${at}.columns.${column.name}.stored is ${show(stored)}, as that of ${at}.columns.${other.name}`]
      : [];
  });
}

function columnProblems(column: Column, at: string, helpers: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  const { name, path } = column;
  const stored = storedName(column);
  if (!isPlainName(name) || name.length > 64)
    problems.push(`${at}.name must be lower-case snake_case of at most 64 characters, got ${show(name)}`);
  problems.push(...reservedProblems(`${at}.name`, name));
  if (ownColumns.has(name) || mergeNames.has(name) || helpers.has(name))
    problems.push(`${at}.name is used by Millrace itself; choose another name`);
  if (stored !== name && (!isPlainName(stored) || stored.length > 64))
    problems.push(`${at}.stored must be lower-case snake_case of at most 64 characters, got ${show(stored)}`);
  if (stored !== name) problems.push(...reservedProblems(`${at}.stored`, stored));
  problems.push(...fillProblems(column, at));
  if (stored !== name && ownColumns.has(stored))
    problems.push(`${at}.stored is a column of Millrace itself, got ${show(stored)}; choose another name`);
  if (
    path.length === 0 ||
    path.some((attribute) => attribute === '' || attribute.includes('\0') || attribute.includes('{{'))
  )
    problems.push(`${at}.path must name one or more attributes of the payload, got ${show(path)}`);
  if (column.type === 'varchar') problems.push(...varcharProblems(column, at));
  if (column.type === 'decimal') {
    problems.push(...between(`${at}.precision`, column.precision, 1, 38));
    problems.push(...between(`${at}.scale`, column.scale, 0, Math.min(column.precision, 37)));
  }
  return problems;
}

function fillProblems(column: Column, at: string): string[] {
  const { fill = false, replaces, mayLose } = column;
  const stored = storedName(column);
  const problems: string[] = [];
  if (replaces !== undefined && !fill)
    problems.push(`${at}.replaces needs fill: true, got ${show(replaces)} without it`);
  if (replaces !== undefined && (!isPlainName(replaces) || replaces === stored || ownColumns.has(replaces)))
    problems.push(`${at}.replaces must be another stored column than ${show(stored)}, got ${show(replaces)}`);
  if (mayLose && !(fill && (replaces !== undefined || stored !== column.name)))
    problems.push(`${at}.mayLose needs fill: true and a column to replace, got true without them`);
  return problems;
}

function varcharProblems({ maxBytes, oneOf }: Extract<Column, { type: 'varchar' }>, at: string): string[] {
  const problems = between(`${at}.maxBytes`, maxBytes, 1, 65_535);
  if (!oneOf) return problems;
  if (oneOf.length === 0) problems.push(`${at}.oneOf must list at least one value`);
  for (const value of oneOf) {
    if (Buffer.byteLength(value) > maxBytes)
      problems.push(`${at}.oneOf holds ${show(value)}, which is longer than maxBytes, ${maxBytes}`);
    if (value.includes('\0') || value.includes('{{')) problems.push(`${at}.oneOf cannot hold ${show(value)}`);
  }
  // The reason of a reject lists them.
  if (Buffer.byteLength(oneOf.join(', ')) > 400) problems.push(`${at}.oneOf must have at most 400 bytes in all`);
  return problems;
}

function identityProblems({ identity, columns, history }: Pipeline, at: string): string[] {
  if (identity.by === 'stream-position')
    return history
      ? [
          `${at}.identity must name columns, since ${at}.history has events without a stream position; got by: 'stream-position'`,
        ]
      : [];
  const problems = identity.columns.length === 0 ? [`${at}.identity.columns must name at least one column`] : [];
  let bytes = 0;
  for (const name of identity.columns) {
    const column = columns.find((candidate) => candidate.name === name);
    if (!column)
      problems.push(
        `${at}.identity.columns names ${show(name)}, which is not one of ${columns.map((c) => c.name).join(', ')}`,
      );
    else if (!column.required)
      problems.push(`${at}.columns.${name}.required must be true, since the identity names it`);
    else if (column.type === 'double')
      problems.push(
        `${at}.identity.columns names ${show(name)}, a double: two spellings of a number could make two events`,
      );
    bytes += column?.type === 'varchar' ? column.maxBytes + 8 : 48;
  }
  if (bytes > 65_535) problems.push(`${at}.identity.columns together must have at most 65535 bytes, got ${bytes}`);
  return [
    ...problems,
    ...duplicates(identity.columns).map((name) => `${at}.identity.columns names ${show(name)} more than once`),
  ];
}

function historyProblems(pipeline: Pipeline, at: string): string[] {
  const { history } = pipeline;
  if (!history) return [];
  const globs = history.flatMap((source) => source.globs.map((glob) => ({ name: source.name, glob })));
  return [
    ...(history.length === 0 ? [`${at}.history must name at least one source, or be left out`] : []),
    ...duplicates(history.map(({ name }) => name)).map((name) => `${at}.history.${name} is declared more than once`),
    ...history.flatMap((source) => sourceProblems(pipeline, source, `${at}.history.${source.name}`)),
    ...globs.flatMap((one, index) =>
      globs
        .slice(index + 1)
        .filter((other) => globsOverlap(one.glob, other.glob))
        .map(
          (other) =>
            `${at}.history.${other.name}.globs must not match keys that ${show(one.glob)} of ${at}.history.${one.name} matches, got ${show(other.glob)}`,
        ),
    ),
  ];
}

function sourceProblems(pipeline: Pipeline, source: HistorySource, at: string): string[] {
  const { name, globs } = source;
  const problems: string[] = fileProblems(pipeline, source, at);
  if (!isPlainName(name) || name.length > 32 || name === archiveSource)
    problems.push(
      `${at}.name must be lower-case snake_case of at most 32 characters and not ${archiveSource}, got ${show(name)}`,
    );
  if (globs.length === 0) problems.push(`${at}.globs must hold at least one glob`);
  return [...problems, ...globs.flatMap((glob) => globProblems(glob, `${at}.globs`))];
}

function globProblems(glob: string, at: string): string[] {
  const problems: string[] = [];
  if (glob === '' || glob.startsWith('/') || glob.split('/').includes(''))
    problems.push(`${at} must hold keys without empty segments, got ${show(glob)}`);
  if (/[?[\]{}\\\0]/.test(glob)) problems.push(`${at} knows * and ** only, got ${show(glob)}`);
  if (/^\*/.test(glob)) problems.push(`${at} must begin with a literal prefix, got ${show(glob)}`);
  return problems;
}

/** Names of the books with their version, and what would make the same construct as their views. */
const bookView = new RegExp(`^(${bookNames.join('|')})_([0-9a-f]{8}|public)$`);

function viewNameProblems({ name, views }: Pipeline, at: string): string[] {
  const names = views.map((view) => view.name);
  return [
    ...names
      .filter((view) => !isPlainName(view) || view.length > 64)
      .map((view) => `${at}.views.${view}.name must be lower-case snake_case of at most 64 characters`),
    ...names.flatMap((view) => reservedProblems(`${at}.views.${view}.name`, view)),
    ...names
      .filter(
        (view) =>
          (tableNames as readonly string[]).includes(view) || bookView.test(view) || view.startsWith('landing_'),
      )
      .map((view) => `${at}.views.${view} has the name of one of the tables of ${name}`),
    ...duplicates(names).map((view) => `${at}.views.${view} is declared more than once`),
    ...views.flatMap(({ name: view, mayShrink = 0, mayGrow = 1 }) => [
      ...(mayShrink >= 0 && mayShrink <= 1
        ? []
        : [`${at}.views.${view}.mayShrink must be a share between 0 and 1, got ${mayShrink}`]),
      ...(mayGrow >= 1 && Number.isFinite(mayGrow)
        ? []
        : [`${at}.views.${view}.mayGrow must be a number of at least 1, got ${mayGrow}`]),
    ]),
  ];
}

/** What is wrong with the queries by themselves. */
function queryProblems(pipeline: Pipeline): string[] {
  const check = (list: 'views' | 'exports', definition: ViewDefinition | ExportDefinition) => {
    const { name, query, file } = definition;
    const at = `pipelines.${pipeline.name}.${list}.${name} (${file})`;
    try {
      const tokens = significant(tokenize(query));
      if (query.includes('{{')) return [`${at} cannot hold {{, which marks a placeholder`];
      const end = tokens.findIndex((token) => token.text === ';');
      if (end >= 0 && end < tokens.length - 1) return [`${at} must be one statement`];
      if (tokens[0]?.value !== 'select' && !(list === 'exports' && tokens[0]?.value === 'with'))
        return [`${at} must be a select, got ${show(tokens[0]?.text ?? '')}`];
      const recomputed = 'recomputed' in definition && definition.recomputed === true;
      return list === 'views' ? incrementalProblems(tokens, recomputed).map((problem) => `${at} ${problem}`) : [];
    } catch (error) {
      if (error instanceof TokenError) return [`${at}: ${error.message}`];
      throw error;
    }
  };
  return [
    ...pipeline.views.flatMap((view) => check('views', view)),
    ...pipeline.exports.flatMap((definition) => check('exports', definition)),
  ];
}

function relationProblems(pipeline: Pipeline): string[] {
  return [
    ...dependencyProblems(pipeline),
    ...pipeline.exports
      .filter(({ engine }) => engine !== 'materialize')
      .flatMap((definition) => referenceProblems(pipeline, 'exports', definition)),
  ];
}

function between(field: string, value: number, low: number, high: number): string[] {
  if (Number.isInteger(value) && value >= low && value <= high) return [];
  return [`${field} must be a whole number between ${low} and ${high}, got ${value}`];
}

function duplicates(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function show(value: unknown): string {
  return JSON.stringify(value);
}
