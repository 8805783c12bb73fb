import { atMost, type RemainingMs } from '../shared/deadline';
import { render } from '../shared/statement';
import type { StatementName } from '../shared/statement-name';
import { parseTimestamp } from '../shared/timestamp';
import { query, type StatementState } from '../shared/warehouse';
import type { RefreshHost } from './host';
import { isIdleStep, listStatements, nameOf } from './statements';

/** Limit of one query after a run. */
const queryMs = 20_000;

/**
 * Reports a complete run. Where it had work, also how long it took and what it found missing in the stream. `last` is its last statement, of the
 * step `lastStep`.
 */
export async function reportRun(
  host: RefreshHost,
  { runId, step: lastStep }: Pick<StatementName, 'runId' | 'step'>,
  last: Pick<StatementState, 'updatedAt'>,
  remainingMs: RemainingMs,
): Promise<void> {
  // A run that could report something is not idle. Its duration would need a listing, of which the account has three a second.
  if (isIdleStep(host, lastStep)) return host.metrics(last.updatedAt, { RunCompleted: 1 }, { runId });
  const statements = await listStatements(host, `${runId}/`);
  const end = Math.max(...statements.map(({ updatedAt }) => updatedAt), last.updatedAt);
  const start = Math.min(...statements.map(({ createdAt }) => createdAt), end);
  host.metrics(end, { RunCompleted: 1, RunSeconds: (end - start) / 1000 }, { runId });
  await reportGaps(host, runId, remainingMs);
  await reportSkipped(host, runId, remainingMs);
  await reportTotals(host, runId, end, remainingMs);
}

/** Every run reports a gap again until a backfill from the archive has closed it. */
async function reportGaps(host: RefreshHost, runId: string, remainingMs: RemainingMs): Promise<void> {
  const { plan, log, metrics } = host;
  if (plan.gaps === undefined) return;
  const { rows, id } = await queryAfterRun(host, runId, 'gaps', plan.gaps, remainingMs);
  if (rows.length === 0) return;
  const { updatedAt } = await host.warehouse.describe(id);
  for (const { shard_id, after_sequence, from_time, to_time } of rows) {
    const gap = { shard: shard_id, afterSequence: after_sequence, from: from_time, to: to_time };
    log('records of the stream may be missing, backfill them from the archive', gap);
    metrics(updatedAt, { StreamGap: 1 }, gap);
  }
}

async function reportSkipped(host: RefreshHost, runId: string, remainingMs: RemainingMs): Promise<void> {
  const { plan, log, metrics } = host;
  if (plan.skipped === undefined) return;
  const { rows, id } = await queryAfterRun(host, runId, 'skips', plan.skipped, remainingMs);
  if (rows.length === 0) return;
  const { updatedAt } = await host.warehouse.describe(id);
  for (const { shard_id, reason, records, first_sequence, from_time, to_time } of rows) {
    const facts = { shard: shard_id, reason, firstSequence: first_sequence, from: from_time, to: to_time };
    log('Redshift skipped records of the stream, backfill them from the stream or the archive', { ...facts, records });
    metrics(updatedAt, { SkippedRecords: Number(records) }, facts);
  }
}

/** @param end when the run ended: from then on its events are in the views */
async function reportTotals(host: RefreshHost, runId: string, end: number, remainingMs: RemainingMs): Promise<void> {
  const { plan, metrics } = host;
  if (plan.totals === undefined) return;
  const { rows } = await queryAfterRun(host, runId, 'totals', render(plan.totals, { run_id: runId }), remainingMs);
  const [first] = rows;
  if (first === undefined) return;
  const arrived = parseTimestamp(first['first_arrival'] ?? null, 'first_arrival');
  // Only pipelines with subjects count them. They are among the skipped ones.
  const forgotten = Number(first['forgotten'] ?? 0);
  const counts = {
    MergedEvents: Number(first['events']),
    MergedDuplicates: Number(first['duplicates']),
    MergedRejects: Number(first['rejects']),
    MergedSkipped: Number(first['skipped']) - forgotten,
    ...(forgotten > 0 && { MergedForgotten: forgotten }),
  };
  // Only pipelines with a retention count them.
  if (first['expired'] !== undefined) metrics(end, { ExpiredRows: Number(first['expired']) }, { runId });
  metrics(end, arrived === undefined ? counts : { ...counts, FreshnessSeconds: (end - arrived) / 1000 }, { runId });
  for (const { reason, records } of rows)
    if (typeof reason === 'string')
      metrics(end, { RejectedRecords: Number(records) }, { runId }, { Reason: dimensionText(reason) });
}

/** Values of dimensions are ASCII, and CloudWatch refuses long ones (API reference, "Dimension"). */
const dimensionText = (text: string) => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 250);

const queryAfterRun = (host: RefreshHost, runId: string, step: string, sql: string, remainingMs: RemainingMs) =>
  query(host.warehouse, nameOf(host, { runId, step, attempt: 1 }), sql, atMost(queryMs, remainingMs));
