import type { Log } from '../shared/log';
import type { Metrics } from '../shared/metrics';
import { statementNamePrefix } from '../shared/plan';
import { asked, clientToken, renderAll } from '../shared/statement';
import { formatStatementName, parseStatementName, type StatementName } from '../shared/statement-name';
import type { StatementSummary, Submission, Warehouse } from '../shared/warehouse';
import type { RefreshPlan } from './contract';

export interface RefreshHost {
  readonly environment: string;
  readonly plan: RefreshPlan;
  readonly warehouse: Warehouse;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** A statement of this function with what its name says. */
export type Known = StatementSummary & { readonly at: StatementName };

export const prefixOf = ({ environment, plan }: RefreshHost) =>
  statementNamePrefix(environment, plan.pipeline, 'refresh');

export function own(host: RefreshHost, name: string): StatementName | undefined {
  return name.startsWith(prefixOf(host)) ? parseStatementName(name) : undefined;
}

/** Submits a step of the plan. */
export async function submit(host: RefreshHost, runId: string, index: number, attempt: number): Promise<void> {
  const { name, mode, statements } = host.plan.steps[index]!;
  const rendered = renderAll(statements, asked(statements, { run_id: runId }));
  await submitAs(host, { runId, step: name, attempt }, { mode, statements: rendered });
}

/** Submits rendered statements under a name of their own, or finds them. */
export async function submitAs(
  { environment, plan, warehouse, log }: RefreshHost,
  at: Pick<StatementName, 'runId' | 'step' | 'attempt'>,
  { mode, statements }: Pick<Submission, 'mode' | 'statements'>,
): Promise<string> {
  const name = formatStatementName({ environment, pipeline: plan.pipeline, purpose: 'refresh', ...at });
  const id = await warehouse.submit({ name, mode, statements, withEvent: true, token: clientToken(name) });
  log('submitted', { statement: name, id });
  return id;
}
