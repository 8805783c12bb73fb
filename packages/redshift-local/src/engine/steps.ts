import { accessesOf, takesSnapshot } from './access';
import type { UserEntry } from './catalog';
import type { DoneNotes } from './done';
import { isRowConflict, WarehouseError } from './errors';
import { type Done, execute } from './execute';
import type { Boundary } from './interleaving';
import { type Latest, unlessOvertaken } from './overtaken';
import type { Planned, StatementPlan } from './plan';
import type { QueryHistory } from './query-history';
import type { Session } from './session';

/** The part of an engine that statements use: sessions, open transactions, and places to run statements in. */
export interface RunEngine extends Latest {
  readonly done: DoneNotes;
  readonly history: QueryHistory;
  openSession(user: UserEntry): Promise<Session>;
  closeSession(session: Session, reusable: boolean): void;
  /**
   * After a fatal error of a commit, says whether the file has the transaction of this tag. DuckDB writes it before the
   * checkpoint that may fail. @throws the error of DuckDB if the file cannot be opened again
   */
  isCommitted(tag: string): Promise<boolean>;
  nextQueryId(): number;
  refreshAutomatically(signal: AbortSignal): Promise<void>;
  execute<T>(isQuery: boolean, signal: AbortSignal, task: () => Promise<T>): Promise<T>;
}

/** DuckDB ignores an interrupt that arrives just before a query begins, so interrupts are repeated. */
export const interruptEveryMs = 20;

/**
 * Takes the locks of a statement, and the snapshot if it is the first that needs one. Returns the statement as resolved
 * on the catalog that it sees then.
 */
export async function admitted(
  { transactions }: RunEngine,
  session: Session,
  at: Boundary,
  plan: StatementPlan,
  first: Planned,
  signal: AbortSignal,
): Promise<Planned> {
  let planned = first;
  let { seen } = session;
  for (;;) {
    session.refresh();
    // Before the snapshot, the catalog may have changed since the statement was resolved.
    if (session.seen !== seen) planned = plan.again();
    seen = session.seen;
    if (!session.base && takesSnapshot(planned) && transactions.snapshotsBeforeWait) {
      await session.takeSnapshot();
      if (session.seen !== seen) continue;
    }
    const accesses = accessesOf(session.state, planned, transactions.isolation);
    await transactions.lock(at, accesses, signal);
    if (!session.base && takesSnapshot(planned)) await session.takeSnapshot();
    session.refresh();
    if (session.seen !== seen) continue;
    transactions.check(session, planned, accesses);
    return planned;
  }
}

/** Executes an admitted statement when there is a place for it. */
export async function executed(
  engine: RunEngine,
  session: Session,
  planned: Planned,
  signal: AbortSignal,
): Promise<Done> {
  const { kind } = planned.statement;
  const isQuery = kind === 'query' || kind === 'explain';
  session.beginStatement();
  checkRefresh(session, planned);
  if (!isQuery && takesSnapshot(planned)) session.wrote = true;
  const task = () => unlessOvertaken(engine, session, planned, () => execute(session, planned));
  try {
    return await engine.execute(isQuery, signal, task);
  } catch (error) {
    if (isRowConflict(String(error))) throw engine.transactions.rowConflict(session, planned);
    throw error;
  }
}

/**
 * The time limit that `statement_timeout` sets, in milliseconds of this machine
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_statement_timeout.html).
 */
export interface TimeLimit {
  over: boolean;
  timer?: NodeJS.Timeout;
  /** Aborted by the limit, and with the request. */
  readonly signal: AbortSignal;
}

export function timeLimit(session: Session, request: AbortSignal): TimeLimit {
  const most = Number(session.catalog.setting('statement_timeout'));
  if (!(most > 0)) return { over: false, signal: request };
  const controller = new AbortController();
  const limit: TimeLimit = { over: false, signal: AbortSignal.any([request, controller.signal]) };
  const interrupt = () => session.connection.interrupt();
  const end = () => {
    limit.over = true;
    controller.abort(new Error('the statement timed out'));
    interrupt();
    limit.timer = setInterval(interrupt, interruptEveryMs);
  };
  limit.timer = setTimeout(end, most);
  return limit;
}

/**
 * Refuses a refresh after a change of its base in the same transaction. In Redshift a refresh sees only data that was
 * committed before, which a DuckDB transaction cannot do.
 */
function checkRefresh(session: Session, { statement }: Planned): void {
  if (statement.kind !== 'refresh' || statement.cascade) return;
  const entry = session.state.relation(statement.view);
  const changed = entry?.reads?.find((read) => session.changedRelations.has(`${read.schema}.${read.name}`));
  if (changed)
    throw new WarehouseError(
      `REFRESH after a change of ${changed.schema}.${changed.name} in the same transaction is not modelled by the local warehouse`,
    );
}
