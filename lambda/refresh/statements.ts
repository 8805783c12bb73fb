import { statementNamePrefix } from '../shared/plan';
import { clientToken } from '../shared/statement';
import { formatStatementName, parseStatementName, type StatementName } from '../shared/statement-name';
import type { StatementSummary, Submission } from '../shared/warehouse';
import type { RefreshHost } from './host';

/** A statement of this function, with the parts of its name. */
export type OwnStatement = StatementSummary & { readonly at: StatementName };

type Place = Pick<StatementName, 'runId' | 'step' | 'attempt'>;

const prefixOf = ({ environment, plan }: RefreshHost) => statementNamePrefix(environment, plan.pipeline, 'refresh');

export const nameOf = ({ environment, plan }: RefreshHost, place: Place) =>
  formatStatementName({ environment, pipeline: plan.pipeline, purpose: 'refresh', ...place });

/** Undefined for the statement of another function or pipeline. */
export const parseOwnName = (host: RefreshHost, name: string): StatementName | undefined =>
  name.startsWith(prefixOf(host)) ? parseStatementName(name) : undefined;

/** A statement of this function that has not ended. */
export async function activeStatement(host: RefreshHost): Promise<OwnStatement | undefined> {
  return ownOf(host, await host.warehouse.active(prefixOf(host)))[0];
}

/** The id of another run that has an active statement. */
export async function activeRunBeside(host: RefreshHost, runId: string): Promise<string | undefined> {
  return [...(await activeRuns(host))].find((other) => other !== runId);
}

/** The ids of runs that have an active statement. */
export async function activeRuns(host: RefreshHost): Promise<Set<string>> {
  const active = ownOf(host, await host.warehouse.active(prefixOf(host)));
  return new Set(active.map(({ at }) => at.runId));
}

/** The function's statements whose run ids begin with `runIds`, in no order. */
export async function listStatements(host: RefreshHost, runIds: string): Promise<OwnStatement[]> {
  return ownOf(host, await host.warehouse.list(prefixOf(host) + runIds));
}

const ownOf = (host: RefreshHost, statements: readonly StatementSummary[]): OwnStatement[] =>
  statements.flatMap((statement) => {
    const at = parseOwnName(host, statement.name);
    return at ? [{ ...statement, at }] : [];
  });

/** Whether a step is the one that ends an idle run. */
export const isIdleStep = ({ plan }: RefreshHost, step: string) => step === plan.idle?.step.name;

/** The step of an idle run comes after all others: its end is the end of the run. */
export const stepIndex = (host: RefreshHost, step: string) =>
  isIdleStep(host, step) ? host.plan.steps.length : host.plan.steps.findIndex(({ name }) => name === step);

/** Submits rendered SQL and returns the statement's id. A repeated call finds the statement that the first one submitted. */
export async function submitAs(
  host: RefreshHost,
  place: Place,
  { mode, statements }: Pick<Submission, 'mode' | 'statements'>,
): Promise<string> {
  const name = nameOf(host, place);
  const { id } = await host.warehouse.submit({ name, mode, statements, withEvent: true, token: clientToken(name) });
  host.log('submitted', { statement: name, id });
  return id;
}
