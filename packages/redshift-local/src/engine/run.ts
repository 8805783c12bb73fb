import { placeholders } from '../data-api/placeholders';
import type { Place } from '../statement';
import type { UserEntry } from './catalog';
import { errorText, WarehouseError } from './errors';
import type { Done } from './execute';
import type { Boundary } from './interleaving';
import type { ResultSink } from './result';
import type { Session } from './session';
import { admitted, executed, interruptEveryMs, type RunEngine, type TimeLimit, timeLimit } from './steps';
import { mayStartBlock, requireEndedBlock, requireLiveBlock } from './transaction';

/** A request to run one statement or a batch. */
export interface RunRequest {
  readonly sqls: readonly string[];
  readonly mode: 'transaction' | 'auto-commit';
  /** An existing user of the database. */
  readonly user: string;
  /**
   * Tag under which a commit is noted. A batch that commits one by one uses `<tag>:<n>`.
   * @default - commits are not noted
   */
  readonly tag?: string;
  /** Name of the submission. */
  readonly name?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Aborting it cancels running and waiting statements. */
  readonly signal: AbortSignal;
  /** Called when each of `sqls` starts and ends. */
  readonly onStart?: (index: number) => void;
  readonly onEnd?: (index: number, outcome: Outcome) => void;
  /** Keeps the connection and its temporary tables for the next request. @default - they end with the request */
  readonly held?: HeldSession;
  /** Receives the rows of each of `sqls`. @default - the outcome holds them */
  readonly sinkOf?: (index: number) => ResultSink;
}

/** A session that requests share. The first request opens it, and one request runs at a time. */
export interface HeldSession {
  session?: Session;
}

export type Outcome =
  | ({ readonly status: 'FINISHED'; readonly queryId: number; readonly durationMs: number } & Done)
  | { readonly status: 'FAILED'; readonly error: string; readonly queryId: number; readonly durationMs: number }
  | { readonly status: 'ABORTED'; readonly queryId: number; readonly durationMs: number };

export interface RunResult {
  readonly status: 'FINISHED' | 'FAILED' | 'ABORTED';
  readonly error?: string;
}

/** Runs one request on one session. */
export class Run {
  private opened: Session | undefined;
  /** True if an earlier transaction of the request wrote. */
  private wrote = false;
  private interrupting: NodeJS.Timeout | undefined;
  /** DuckDB ignores an interrupt that arrives just before a query begins, so it is repeated until the run ends. */
  private readonly interrupt = () => {
    this.opened?.connection.interrupt();
    this.interrupting ??= setInterval(this.interrupt, interruptEveryMs);
  };

  constructor(
    private readonly engine: RunEngine,
    private readonly user: UserEntry,
    private readonly request: RunRequest,
  ) {
    this.opened = request.held?.session;
    request.signal.addEventListener('abort', this.interrupt);
  }

  close(): void {
    clearInterval(this.interrupting);
    this.request.signal.removeEventListener('abort', this.interrupt);
    if (this.request.held) this.request.held.session = this.opened;
    else if (this.opened) this.engine.closeSession(this.opened, !this.request.signal.aborted);
  }

  /** Runs all statements in one transaction. */
  async transaction(): Promise<RunResult> {
    const { sqls, onEnd } = this.request;
    const outcomes: Outcome[] = [];
    try {
      await this.begun(sqls.length - 1, this.request.tag, async (session) => {
        for (const [index, sql] of sqls.entries()) {
          const outcome = await this.statement(session, index, sql);
          outcomes.push(outcome);
          if (outcome.status !== 'FINISHED') return false;
          // The end of the last statement is reported after the commit.
          if (index < sqls.length - 1) onEnd?.(index, outcome);
        }
        return true;
      });
    } catch (error) {
      const outcome = this.outcomeOf(error, -1, 0);
      outcomes[Math.max(0, outcomes.length - 1)] = outcome;
    }
    const last = outcomes.length - 1;
    onEnd?.(last, outcomes[last]!);
    for (let index = last + 1; index < sqls.length; index++)
      onEnd?.(index, { status: 'ABORTED', queryId: -1, durationMs: 0 });
    return this.resultOf(last, outcomes[last]!);
  }

