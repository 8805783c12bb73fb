import { randomBytes } from 'node:crypto';
import { blameOf } from '../../../lambda/shared/blame';
import { withForgetKeys } from '../../../lambda/shared/forget-keys';
import { raisedPrefix } from '../../../lambda/shared/plan';
import { clientToken, renderAll } from '../../../lambda/shared/statement';
import {
  isPassing,
  maxAttempts,
  pauseAfter,
  StatementError,
  type StatementState,
  waitFor,
} from '../../../lambda/shared/warehouse';
import type { Pipeline } from '../../../pipelines/definition';
import {
  decodableCondition,
  isRaised,
  isWaiting,
  publicTables,
  retryable,
  retryPreview,
  retryStatements,
} from '../../../sql';
import { Failure } from '../../failure';
import { type Context, queryRows } from '../context';
import { conditionOf, type RejectFilter } from './filter';

export interface RetryResult {
  readonly pipeline: string;
  /** Undefined in a dry run. */
  readonly runId?: string;
  /** Number of selected rejects before the retry. */
  readonly chosen: number;
  /** Number of selected rejects that are JSON with an event. Only these can be typed. */
  readonly judged: number;
  /** Number of rejects that became, or would become, events under the present columns. */
  readonly events: number;
  readonly duplicates: number;
  /** The number of rejects that are meant for another pipeline, according to `where`. */
  readonly skipped: number;
  /** The number of selected rejects that wait, or would wait, for the load function to decode them. */
  readonly waiting: number;
  /**
   * The number of selected rejects that make a statement of the warehouse fail. They are retried only on request, and
   * those that still fail stay.
   */
  readonly raised: number;
  /** Number of all rejects of the pipeline. */
  readonly before: number;
  readonly after: number;
}

/** Counts what `retryRejects` would do, and changes nothing. */
export async function previewRetry(context: Context, pipeline: Pipeline, filter: RejectFilter): Promise<RetryResult> {
  const { sql, values } = conditionOf(filter);
  const { statements, answer } = retryPreview(pipeline, sql);
  const stage = context.progress.stage('judge');
  const before = await countRejects(context, pipeline, filter);
  const name = `millrace-cli/retry/${pipeline.name}/preview`;
  const ended = await transact(context, pipeline, name, renderAll(statements, values), false);
  if (ended.status !== 'FINISHED') throw notRetried(pipeline, ended, 'preview');
  const [row = {}] = await context.cloud.warehouse.rows(ended.parts[answer]!.id);
  const [events, duplicates, skipped, judged, left] = ['events', 'duplicates', 'skipped', 'judged', 'left_over'].map(
    (name) => Number(row[name]),
  ) as [number, number, number, number, number];
  stage.done(pipeline.name);
  return {
    pipeline: pipeline.name,
    ...before,
    judged,
    events,
    duplicates,
    skipped,
    after: before.before - judged + left - before.waiting,
  };
}

/**
 * Merges the selected rejects once more, in one transaction, under the columns of the tree. If other columns are
 * deployed, the warehouse refuses. An interrupted transaction took effect as a whole or not at all. If the filter
 * selects records that once made a statement fail, they follow, each in a transaction of its own. So one that still
 * fails does not stop the others.
 * @throws Failure with the warehouse's message; then nothing has changed
 */
