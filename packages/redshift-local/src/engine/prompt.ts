import type { Parameters, ResultColumn, Statement } from '../statement';
import type { UserEntry } from './catalog';
import { WarehouseError } from './errors';
import { type Done, planColumns } from './execute';
import type { Session } from './session';
import { admitted, executed, interruptEveryMs, type RunEngine, timeLimit } from './steps';
import { requireLiveBlock } from './transaction';

/** State of the transaction between two messages of a client. */
export type PromptStatus = 'idle' | 'block' | 'failed';

/** A statement that was executed. */
export interface Ran {
  readonly statement: Statement;
  readonly done: Done;
  /** What the client should know, although the statement did not fail. */
  readonly warning?: string;
  /** True for a COMMIT that undid a failed block. */
  readonly undone?: boolean;
}

/** A statement that its client, or the end of the connection, cancelled. */
export class Cancelled extends Error {}

/** Redshift's limit for the text of a statement (https://docs.aws.amazon.com/redshift/latest/dg/c_redshift-sql.html). */
export const maxSqlBytes = 16 * 1024 * 1024;

/**
 * The session of a client that sends one statement after the other. Outside of a block from BEGIN to COMMIT, a
 * transaction holds the statements up to `finish`.
 */
export class Prompt {
  private begun = false;

  private constructor(
    private readonly engine: RunEngine,
    private readonly session: Session,
  ) {}

  static async open(engine: RunEngine, user: UserEntry): Promise<Prompt> {
    const session = await engine.openSession(user);
    session.cursors = true;
    session.catalog.maxSqlBytes = maxSqlBytes;
    return new Prompt(engine, session);
  }

  /** Ends the session, and the transaction that it has open. No statement may be running. */
  async close(): Promise<void> {
    try {
      if (this.begun) await this.session.rollback();
    } finally {
      this.engine.closeSession(this.session, false);
    }
  }

  get status(): PromptStatus {
    if (this.session.block === undefined) return 'idle';
    return this.session.block === 'open' ? 'block' : 'failed';
  }

  /** Number of the server process, as PG_BACKEND_PID returns it. */
  get pid(): number {
    return this.session.pid;
  }

  setting(name: string): string | undefined {
    return this.session.catalog.setting(name);
  }

  /** @throws WarehouseError for any statement but the end of a block that failed */
  requireLive(kind: string): void {
    requireLiveBlock(this.session, kind);
  }

  /** Columns of the result of a statement; undefined if it has none. Nothing is executed. */
  async describe(
    sql: string,
    parameters: Parameters,
    signal: AbortSignal,
  ): Promise<readonly ResultColumn[] | undefined> {
    await this.begin(signal);
    this.session.refresh();
    const statement = this.session.plan(sql, parameters).next()?.statement;
    if (statement?.kind === 'explain') return planColumns;
    return statement?.kind === 'query' ? statement.columns : undefined;
  }

  /**
   * Executes the statements of a text. The rows of a query can be read until the generator continues, and later. After
   * an error the transaction is undone.
   * @throws SqlError, WarehouseError, Cancelled, Error of DuckDB
   */
  async *run(sql: string, parameters: Parameters | undefined, signal: AbortSignal): AsyncGenerator<Ran, void> {
    await this.begin(signal);
    const { session } = this;
    const startMs = session.clock.now();
    this.engine.history.begins(session.pid, sql, startMs);
    const limit = timeLimit(session, signal);
    const stopInterrupts = this.interruptOn(signal);
    const work = { rows: 0, error: undefined as unknown, kind: '' };
    session.queryId = this.engine.nextQueryId();
    try {
      const plan = session.plan(sql, parameters);
      for (;;) {
        session.refresh();
        const next = plan.next();
        if (!next) break;
        work.kind = next.statement.kind;
        requireLiveBlock(session, work.kind);
        signal.throwIfAborted();
        const at = { transaction: session.transactionId, name: '', point: 'statement' as const, index: 0, sql };
        await this.engine.transactions.boundary(at, limit.signal);
        const planned = await admitted(this.engine, session, at, plan, next, limit.signal);
        const before = this.status;
        const done = await executed(this.engine, session, planned, limit.signal);
        work.rows = done.result ? done.rows : 0;
        yield { statement: planned.statement, done, ...noticed(work.kind, before) };
      }
    } catch (error) {
      work.error = error;
      if (work.kind === 'commit' || work.kind === 'rollback') session.block = undefined;
      await this.undo();
      if (limit.over) throw new WarehouseError("Query cancelled on user's request (statement_timeout)");
      throw signal.aborted ? new Cancelled("Query cancelled on user's request") : error;
    } finally {
      clearTimeout(limit.timer);
      clearInterval(limit.timer);
      stopInterrupts();
      this.note(sql, startMs, work, signal);
    }
  }

  /** Commits what ran outside of a block. @throws Error of the commit; then everything is undone */
  async finish(signal: AbortSignal): Promise<void> {
    const { session } = this;
    if (!this.begun || session.block !== undefined) return;
    try {
      if (session.wrote) {
        const at = { transaction: session.transactionId, name: '', point: 'commit' as const, index: 0, sql: '' };
        await this.engine.transactions.boundary(at, signal);
      }
      await session.commit();
      this.begun = false;
    } catch (error) {
      await this.undo();
      throw error;
    }
  }

  /** Undoes the open transaction after an error. A block stays failed until its end, and holds no locks. */
  async undo(): Promise<void> {
    const { session } = this;
    if (!this.begun) return;
    this.begun = false;
    await session.rollback();
    if (session.block === undefined) return;
    session.block = 'aborted';
    await session.begin();
    this.begun = true;
  }

  private async begin(signal: AbortSignal): Promise<void> {
    if (this.begun) return;
    await this.engine.refreshAutomatically(signal);
    await this.session.begin();
    this.begun = true;
  }

  /** Interrupts DuckDB when the signal aborts, until the returned function is called. */
  private interruptOn(signal: AbortSignal): () => void {
    let timer: NodeJS.Timeout | undefined;
    const interrupt = () => {
      this.session.connection.interrupt();
      timer ??= setInterval(interrupt, interruptEveryMs);
    };
    signal.addEventListener('abort', interrupt);
    return () => {
      clearInterval(timer);
      signal.removeEventListener('abort', interrupt);
    };
  }

  private note(sql: string, startMs: number, { rows, error }: { rows: number; error: unknown }, signal: AbortSignal) {
    const { session } = this;
    this.engine.history.add({
      queryId: session.queryId,
      transactionId: session.transactionId,
      userId: session.user.id,
      pid: session.pid,
      label: session.catalog.settings.get('query_group') ?? '',
      text: sql,
      status: error === undefined ? 'success' : signal.aborted ? 'canceled' : 'failed',
      error: error === undefined ? '' : String((error as Error).message),
      startMs,
      endMs: session.clock.now(),
      rows,
    });
  }
}

/** What PostgreSQL says of a BEGIN inside a block and of a COMMIT or ROLLBACK outside. */
function noticed(kind: string, before: PromptStatus): Pick<Ran, 'warning' | 'undone'> {
  if (kind === 'begin' && before !== 'idle') return { warning: 'there is already a transaction in progress' };
  if (kind !== 'commit' && kind !== 'rollback') return {};
  if (before === 'idle') return { warning: 'there is no transaction in progress' };
  return { undone: kind === 'commit' && before === 'failed' };
}
