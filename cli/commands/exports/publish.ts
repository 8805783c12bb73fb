import { windowEnd, windowStart } from '../../../lambda/export/contract';
import { countOf, dueWindows, type LateRows } from '../../../lambda/export/due';
import type { ExportWindow } from '../../../lambda/export/layout';
import { warehouseLedger } from '../../../lambda/export/ledger';
import type { ExportFunction } from '../../cloud/export-function';
import { Failure } from '../../failure';
import { plural } from '../../terminal';
import { assertTimeLeft, type Context, queryRows, warehouseTime } from '../context';
import type { NamedExport } from './find-export';
import { readPublications } from './read-publications';

export interface Requested {
  readonly export: string;
  readonly applied: boolean;
  readonly windows: readonly { readonly start: string; readonly end: string; readonly revision: number }[];
  /** A view that the export reads but that could not be refreshed, with the message. The export waits for it. */
  readonly failure?: string;
  /** The number of rows that are in no file. */
  readonly lateRows: number;
  /** These rows, by reason and window. */
  readonly late: readonly { readonly rows: number; readonly reason: LateRows['reason']; readonly window?: string }[];
}

const POLL_MS = 1000;

/** Finds what is due now, by the warehouse's clock. */
async function whatIsDue(context: Context, { pipeline, item }: NamedExport) {
  const now = await clockOf(context);
  const ledger = warehouseLedger({
    environment: context.cloud.names.environment,
    pipeline: pipeline.name,
    warehouse: context.cloud.warehouse,
    remainingMs: context.remainingMs,
  });
  const state = await ledger.state(item, now);
  const { failure } = state;
  if (failure !== undefined) return { now, ledger, failure, windows: [], late: [] };
  const survey = await ledger.survey(item, now);
  return { now, ledger, failure, ...dueWindows(item, state, survey, now, item.windowsPerTick) };
}

/** Returns the warehouse's time, in whole minutes. */
export async function clockOf(context: Context): Promise<number> {
  return Math.floor((await secondOf(context)) / 60_000) * 60_000;
}

/** Returns the warehouse's time, in whole seconds. */
export async function secondOf(context: Context): Promise<number> {
  const [row] = await queryRows(context, 'clock', 'select getdate() as now');
  return warehouseTime(row?.['now']);
}

/** Publishes what is due, or only reports it. */
export async function publishDue(
  context: Context,
  named: NamedExport,
  send: ExportFunction | undefined,
): Promise<Requested> {
  const { now, windows, late, failure } = await whatIsDue(context, named);
  if (send && windows.length > 0) {
    await send({ kind: 'request', export: named.item.name, time: new Date(now).toISOString() });
    await waitUntilPublished(context, named, windows);
  }
  return { ...requested(named, windows, late, send !== undefined), failure };
}

/** Publishes one window once more, as a correction. */
export async function publishCorrection(
  context: Context,
  named: NamedExport,
  start: number,
  send: ExportFunction | undefined,
): Promise<Requested> {
  const { item } = named;
  const { now, ledger, late, failure } = await whatIsDue(context, named);
  if (failure !== undefined)
    throw new Failure(`${named.name} waits: a view that it reads could not be refreshed: ${failure}`);
  const revisions = windowStart(item.content.window, start) === start ? await ledger.revisions(item, now, start) : [];
  if (revisions.length === 0) throw new Failure(await notPublished(context, named, start), 2);
  const windows = [{ start, revision: Math.max(...revisions) + 1 }];
  if (send) {
    const rerun = new Date(start).toISOString();
    await send({ kind: 'request', export: item.name, time: new Date(now).toISOString(), rerun });
    await waitUntilPublished(context, named, windows);
  }
  return requested(named, windows, late, send !== undefined);
}

async function notPublished(context: Context, named: NamedExport, start: number): Promise<string> {
  const newest = (await readPublications(context, named)).slice(-3).map(({ window }) => window.start);
  const known = newest.length > 0 ? `the newest are ${newest.join(', ')}` : 'there is none yet';
  return `window must be the start of a published window of ${named.name}, got ${new Date(start).toISOString()}; ${known}`;
}

/** Waits until a reader sees the windows. */
async function waitUntilPublished(
  context: Context,
  named: NamedExport,
  windows: readonly ExportWindow[],
): Promise<void> {
  context.progress.ifInterrupted('The function continues with the windows; `npx millrace exports` shows them.');
  const stage = context.progress.stage('publish', 'waiting for the export function');
  const wanted = windows.map(({ start, revision }) => `${new Date(start).toISOString()} ${revision}`);
  for (;;) {
    const seen = new Set(
      (await readPublications(context, named)).map(({ window, revision }) => `${window.start} ${revision}`),
    );
    const left = wanted.filter((id) => !seen.has(id)).length;
    if (left === 0) return stage.done(plural(wanted.length, 'window'));
    stage.count(wanted.length - left, 'windows', wanted.length);
    assertTimeLeft(context, `${named.name}: waiting for ${plural(left, 'window')}; the function continues with them`);
    await context.sleep(Math.min(POLL_MS, Math.max(context.remainingMs(), 1)));
  }
}

const requested = (
  { name, item }: NamedExport,
  windows: readonly ExportWindow[],
  late: readonly LateRows[],
  applied: boolean,
): Requested => ({
  export: name,
  applied,
  windows: windows.map(({ start, revision }) => ({
    start: new Date(start).toISOString(),
    end: new Date(windowEnd(item.content.window, start)).toISOString(),
    revision,
  })),
  lateRows: countOf(late),
  late: late.map(({ window, ...rest }) => ({
    ...rest,
    ...(window === undefined ? {} : { window: new Date(window).toISOString() }),
  })),
});
