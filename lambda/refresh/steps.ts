import { undecodedPrefix } from '../load/contract';
import type { Step } from '../shared/plan';
import { asked, placeholdersOf, renderAll } from '../shared/statement';
import type { IdlePlan } from './contract';
import { openViews } from './freshness';
import type { RefreshHost } from './host';
import { startedAt } from './started';
import { submitAs } from './statements';
import { dependsOnViews, type ViewFailure, viewFailures, withoutWaiting } from './views';

/**
 * Submits a step of the plan, or the next one if all views of this step wait. A repeated call finds the statement that
 * the first call submitted.
 * @param known the views that failed in this run. @default - they are read from the run's statements
 */
export async function submitStep(
  host: RefreshHost,
  runId: string,
  index: number,
  attempt: number,
  known?: readonly ViewFailure[],
): Promise<void> {
  const { idle, steps } = host.plan;
  const step = steps[index]!;
  const failures = known ?? (dependsOnViews(step) ? await viewFailures(host, runId, index) : []);
  const { name, mode, statements } = index === 0 && idle ? withQueries(step, idle) : withoutWaiting(step, failures);
  if (statements.length === 0) return submitStep(host, runId, index + 1, 1, failures);
  if (step.views) await openViews(host, runId);
  const { bucket, roleArn, keyArn } = host.unload;
  const values = {
    run_id: runId,
    failures: JSON.stringify(failures),
    undecoded: `s3://${bucket}/${undecodedPrefix}${host.plan.pipeline}/${runId}/`,
    unload_role: roleArn,
    key: keyArn,
    ...(index > 0 && placeholdersOf(...statements).has('started') ? { started: await startedAt(host, runId) } : {}),
  };
  await submitAs(
    host,
    { runId, step: name, attempt },
    { mode, statements: renderAll(statements, asked(statements, values)) },
  );
}

/** Adds the queries that show if the run has work to the first step. */
const withQueries = (first: Step, { started, work }: IdlePlan): Step => ({
  ...first,
  mode: 'auto-commit',
  statements: [started, ...first.statements, ...work],
});
