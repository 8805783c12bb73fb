import type { StepMode } from './plan';
import type { WarehouseStatus } from './warehouse-status';

export type StatementStatus = 'SUBMITTED' | 'PICKED' | 'STARTED' | 'FINISHED' | 'FAILED' | 'ABORTED';

export interface StatementSummary {
  readonly id: string;
  /** Empty when it was submitted without a name. */
  readonly name: string;
  readonly status: StatementStatus;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Has no name, because DescribeStatement returns none. */
export interface StatementState extends Omit<StatementSummary, 'name'> {
  /** Redshift's error, with those of a batch's statements. */
  readonly error?: string;
  /** The statements of a batch, in order. */
  readonly parts: readonly StatementPart[];
  /** Status of the warehouse, for a statement that failed or was aborted. @default - it is `available`, or unknown */
  readonly warehouse?: WarehouseStatus;
}

/** A statement of a batch. */
export interface StatementPart {
  readonly id: string;
  readonly status: string;
  readonly error?: string;
  /** Rows of its result, or that it changed. @default - the Data API does not say */
  readonly rows?: number;
}

export interface Submission {
  readonly name: string;
  readonly mode: StepMode;
  /** Complete SQL. One for mode `single`, 1 to 40 for the others (Data API limit). */
  readonly statements: readonly string[];
  /** Values of `:name` in the statements. Each must be used by one of them (Data API). @default - none */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Sends a status change event to EventBridge. @default false */
  readonly withEvent?: boolean;
  /** A token of the last eight hours returns the statement that was submitted with it. @default - every call submits a new statement */
  readonly token?: string;
  /** Waits a few seconds for the statement's end. @default false */
  readonly waits?: boolean;
}

/** What a submission returns. */
export interface Submitted {
  readonly id: string;
  /** Set if the call has waited, and the statement has finished. */
  readonly finished?: Finished;
}

/** What the submission itself says of a statement that has finished. Only a description has the rest. */
export interface Finished extends Pick<StatementState, 'id' | 'createdAt'> {
  readonly status: 'FINISHED';
  readonly error?: undefined;
  readonly warehouse?: undefined;
}

export type Outcome = StatementState | Finished;

export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** The Redshift Data API, as far as the functions use it. A call throws only if the call itself fails; a failed statement has a status. */
export interface Warehouse {
  submit(submission: Submission): Promise<Submitted>;
  /** @param waitSeconds 1 to 30: waits up to this long for the statement's end. @throws UnknownStatementError */
  describe(id: string, waitSeconds?: number): Promise<StatementState>;
  /** This role's statements of the last 24 hours whose names begin with the prefix, in every status, in no order. */
  list(namePrefix: string): Promise<StatementSummary[]>;
  /** Like `list`, but only statements that have not ended. */
  active(namePrefix: string): Promise<StatementSummary[]>;
  /** Asks Redshift to abort a statement, which takes some time. No effect on one that has ended. */
  cancel(id: string): Promise<void>;
  /** All rows of a finished statement, by lower-case column name. */
  rows(id: string): Promise<Row[]>;
  /** Waits before a retry. @default - no wait, for a warehouse that a test plays */
  pause?(ms: number): Promise<void>;
}

/** For results that are too long for memory. */
export interface RowPages {
  /** The rows of a finished statement, in the Data API's pages. */
  rowPages(id: string): AsyncIterable<readonly Row[]>;
}

/**
 * Retries a statement that failed for a reason that may pass, with pauses, `maxAttempts` times in all.
 * @param submit submits the statement and waits for its end. It gets the number of the attempt, from 1.
 * @param mayPass @default - conflicts, lost connections, and a warehouse that is away
 */
export async function untilPassed<State extends Outcome>(
  warehouse: Pick<Warehouse, 'pause'>,
  submit: (attempt: number) => Promise<State>,
  mayPass: (state: State) => boolean = isPassing,
): Promise<State> {
  for (let attempt = 1; ; attempt += 1) {
    const state = await submit(attempt);
    if (state.status !== 'FAILED' || attempt === maxAttempts || !mayPass(state)) return state;
    await pauseAfter(warehouse, attempt);
  }
}

export const isTerminal = (status: StatementStatus) =>
  status === 'FINISHED' || status === 'FAILED' || status === 'ABORTED';

/** Attempts at a step in one run. */
export const maxAttempts = 3;

/**
 * The warehouse takes no statements for now: it is paused, resuming, rebooting, resizing, being modified or in maintenance. Work waits until it is
 * back.
 */
export class WarehouseAsleepError extends Error {
  constructor(
    message: string,
    /** True when it comes back by itself. */
    readonly returning: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'WarehouseAsleepError';
  }
}

/** The Data API shows this role no such statement: another role submitted it, or it is older than a day. */
export class UnknownStatementError extends Error {
  constructor(id: string, options?: ErrorOptions) {
    super(`statement ${id} is not one of this role's of the last 24 hours`, options);
    this.name = 'UnknownStatementError';
  }
}

/**
 * The state of the statement that an event names. Undefined for a statement of another role: everyone who may run statements chooses their names, so
 * such an event proves nothing about this function's work.
 */
export async function ownState(
  warehouse: Pick<Warehouse, 'describe'>,
  id: string,
): Promise<StatementState | undefined> {
  try {
    return await warehouse.describe(id);
  } catch (error) {
    if (error instanceof UnknownStatementError) return undefined;
    throw error;
  }
}

type Failed = Pick<StatementState, 'error' | 'warehouse'>;

/** Whether a statement failed because the warehouse was paused or away. The control plane says so; a statement's error does not. */
export const isAsleep = ({ warehouse }: Pick<Failed, 'warehouse'>) =>
  warehouse?.kind === 'paused' || warehouse?.kind === 'returning';

/**
 * Errors of transactions that other transactions stopped. Redshift has undone them, so each may run again
 * (https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation-serializable-isolation-troubleshooting.html,
 * https://docs.aws.amazon.com/redshift/latest/dg/c_write_readwrite.html). 1023: no serial order of the transactions, or a
 * row that another one changed. 1018: a table that another one created after the snapshot. The last is reported in
 * https://github.com/aws/amazon-redshift-jdbc-driver/issues/147.
 */
const conflicts = [
  /serializable isolation violation/i,
  /\berror:? *10(?:18|23)\b/i,
  /\bdeadlock\b/i,
  /conflict with concurrent transaction/i,
];

const passing = [
  /\bSlowDown\b|\bStatus 50[03]\b|\bthrottl/i,
  /could not connect/i,
  // A person frees or adds space. No record and no object is to blame.
  /\bdisk full\b|\bno space left\b/i,
  // A cluster that pauses, reboots or is resized ends its connections (PostgreSQL's words for error 57P01).
  /\bterminating connection\b/i,
  /\bconnection\b.*\b(?:failed|failure|lost|reset|refused|closed|timed out|terminated|unavailable)\b/is,
];

/** Whether other transactions stopped this one. Nothing of it took effect. */
export const isConflict = ({ error }: Pick<Failed, 'error'>) =>
  error !== undefined && conflicts.some((pattern) => pattern.test(error));

/** Whether a retry may succeed: after a conflict of transactions, a lost connection, or while the warehouse is away. */
export const isPassing = (failed: Failed) => {
  const { error } = failed;
  return (
    isAsleep(failed) || isConflict(failed) || (error !== undefined && passing.some((pattern) => pattern.test(error)))
  );
};

/** Longest pause before the second attempt. Each further pause is twice as long. */
const firstPauseMs = 500;

/**
 * Waits before a retry, between half and all of the longest pause, so that two functions do not meet again.
 * @param failures attempts so far
 * @param random 0 to 1
 */
export async function pauseAfter(
  warehouse: Pick<Warehouse, 'pause'>,
  failures: number,
  random: () => number = Math.random,
): Promise<void> {
  await warehouse.pause?.(firstPauseMs * 2 ** (failures - 1) * (0.5 + random() / 2));
}

/** Waits by long polling until the statement ends. If time runs out first, the returned status is not terminal. */
export async function waitFor(warehouse: Warehouse, id: string, remainingMs: () => number): Promise<StatementState> {
  for (;;) {
    const waitSeconds = Math.min(20, Math.floor(remainingMs() / 1000));
    if (waitSeconds < 1) return warehouse.describe(id);
    const state = await warehouse.describe(id, waitSeconds);
    if (isTerminal(state.status)) return state;
  }
}

/** Like `waitFor`, for a statement that was just submitted with `waits`. One that finished at once needs no further call. */
export const endOf = async (
  warehouse: Warehouse,
  { id, finished }: Submitted,
  remainingMs: () => number,
): Promise<Outcome> => finished ?? waitFor(warehouse, id, remainingMs);

/** A statement did not finish. The message has what an operator needs to find it. */
export class StatementError extends Error {
  constructor(
    readonly statementName: string,
    readonly state: StatementState,
  ) {
    super(`statement ${statementName} (${state.id}) ${describeEnd(state)}`);
    this.name = 'StatementError';
  }
}

const describeEnd = ({ status, error }: StatementState) =>
  isTerminal(status)
    ? `${status.toLowerCase()}: ${error ?? 'Redshift gave no reason'}`
    : `is still ${status.toLowerCase()}`;

/** Runs one query, or one change that may be repeated, as a new statement. Returns its rows. @throws StatementError, WarehouseAsleepError */
export async function run(warehouse: Warehouse, name: string, sql: string, remainingMs: () => number): Promise<Row[]> {
  return (await query(warehouse, name, sql, remainingMs)).rows;
}

/** Like `run`, and returns the statement's id, for a caller that asks for its end. */
export async function query(
  warehouse: Warehouse,
  name: string,
  sql: string,
  remainingMs: () => number,
): Promise<{ rows: Row[]; id: string }> {
  const { id } = await execute(warehouse, name, sql, remainingMs);
  return { rows: await warehouse.rows(id), id };
}

/** Like `run`, for one statement or a transaction, without reading rows. Retries after conflicts. */
export async function execute(
  warehouse: Warehouse,
  name: string,
  sql: string | readonly string[],
  remainingMs: () => number,
): Promise<Outcome> {
  const submit = async () => {
    const submitted = await warehouse.submit(
      typeof sql === 'string'
        ? { name, mode: 'single', statements: [sql], waits: true }
        : { name, mode: 'transaction', statements: sql, waits: true },
    );
    return endOf(warehouse, submitted, remainingMs);
  };
  const state = await untilPassed(warehouse, submit, isConflict);
  if (state.status === 'FINISHED') return state;
  const failure = new StatementError(name, state);
  if (isAsleep(state))
    throw new WarehouseAsleepError(failure.message, state.warehouse?.kind === 'returning', { cause: failure });
  throw failure;
}
