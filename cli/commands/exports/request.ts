import { windowEnd, windowStart } from '../../../lambda/export/contract';
import { due } from '../../../lambda/export/due';
import type { ExportWindow } from '../../../lambda/export/layout';
import { warehouseLedger } from '../../../lambda/export/ledger';
import type { ExportFunction } from '../../cloud/export-function';
import { Failure } from '../../failure';
import { plural } from '../../terminal';
import { ask, checkTime, type Work, warehouseTime } from '../work';
import { publications } from './chain';
import type { NamedExport } from './named';

export interface Requested {
  readonly export: string;
  readonly applied: boolean;
  readonly windows: readonly { readonly start: string; readonly end: string; readonly revision: number }[];
  /** Rows that are in no file, since they came late or have no time. */
  readonly lateRows: number;
}

const POLL_MS = 1000;

/** What is due now, by the warehouse's clock. */
async function whatIsDue(work: Work, { pipeline, item }: NamedExport) {
  const now = await clockOf(work);
  const ledger = warehouseLedger({
    environment: work.cloud.names.environment,
    pipeline: pipeline.name,
    warehouse: work.cloud.warehouse,
    remainingMs: work.remainingMs,
  });
  const state = await ledger.state(item, now);
  const survey = await ledger.survey(item, now);
  return { now, ledger, ...due(item, state, survey, now, item.windowsPerTick) };
}

/** The warehouse's clock, in whole minutes. */
export async function clockOf(work: Work): Promise<number> {
  const [row] = await ask(work, 'clock', 'select getdate() as now');
  return Math.floor(warehouseTime(row?.['now']) / 60_000) * 60_000;
}

/** Publishes what is due, or says what it is. */
export async function runNow(work: Work, named: NamedExport, send: ExportFunction | undefined): Promise<Requested> {
  const { now, windows, lateRows } = await whatIsDue(work, named);
  if (send && windows.length > 0) {
    await send({ kind: 'request', export: named.item.name, time: new Date(now).toISOString() });
    await published(work, named, windows);
  }
  return requested(named, windows, lateRows, send !== undefined);
}

/** Publishes one window once more, as a correction. */
export async function runAgain(
  work: Work,
  named: NamedExport,
  start: number,
  send: ExportFunction | undefined,
): Promise<Requested> {
  const { item } = named;
  const { now, ledger, lateRows } = await whatIsDue(work, named);
  const revisions = windowStart(item.content.window, start) === start ? await ledger.revisions(item, now, start) : [];
  if (revisions.length === 0) throw new Failure(await notPublished(work, named, start), 2);
  const windows = [{ start, revision: Math.max(...revisions) + 1 }];
  if (send) {
    const rerun = new Date(start).toISOString();
    await send({ kind: 'request', export: item.name, time: new Date(now).toISOString(), rerun });
    await published(work, named, windows);
  }
  return requested(named, windows, lateRows, send !== undefined);
}

async function notPublished(work: Work, named: NamedExport, start: number): Promise<string> {
  const newest = (await publications(work, named)).slice(-3).map(({ window }) => window.start);
  const known = newest.length > 0 ? `the newest are ${newest.join(', ')}` : 'there is none yet';
  return `window must be the start of a published window of ${named.name}, got ${new Date(start).toISOString()}; ${known}`;
}

/** Waits until a reader sees them. */
async function published(work: Work, named: NamedExport, windows: readonly ExportWindow[]): Promise<void> {
  const stage = work.progress.stage('publish');
  const wanted = windows.map(({ start, revision }) => `${new Date(start).toISOString()} ${revision}`);
  for (;;) {
    const seen = new Set(
      (await publications(work, named)).map(({ window, revision }) => `${window.start} ${revision}`),
    );
    const left = wanted.filter((id) => !seen.has(id)).length;
    if (left === 0) return stage.done(plural(wanted.length, 'window'));
    stage.update(`${plural(left, 'window')} to go`);
    checkTime(work, `${named.name}: waiting for ${plural(left, 'window')}; the function goes on with them`);
    await work.sleep(Math.min(POLL_MS, Math.max(work.remainingMs(), 1)));
  }
}

const requested = (
  { name, item }: NamedExport,
  windows: readonly ExportWindow[],
  lateRows: number,
  applied: boolean,
): Requested => ({
  export: name,
  applied,
  windows: windows.map(({ start, revision }) => ({
    start: new Date(start).toISOString(),
    end: new Date(windowEnd(item.content.window, start)).toISOString(),
    revision,
  })),
  lateRows,
});
