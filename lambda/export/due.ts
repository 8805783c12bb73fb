import { type ExportItem, windowEnd, windowStart } from './contract';
import type { WindowRows } from './engine';
import type { Batch, ExportWindow } from './layout';
import type { ChangedWindow, LedgerState, PublishedWindow } from './ledger';

/** Late rows are looked for once in this time. */
export const surveyEveryMs = 3_600_000;

/** The golden ratio. Its multiples, without their whole parts, leave no large gap between 0 and 1 (three-distance theorem). */
const goldenRatio = (Math.sqrt(5) - 1) / 2;

/**
 * The exports in the order in which a tick looks at them. The list is turned, by another amount in each tick. Where a tick has time for one of
 * `n` exports in `k`, each of them is reached within 2k + 1 ticks.
 * @param turn number of the tick
 */
export function inTurn<T>(items: readonly T[], turn: number): T[] {
  const first = Math.floor(((turn * goldenRatio) % 1) * items.length);
  return [...items.slice(first), ...items.slice(0, first)];
}

export interface Due {
  /** Windows to publish now, in order. */
  readonly windows: readonly ExportWindow[];
  /** Rows that will be in no file. */
  readonly late: readonly LateRows[];
}

/** Rows that will be in no file, and why. */
export interface LateRows {
  readonly rows: number;
  /**
   * `no time`: they belong to no window. `before since`: they are older than the export's beginning. `published`: they
   * came after their window was published, and the export has no corrections.
   */
  readonly reason: 'no time' | 'before since' | 'published';
  /** Start of the window, epoch milliseconds. Only with the reason `published`. */
  readonly window?: number;
}

export const countOf = (late: readonly LateRows[]) => late.reduce((sum, { rows }) => sum + rows, 0);

/** Compares the rows of the windows, or of parts of them, with the newest publications. */
export function changedWindows(
  { content }: ExportItem,
  parts: readonly WindowRows[],
  published: ReadonlyMap<number, PublishedWindow>,
): ChangedWindow[] {
  const windows = new Map<number | undefined, { rows: number; fingerprint: bigint }>();
  for (const { start, rows, fingerprint } of parts) {
    const window = start === undefined ? undefined : windowStart(content.window, start);
    const sum = windows.get(window) ?? { rows: 0, fingerprint: 0n };
    windows.set(window, { rows: sum.rows + rows, fingerprint: sum.fingerprint + wholeOf(fingerprint) });
  }
  // All rows of a published window may be gone.
  for (const [start, { rows }] of published)
    if (rows > 0 && !windows.has(start)) windows.set(start, { rows: 0, fingerprint: 0n });
  return [...windows].flatMap(([start, { rows, fingerprint }]): ChangedWindow[] => {
    const before = start === undefined ? undefined : published.get(start);
    if (before?.rows === rows && wholeOf(before.fingerprint) === fingerprint) return [];
    return [{ start, rows, ...(before && { published: { rows: before.rows, revision: before.revision } }) }];
  });
}

/** A whole number, which a numeric column may write with zeros after its point. */
const wholeOf = (text: string) => BigInt(text.replace(/\.0*$/, ''));

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

/**
 * True if a survey of everything may find more windows than a batch took: the batch was full, and it had windows of the past or corrections,
 * which no tick finds without a survey.
 * @param room how many windows the batch could have had
 */
export function mayLeaveWindows(item: ExportItem, state: LedgerState, { windows, tick }: Batch, room: number): boolean {
  const { content } = item;
  if (content.kind === 'snapshot' || windows.length < room) return false;
  const from = gridStart(item, state, tick);
  const lastEnd = Math.max(...windows.map(({ start }) => windowEnd(content.window, start)));
  return lastEnd < (state.lastEnd ?? 0) || windows.some(({ start, revision }) => revision > 0 || start < from);
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
  const nothing = { windows: [], late: [] };
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
  let next = Math.max(from, state.lastEnd ?? from);
  const windows: ExportWindow[] = [];
  const late: LateRows[] = [];
  for (const found of changed) {
    const { start, rows, published } = found;
    if (start === undefined) late.push({ rows, reason: 'no time' });
    else if (published === undefined) {
      if (content.since !== undefined && start < windowStart(content.window, content.since))
        late.push({ rows, reason: 'before since' });
      // Windows between the beginning and the last publication are missing if the beginning was declared earlier since.
      else if (start < next && isClosed(start)) windows.push({ start, revision: 0 });
    } else if (content.corrections) windows.push({ start, revision: published.revision + 1 });
    else if (rows > 0) late.push({ rows: Math.max(rows - published.rows, 1), reason: 'published', window: start });
  }
  for (; isClosed(next) && windows.length < maxWindows + changed.length; next = windowEnd(content.window, next))
    windows.push({ start: next, revision: 0 });
  windows.sort((one, other) => one.start - other.start);
  return { windows: windows.slice(0, maxWindows), late };
}
