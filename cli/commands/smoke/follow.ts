import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Success } from '../../../lambda/export/publication';
import { quoteLiteral } from '../../../lambda/shared/quote';
import { ofIdentity, publicTables, quoteIdentifier } from '../../../sql';
import type { ExportFunction } from '../../cloud/export-function';
import { publications, wholeObject } from '../exports/chain';
import { readerSql } from '../exports/check';
import { allExports, type NamedExport } from '../exports/named';
import { runNow } from '../exports/request';
import { ask, type Work, warehouseTime } from '../work';
import { type Finding, finding, until } from './finding';
import type { Marked } from './mark';

const MINUTE_MS = 60_000;
/** Two refreshes, a load with its retry, and room for a busy warehouse. */
const mergeLimitMs = (marked: Marked) => (2 * marked.pipeline.refreshEveryMinutes + 15) * MINUTE_MS;

/** SQL conditions that hold for rows of this mark and no others. */
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
  work: Work,
  marked: Marked,
): Promise<Counts & { readonly isComplete: (since: number) => boolean }> {
  const tables = publicTables(marked.pipeline);
  const where = conditions(marked);
  const [row] = await ask(
    work,
    'smoke-marks',
    `select (select count(*) from ${tables.events} where ${where.events}) as events,
  (select count(*) from ${tables.duplicates} where ${where.duplicates}) as duplicates,
  (select count(*) from ${tables.rejects} where ${where.rejects}) as rejects,
  (select max(complete_until) from ${tables.checkpoints} where ${ofIdentity(marked.pipeline)}) as complete_until`,
  );
  const number = (name: string) => Number(row?.[name] ?? 0);
  const complete = row?.['complete_until'] ? warehouseTime(row['complete_until']) : 0;
  return {
    events: number('events'),
    duplicates: number('duplicates'),
    rejects: number('rejects'),
    isComplete: (since) => complete >= since,
  };
}

const text = ({ events, duplicates, rejects }: Counts) =>
  `${events} events, ${duplicates} duplicates, ${rejects} rejects`;
const same = (one: Counts, other: Counts) => text(one) === text(other);

/** Waits until the marks are where they belong and the views know of them. */
export async function followMarks(work: Work, marked: Marked, sentAt: number): Promise<Finding[]> {
  const { pipeline, expected } = marked;
  const counts = await until(
    work,
    mergeLimitMs(marked),
    () => countMarks(work, marked),
    (found) => same(found, expected) && found.isComplete(sentAt),
  );
  const isComplete = counts.isComplete(sentAt);
  return [
    finding(`${pipeline.name}: marked records`, text(expected), text(counts), same(counts, expected)),
    finding(`${pipeline.name}: refresh`, 'after the marks', isComplete ? 'after the marks' : 'not yet', isComplete),
    ...(await views(work, marked)),
  ];
}

/** The views that show the marked column, by the catalog. */
async function views(work: Work, marked: Marked): Promise<Finding[]> {
  const { pipeline, column } = marked;
  const rows = await ask(
    work,
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
        await ask(
          work,
          'smoke-view',
          `select count(*) as n from ${pipeline.name}.${name} where ${conditions(marked).events}`,
        )
      )[0]?.['n'],
    );
    counts.push(`${name} ${count}`);
    sum += count;
  }
  return [finding(`${pipeline.name}: views`, 'show marks', counts.join(', '), sum > 0)];
}

/** An export that shows the column and corrects windows that are out already. */
export const followable = (marked: Marked): NamedExport[] =>
  allExports().filter(
    ({ pipeline, item }) =>
      pipeline.name === marked.pipeline.name &&
      item.content.kind === 'incremental' &&
      item.content.corrections &&
      item.columns.some(({ name }) => name === marked.column.name),
  );

/** The number of the newest publication; 0 before the first. */
export const newestOf = async (work: Work, named: NamedExport) =>
  (await publications(work, named)).at(-1)?.sequence ?? 0;

/**
 * Publishes what is due, and looks for the marks in the files. Answers the windows that hold some.
 * @param before the number of the newest publication before the marks were sent: the schedule may publish them first
 */
export async function followExport(
  work: Work,
  marked: Marked,
  named: NamedExport,
  before: number,
  send: ExportFunction,
): Promise<{ findings: Finding[]; windows: readonly number[] }> {
  await runNow(work, named, send);
  const found = (await publications(work, named)).filter(({ sequence }) => sequence > before);
  const windows: number[] = [];
  let rows = 0;
  for (const success of found) {
    const count = await marksIn(work, marked, success);
    if (count > 0) windows.push(Date.parse(success.window.start));
    rows += count;
  }
  const shown = `${rows} in ${windows.length} of ${found.length} new publications`;
  return { findings: [finding(`${named.name}: export`, 'files hold marks', shown, rows > 0)], windows };
}

const DAY_MS = 86_400_000;

/** Windows of the last day of which the newest publication has marks. */
export async function windowsWithMarks(work: Work, marked: Marked, named: NamedExport): Promise<number[]> {
  const all = await publications(work, named);
  const youngest = Math.max(...all.map(({ window }) => Date.parse(window.start)));
  const newest = new Map(all.map((success) => [Date.parse(success.window.start), success]));
  const windows: number[] = [];
  for (const [start, success] of newest)
    if (start > youngest - DAY_MS && (await marksIn(work, marked, success)) > 0) windows.push(start);
  return windows;
}

/** How many rows of a publication have the mark. */
export async function marksIn(work: Work, marked: Marked, success: Success): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-smoke-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    let rows = 0;
    for (const [i, file] of success.files.entries()) {
      if (file.rows === 0) continue;
      const path = join(folder, String(i));
      await writeFile(path, await wholeObject(work, file.key));
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
