import type { RemainingMs } from '../shared/deadline';
import type { Log } from '../shared/log';
import type { Step } from '../shared/plan';
import { asked, clientToken, renderAll, type Values } from '../shared/statement';
import {
  endOf,
  isAsleep,
  isConflict,
  isPassing,
  isTerminal,
  maxAttempts,
  type Outcome,
  pauseAfter,
  query,
  type StatementState,
  type Submitted,
  type Warehouse,
  WarehouseAsleepError,
} from '../shared/warehouse';

/** Where and how steps are run. */
export interface StepRun {
  /** For messages: `table estore.events`. */
  readonly subject: string;
  /** First part of every statement's name: `millrace/<environment>/deploy/<object>/<stack>/<request id>`. */
  readonly namePrefix: string;
  readonly warehouse: Warehouse;
  readonly log: Log;
  readonly remainingMs: RemainingMs;
  readonly deadline: Deadline;
  /** Error messages that mean that nothing is left to do: what a step creates exists, or what it deletes does not. */
  readonly harmless: RegExp | undefined;
  /** Called after each harmless failure. @default - nothing happens */
  readonly onHarmless?: () => void;
  /** After a harmless failure of a transaction, which undid all of it, its statements are run one by one. */
  readonly retrySingly: boolean;
}

/** When the statements of a request have to end: a fixed time after the first was submitted. Every call finds that first statement again. */
export class Deadline {
  /** When the request's first statement was submitted, in epoch milliseconds; undefined until one was. */
  begunAt: number | undefined;

  constructor(
    /** Epoch milliseconds. */
    private readonly now: () => number,
    readonly limitMs: number,
  ) {}

  /** Called with every statement, in order of submission. */
  note({ createdAt }: Pick<StatementState, 'createdAt'>): void {
    this.begunAt ??= createdAt;
  }

  get isOver(): boolean {
    return this.begunAt !== undefined && this.now() > this.begunAt + this.limitMs;
  }
}

/** `waiting`: time is up and a statement is still running. */
export type Result = 'done' | 'waiting';

/** Fills in the steps, each with those values that it has placeholders for. */
export const renderSteps = (steps: readonly Step[], values: Values): Step[] =>
  steps.map((step) => ({ ...step, statements: renderAll(step.statements, asked(step.statements, values)) }));

/**
 * Runs rendered steps one after the other. It keeps no state: a repeated call gives each statement the same name, so its token finds the first
 * submission, and the call continues where that one is.
 */
export async function runSteps(run: StepRun, steps: readonly Step[], label = ''): Promise<Result> {
  for (const [index, step] of steps.entries()) {
    const at = `${label}${index}`;
    if (step.unless !== undefined && (await hasRow(run, at, step.unless))) continue;
    if (step.refusedIf && (await checkRefusal(run, `${at}.refused-if`, step.refusedIf)) === 'waiting') return 'waiting';
    const state = await runStep(run, at, step);
    if (!isTerminal(state.status)) return 'waiting';
    if (state.status === 'FINISHED') continue;
    if (!isHarmless(run, state)) throw stepError(run, state, at, step);
    run.onHarmless?.();
    if (!run.retrySingly || step.statements.length === 1) continue;
    const single = step.statements.map((sql): Step => ({ name: step.name, mode: 'single', statements: [sql] }));
    if ((await runSteps(run, single, `${at}.`)) === 'waiting') return 'waiting';
  }
  return 'done';
}

const hasRow = async ({ namePrefix, warehouse, remainingMs }: StepRun, at: string, sql: string): Promise<boolean> =>
  (await query(warehouse, `${namePrefix}/${at}.unless`, sql, remainingMs)).rows.length > 0;

/** Asks once: a repeated call finds the first answer, because the step itself may have changed it since. Throws if the query finds a row. */
async function checkRefusal(
  run: StepRun,
  at: string,
  { query: sql, message }: NonNullable<Step['refusedIf']>,
): Promise<Result> {
  const step: Step = { name: 'refused-if', mode: 'single', statements: [sql] };
  const state = await runStep(run, at, step);
  if (!isTerminal(state.status)) return 'waiting';
  if (state.status !== 'FINISHED') throw stepError(run, state, at, step);
  if ((await run.warehouse.rows(state.id)).length > 0) throw new Error(`${run.subject}: ${message}`);
  return 'done';
}

/** Submits a rendered step, or finds it by its position in the request, and waits for its end. Retries a failure that may pass. */
export const runStep = (run: StepRun, at: string, { mode, statements }: Step): Promise<Outcome> =>
  attempt(run, at, (name) => run.warehouse.submit({ name, mode, statements, token: clientToken(name), waits: true }));

/** The same with the whole state, which has the statements of a batch. */
export async function runBatchStep(run: StepRun, at: string, step: Step): Promise<StatementState> {
  const state = await runStep(run, at, step);
  return 'parts' in state ? state : run.warehouse.describe(state.id);
}

/** The same as `runStep` for a statement that `submit` submits under the given name, or finds. */
export async function attempt(
  run: StepRun,
  at: string,
  submit: (name: string) => Promise<Submitted>,
): Promise<Outcome> {
  const { namePrefix, warehouse, log, remainingMs, deadline } = run;
  for (let count = 1; ; count += 1) {
    // A submission waits for the end of its statement. The next call submits it.
    if (remainingMs() <= 0) return notSubmitted;
    const name = `${namePrefix}/${at}${count === 1 ? '' : `/${count}`}`;
    const submitted = await submit(name);
    const { id } = submitted;
    let state = await endOf(warehouse, submitted, remainingMs);
    deadline.note(state);
    if (!isTerminal(state.status) && deadline.isOver) state = await cancel(run, at, id);
    log('submitted', { statement: name, id, status: state.status });
    const hasFailed = state.status === 'FAILED' || state.status === 'ABORTED';
    if (hasFailed && isAsleep(state))
      throw new WarehouseAsleepError(state.error ?? `statement ${id} failed`, state.warehouse?.kind === 'returning');
    if (!hasFailed || count === maxAttempts || !isPassing(state)) return state;
    await pauseAfter(warehouse, count);
  }
}

const notSubmitted: StatementState = { id: '', status: 'SUBMITTED', createdAt: 0, updatedAt: 0, parts: [] };

/** Cancels a statement whose time is over. Throws, unless it finished meanwhile. */
async function cancel({ subject, warehouse, deadline }: StepRun, at: string, id: string): Promise<StatementState> {
  await warehouse.cancel(id);
  const state = await warehouse.describe(id, 1);
  if (state.status === 'FINISHED') return state;
  const minutes = Math.round(deadline.limitMs / 60_000);
  throw new Error(
    `${subject}: statement ${id} of step ${at} did not end within ${minutes} minutes of the deployment's first, and was cancelled. See in Redshift what it waited for, and deploy again`,
  );
}

const isHarmless = ({ harmless }: StepRun, { status, error }: Outcome) =>
  status === 'FAILED' &&
  !isConflict({ error }) &&
  harmless !== undefined &&
  error !== undefined &&
  harmless.test(error);

/** The error for a step that failed or was aborted. */
export function stepError(run: StepRun, state: StatementState, at: string, step: Step): Error {
  const part = state.parts.findIndex(({ status }) => status === 'FAILED' || status === 'ABORTED') + 1 || 1;
  const reason = state.error ?? 'Redshift gave no reason';
  const where = `step ${at} (${step.name}), statement ${part} of ${state.parts.length || step.statements.length}`;
  return new Error(`${run.subject}: ${where} ${state.status.toLowerCase()}: ${reason}`);
}