export async function retryRejects(context: Context, pipeline: Pipeline, filter: RejectFilter): Promise<RetryResult> {
  const runId = `retry-${new Date().toISOString().replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;
  context.progress.ifInterrupted('Each transaction takes effect as a whole or not at all. Run it again for the rest.');
  const stage = context.progress.stage('retry');
  const before = await countRejects(context, pipeline, filter);
  const { sql, values } = conditionOf(filter);
  const statements = renderAll(retryStatements(pipeline, sql), { ...values, run_id: runId });
  let { events, duplicates, skipped } = await merged(context, pipeline, runId, statements);
  for (const [number, place] of (await raisedPlaces(context, pipeline, filter)).entries()) {
    const run = `${runId}-${number + 1}`;
    const found = await tryRaised(context, pipeline, place, run);
    events += found?.events ?? 0;
    duplicates += found?.duplicates ?? 0;
    skipped += found?.skipped ?? 0;
  }
  stage.done(pipeline.name);
  const { before: after, raised } = await countRejects(context, pipeline, filter);
  return { pipeline: pipeline.name, runId, ...before, events, duplicates, skipped, raised, after };
}

/** Returns undefined for a record that still makes its transaction fail. */
async function tryRaised(context: Context, pipeline: Pipeline, place: Place, runId: string) {
  const conditions = Object.keys(place).map((column) =>
    column === 'line' ? 'line = {{line}}::bigint' : `${column} = {{${column}}}`,
  );
  const statements = renderAll(retryStatements(pipeline, conditions.join(' and '), 'raised'), {
    ...place,
    run_id: runId,
  });
  try {
    return await merged(context, pipeline, runId, statements);
  } catch (error) {
    if (error instanceof Failure && error.cause instanceof StatementError && blameOf(error.cause.state) !== 'other')
      return undefined;
    throw error;
  }
}

/** The columns that say where a reject comes from, without nulls. */
type Place = Readonly<Record<string, string | number>>;

/** Limit of one call. More such records have one cause, and another call continues. */
const maxRaised = 200;

/** Returns the records that once made a statement fail, if the filter names their reason or one record. */
async function raisedPlaces(context: Context, pipeline: Pipeline, filter: RejectFilter): Promise<Place[]> {
  if (filter.id === undefined && !filter.reason?.includes(raisedPrefix.trim())) return [];
  const { sql = 'true', values } = conditionOf(filter);
  const columns = ['shard_id', 'sequence_number', 'object_key', 'line'];
  const rows = await queryRows(
    context,
    'retry',
    `select distinct ${columns.join(', ')} from ${publicTables(pipeline).rejects} where ${sql} and ${isRaised} limit ${maxRaised}`,
    values,
  );
  return rows.map((row) =>
    Object.fromEntries(
      columns.flatMap((name) => {
        const value = row[name];
        return value === null || value === undefined ? [] : [[name, String(value)]];
      }),
    ),
  );
}

/** Runs the transaction, and returns what it counted. */
async function merged(context: Context, pipeline: Pipeline, runId: string, statements: string[]) {
  for (let attempt = 1; ; attempt++) {
    const name = `millrace-cli/retry/${pipeline.name}/${runId}/${attempt}`;
    const ended = await transact(context, pipeline, name, statements, true);
    // A transaction whose result was lost counts as failed, although it took effect.
    const run = await runOf(context, pipeline, runId);
    if (run !== undefined) return run;
    if (ended.status !== 'FAILED' || !isPassing(ended) || attempt === maxAttempts)
      throw notRetried(pipeline, ended, runId);
    await pauseAfter(context.cloud.warehouse, attempt);
  }
}

async function transact(
  context: Context,
  pipeline: Pipeline,
  name: string,
  statements: string[],
  once: boolean,
): Promise<StatementState> {
  const { cloud } = context;
  const warehouse = withForgetKeys(cloud.warehouse, () => cloud.forgetKeys(pipeline.name));
  const submission = { name, mode: 'transaction', statements } as const;
  const { id } = await warehouse.submit(once ? { ...submission, token: clientToken(name) } : submission);
  return waitFor(warehouse, id, context.remainingMs);
}

function notRetried(pipeline: Pipeline, ended: StatementState, runId: string): Failure {
  const { status, error, id } = ended;
  if (status === 'FAILED' || status === 'ABORTED')
    return new Failure(
      `the rejects of ${pipeline.name} were left as they were: the warehouse ${status.toLowerCase()} the transaction: ${error ?? 'it gave no reason'}`,
      1,
      { cause: new StatementError(runId, ended) },
    );
  return new Failure(
    `the time is up and transaction ${id} is still ${status.toLowerCase()}; look for run ${runId} in ${publicTables(pipeline).runs} later`,
  );
}

async function runOf(context: Context, pipeline: Pipeline, runId: string) {
  const select = `select events, duplicates, coalesce(skipped, 0) as skipped from ${publicTables(pipeline).runs} where run_id = {{run}}`;
  const [run] = await queryRows(context, 'retry', select, { run: runId });
  if (run === undefined) return undefined;
  return { events: Number(run['events']), duplicates: Number(run['duplicates']), skipped: Number(run['skipped']) };
}

async function countRejects(context: Context, pipeline: Pipeline, filter: RejectFilter) {
  const { sql = 'true', values } = conditionOf(filter);
  const [row] = await queryRows(
    context,
    'count',
    `select count(case when not (${isWaiting()}) then 1 end) as amount, count(case when ${sql} and not (${isWaiting()}) then 1 end) as chosen,
  count(case when ${sql} and ${decodableCondition(pipeline) ?? 'false'} then 1 end) as waiting,
  count(case when ${sql} and ${retryable(pipeline)} then 1 end) as judged,
  count(case when ${sql} and ${isRaised} then 1 end) as raised
from ${publicTables(pipeline).rejects}`,
    values,
  );
  const [before, chosen, judged, raised, waiting] = ['amount', 'chosen', 'judged', 'raised', 'waiting'].map((name) =>
    Number(row?.[name]),
  ) as [number, number, number, number, number];
  return { before, chosen, judged, raised, waiting };
}
