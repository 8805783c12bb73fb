import { randomBytes } from 'node:crypto';
import { renderAll } from '../../../lambda/shared/statement';
import { waitFor } from '../../../lambda/shared/warehouse';
import type { Pipeline } from '../../../pipelines/definition';
import { pipelineTables, retryStatements } from '../../../sql';
import { Failure } from '../../failure';
import { ask, type Work } from '../work';

export interface RetryResult {
  readonly pipeline: string;
  /** What became of the rejects that are sound under the present columns. */
  readonly events: number;
  readonly duplicates: number;
  /** Still rejects, each with its present reason. */
  readonly rejects: number;
}

/**
 * Merges the rejects of a pipeline once more, in one transaction, under the columns that the tree has: those that are deployed, or the
 * warehouse refuses.
 * @throws Failure with what the warehouse says; nothing has changed then
 */
export async function retryRejects(work: Work, pipeline: Pipeline): Promise<RetryResult> {
  const runId = `retry-${new Date().toISOString().replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;
  const { warehouse } = work.cloud;
  const stage = work.progress.stage('retry');
  const id = await warehouse.submit({
    name: `millrace-cli/retry/${pipeline.name}/${runId}`,
    mode: 'transaction',
    statements: renderAll(retryStatements(pipeline), { run_id: runId }),
  });
  const { status, error } = await waitFor(warehouse, id, work.remainingMs);
  if (status !== 'FINISHED')
    throw new Failure(
      status === 'FAILED' || status === 'ABORTED'
        ? `the rejects of ${pipeline.name} were left as they were: the warehouse ${status.toLowerCase()} the transaction: ${error ?? 'it gave no reason'}`
        : `the time is up and transaction ${id} is still ${status.toLowerCase()}; ask for run ${runId} in ${pipelineTables(pipeline).runs} later`,
    );
  const { runs, rejects } = pipelineTables(pipeline);
  const [run] = await ask(work, 'retry', `select events, duplicates from ${runs} where run_id = {{run}}`, {
    run: runId,
  });
  const [left] = await ask(work, 'retry', `select count(*) as amount from ${rejects}`);
  const result = {
    pipeline: pipeline.name,
    events: Number(run?.['events'] ?? 0),
    duplicates: Number(run?.['duplicates'] ?? 0),
    rejects: Number(left?.['amount'] ?? 0),
  };
  stage.done(pipeline.name);
  return result;
}
