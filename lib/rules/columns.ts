import type { Column, Pipeline } from '../../pipelines/definition';
import { rejectNames } from '../../sql/merge/retry';
import { ownColumns, storedName } from '../../sql/tables/columns';
import { isPlainName, reservedProblems } from '../../sql/text/identifier';
import { formatProblem } from '../../sql/typing/custom-format';
import { formatOf } from '../../sql/typing/part';
import { formatTarget, isTimeColumn } from '../../sql/typing/times';
import { defaultProblem, isAscii } from './default-value';
import { declaredTwice, namedTwice, problem, shown } from './format';
import { between, elementName, isBetween } from './shape';

/** Names that the merge uses between the landing view and the tables. */
const mergeNames = new Set([
  'refresh_time',
  'unparsed',
  'reason',
  'reasons',
  'copy_number',
  'is_stored',
  ...Object.values(rejectNames),
]);

/** True for a name that no column can have, because Millrace uses it. */
export const isOwnName = (name: string): boolean => ownColumns.has(name) || mergeNames.has(name);

/** Names that the statements use beside a column of this name. */
export const helperNames = (name: string): string[] => ['part', 'text', 'raw', 'how'].map((end) => `${name}_${end}`);

/** Rules between the fields of a column, and between columns. */
export function columnsProblems(columns: readonly Column[], at: string): string[] {
  const names = columns.map(({ name }) => name);
  const helpers = new Set(names.flatMap(helperNames));
  return [
    ...declaredTwice(`${at}.columns`, names),
    ...storedTwice(columns, at),
    ...columns.flatMap((column, index) =>
      columnProblems(column, `${at}.columns${elementName(column, index)}`, helpers),
    ),
  ];
}

/** Columns that are stored under the same name. Columns with the same name are reported elsewhere. */
function storedTwice(columns: readonly Column[], at: string): string[] {
  return columns.flatMap((column, index) => {
    const stored = storedName(column);
    const other = columns
      .slice(0, index)
      .find((before) => storedName(before) === stored && before.name !== column.name);
    return other
      ? [`${at}.columns.${column.name}.stored is ${shown(stored)}, as that of ${at}.columns.${other.name}`]
      : [];
  });
}

function columnProblems(column: Column, at: string, helpers: ReadonlySet<string>): string[] {
  const { name } = column;
  const stored = storedName(column);
  const problems = reservedProblems(`${at}.name`, name);
  if (isOwnName(name) || helpers.has(name))
    problems.push(`${at}.name is used by Millrace itself, got ${shown(name)}; choose another name`);
  if (stored !== name) problems.push(...reservedProblems(`${at}.stored`, stored));
  if (stored !== name && ownColumns.has(stored))
    problems.push(`${at}.stored is a column of Millrace itself, got ${shown(stored)}; choose another name`);
  problems.push(...fillProblems(column, at));
  if (column.type === 'varchar' || column.type === 'char') problems.push(...oneOfProblems(column, at));
  problems.push(...optionProblems(column, at));
  if (column.type === 'decimal') {
    const most = Math.min(column.precision, 37);
    if (!isBetween(column.scale, 0, most)) problems.push(problem(`${at}.scale`, between(0, most), column.scale));
  }
  return problems;
}

function fillProblems(column: Column, at: string): string[] {
  const { fill = false, replaces, mayLose } = column;
  const stored = storedName(column);
  const problems: string[] = [];
  if (replaces !== undefined && !fill)
    problems.push(`${at}.replaces needs fill: true, got ${shown(replaces)} without it`);
  if (replaces !== undefined && (!isPlainName(replaces) || replaces === stored || ownColumns.has(replaces)))
    problems.push(problem(`${at}.replaces`, `be another stored column than ${shown(stored)}`, replaces));
  if (mayLose && !(fill && (replaces !== undefined || stored !== column.name)))
    problems.push(`${at}.mayLose needs fill: true and a column to replace, got true without them`);
  return problems;
}

/** Checks `convert`, `trim`, `emptyAsNull` and `default`. */
function optionProblems(column: Column, at: string): string[] {
  const problems: string[] = [];
  const format = formatOf(column);
  if (format !== undefined && isTimeColumn(column)) {
    const rule = formatProblem(format, formatTarget(column));
    if (rule !== undefined) problems.push(problem(`${at}.convert.format`, rule, format));
  }
  if (column.type === 'super') {
    for (const name of ['trim', 'emptyAsNull', 'default'] as const)
      if (column[name] !== undefined)
        problems.push(`${at}.${name} belongs to no super, which keeps values as they are, got ${shown(column[name])}`);
  } else if (column.default !== undefined) {
    const rule = defaultProblem(column);
    if (rule !== undefined) problems.push(problem(`${at}.default`, rule, column.default));
  }
  return problems;
}

function oneOfProblems(column: Extract<Column, { type: 'varchar' | 'char' }>, at: string): string[] {
  const { oneOf = [] } = column;
  const [limit, most] =
    column.type === 'varchar' ? (['maxBytes', column.maxBytes] as const) : (['length', column.length] as const);
  const problems: string[] = [];
  for (const value of oneOf) {
    if (Buffer.byteLength(value) > most)
      problems.push(`${at}.oneOf holds ${shown(value)}, which is longer than ${limit}, ${most}`);
    if (column.type === 'char' && !isAscii(value))
      problems.push(`${at}.oneOf holds ${shown(value)}, which is not ASCII`);
    if (column.trim && value.trim() !== value)
      problems.push(`${at}.oneOf holds ${shown(value)}, which trim never leaves`);
    if (value.includes('\0') || value.includes('{{')) problems.push(`${at}.oneOf cannot hold ${shown(value)}`);
  }
  // The reason of a reject lists the values.
  const bytes = Buffer.byteLength(oneOf.join(', '));
  if (bytes > 400) problems.push(`${at}.oneOf must have at most 400 bytes in all, got ${bytes}`);
  return problems;
}

export function identityProblems({ identity, columns, history }: Pipeline, at: string): string[] {
  if (identity.by === 'stream-position')
    return history
      ? [
          `${at}.identity must name columns, since ${at}.history has events without a stream position; got by: 'stream-position'`,
        ]
      : [];
  const problems: string[] = [];
  let bytes = 0;
  for (const name of identity.columns) {
    const column = columns.find((candidate) => candidate.name === name);
    if (!column)
      problems.push(
        `${at}.identity.columns names ${shown(name)}, which is not one of ${columns.map((c) => c.name).join(', ')}`,
      );
    else if (!column.required)
      problems.push(`${at}.columns.${name}.required must be true, since the identity names it`);
    else if (column.type === 'super')
      problems.push(
        `${at}.identity.columns names ${shown(name)}, a super: two spellings of a value could make two events`,
      );
    else if (column.type === 'double')
      problems.push(
        `${at}.identity.columns names ${shown(name)}, a double: two spellings of a number could make two events`,
      );
    bytes += column?.type === 'varchar' ? column.maxBytes + 8 : column?.type === 'char' ? column.length + 8 : 48;
  }
  if (bytes > 65_535) problems.push(`${at}.identity.columns together must have at most 65535 bytes, got ${bytes}`);
  return [...problems, ...namedTwice(`${at}.identity.columns`, identity.columns)];
}
