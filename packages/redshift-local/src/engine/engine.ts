import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { CatalogState, SessionCatalog, type UserEntry } from './catalog';
import { readingFolder } from './copy-sources';
import { type Connection, Database } from './database';
import { addUser } from './ddl';
import { DoneNotes } from './done';
import { WarehouseError } from './errors';
import { KnownShapes } from './json-shapes';
import { logFailure, refreshAutomatically } from './materialized';
import { passwordMatches } from './passwords';
import { QueryHistory } from './query-history';
import { Queue } from './queue';
import type { ResultSet } from './result';
import {
  type Asked,
  type HeldSession,
  type Outcome,
  Run,
  type RunEngine,
  type RunRequest,
  type RunResult,
} from './run';
import { type CommittedCatalog, type EngineOptions, planStatements, Session, type TransactionLog } from './session';
import { systemDdl } from './system-ddl';
import { systemSchema, systemViews } from './system-views';

export type { HeldSession, Outcome, RunRequest, RunResult } from './run';

/** The built-in user of the engine's own transactions. */
const system: UserEntry = { name: 'rdsdb', id: 1, password: '', superuser: true };

/** Most readers at a time. They share the threads of DuckDB with the one writer. */
const maxReaders = 2;

/**
 * The database of one cluster or workgroup. Transactions that write run one at a time. Queries run beside them on the
 * committed state.
 */
export class Engine implements CommittedCatalog, RunEngine {
  private readonly writers = new Queue(1);
  private readonly readers = new Queue(maxReaders);
  private readonly idle: Connection[] = [];
  readonly done = new DoneNotes();
  readonly shapes = new KnownShapes();
  readonly history = new QueryHistory();
  private transactions = 0;
  private queries = 0;
  private lateLogs: { readonly at: number; readonly log: TransactionLog }[] = [];

  private constructor(
    private readonly database: Database,
    readonly options: EngineOptions,
    public committed: CatalogState,
  ) {}

  /** Opens the file. It creates the administrator if that user does not exist. */
  static async open(
    options: EngineOptions,
    admin: { name: string; password: () => Promise<string> | string },
  ): Promise<Engine> {
    // This removes what a killed COPY left behind.
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
      engine.done.adopt(engine.committed.all('done').map(({ tag }) => tag));
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

  /**
   * Creates a user that does not exist, with a random password unless one is given. Returns false if the user existed.
   */
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

  /**
   * Refreshes the stale views with AUTO REFRESH YES. Redshift refreshes them soon after a change; here the next
   * statement waits for it. A refresh that fails is logged, and leaves the view as it is.
   */
  async refreshAutomatically(signal: AbortSignal): Promise<void> {
    const views = this.committed.all('relation').filter(({ autoRefresh }) => autoRefresh);
    for (const view of views) {
      const owner = this.user(view.owner);
      if (!owner || view.broken !== undefined || !(view.stream || this.committed.isStale(view))) continue;
      await this.asWriter(signal, async () => {
        const session = await this.openSession(owner);
        try {
          await session.begin();
          await refreshAutomatically(session, session.state.relation(view) ?? view);
          await session.commit();
        } catch (error) {
          await session.rollback();
          await session.begin();
          await logFailure(session, view, error);
          await session.commit();
        } finally {
          this.closeSession(session, false);
        }
      });
    }
  }

  nextTransactionId(): number {
    this.transactions += 1;
    return this.transactions;
  }

  showLogs(at: number, logs: readonly TransactionLog[]): void {
    this.lateLogs.push(...logs.map((log) => ({ at, log })));
  }

  dueLogs(): readonly TransactionLog[] {
    if (this.lateLogs.length === 0) return [];
    const now = this.options.clock.now();
    const due = this.lateLogs.filter(({ at }) => at <= now);
    this.lateLogs = this.lateLogs.filter(({ at }) => at > now);
    return due.map(({ log }) => log);
  }

  user(name: string): UserEntry | undefined {
    return this.committed.get('user', name);
  }

  /** True if the user exists and the password is correct. */
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

  endSession(held: HeldSession): void {
    held.session?.connection.close();
    held.session = undefined;
  }

  closeSession(session: Session, reusable: boolean): void {
    if (!reusable || session.usedTemporary || this.idle.length >= maxReaders) session.connection.close();
    else this.idle.push(session.connection);
  }

  /** Runs a query as a superuser. Any other statement is refused. */
  async query(sql: string): Promise<ResultSet> {
    const user = this.committed.all('user').find((candidate) => candidate.superuser)!;
    if (this.asks([sql], undefined, this.catalog()) === 'changes')
      throw new WarehouseError('only queries are allowed here');
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

  /**
   * Says what the statements would do on a catalog. A mistake in the first statement is a `mistake`. A later one counts
   * as `changes`.
   */
  asks(sqls: readonly string[], parameters: RunRequest['parameters'], catalog: SessionCatalog): Asked {
    let statements = 0;
    try {
      for (const sql of sqls) {
        for (const { statement } of planStatements(this.options.translate, sql, catalog, parameters)) {
          if (statement.kind !== 'query') return 'changes';
          statements += 1;
        }
      }
    } catch {
      return statements === 0 ? 'mistake' : 'changes';
    }
    return 'queries';
  }

  /** Returns the catalog as of the last commit, with the settings of a session. */
  catalog(of?: SessionCatalog): SessionCatalog {
    const sensitive = of?.caseSensitiveIdentifiers ?? this.options.caseSensitiveIdentifiers;
    const catalog = new SessionCatalog(this.committed, sensitive, this.options.database);
    for (const [name, value] of of?.settings ?? []) catalog.settings.set(name, value);
    return catalog;
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
