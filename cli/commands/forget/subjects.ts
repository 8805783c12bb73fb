import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { quoteLiteral } from '../../../lambda/shared/quote';
import type { Column, Pipeline } from '../../../pipelines/definition';
import { Failure } from '../../failure';
import { grouped } from '../../terminal';

/** Most subjects of one call. */
export const MOST_SUBJECTS = 10_000;

/** The values of one column that name subjects. */
export interface Subjects {
  readonly column: Column;
  readonly values: readonly string[];
}

/** What is searched in one pipeline. */
export interface Search {
  readonly pipeline: Pipeline;
  readonly subjects: readonly Subjects[];
}

export interface SubjectOptions {
  readonly file?: string;
  /** Name of a pipeline. @default - every pipeline that has such subjects */
  readonly pipeline?: string;
}

/**
 * Reads `column=value …` and the lines of a file, and finds the pipelines that declare these columns as `subject`.
 * @throws Failure that names the argument or the line
 */
export function parseSubjects(
  args: readonly string[],
  { file, pipeline: name }: SubjectOptions,
  all: readonly Pipeline[],
): Search[] {
  const pipelines = declaringPipelines(all, name);
  const columns = [...new Set(pipelines.flatMap(({ subject = [] }) => subject))];
  const given = new Map<string, Set<string>>();
  const add = (text: string, at: string) => {
    const { column, value } = parseSubject(text, columns, at);
    given.set(column, (given.get(column) ?? new Set()).add(value));
  };
  for (const arg of args) add(arg, '<subject>');
  for (const [index, line] of (file === undefined ? [] : linesOf(file)).entries())
    if (line.trim() !== '') add(line, `${file}, line ${index + 1}`);
  check([...given.values()].reduce((sum, values) => sum + values.size, 0));
  return pipelines.flatMap((pipeline) => {
    const subjects = pipeline.columns
      .filter((column) => pipeline.subject?.includes(column.name) && given.has(column.name))
      .map((column) => ({ column, values: [...given.get(column.name)!] }));
    return subjects.length === 0 ? [] : [{ pipeline, subjects }];
  });
}

/**
 * The pipelines that declare a subject, or the one with this name.
 * @throws Failure if there is none
 */
export function declaringPipelines(all: readonly Pipeline[], name: string | undefined): Pipeline[] {
  const declaring = all.filter(({ subject = [] }) => subject.length > 0);
  if (declaring.length === 0) throw new Failure("no pipeline declares a subject, as subject: ['customer_id']", 2);
  const pipelines = declaring.filter((pipeline) => name === undefined || pipeline.name === name);
  if (pipelines.length > 0) return pipelines;
  const names = declaring.map((pipeline) => pipeline.name).join(', ');
  throw new Failure(`--pipeline must be one that declares a subject (${names}), got '${name}'`, 2);
}

function check(count: number): void {
  if (count === 0) throw new Failure('name at least one subject, as customer_id=c1, or a file with --file', 2);
  if (count > MOST_SUBJECTS)
    throw new Failure(`at most ${grouped(MOST_SUBJECTS)} subjects at once, got ${grouped(count)}; divide the file`, 2);
}

/** `column=value`, or a bare value if only one column names subjects. */
function parseSubject(text: string, columns: readonly string[], at: string): { column: string; value: string } {
  const line = text.replace(/\r$/, '');
  const [, column, value] = /^([a-z_][a-z0-9_]*)=(.*)$/s.exec(line) ?? [];
  if (column !== undefined && value !== undefined && columns.includes(column)) {
    if (value === '') throw new Failure(`${at} must have a value after ${column}=`, 2);
    return { column, value: checked(value, at) };
  }
  if (at !== '<subject>' && columns.length === 1 && !line.includes('='))
    return { column: columns[0]!, value: checked(bare(line, columns[0]!, at), at) };
  const hint = line.includes('=') && columns.length === 1 ? `; a value with = needs it too: ${columns[0]}=a=b` : '';
  throw new Failure(`${at} must be column=value with a column of ${columns.join(', ')}${hint}`, 2);
}

/** Refuses what is probably no value: nobody would be found, and the person would be taken for erased. */
function bare(line: string, column: string, at: string): string {
  const refused = (what: string) =>
    new Failure(`${at} ${what}; if that belongs to the value, write ${column}= before it`, 2);
  if (line === column) throw refused('is the name of the column, as in a header');
  if (line !== line.trim()) throw refused('begins or ends with white space');
  if (/^".*"$/.test(line)) throw refused('is in quotation marks');
  return line;
}

/** Longest value. Identifiers are shorter, and the texts of the report's statements have each value four times. */
const longestValue = 10_000;

function checked(value: string, at: string): string {
  const bytes = Buffer.byteLength(value);
  if (bytes > longestValue)
    throw new Failure(`${at} has ${grouped(bytes)} bytes; a value has at most ${grouped(longestValue)}`, 2);
  if (value.includes('\0')) throw new Failure(`${at} has the character NUL, which no column can hold`, 2);
  return value;
}

function linesOf(file: string): string[] {
  const bytes = bytesOf(file);
  if (!isUtf8(bytes)) throw new Failure(`--file must be plain text in UTF-8, and ${file} is not`, 2);
  return bytes
    .toString()
    .replace(/^\uFEFF/, '')
    .split('\n');
}

function bytesOf(file: string): Buffer {
  try {
    if (!statSync(file).isDirectory()) return readFileSync(file);
  } catch (error) {
    throw new Failure(`--file: ${(error as Error).message}`, 2, { cause: error });
  }
  throw new Failure(`--file must be a file, got the folder ${file}`, 2);
}

/** Most ids of one statement. A statement has at most 200 KB (Redshift Management Guide, Data API). */
const mostIds = 500;
/** Most bytes of the ids of a statement, which has each of them four times, as a literal. */
const mostBytes = 40_000;

/** Divides subjects so that each part fits a statement. */
export function* partsOf(subjects: readonly Subjects[]): Generator<Subjects> {
  for (const { column, values } of subjects) {
    let part: string[] = [];
    let size = 0;
    for (const value of values) {
      const bytes = Buffer.byteLength(quoteLiteral(value)) + 2;
      if (part.length > 0 && (part.length === mostIds || size + bytes > mostBytes)) {
        yield { column, values: part };
        part = [];
        size = 0;
      }
      part.push(value);
      size += bytes;
    }
    yield { column, values: part };
  }
}
