import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { CatalogState, SessionCatalog, type UserEntry } from './catalog';
import { readingFolder } from './copy-sources';
import { type Connection, Database } from './database';
import { addUser } from './ddl';
import { errorText, WarehouseError } from './errors';
import { type Done, execute } from './execute';
import { passwordMatches } from './passwords';
import { Queue } from './queue';
import type { ResultSet } from './result';
import { type CommittedCatalog, type EngineOptions, type Planned, planStatements, Session } from './session';
import { systemDdl, systemSchema, systemViews } from './system-views';
import { mayStartBlock, requireLiveBlock } from './transaction';

/** A statement, or a batch of them. */
export interface RunRequest {
  readonly sqls: readonly string[];
  readonly mode: 'transaction' | 'auto-commit';
  /** Must be a user of the database. */
  readonly user: string;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Aborting it cancels what runs and what waits. */
  readonly signal: AbortSignal;
  /** Told when each of `sqls` starts and ends. */
  readonly onStart?: (index: number) => void;
  readonly onEnd?: (index: number, outcome: Outcome) => void;
}

export type Outcome =
  | ({ readonly status: 'FINISHED'; readonly queryId: number; readonly durationMs: number } & Done)
  | { readonly status: 'FAILED'; readonly error: string; readonly queryId: number; readonly durationMs: number }
  | { readonly status: 'ABORTED'; readonly queryId: number; readonly durationMs: number };

export interface RunResult {
  readonly status: 'FINISHED' | 'FAILED' | 'ABORTED';
  readonly error?: string;
}

/** The owner of what nobody made. */
const system: UserEntry = { name: 'rdsdb', id: 1, password: '', superuser: true };

/** Readers share the threads of DuckDB with the one writer. */
const maxReaders = 2;

/** The database of one cluster or workgroup. Transactions that write run one at a time; queries run beside them on what is committed. */
export class Engine implements CommittedCatalog {
  private readonly writers = new Queue(1);
  private readonly readers = new Queue(maxReaders);
  private readonly idle: Connection[] = [];
  private transactions = 0;
  private queries = 0;

  private constructor(
    private readonly database: Database,
    readonly options: EngineOptions,
    public committed: CatalogState,
  ) {}

  /** Opens the file. A database without users gets the administrator. */
  static async open(
    options: EngineOptions,
    admin: { name: string; password: () => Promise<string> | string },
  ): Promise<Engine> {
    // What a COPY that was killed left behind.
    rmSync(readingFolder(options.file), { recursive: true, force: true });
    const database = await Database.open(options.file, options.threads);
    const connection = await database.connect();
    try {
      for (const statement of systemDdl()) await connection.run(statement);
      const rows = await connection.rows<{ kind: string; name: string; body: string }>(
        `select kind, name, body::varchar as body from ${systemSchema}.objects`,
      );
      const entries = new Map(rows.map((row) => [`${row.kind}/${row.name}`, JSON.parse(row.body) as unknown]));
      const engine = new Engine(database, options, new CatalogState(entries));
      engine.queries = await lastQueryId(connection);
      engine.transactions = engine.queries;
      if (!engine.committed.get('user', admin.name))
        await engine.bootstrap(connection, admin.name, await admin.password());
      return engine;
    } finally {
      connection.close();
    }
  }

  private async bootstrap(connection: Connection, name: string, password: string): Promise<void> {
    const session = new Session(connection, system, this.options, this);
    await session.begin();
    await connection.run('create schema if not exists public');
    session.state.put('schema', 'public', { name: 'public', owner: name });
    addUser(session.state, name, password, true);
    await session.commit();
  }

  /** Makes a user who is not there, with a password that nobody knows unless one is given. Returns false when the user was there. */
  async ensureUser(
    name: string,
    { superuser, password = randomBytes(32).toString('hex') }: { superuser: boolean; password?: string },
    signal: AbortSignal,
  ): Promise<boolean> {
    if (this.user(name)) return false;
    return this.asWriter(signal, async () => {
      if (this.user(name)) return false;
      const session = await this.openSession(system);
      try {
        await session.begin();
        addUser(session.state, name, password, superuser);
        await session.commit();
      } finally {
        this.closeSession(session, false);
      }
      return true;
    });
  }

