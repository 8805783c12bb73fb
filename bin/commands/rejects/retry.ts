import { randomBytes } from 'node:crypto';
import { clientToken, renderAll } from '../../../lambda/shared/statement';
import { isPassing, maxAttempts, type StatementState, waitFor } from '../../../lambda/shared/warehouse';
import type { Pipeline } from '../../../pipelines/definition';
import { publicTables, retryPreview, retryStatements } from '../../../sql';
import { Failure } from '../../failure';
import { ask, type Work } from '../work';
import { type Choice, conditionOf } from './choice';

export interface RetryResult {
  readonly pipeline: string;
  /** Undefined in a dry run. */
  readonly runId?: string;
  /** Rejects of the pipeline that are chosen, before. */
  readonly chosen: number;
  /** Of those, the ones that have columns to look at: the others are no JSON objects. */
  readonly judged: number;
  /** What became, or would become, of those that are sound under the present columns. */
  readonly events: number;
  readonly duplicates: number;
  /** All rejects of the pipeline. */
  readonly before: number;
  readonly after: number;
}

/** Tells what `retryRejects` would do, and changes nothing. */
export async function previewRetry(work: Work, pipeline: Pipeline, choice: Choice): Promise<RetryResult> {
  const { sql, values } = conditionOf(choice);
  const { statements, answer } = retryPreview(pipeline, sql);
  const stage = work.progress.stage('judge');
  const before = await countRejects(work, pipeline, choice);
  const name = `millrace-cli/retry/${pipeline.name}/preview`;
  const ended = await transact(work, name, renderAll(statements, values), false);
  if (ended.status !== 'FINISHED') throw notRetried(pipeline, ended, 'preview');
  const [row = {}] = await work.cloud.warehouse.rows(ended.parts[answer]!.id);
  const [events, duplicates] = [Number(row['events']), Number(row['duplicates'])];
  stage.done(pipeline.name);
  return { pipeline: pipeline.name, ...before, events, duplicates, after: before.before - events - duplicates };
}

/**
 * Merges the chosen rejects once more, in one transaction, under the columns that the tree has: those that are deployed, or the
 * warehouse refuses. Cut short at any point, all of it took effect or nothing.
 * @throws Failure with what the warehouse says; nothing has changed then
 */
export async function retryRejects(work: Work, pipeline: Pipeline, choice: Choice): Promise<RetryResult> {
  const runId = `retry-${new Date().toISOString().replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;
  const { sql, values } = conditionOf(choice);
  const stage = work.progress.stage('retry');
  const before = await countRejects(work, pipeline, choice);
  const statements = renderAll(retryStatements(pipeline, sql), { ...values, run_id: runId });
  for (let attempt = 1; ; attempt++) {
    const name = `millrace-cli/retry/${pipeline.name}/${runId}/${attempt}`;
    const ended = await transact(work, name, statements, true);
    // a transaction whose end was lost on the way counts as failed, and took effect
    const run = await runOf(work, pipeline, runId);
    if (run !== undefined) {
      stage.done(pipeline.name);
      const { before: after } = await countRejects(work, pipeline, choice);
      return { pipeline: pipeline.name, runId, ...before, ...run, after };
    }
    if (ended.status !== 'FAILED' || !isPassing(ended) || attempt === maxAttempts)
      throw notRetried(pipeline, ended, runId);
  }
}

async function transact(work: Work, name: string, statements: string[], once: boolean): Promise<StatementState> {
  const { warehouse } = work.cloud;
  const submission = { name, mode: 'transaction', statements } as const;
  const id = await warehouse.submit(once ? { ...submission, token: clientToken(name) } : submission);
  return waitFor(warehouse, id, work.remainingMs);
}

function notRetried(pipeline: Pipeline, { status, error, id }: StatementState, runId: string): Failure {
  if (status === 'FAILED' || status === 'ABORTED')
    return new Failure(
      `the rejects of ${pipeline.name} were left as they were: the warehouse ${status.toLowerCase()} the transaction: ${error ?? 'it gave no reason'}`,
    );
  return new Failure(
    `the time is up and transaction ${id} is still ${status.toLowerCase()}; ask for run ${runId} in ${publicTables(pipeline).runs} later`,
  );
}

async function runOf(work: Work, pipeline: Pipeline, runId: string) {
  const select = `select events, duplicates from ${publicTables(pipeline).runs} where run_id = {{run}}`;
  const [run] = await ask(work, 'retry', select, { run: runId });
  if (run === undefined) return undefined;
  return { events: Number(run['events']), duplicates: Number(run['duplicates']) };
}

async function countRejects(work: Work, pipeline: Pipeline, choice: Choice) {
  const { sql = 'true', values } = conditionOf(choice);
  const [row] = await ask(
    work,
    'count',
    `select count(*) as amount, count(case when ${sql} then 1 end) as chosen, count(case when ${sql} and is_object(payload) then 1 end) as judged
from ${publicTables(pipeline).rejects}`,
    values,
  );
  return { before: Number(row?.['amount']), chosen: Number(row?.['chosen']), judged: Number(row?.['judged']) };
}
