import { type ExportItem, windowEnd, windowStart } from './contract';
import type { ExportWindow } from './layout';
import type { LedgerState, Surveyed } from './ledger';

/** How often it is asked whether rows came late. */
const surveyEveryMs = 3_600_000;

/** What has to be published now, in order, and what came too late for it. */
export interface Due {
  readonly windows: readonly ExportWindow[];
  /** Rows that came after their window's publication, of an export without corrections, and rows without a time. */
  readonly lateRows: number;
  /** Windows of such rows, epoch milliseconds. */
  readonly lateWindows: readonly number[];
}

/**
 * Which data has to be looked at: everything while the time before the export's first run is caught up, since only windows with rows are
 * published of it; and once an hour what may have changed, for rows that came late.
 */
export function surveyDue(
  item: ExportItem,
  state: LedgerState,
  tick: number,
  everyMs: number,
): 'everything' | 'changes' | undefined {
  if (item.content.kind === 'snapshot') return undefined;
  if (item.content.since === undefined && (state.lastEnd ?? 0) <= gridStart(item, state, tick)) return 'everything';
  return Math.floor(tick / surveyEveryMs) === Math.floor((tick - everyMs) / surveyEveryMs) ? undefined : 'changes';
}

/** From here on every window is published, whether it has rows or not. */
function gridStart({ content }: ExportItem, { born }: LedgerState, tick: number): number {
  if (content.kind === 'incremental' && content.since !== undefined) return windowStart(content.window, content.since);
  return windowStart(content.window, born ?? tick);
}

/** @param most windows to return at most */
export function due(
  item: ExportItem,
  state: LedgerState,
  survey: readonly Surveyed[],
  tick: number,
  most: number,
): Due {
  const { content } = item;
  // What arrived late enough is not in the views yet, whatever the clock of the schedule says.
  const until = Math.min(tick, state.completeUntil ?? Number.NEGATIVE_INFINITY);
  const nothing = { windows: [], lateRows: 0, lateWindows: [] };
  if (until === Number.NEGATIVE_INFINITY) return nothing;
  if (content.kind === 'snapshot') {
    const end = windowStart(content.window, until);
    if (state.lastEnd !== undefined && state.lastEnd >= end) return nothing;
    return { ...nothing, windows: [{ start: windowStart(content.window, end - 1), revision: 0 }] };
  }
  const closedUntil = until - content.latenessMinutes * 60_000;
  const isClosed = (start: number) => windowEnd(content.window, start) <= closedUntil;
  const from = gridStart(item, state, tick);
  const windows: ExportWindow[] = [];
  const late: Surveyed[] = [];
  for (const found of survey) {
    if (found.start === undefined) late.push(found);
    else if (found.published === undefined) {
      if (found.start < from && isClosed(found.start)) windows.push({ start: found.start, revision: 0 });
    } else if (content.corrections) windows.push({ start: found.start, revision: found.published.revision + 1 });
    else late.push(found);
  }
  let next = Math.max(from, state.lastEnd ?? from);
  for (; isClosed(next) && windows.length < most + survey.length; next = windowEnd(content.window, next))
    windows.push({ start: next, revision: 0 });
  windows.sort((one, other) => one.start - other.start);
  return {
    windows: windows.slice(0, most),
    lateRows: late.reduce((sum, { rows, published }) => sum + Math.max(rows - (published?.rows ?? 0), 1), 0),
    lateWindows: late.flatMap(({ start }) => (start === undefined ? [] : [start])),
  };
}
