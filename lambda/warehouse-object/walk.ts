import type { Log } from '../shared/log';
import type { Step } from '../shared/plan';
import { asked, clientToken, renderAll, type Values } from '../shared/statement';
import {
  isAsleep,
  isPassing,
  isTerminal,
  maxAttempts,
  type StatementState,
  type Warehouse,
  WarehouseAsleepError,
  waitFor,
} from '../shared/warehouse';

export interface Walk {
  /** For messages: `warehouse object estore.events`. */
  readonly subject: string;
  /** `millrace/<environment>/deploy/<request id>`. */
  readonly namePrefix: string;
  readonly warehouse: Warehouse;
  readonly log: Log;
  readonly remainingMs: () => number;
  readonly deadline: Deadline;
  /** A failure that means that there is nothing to do: what is to be created exists, what is to be deleted does not. */
  readonly harmless: RegExp | undefined;
  /** Whether the statements of a transaction that met it are then run each for itself, because together none of them took effect. */
  readonly apart: boolean;
}

/**
 * When the statements of a request have to be over: so long after the first of them was submitted, which is known whenever it is found again.
 */
export class Deadline {
  /** When the request's first statement was submitted, epoch milliseconds; undefined until one was. */
  begunAt: number | undefined;

  constructor(
    /** Epoch milliseconds. */
    private readonly now: () => number,
    readonly limitMs: number,
  ) {}

  /** Told of every statement, in their order. */
  see({ createdAt }: Pick<StatementState, 'createdAt'>): void {
    this.begunAt ??= createdAt;
  }

  get isOver(): boolean {
    return this.begunAt !== undefined && this.now() > this.begunAt + this.limitMs;
  }
}

/** `waiting`: time is up and a statement still runs. */
export type WalkResult = 'done' | 'waiting';

/** Fills in the steps; each takes of the values what it asks for. */
export const renderSteps = (steps: readonly Step[], values: Values): Step[] =>
  steps.map((step) => ({ ...step, statements: renderAll(step.statements, asked(step.statements, values)) }));

/**
 * Submits the rendered steps one after the other. It keeps no state: a repeated walk names each statement as before, so its token finds the one that
 * was submitted first, and the walk goes on where that one has got to.
 */
export async function walk(host: Walk, steps: readonly Step[], label = ''): Promise<WalkResult> {
  for (const [index, step] of steps.entries()) {
    const at = `${label}${index}`;
    const state = await submit(host, at, step);
    if (!isTerminal(state.status)) return 'waiting';
    if (state.status === 'FINISHED') continue;
    if (!isHarmless(host, state)) throw failure(host, state, at, step);
    if (!host.apart || step.statements.length === 1) continue;
    const single = step.statements.map((sql): Step => ({ name: step.name, mode: 'single', statements: [sql] }));
    const result = await walk(host, single, `${at}.`);
    if (result === 'waiting') return 'waiting';
  }
  return 'done';
}

/** Submits one rendered step under its place in the walk, or finds it, and waits for its end; what may pass is tried again. */
export const submit = (host: Walk, at: string, { mode, statements }: Step): Promise<StatementState> =>
  attempt(host, at, (name) => host.warehouse.submit({ name, mode, statements, token: clientToken(name) }));

/** The same for a statement that `begin` submits under the name that it is given, or finds. */
export async function attempt(
  host: Walk,
  at: string,
  begin: (name: string) => Promise<string>,
): Promise<StatementState> {
  const { namePrefix, warehouse, log, remainingMs, deadline } = host;
  for (let count = 1; ; count += 1) {
    const name = `${namePrefix}/${at}${count === 1 ? '' : `/${count}`}`;
    const id = await begin(name);
    let state = await waitFor(warehouse, id, remainingMs);
    deadline.see(state);
    if (!isTerminal(state.status) && deadline.isOver) state = await cancelled(host, at, state);
    log('submitted', { statement: name, id, status: state.status });
    const failed = state.status === 'FAILED' || state.status === 'ABORTED';
    if (failed && isAsleep(state))
      throw new WarehouseAsleepError(state.error ?? `statement ${id} failed`, state.warehouse?.kind === 'returning');
    if (!failed || count === maxAttempts || !isPassing(state)) return state;
  }
}

/** Ends a statement whose time is over. Throws, unless it finished meanwhile. */
async function cancelled({ subject, warehouse, deadline }: Walk, at: string, { id }: StatementState) {
  await warehouse.cancel(id);
  const state = await warehouse.describe(id, 1);
  if (state.status === 'FINISHED') return state;
  const minutes = Math.round(deadline.limitMs / 60_000);
  throw new Error(
    `${subject}: statement ${id} of step ${at} did not end within ${minutes} minutes of the deployment's first, and was cancelled. See in Redshift what it waited for, and deploy again`,
  );
}

const isHarmless = ({ harmless }: Walk, { status, error }: StatementState) =>
  status === 'FAILED' && harmless !== undefined && error !== undefined && harmless.test(error);

export function failure(host: Walk, state: StatementState, at: string, step: Step): Error {
  const part = state.parts.findIndex(({ status }) => status === 'FAILED' || status === 'ABORTED') + 1 || 1;
  const reason = state.error ?? 'Redshift gave no reason';
  const where = `step ${at} (${step.name}), statement ${part} of ${state.parts.length || step.statements.length}`;
  return new Error(`${host.subject}: ${where} ${state.status.toLowerCase()}: ${reason}`);
}