  /** Runs each statement in its own transaction. A failed statement does not stop the rest. */
  async autoCommit(): Promise<RunResult> {
    if (mayStartBlock(this.request.sqls)) return this.blocks();
    let result: RunResult = { status: 'FINISHED' };
    for (const [index, sql] of this.request.sqls.entries()) {
      const outcome = await this.alone(index, sql);
      this.request.onEnd?.(index, outcome);
      if (result.status === 'FINISHED') result = this.resultOf(index, outcome);
    }
    return this.request.signal.aborted ? { status: 'ABORTED' } : result;
  }

  /** Does the same as autoCommit, but runs a block from BEGIN to COMMIT as one transaction. */
  private async blocks(): Promise<RunResult> {
    const { sqls, tag } = this.request;
    let result: RunResult = { status: 'FINISHED' };
    await this.begun(sqls.length - 1, tag, async (session) => {
      for (const [index, sql] of sqls.entries()) {
        const outcome = await this.statement(session, index, sql);
        const done = outcome.status === 'FINISHED';
        this.wrote ||= session.wrote;
        if (session.block === undefined) {
          if (done) await session.commit();
          else await session.rollback();
          await session.begin();
        } else if (!done) session.block = 'aborted';
        this.request.onEnd?.(index, outcome);
        if (result.status === 'FINISHED') result = this.resultOf(index, outcome);
      }
      return true;
    });
    return this.request.signal.aborted ? { status: 'ABORTED' } : result;
  }

  private async alone(index: number, sql: string): Promise<Outcome> {
    let outcome: Outcome | undefined;
    try {
      const { tag } = this.request;
      await this.begun(index, tag && `${tag}:${index + 1}`, async (session) => {
        outcome = await this.statement(session, index, sql);
        return outcome.status === 'FINISHED';
      });
      return outcome!;
    } catch (error) {
      return this.outcomeOf(error, -1, 0);
    }
  }

  /**
   * Runs the work in a transaction. It commits if the work returns true.
   * @param index of the last text in the transaction
   */
  private async begun(
    index: number,
    tag: string | undefined,
    work: (session: Session) => Promise<boolean>,
  ): Promise<void> {
    await this.engine.refreshAutomatically(this.request.signal);
    this.request.signal.throwIfAborted();
    const session = await this.begin();
    try {
      // A block without COMMIT or ROLLBACK is rolled back at the end.
      const good = await work(session);
      if (this.request.held) requireEndedBlock(session);
      if (!good || session.block !== undefined) return await session.rollback();
      await this.commit(session, index, tag);
    } catch (error) {
      await session.rollback().catch(() => undefined);
      throw error;
    }
  }

  private async begin(): Promise<Session> {
    this.opened ??= await this.engine.openSession(this.user);
    await this.opened.begin();
    this.opened.block = undefined;
    return this.opened;
  }

  private async commit(session: Session, index: number, tag: string | undefined): Promise<void> {
    if (!this.wrote && !session.wrote) return session.commit();
    session.wrote = true;
    const { signal } = this.request;
    await this.engine.transactions.boundary(this.boundary(session, 'commit', index), signal);
    signal.throwIfAborted();
    let undo: (() => void) | undefined;
    try {
      await session.commit(() => {
        undo = this.engine.done.note(session, tag);
        return session.state.changed.size > 0;
      });
    } catch (error) {
      undo?.();
      if (tag === undefined || !(await this.engine.isCommitted(tag))) throw error;
      await session.rollback().catch(() => undefined);
    }
  }

  private async atBoundary(session: Session, index: number, signal: AbortSignal): Promise<void> {
    await this.engine.transactions.boundary(this.boundary(session, 'statement', index), signal);
    signal.throwIfAborted();
  }

  private boundary(session: Session, point: Boundary['point'], index: number): Boundary {
    const { name = '', sqls } = this.request;
    return { transaction: session.transactionId, name, point, index, sql: sqls[index] ?? '' };
  }