  nextTransactionId(): number {
    this.transactions += 1;
    return this.transactions;
  }

  user(name: string): UserEntry | undefined {
    return this.committed.get('user', name);
  }

  /** True when the user exists and the password is the user's. */
  authenticate(name: string, password: string): boolean {
    const user = this.user(name);
    return user !== undefined && passwordMatches(user.password, name, password);
  }

  async run(request: RunRequest): Promise<RunResult> {
    const user = this.user(request.user);
    if (!user) throw new WarehouseError(`user "${request.user}" does not exist`);
    const run = new Run(this, user, request);
    try {
      return request.mode === 'transaction' ? await run.transaction() : await run.autoCommit();
    } finally {
      run.close();
    }
  }

  async openSession(user: UserEntry): Promise<Session> {
    return new Session(this.idle.pop() ?? (await this.database.connect()), user, this.options, this);
  }

  closeSession(session: Session, reusable: boolean): void {
    if (!reusable || session.usedTemporary || this.idle.length >= maxReaders) session.connection.close();
    else this.idle.push(session.connection);
  }

  /** A query as a superuser; anything but a query is refused. */
  async query(sql: string): Promise<ResultSet> {
    const user = this.committed.all('user').find((candidate) => candidate.superuser)!;
    if (!this.readOnlyPlans([sql], undefined)) throw new WarehouseError('only queries are allowed here');
    let outcome: Outcome | undefined;
    const signal = new AbortController().signal;
    await this.run({
      sqls: [sql],
      mode: 'transaction',
      user: user.name,
      signal,
      onEnd: (_, ended) => (outcome = ended),
    });
    if (outcome?.status === 'FINISHED' && outcome.result) return outcome.result;
    throw new WarehouseError(outcome?.status === 'FAILED' ? outcome.error : 'the query was stopped');
  }

  nextQueryId(): number {
    this.queries += 1;
    return this.queries;
  }

  /** The plans, if all that is asked is to read what is committed. The first mistake also needs no turn among the writers. */
  readOnlyPlans(sqls: readonly string[], parameters: RunRequest['parameters']): boolean {
    const catalog = new SessionCatalog(this.committed, this.options.caseSensitiveIdentifiers);
    let statements = 0;
    try {
      for (const sql of sqls) {
        for (const { statement } of planStatements(this.options.translate, sql, catalog, parameters)) {
          if (statement.kind !== 'query') return false;
          statements += 1;
        }
      }
    } catch {
      return statements === 0;
    }
    return true;
  }

  asReader<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    return this.readers.run(signal, task);
  }

  asWriter<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    return this.writers.run(signal, task);
  }

  close(): void {
    for (const connection of this.idle) connection.close();
    this.database.close();
  }
}

async function lastQueryId(connection: Connection): Promise<number> {
  const logs = [...systemViews].filter(
    ([, view]) => view.query === undefined && view.columns.some((column) => column.name === 'query_id'),
  );
  const union = logs.map(([name]) => `select max(query_id) as id from ${systemSchema}.log_${name}`).join(' union all ');
  const [row] = await connection.rows<{ id: bigint | null }>(`select max(id) as id from (${union})`);
  return Number(row?.id ?? 0);
}

const interruptEveryMs = 20;

/** One request on one session, which is opened with the first turn. */
class Run {
  private opened: Session | undefined;
  private interrupting: NodeJS.Timeout | undefined;
  /** DuckDB forgets an interruption that comes just before a query begins, so it is repeated until the run ends. */
  private readonly interrupt = () => {
    this.opened?.connection.interrupt();
    this.interrupting ??= setInterval(this.interrupt, interruptEveryMs);
  };

  constructor(
    private readonly engine: Engine,
    private readonly user: UserEntry,
    private readonly request: RunRequest,
  ) {
    request.signal.addEventListener('abort', this.interrupt);
  }

