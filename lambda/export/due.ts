import { type ExportItem, windowEnd, windowStart } from './contract';
import type { ExportWindow } from './layout';
import type { ChangedWindow, LedgerState } from './ledger';

/** Late rows are looked for once in this time. */
const surveyEveryMs = 3_600_000;

export interface Due {
  /** Windows to publish now, in order. */
  readonly windows: readonly ExportWindow[];
  /** Rows that no file will have: rows without a time and, if the export has no corrections, rows that came after their window was published. */
  readonly lateRows: number;
  /** The windows of the late rows, epoch milliseconds. */
  readonly lateWindows: readonly number[];
}

/**
 * Which survey the tick needs. While the export catches up with the past, only a survey of everything finds its windows, since those without
 * rows are not published. After that, a survey of what changed finds late rows, once an hour.
 */
export function surveyNeeded(
  item: ExportItem,
  state: LedgerState,
  tick: number,
  everyMs: number,
): 'everything' | 'changes' | undefined {
  if (item.content.kind === 'snapshot') return undefined;
  if (item.content.since === undefined && (state.lastEnd ?? 0) <= gridStart(item, state, tick)) return 'everything';
  return Math.floor(tick / surveyEveryMs) === Math.floor((tick - everyMs) / surveyEveryMs) ? undefined : 'changes';
}

/** Every window after this time is published, with rows or without. */
function gridStart({ content }: ExportItem, { firstPublishedAt }: LedgerState, tick: number): number {
  if (content.kind === 'incremental' && content.since !== undefined) return windowStart(content.window, content.since);
  return windowStart(content.window, firstPublishedAt ?? tick);
}

/** @param changed what the survey found, if the tick needs one */
export function dueWindows(
  item: ExportItem,
  state: LedgerState,
  changed: readonly ChangedWindow[],
  tick: number,
  maxWindows: number,
): Due {
  const { content } = item;
  const nothing = { windows: [], lateRows: 0, lateWindows: [] };
  if (state.completeUntil === undefined) return nothing;
  // Later events are not in the views yet, whatever the clock of the schedule says.
  const until = Math.min(tick, state.completeUntil);
  if (content.kind === 'snapshot') {
    const end = windowStart(content.window, until);
    if (state.lastEnd !== undefined && state.lastEnd >= end) return nothing;
    return { ...nothing, windows: [{ start: windowStart(content.window, end - 1), revision: 0 }] };
  }
  const closedUntil = until - content.latenessMinutes * 60_000;
  const isClosed = (start: number) => windowEnd(content.window, start) <= closedUntil;
  const from = gridStart(item, state, tick);
  const windows: ExportWindow[] = [];
  const late: ChangedWindow[] = [];
  for (const found of changed) {
    if (found.start === undefined) late.push(found);
    else if (found.published === undefined) {
      if (found.start < from && isClosed(found.start)) windows.push({ start: found.start, revision: 0 });
    } else if (content.corrections) windows.push({ start: found.start, revision: found.published.revision + 1 });
    else late.push(found);
  }
  let next = Math.max(from, state.lastEnd ?? from);
  for (; isClosed(next) && windows.length < maxWindows + changed.length; next = windowEnd(content.window, next))
    windows.push({ start: next, revision: 0 });
  windows.sort((one, other) => one.start - other.start);
  return {
    windows: windows.slice(0, maxWindows),
    lateRows: late.reduce((sum, { rows, published }) => sum + Math.max(rows - (published?.rows ?? 0), 1), 0),
    lateWindows: late.flatMap(({ start }) => (start === undefined ? [] : [start])),
  };
}
