import type { Place } from '../statement';
import type { SessionCatalog, UserEntry } from './catalog';
import type { DoneNotes } from './done';
import { errorText, WarehouseError } from './errors';
import { type Done, execute } from './execute';
import type { QueryHistory } from './query-history';
import type { ResultSink } from './result';
import type { Planned, Session } from './session';
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

/**
 * What statements do. `queries` only read. `changes` may write. `mistake` means that the first one cannot be
 * understood.
 */
export type Asked = 'queries' | 'changes' | 'mistake';

/** The part of an engine that a run uses: sessions, the queues of readers and writers, and the committed state. */
export interface RunEngine {
  readonly done: DoneNotes;
  openSession(user: UserEntry): Promise<Session>;
  closeSession(session: Session, reusable: boolean): void;
  nextQueryId(): number;
  catalog(of?: SessionCatalog): SessionCatalog;
  refreshAutomatically(signal: AbortSignal): Promise<void>;
  readonly history: QueryHistory;
  asks(sqls: readonly string[], parameters: RunRequest['parameters'], catalog: SessionCatalog): Asked;
  asReader<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T>;
  asWriter<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T>;
}

const interruptEveryMs = 20;

/** Runs one request on one session, which is opened at the request's first turn. */
export class Run {
  private opened: Session | undefined;
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
      await this.turn(sqls, this.request.tag, async (session) => {
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

  /**
   * Does the same as autoCommit, but runs a block from BEGIN to COMMIT as one transaction. All statements share one
   * turn, so that no other writer comes between them.
   */
  private async blocks(): Promise<RunResult> {
    let result: RunResult = { status: 'FINISHED' };
    await this.turn(this.request.sqls, this.request.tag, async (session) => {
      for (const [index, sql] of this.request.sqls.entries()) {
        const outcome = await this.statement(session, index, sql);
        const done = outcome.status === 'FINISHED';
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
      await this.turn([sql], tag && `${tag}:${index + 1}`, async (session) => {
        outcome = await this.statement(session, index, sql);
        return outcome.status === 'FINISHED';
      });
      return outcome!;
    } catch (error) {
      return this.outcomeOf(error, -1, 0);
    }
  }

  /** Waits for its turn and runs the work in a transaction. It commits if the work returns true. */
  private async turn(
    sqls: readonly string[],
    tag: string | undefined,
    work: (session: Session) => Promise<boolean>,
  ): Promise<void> {
    const { signal, parameters } = this.request;
    await this.engine.refreshAutomatically(signal);
    const catalog = this.engine.catalog(this.opened?.catalog);
    // In a block, the statements after a mistake are run too, and they may write.
    const writes = this.opened?.usedTemporary || mayStartBlock(sqls);
    const asked = writes ? 'changes' : this.engine.asks(sqls, parameters, catalog);
    if (asked !== 'changes') {
      const done = await this.engine.asReader(signal, async () => {
        const session = await this.begin();
        // A statement that was a mistake before the wait may be a change now.
        if (asked === 'mistake' && this.engine.asks(sqls, parameters, session.catalog) === 'changes') {
          await session.rollback();
          return false;
        }
        await this.carryOut(session, work);
        return true;
      });
      if (done) return;
    }
    await this.engine.asWriter(signal, async () =>
      this.carryOut(await this.begin(), work, (session) => this.engine.done.note(session, tag)),
    );
  }

  private async begin(): Promise<Session> {
    this.opened ??= await this.engine.openSession(this.user);
    await this.opened.begin();
    this.opened.block = undefined;
    return this.opened;
  }

  private async carryOut(
    session: Session,
    work: (session: Session) => Promise<boolean>,
    beforeCommit?: (session: Session) => void,
  ): Promise<void> {
    try {
      // A block without COMMIT or ROLLBACK is rolled back at the end.
      const good = await work(session);
      if (this.request.held) requireEndedBlock(session);
      if (!good || session.block !== undefined) return await session.rollback();
      beforeCommit?.(session);
      await session.commit();
    } catch (error) {
      await session.rollback().catch(() => undefined);
      throw error;
    }
  }

  /** Runs all statements of one text. The last one gives the result. */
  private async statement(session: Session, index: number, sql: string): Promise<Outcome> {
    const startMs = session.clock.now();
    const limit = timeLimit(session);
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
      await session.beginStatement();
      let done: Done | undefined;
      for (const planned of session.plan(sql, request.parameters)) {
        request.signal.throwIfAborted();
        if (done) requireSingle(done, request);
        place = planned.statement.place;
        requireLiveBlock(session, planned.statement.kind);
        checkRefresh(session, planned);
        done = await execute(session, planned);
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

/**
 * The time limit that `statement_timeout` sets, in milliseconds of this machine
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_statement_timeout.html).
 */
interface TimeLimit {
  over: boolean;
  timer?: NodeJS.Timeout;
}

function timeLimit(session: Session): TimeLimit {
  const most = Number(session.catalog.setting('statement_timeout'));
  const limit: TimeLimit = { over: false };
  if (!(most > 0)) return limit;
  const interrupt = () => session.connection.interrupt();
  const end = () => {
    limit.over = true;
    interrupt();
    // DuckDB ignores an interrupt that arrives just before a query begins, so it is repeated.
    limit.timer = setInterval(interrupt, interruptEveryMs);
  };
  limit.timer = setTimeout(end, most);
  return limit;
}

/**
 * Refuses a further statement in one text, if the text has parameters or an earlier statement gave a result. A text
 * with parameters is prepared, which allows only one statement. AWS does not document which of several results the Data
 * API returns.
 */
function requireSingle(before: Done, { parameters }: RunRequest): void {
  if (parameters) throw new WarehouseError('cannot insert multiple commands into a prepared statement');
  if (before.result)
    throw new WarehouseError('a result before the last statement of a text is not supported by the local warehouse');
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