  close(): void {
    clearInterval(this.interrupting);
    this.request.signal.removeEventListener('abort', this.interrupt);
    if (this.opened) this.engine.closeSession(this.opened, !this.request.signal.aborted);
  }

  /** All or nothing. */
  async transaction(): Promise<RunResult> {
    const { sqls, onEnd } = this.request;
    const outcomes: Outcome[] = [];
    try {
      await this.turn(sqls, async (session) => {
        for (const [index, sql] of sqls.entries()) {
          const outcome = await this.statement(session, index, sql);
          outcomes.push(outcome);
          if (outcome.status !== 'FINISHED') return false;
          // The end of the last one is told when it is committed.
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

  /** Each for itself; a failed one does not stop the rest. */
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

  /** As autoCommit, but with what is between BEGIN and COMMIT in one transaction: in one turn, since others may not write meanwhile. */
  private async blocks(): Promise<RunResult> {
    let result: RunResult = { status: 'FINISHED' };
    await this.turn(this.request.sqls, async (session) => {
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
      await this.turn([sql], async (session) => {
        outcome = await this.statement(session, index, sql);
        return outcome.status === 'FINISHED';
      });
      return outcome!;
    } catch (error) {
      return this.outcomeOf(error, -1, 0);
    }
  }

  /** Runs the work in a transaction when its turn has come; commits if it says so. */
  private turn(sqls: readonly string[], work: (session: Session) => Promise<boolean>): Promise<void> {
    const { signal, parameters } = this.request;
    const task = async () => {
      this.opened ??= await this.engine.openSession(this.user);
      const session = this.opened;
      await session.begin();
      session.block = undefined;
      try {
        // A block that nobody ended goes with its session.
        if ((await work(session)) && session.block === undefined) await session.commit();
        else await session.rollback();
      } catch (error) {
        await session.rollback().catch(() => undefined);
        throw error;
      }
    };
    const reads = !this.opened?.usedTemporary && this.engine.readOnlyPlans(sqls, parameters);
    return reads ? this.engine.asReader(signal, task) : this.engine.asWriter(signal, task);
  }

  /** All statements of one text; the last one's result counts. */
  private async statement(session: Session, index: number, sql: string): Promise<Outcome> {
    const { request } = this;
    request.onStart?.(index);
    const started = performance.now();
    session.queryId = this.engine.nextQueryId();
    session.batched = request.mode === 'transaction' && request.sqls.length > 1;
    try {
      await session.beginStatement();
      let done: Done | undefined;
      for (const planned of session.plan(sql, request.parameters)) {
        request.signal.throwIfAborted();
        requireLiveBlock(session, planned.statement.kind);
        checkRefresh(session, planned);
        done = await execute(session, planned);
      }
      if (!done) throw new WarehouseError('the statement is empty');
      return { status: 'FINISHED', ...done, queryId: session.queryId, durationMs: performance.now() - started };
    } catch (error) {
      return this.outcomeOf(error, session.queryId, performance.now() - started);
    }
  }

  private outcomeOf(error: unknown, queryId: number, durationMs: number): Outcome {
    if (this.request.signal.aborted) return { status: 'ABORTED', queryId, durationMs };
    return { status: 'FAILED', error: errorText(error), queryId, durationMs };
  }

  private resultOf(index: number, outcome: Outcome): RunResult {
    if (outcome.status !== 'FAILED') return { status: outcome.status };
    return {
      status: 'FAILED',
      error: this.request.sqls.length > 1 ? `Query #${index + 1} failed with ${outcome.error}` : outcome.error,
    };
  }
}

/** In Redshift a refresh sees only what was committed before, which a transaction of DuckDB cannot do. */
function checkRefresh(session: Session, { statement }: Planned): void {
  if (statement.kind !== 'refresh' || statement.cascade) return;
  const entry = session.state.relation(statement.view);
  const changed = entry?.reads?.find((read) => session.changedRelations.has(`${read.schema}.${read.name}`));
  if (changed)
    throw new WarehouseError(
      `REFRESH after a change of ${changed.schema}.${changed.name} in the same transaction is not modelled by the local warehouse`,
    );
}
