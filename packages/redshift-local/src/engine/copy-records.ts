import type { Statement } from '../statement';
import type { RelationEntry } from './catalog';
import { csvReading } from './copy-csv';
import { type CopyColumn, errorOf, missingMark, type Reading, requireModelled } from './copy-fields';
import { autoReading, noshredReading } from './copy-json';
import { ignoreCaseReading, type JsonPath, pathsReading } from './copy-json-paths';
import { type LineError, type Repaired, repair, requireReadable } from './copy-lines';
import type { SourceFile, Sources } from './copy-sources';
import { errorText } from './errors';
import type { Session } from './session';

export type Copy = Extract<Statement, { kind: 'copy' }>;

/** The outcome of a COPY. */
export interface Loaded {
  readonly rows: number;
  /** Number of lines or records in each file that are not blank, by path. */
  readonly lines: ReadonlyMap<string, number>;
  readonly errors: readonly LineError[];
  readonly failed: boolean;
}

/** Returns the columns that a COPY loads: those that it lists, in their order, or all columns of the table. */
export function columnsOf({ columns }: Copy, table: RelationEntry): readonly CopyColumn[] {
  return columns?.map((name) => table.columns.find((column) => column.name === name)!) ?? table.columns;
}

/** @param paths those of a JSONPaths file */
export function readingOf(statement: Copy, table: RelationEntry, paths?: readonly JsonPath[]): Reading {
  const { format, options } = statement;
  const columns = columnsOf(statement, table);
  if (format === 'csv' || format === 'text') return csvReading(columns, options, format);
  if (paths) return pathsReading(columns, paths, options);
  if (format === 'json-ignorecase') return ignoreCaseReading(columns, options);
  return format === 'json-noshred' ? noshredReading(columns) : autoReading(columns, options);
}

/**
 * Counts bad records first, so that a load with too many errors changes nothing. Files with errors are read separately,
 * for their line numbers.
 */
export async function loadRecords(
  session: Session,
  statement: Copy,
  reading: Reading,
  into: string,
  table: RelationEntry,
  sources: Sources,
): Promise<Loaded> {
  const counts = await countRecords(session, reading, sources.files, statement);
  const lines = new Map<string, number>();
  const repaired: Repaired[] = [];
  const errors: LineError[] = [];
  const clean: SourceFile[] = [];
  for (const source of sources.files) {
    const count = counts.get(source.path) ?? { lines: 0, bad: 0 };
    if (count.bad === 0) {
      lines.set(source.path, count.lines);
      clean.push(source);
      continue;
    }
    const file = await repair(source, sources.fresh(), reading.rules);
    const found = [...file.errors, ...(await badRecords(session, reading, file, table))];
    errors.push(...found.sort((one, other) => one.line - other.line));
    lines.set(source.path, file.lines);
    repaired.push(file);
  }
  if (errors.length > 0 && errors.length >= Math.max(1, statement.maxErrors))
    return { rows: 0, lines, errors, failed: true };
  const insert = `insert into ${into} (${reading.names.join(', ')}) select ${reading.values.join(', ')} from`;
  let rows = 0;
  if (clean.length > 0)
    rows += await readable(session, `${insert} ${reading.reader(paths(clean), statement.compression, false)}`);
  if (repaired.length > 0)
    rows += await readable(
      session,
      `${insert} ${reading.reader(paths(repaired), 'none', true)} where (${reading.bad}) is null`,
    );
  return { rows, lines, errors, failed: false };
}

const paths = (files: readonly { path: string }[]) => files.map(({ path }) => path);

interface Count {
  readonly lines: number;
  readonly bad: number;
}

/** Counts lines and bad records by path. A file without lines has no entry. */
async function countRecords(
  session: Session,
  { reader, bad, rejects, rules }: Reading,
  files: readonly SourceFile[],
  { compression }: Copy,
): Promise<Map<string, Count>> {
  if (files.length === 0) return new Map();
  const sql = `select filename, count(*) as lines, count(${bad}) as bad from ${reader(paths(files), compression, false)} group by 1`;
  let rows: { filename: string; lines: bigint; bad: bigint }[];
  try {
    await dropRejects(session);
    rows = await session.connection.rows(sql);
  } catch (error) {
    if (/interrupt/i.test(errorText(error))) throw error;
    // DuckDB does not report which file caused the error.
    for (const file of files) await requireReadable(file, rules);
    throw error;
  }
  const counts = new Map(rows.map((row) => [row.filename, { lines: Number(row.lines), bad: Number(row.bad) }]));
  if (!rejects) return counts;
  const rejected = await session.connection.rows<{ path: string }>(
    `select distinct s.file_path as path from temp.millrace_copy_rejects as r join temp.millrace_copy_scans as s on s.scan_id = r.scan_id and s.file_id = r.file_id`,
  );
  for (const { path } of rejected) counts.set(path, { lines: counts.get(path)?.lines ?? 0, bad: 1 });
  return counts;
}

/** Returns the errors of one repaired file: its records that do not fit the table. */
export async function badRecords(
  session: Session,
  { reader, bad, brokenMessage }: Reading,
  file: Repaired,
  table: RelationEntry,
): Promise<LineError[]> {
  await dropRejects(session);
  const rows = await session.connection.rows<{ number: bigint; bad: string }>(
    `select number, (${bad}) as bad from (select row_number() over () as number, * from ${reader([file.path], 'none', true)}) where (${bad}) is not null order by number`,
  );
  return rows.map(({ number, bad: told }) => {
    const at = { file: file.source.url, line: file.lineOf[Number(number) - 1]! };
    requireModelled(told, at.file, at.line);
    const missing = told.startsWith(missingMark);
    const column = missing ? told.slice(missingMark.length) : told;
    const type = table.columns.find((candidate) => candidate.name === column)?.type;
    if (!type) return { ...at, code: 1216, message: brokenMessage };
    const error = missing ? { code: 1213, message: 'Missing data for not-null field' } : errorOf(type);
    return { ...at, column, type: type.name, ...error };
  });
}

async function readable(session: Session, sql: string): Promise<number> {
  await dropRejects(session);
  return session.connection.run(sql);
}

export const dropRejects = (session: Session) =>
  session.connection.run(
    'drop table if exists temp.millrace_copy_rejects; drop table if exists temp.millrace_copy_scans',
  );
