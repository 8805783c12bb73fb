import type { StepMode } from './plan';
import type { WarehouseStatus } from './warehouse-status';

export type StatementStatus = 'SUBMITTED' | 'PICKED' | 'STARTED' | 'FINISHED' | 'FAILED' | 'ABORTED';

export interface StatementSummary {
  readonly id: string;
  /** Empty when whoever submitted it gave no name. */
  readonly name: string;
  readonly status: StatementStatus;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** DescribeStatement does not tell the name. */
export interface StatementState extends Omit<StatementSummary, 'name'> {
  /** What Redshift says went wrong, the statements of a batch included. */
  readonly error?: string;
  /** Of a batch: its statements in order. */
  readonly parts: readonly { readonly id: string; readonly status: string; readonly error?: string }[];
  /** Of a statement that failed or was aborted: the state of the warehouse, where that is not `available`. */
  readonly warehouse?: WarehouseStatus;
}

export interface Submission {
  readonly name: string;
  readonly mode: StepMode;
  /** Complete SQL. One for mode `single`, 1 to 40 for the others (Data API limit). */
  readonly statements: readonly string[];
  /** Asks for a status change event on EventBridge. @default false */
  readonly withEvent?: boolean;
  /** A token seen in the last eight hours gives the statement that was submitted with it. @default - every call is a new statement */
  readonly token?: string;
}

export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** The Redshift Data API as the functions need it. Calls throw only for what is wrong with the call; a statement's failure is its status. */
export interface Warehouse {
  /** Returns the statement's id. */
  submit(submission: Submission): Promise<string>;
  /** With `waitSeconds` (1 to 30) the answer may come later, but as soon as the statement ends. */
  describe(id: string, waitSeconds?: number): Promise<StatementState>;
  /** This role's statements of the last 24 hours whose name begins with the prefix, in every status, in no order. */
  list(namePrefix: string): Promise<StatementSummary[]>;
  /** Of those, the ones that have not ended. */
  active(namePrefix: string): Promise<StatementSummary[]>;
  /** Asks to end a statement, which then becomes ABORTED some time later; one that has ended stays as it is. */
  cancel(id: string): Promise<void>;
  /** All rows of a finished statement, by lower-case column name. */
  rows(id: string): Promise<Row[]>;
}

/** For results that are too long to be held at once. */
export interface RowPages {
  /** The rows of a finished statement, as many at a time as the Data API gives. */
  rowPages(id: string): AsyncIterable<readonly Row[]>;
}

export const isTerminal = (status: StatementStatus) =>
  status === 'FINISHED' || status === 'FAILED' || status === 'ABORTED';

/** A step is tried so often in one run. */
export const maxAttempts = 3;

/**
 * The warehouse takes no statements for now: it is paused, or it resumes, reboots, resizes, is modified or in maintenance. No object is at fault; work waits
 * for it, or for the person who resumes it.
 */
export class WarehouseAsleepError extends Error {
  constructor(
    message: string,
    /** True where it comes back by itself. */
    readonly returning: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'WarehouseAsleepError';
  }
}

type Failed = Pick<StatementState, 'error' | 'warehouse'>;

/** Whether a statement failed since the warehouse was paused or away. Asked of the control plane: the message of a statement does not tell. */
export const isAsleep = ({ warehouse }: Pick<Failed, 'warehouse'>) =>
  warehouse?.kind === 'paused' || warehouse?.kind === 'returning';

const passing = [
  /\bSlowDown\b|\bStatus 50[03]\b|\bthrottl/i,
  /serializable isolation violation/i,
  /\berror:? *1023\b/i,
  /\bdeadlock\b/i,
  /could not connect/i,
  // A cluster that pauses, reboots or is resized ends its connections (PostgreSQL's words for error 57P01).
  /\bterminating connection\b/i,
  /\bconnection\b.*\b(?:failed|failure|lost|reset|refused|closed|timed out|terminated|unavailable)\b/is,
];

/** A failure that the same statement may not meet again: a conflict of transactions (error 1023), a deadlock, a lost connection, a warehouse that is away. */
export const isPassing = (failed: Failed) => {
  const { error } = failed;
  return isAsleep(failed) || (error !== undefined && passing.some((pattern) => pattern.test(error)));
};

/** Waits by long polling until the statement ends or no time is left; then the state is not terminal. */
export async function waitFor(warehouse: Warehouse, id: string, remainingMs: () => number): Promise<StatementState> {
  for (;;) {
    const waitSeconds = Math.min(20, Math.floor(remainingMs() / 1000));
    if (waitSeconds < 1) return warehouse.describe(id);
    const state = await warehouse.describe(id, waitSeconds);
    if (isTerminal(state.status)) return state;
  }
}

/** A statement that did not finish, with what an operator needs to find it. */
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

/** Runs one read or one repeatable change to its end, always as a new statement, and returns its rows. Throws StatementError. */
export async function run(warehouse: Warehouse, name: string, sql: string, remainingMs: () => number): Promise<Row[]> {
  return (await query(warehouse, name, sql, remainingMs)).rows;
}

/** As `run`, with the statement's end in epoch milliseconds. */
export async function query(
  warehouse: Warehouse,
  name: string,
  sql: string,
  remainingMs: () => number,
): Promise<{ rows: Row[]; endedAt: number }> {
  const state = await execute(warehouse, name, sql, remainingMs);
  return { rows: await warehouse.rows(state.id), endedAt: state.updatedAt };
}

/** As `run`, for one statement or a transaction whose rows nobody needs, or that are read by the state's id. */
export async function execute(
  warehouse: Warehouse,
  name: string,
  sql: string | readonly string[],
  remainingMs: () => number,
): Promise<StatementState> {
  const id = await warehouse.submit(
    typeof sql === 'string'
      ? { name, mode: 'single', statements: [sql] }
      : { name, mode: 'transaction', statements: sql },
  );
  const state = await waitFor(warehouse, id, remainingMs);
  if (state.status === 'FINISHED') return state;
  const failure = new StatementError(name, state);
  if (isAsleep(state))
    throw new WarehouseAsleepError(failure.message, state.warehouse?.kind === 'returning', { cause: failure });
  throw failure;
}
