import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Success } from '../../../lambda/export/publication';
import { quoteLiteral } from '../../../lambda/shared/quote';
import { completeUntil, publicTables, quoteIdentifier } from '../../../sql/names';
import type { ExportFunction } from '../../cloud/export-function';
import type { Stage } from '../../progress';
import { type Context, queryRows, warehouseTime } from '../context';
import { allExports, type NamedExport } from '../exports/find-export';
import { publishDue } from '../exports/publish';
import { readPublications, wholeObject } from '../exports/read-publications';
import { readerSql } from '../exports/verify-publication';
import { type CheckResult, checkResult, pollUntil } from './check-result';
import type { Marked } from './marked-events';

const MINUTE_MS = 60_000;
/** Time for two refreshes, a load with its retry, and a busy warehouse. */
const mergeLimitMs = (marked: Marked) => (2 * marked.pipeline.refreshEveryMinutes + 15) * MINUTE_MS;

/** Returns SQL conditions that hold for rows of this mark and no others. */
export function conditions({ mark, column, eventIds, object }: Marked) {
  const ids = eventIds.length === 0 ? '' : ` or event_id in (${eventIds.map(quoteLiteral).join(', ')})`;
  const key = object === undefined ? '' : ` or object_key = ${quoteLiteral(object.key)}`;
  const ofColumn = (name: string) => `${quoteIdentifier(name)} like ${quoteLiteral(`${mark}-%`)}`;
  return {
    events: ofColumn(column.name),
    ofColumn,
    duplicates: `partition_key = ${quoteLiteral(mark)}${ids}`,
    rejects: `partition_key = ${quoteLiteral(mark)}${key}`,
  };
}

export type Counts = Marked['expected'];

export async function countMarks(
  context: Context,
  marked: Marked,
): Promise<Counts & { readonly isComplete: (since: number) => boolean }> {
  const tables = publicTables(marked.pipeline);
  const where = conditions(marked);
  const [row] = await queryRows(
    context,
    'smoke-marks',
    `select (select count(*) from ${tables.events} where ${where.events}) as events,
  (select count(*) from ${tables.duplicates} where ${where.duplicates}) as duplicates,
  (select count(*) from ${tables.rejects} where ${where.rejects}) as rejects,
  ${completeUntil(marked.pipeline)} as complete_until`,
  );
  const number = (name: string) => Number(row?.[name] ?? 0);
  const complete = row?.['complete_until'] ? warehouseTime(row['complete_until']) : 0;
  return {
    events: number('events'),
    duplicates: number('duplicates'),
    rejects: number('rejects'),
    // Both are whole seconds: a merge of the same second may have come before.
    isComplete: (since) => complete > since,
  };
}

const text = ({ events, duplicates, rejects }: Counts) =>
  `${events} events, ${duplicates} duplicates, ${rejects} rejects`;
const sum = ({ events, duplicates, rejects }: Counts) => events + duplicates + rejects;
const same = (one: Counts, other: Counts) => text(one) === text(other);

/** Waits until the marks are in their tables and the views include them. */
export async function followMarks(
  context: Context,
  marked: Marked,
  sentAt: number,
  stage: Stage,
): Promise<CheckResult[]> {
  const { pipeline, expected } = marked;
  const counts = await pollUntil(
    context,
    mergeLimitMs(marked),
    async () => {
      const found = await countMarks(context, marked);
      stage.count(sum(found), 'marked records', sum(expected));
      return found;
    },
    (found) => same(found, expected) && found.isComplete(sentAt),
  );
  const isComplete = counts.isComplete(sentAt);
  return [
    checkResult(`${pipeline.name}: marked records`, text(expected), text(counts), same(counts, expected)),
    checkResult(`${pipeline.name}: refresh`, 'after the marks', isComplete ? 'after the marks' : 'not yet', isComplete),
    ...(await views(context, marked)),
  ];
}

/** Finds in the catalog the views that show the marked column. */
async function views(context: Context, marked: Marked): Promise<CheckResult[]> {
  const { pipeline, column } = marked;
  const rows = await queryRows(
    context,
    'smoke-columns',
    `select table_name from svv_columns where table_schema = {{schema}} and column_name = {{column}}`,
    { schema: pipeline.name, column: column.name },
  );
  const names = new Set(rows.map((row) => String(row['table_name'])));
  const shown = pipeline.views.filter(({ name }) => names.has(name));
  if (shown.length === 0) return [];
  const counts: string[] = [];
  let sum = 0;
  for (const { name } of shown) {
    const count = Number(
      (
        await queryRows(
          context,
          'smoke-view',
          `select count(*) as n from ${pipeline.name}.${name} where ${conditions(marked).events}`,
        )
      )[0]?.['n'],
    );
    counts.push(`${name} ${count}`);
    sum += count;
  }
  return [checkResult(`${pipeline.name}: views`, 'show marks', counts.join(', '), sum > 0)];
}

/** Returns the exports that show the column and correct published windows. */
export const followable = (marked: Marked): NamedExport[] =>
  allExports().filter(
    ({ pipeline, item }) =>
      pipeline.name === marked.pipeline.name &&
      item.content.kind === 'incremental' &&
      item.content.corrections &&
      item.columns.some(({ name }) => name === marked.column.name),
  );

/** Returns the number of the newest publication; 0 before the first. */
export const newestOf = async (context: Context, named: NamedExport) =>
  (await readPublications(context, named)).at(-1)?.sequence ?? 0;

/**
 * Publishes what is due, and searches the files for the marks. Returns the windows that have some.
 * @param before number of the newest publication before the marks were sent; the schedule may publish them first
 */
export async function followExport(
  context: Context,
  marked: Marked,
  named: NamedExport,
  before: number,
  send: ExportFunction,
): Promise<{ findings: CheckResult[]; windows: readonly number[] }> {
  await publishDue(context, named, send);
  const found = (await readPublications(context, named)).filter(({ sequence }) => sequence > before);
  const windows: number[] = [];
  let rows = 0;
  for (const success of found) {
    const count = await marksIn(context, marked, success);
    if (count > 0) windows.push(Date.parse(success.window.start));
    rows += count;
  }
  const shown = `${rows} in ${windows.length} of ${found.length} new publications`;
  return { findings: [checkResult(`${named.name}: export`, 'files have marks', shown, rows > 0)], windows };
}

const DAY_MS = 86_400_000;

/** Returns the windows of the last day whose newest publication has marks. */
export async function windowsWithMarks(context: Context, marked: Marked, named: NamedExport): Promise<number[]> {
  const all = await readPublications(context, named);
  const youngest = Math.max(...all.map(({ window }) => Date.parse(window.start)));
  const newest = new Map(all.map((success) => [Date.parse(success.window.start), success]));
  const windows: number[] = [];
  for (const [start, success] of newest)
    if (start > youngest - DAY_MS && (await marksIn(context, marked, success)) > 0) windows.push(start);
  return windows;
}

/** Counts the rows of a publication that have the mark. */
export async function marksIn(context: Context, marked: Marked, success: Success): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-smoke-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    let rows = 0;
    for (const [i, file] of success.files.entries()) {
      if (file.rows === 0) continue;
      const path = join(folder, String(i));
      await writeFile(path, await wholeObject(context, file.key));
      const query = `select count(*)::integer from ${readerSql(success.format, path)} where ${conditions(marked).events}`;
      rows += Number((await connection.runAndReadAll(query)).getRows()[0]![0]);
    }
    return rows;
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(folder, { recursive: true, force: true });
  }
}