  /** Runs all statements of one text. The last one gives the result. */
  private async statement(session: Session, index: number, sql: string): Promise<Outcome> {
    const startMs = session.clock.now();
    this.engine.history.begins(session.pid, sql, startMs);
    const limit = timeLimit(session, this.request.signal);
    const outcome = await this.timed(session, index, sql, limit);
    clearTimeout(limit.timer);
    clearInterval(limit.timer);
    const status = ({ FINISHED: 'success', FAILED: 'failed', ABORTED: 'canceled' } as const)[outcome.status];
    this.engine.history.add({
      queryId: outcome.queryId,
      transactionId: session.transactionId,
      userId: session.user.id,
      pid: session.pid,
      label: session.catalog.settings.get('query_group') ?? '',
      text: sql,
      status,
      error: outcome.status === 'FAILED' ? outcome.error : '',
      startMs,
      endMs: session.clock.now(),
      rows: outcome.status === 'FINISHED' && outcome.result ? outcome.rows : 0,
    });
    return outcome;
  }

  private async timed(session: Session, index: number, sql: string, limit: TimeLimit): Promise<Outcome> {
    const { request } = this;
    request.onStart?.(index);
    const started = performance.now();
    session.queryId = this.engine.nextQueryId();
    session.sink = request.sinkOf?.(index);
    let place: Place | undefined;
    session.batched = request.mode === 'transaction' && request.sqls.length > 1;
    try {
      const parameters = namedIn(sql, request.parameters);
      const plan = session.plan(sql, parameters);
      let done: Done | undefined;
      await this.atBoundary(session, index, limit.signal);
      for (;;) {
        session.refresh();
        const next = plan.next();
        if (!next) break;
        request.signal.throwIfAborted();
        if (done) requireSingle(done, parameters);
        // Only now is it known that the text has a further statement.
        if (done) await this.atBoundary(session, index, limit.signal);
        place = next.statement.place;
        requireLiveBlock(session, next.statement.kind);
        const at = this.boundary(session, 'statement', index);
        const planned = await admitted(this.engine, session, at, plan, next, limit.signal);
        done = await executed(this.engine, session, planned, limit.signal);
      }
      request.signal.throwIfAborted();
      if (!done) throw new WarehouseError('the statement is empty');
      return { status: 'FINISHED', ...done, queryId: session.queryId, durationMs: performance.now() - started };
    } catch (error) {
      const failed = limit.over ? new WarehouseError("Query cancelled on user's request (statement_timeout)") : error;
      return this.outcomeOf(failed, session.queryId, performance.now() - started, place);
    }
  }

  private outcomeOf(error: unknown, queryId: number, durationMs: number, place?: Place): Outcome {
    if (this.request.signal.aborted) return { status: 'ABORTED', queryId, durationMs };
    return { status: 'FAILED', error: errorText(error, place), queryId, durationMs };
  }

  private resultOf(index: number, outcome: Outcome): RunResult {
    if (outcome.status !== 'FAILED') return { status: outcome.status };
    return {
      status: 'FAILED',
      error: this.request.sqls.length > 1 ? `Query #${index + 1} failed with ${outcome.error}` : outcome.error,
    };
  }
}

/** The parameters for a text of a batch. Its texts share parameters, and one that names none is not prepared. */
function namedIn(sql: string, parameters: RunRequest['parameters']): RunRequest['parameters'] {
  return parameters && placeholders(sql).size > 0 ? parameters : undefined;
}

/**
 * Refuses a further statement in one text, if the text has parameters or an earlier statement gave a result. A text
 * with parameters is prepared, which allows only one statement. AWS does not document which of several results the Data
 * API returns.
 */
function requireSingle(before: Done, parameters: RunRequest['parameters']): void {
  if (parameters) throw new WarehouseError('cannot insert multiple commands into a prepared statement');
  if (before.result)
    throw new WarehouseError('a result before the last statement of a text is not supported by the local warehouse');
}
