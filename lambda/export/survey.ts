import { render } from '../shared/statement';
import { parseStatementName } from '../shared/statement-name';
import { formatTimestamp, parseTimestamp } from '../shared/timestamp';
import type { Row, StatementSummary } from '../shared/warehouse';
import { type ExportItem, windowEnd, windowStart } from './contract';

/** Steps of the statements by whose names a survey finds the ones before it. */
export const surveySteps = { all: 'survey', touched: 'touched' } as const;

const hourMs = 3_600_000;
/**
 * Events are looked at again by the surveys of so long: one that found a change may have been killed before it published it, the views may not have had the
 * event yet, and a tick publishes only so many windows.
 */
export const overlapMs = 6 * hourMs;
/** Looked at every hour where the query does not say which events a row depends on. */
const recentMs = 48 * hourMs;
/** Statements of one survey. */
const maxStretches = 12;

/** When the last surveys that finished began, in epoch milliseconds: of everything, and any. The Data API knows of the last 24 hours; 0 before that. */
export function looksOf(statements: readonly StatementSummary[]): { readonly all: number; readonly any: number } {
  let [all, any] = [0, 0];
  for (const { name, status, createdAt } of statements) {
    const step = parseStatementName(name)?.step;
    if (status !== 'FINISHED' || (step !== surveySteps.all && step !== surveySteps.touched)) continue;
    any = Math.max(any, createdAt);
    if (step === surveySteps.all) all = Math.max(all, createdAt);
  }
  return { all, any };
}

/** Starts of the windows that what was merged since may have changed, in order. */
export async function touchedWindows(
  item: ExportItem,
  tick: number,
  since: number,
  ask: (sql: string) => Promise<readonly Row[]>,
): Promise<number[]> {
  if (item.touched === undefined) {
    const starts: number[] = [];
    const { window } = item.content;
    for (let at = windowStart(window, tick - recentMs); at <= tick; at = windowEnd(window, at)) starts.push(at);
    return starts;
  }
  const rows = await ask(render(item.touched, { since: formatTimestamp(since) }));
  return rows.flatMap((row) => parseTimestamp(row['window_start'] ?? null, `${item.name}: window_start`) ?? []);
}

/** The windows as stretches of time, a few at most: those with the least between them become one. */
export function stretchesOf(
  { content }: ExportItem,
  starts: readonly number[],
): readonly { readonly start: number; readonly end: number }[] {
  const stretches: { start: number; end: number }[] = [];
  for (const start of starts) {
    const last = stretches.at(-1);
    const end = windowEnd(content.window, start);
    if (last && start <= last.end) last.end = end;
    else stretches.push({ start, end });
  }
  while (stretches.length > maxStretches) {
    const gap = (index: number) => stretches[index]!.start - stretches[index - 1]!.end;
    let narrowest = 1;
    for (let index = 2; index < stretches.length; index += 1) if (gap(index) < gap(narrowest)) narrowest = index;
    stretches[narrowest - 1]!.end = stretches[narrowest]!.end;
    stretches.splice(narrowest, 1);
  }
  return stretches;
}
