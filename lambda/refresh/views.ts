import type { StatementState } from '../shared/warehouse';
import type { RefreshedView, RefreshStep } from './contract';
import type { RefreshHost } from './host';
import { listStatements, type OwnStatement } from './statements';

/** A view that a run could not refresh. */
export interface ViewFailure {
  readonly view: string;
  /** Redshift's message. Undefined for a view that waits. */
  readonly error?: string;
  /** The failed view that this view reads, directly or through others. Undefined for a view that failed itself. */
  readonly waits_for?: string;
}

/** Longest message that is recorded. The column takes 2,048 bytes. */
const longestError = 500;

/** True if a step depends on which views failed: its statements list them, or it refreshes views that read others. */
export const dependsOnViews = ({ views = [], statements }: RefreshStep): boolean =>
  views.some(({ reads }) => reads.length > 0) || statements.some((statement) => statement.includes('{{failures}}'));

/** Reads from the run's statements which views failed before a step of the plan, and which views wait for them. */
export async function viewFailures(host: RefreshHost, runId: string, before: number): Promise<ViewFailure[]> {
  const { steps } = host.plan;
  const statements = await listStatements(host, `${runId}/`);
  const failed = new Map<string, string>();
  for (const step of steps.slice(0, before)) {
    const last = lastAttempt(statements.filter(({ at }) => at.step === step.name));
    if (!step.views || !last || last.status === 'FINISHED') continue;
    const state = await host.warehouse.describe(last.id);
    const submitted = withoutWaiting(step, failuresOf(steps, failed)).views ?? [];
    for (const [view, error] of errorsOf(submitted, state)) failed.set(view, error);
  }
  return failuresOf(steps, failed);
}

/** Returns the step without the statements of views that wait. */
export function withoutWaiting(step: RefreshStep, failures: readonly ViewFailure[]): RefreshStep {
  const { views } = step;
  const isWaiting = (name: string) => failures.some(({ view, waits_for }) => view === name && waits_for !== undefined);
  if (!views) return step;
  const kept = views.flatMap(({ name }, index) => (isWaiting(name) ? [] : [index]));
  return { ...step, views: kept.map((i) => views[i]!), statements: kept.map((i) => step.statements[i]!) };
}

const lastAttempt = (statements: readonly OwnStatement[]) =>
  [...statements].sort((one, other) => one.at.attempt - other.at.attempt).at(-1);

/** Returns the message of each view whose statement did not finish. */
function errorsOf(submitted: readonly RefreshedView[], { parts, error, status }: StatementState): [string, string][] {
  return submitted.flatMap(({ name }, index) => {
    const part = parts[index];
    if (part?.status === 'FINISHED') return [];
    return [[name, (part?.error ?? error ?? status.toLowerCase()).slice(0, longestError)]];
  });
}

/** Returns the failed views and their readers. A view that reads a failed one waits, even if its own refresh worked. */
function failuresOf(steps: readonly RefreshStep[], failed: ReadonlyMap<string, string>): ViewFailure[] {
  const failures = new Map<string, ViewFailure>();
  for (const { name, reads } of steps.flatMap(({ views = [] }) => views)) {
    const cause = reads.map((read) => failures.get(read)).find((failure) => failure !== undefined);
    const error = failed.get(name);
    if (cause) failures.set(name, { view: name, waits_for: cause.waits_for ?? cause.view });
    else if (error !== undefined) failures.set(name, { view: name, error });
  }
  return [...failures.values()];
}
