import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { refreshed } from './access';
import { CatalogState, type RelationEntry, SessionCatalog, type UserEntry } from './catalog';
import { readingFolder } from './copy-sources';
import { type Connection, Database } from './database';
import { addUser } from './ddl';
import { DoneNotes } from './done';
import { WarehouseError } from './errors';
import { KnownShapes } from './json-shapes';
import { logFailure, refreshAutomatically } from './materialized';
import { passwordMatches } from './passwords';
import { StatementPlan } from './plan';
import { QueryHistory } from './query-history';
import { Queue } from './queue';
import type { ResultSet } from './result';
import { type HeldSession, type Outcome, Run, type RunRequest, type RunResult } from './run';
import { type EngineOptions, Session, type SharedState, type TransactionLog } from './session';
import type { RunEngine } from './steps';
import { systemDdl } from './system-ddl';
import { systemSchema, systemViews } from './system-views';
import { Transactions } from './transactions';

export type { HeldSession, Outcome, RunRequest, RunResult } from './run';

/** The built-in user of the engine's own transactions. */
const system: UserEntry = { name: 'rdsdb', id: 1, password: '', superuser: true };

/**
 * Most statements that run at a time. They share the threads and the memory of DuckDB. Queries have places of their own,
 * so that long statements do not delay short queries.
 */
const mostQueries = 2;
const mostOthers = 2;
/** Most connections that are kept for later sessions. */
const mostIdle = 8;

/** The database of one cluster or workgroup. Transactions run side by side, each in its own snapshot. */
export class Engine implements SharedState, RunEngine {
  private readonly queries = new Queue(mostQueries);
  private readonly others = new Queue(mostOthers);
  /** Automatic refreshes, one after the other. */
  private readonly automatic = new Queue(1);
  private readonly idle: Connection[] = [];
  readonly transactions: Transactions;
  readonly done = new DoneNotes();
  readonly shapes = new KnownShapes();
  readonly history = new QueryHistory();
  connected = 0;
  private reopening: Promise<void> | undefined;
  private lastQuery = 0;
  private lateLogs: { readonly at: number; readonly log: TransactionLog }[] = [];

  private constructor(
    private readonly database: Database,
    readonly options: EngineOptions,
    committed: CatalogState,
  ) {
    this.transactions = new Transactions(committed, options.database, () => options.interleaving?.());
  }

  /** The catalog as of the last commit. */
  get committed(): CatalogState {
    return this.transactions.committed;
  }

  /** Opens the file. It creates the administrator if that user does not exist. */
  static async open(
    options: EngineOptions,
    admin: { name: string; password: () => Promise<string> | string },
  ): Promise<Engine> {
    // This removes what a killed COPY left behind.
    rmSync(readingFolder(options.file), { recursive: true, force: true });
    const database = await Database.open(options.file, options);
    const connection = await database.connect();
    try {
      for (const statement of systemDdl()) await connection.run(statement);
      const engine = new Engine(database, options, await storedCatalog(connection));
      engine.lastQuery = await lastQueryId(connection);
      engine.transactions.continueAfter(engine.lastQuery);
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
    await session.takeSnapshot();
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
    const session = await this.openSession(system);
    try {
      await session.begin();
      await this.transactions.locks.acquire({
        transaction: session.transactionId,
        relation: `user ${name}`,
        mode: 'access-exclusive',
        signal,
      });
      await session.takeSnapshot();
      const isNew = session.state.get('user', name) === undefined;
      if (isNew) addUser(session.state, name, password, superuser);
      await session.commit();
      return isNew;
    } catch (error) {
      await session.rollback().catch(() => undefined);
      throw error;
    } finally {
      this.closeSession(session, false);
    }
  }

  /**
   * Refreshes the stale views with AUTO REFRESH YES. Redshift refreshes them soon after a change; here the next
   * statement waits for it. A view that another transaction locks keeps for a later statement. A refresh that fails is
   * logged, and leaves the view as it is.
   */
  async refreshAutomatically(signal: AbortSignal): Promise<void> {
    const views = this.committed.all('relation').filter(({ autoRefresh }) => autoRefresh);
    if (views.length === 0) return;
    await this.automatic.run(signal, async () => {
      for (const view of views) {
        const owner = this.user(view.owner);
        if (!owner || view.broken !== undefined || !(view.stream || this.committed.isStale(view))) continue;
        await this.refreshOne(view, owner, signal);
      }
    });
  }

  private async refreshOne(view: RelationEntry, owner: UserEntry, signal: AbortSignal): Promise<void> {
    const { locks } = this.transactions;
    const accesses = refreshed(this.committed, view, false);
    if (accesses.some(({ name, mode }) => !locks.isFree(name, mode))) return;
    const session = await this.openSession(owner);
    try {
      await session.begin();
      for (const { name, mode } of accesses)
        await locks.acquire({ transaction: session.transactionId, relation: name, mode, signal });
      await session.takeSnapshot();
      await refreshAutomatically(session, session.state.relation(view) ?? view);
      await session.commit();
    } catch (error) {
      await session.rollback();
      await session.begin();
      await session.takeSnapshot();
      await logFailure(session, view, error);
      await session.commit();
    } finally {
      this.closeSession(session, false);
    }
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

  /** Reads what is committed by now. */
  readonly onLatest = async <T>(read: (connection: Connection) => Promise<T>): Promise<T> => {
    const connection = await this.database.connect();
    try {
      return await read(connection);
    } finally {
      connection.close();
    }
  };

  async openSession(user: UserEntry): Promise<Session> {
    await this.usable();
    const connection = this.idle.pop() ?? (await this.database.connect());
    this.connected += 1;
    const session = new Session(connection, user, this.options, this);
    const startMs = this.options.clock.now();
    this.history.opened({ pid: session.pid, userId: user.id, user: user.name, startMs });
    return session;
  }

  /** Opens the database again after a fatal error. The catalog is what was committed. */
  private async usable(): Promise<void> {
    if (!this.database.isBroken) return;
    this.reopening ??= this.reopen().finally(() => {
      this.reopening = undefined;
    });
    await this.reopening;
  }

  private async reopen(): Promise<void> {
    this.idle.length = 0;
    await this.database.reopen();
    const connection = await this.database.connect();
    try {
      this.transactions.committed = await storedCatalog(connection);
      this.done.adopt(this.committed.all('done').map(({ tag }) => tag));
    } finally {
      connection.close();
    }
  }

  async isCommitted(tag: string): Promise<boolean> {
    if (!this.database.isBroken) return false;
    await this.usable();
    return this.committed.get('done', tag) !== undefined;
  }

  endSession(held: HeldSession): void {
    if (!held.session) return;
    this.connected -= 1;
    this.history.closed(held.session.pid);
    held.session.connection.close();
    held.session = undefined;
  }

  closeSession(session: Session, reusable: boolean): void {
    this.connected -= 1;
    this.history.closed(session.pid);
    if (!reusable || !session.connection.isOpen || session.usedTemporary || this.idle.length >= mostIdle)
      session.connection.close();
    else this.idle.push(session.connection);
  }

  /** Runs a query as a superuser. Any other statement is refused. */
  async query(sql: string): Promise<ResultSet> {
    const user = this.committed.all('user').find((candidate) => candidate.superuser)!;
    this.requireQueries(sql);
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
    this.lastQuery += 1;
    return this.lastQuery;
  }

  /** @throws WarehouseError for a statement that may change something. A mistake is left to the run. */
  private requireQueries(sql: string): void {
    const { caseSensitiveIdentifiers, database, translate } = this.options;
    const plan = new StatementPlan(
      translate,
      sql,
      new SessionCatalog(this.committed, caseSensitiveIdentifiers, database),
      undefined,
    );
    let kind: string | undefined;
    try {
      do kind = plan.next()?.statement.kind;
      while (kind === 'query');
    } catch {
      return;
    }
    if (kind !== undefined) throw new WarehouseError('only queries are allowed here');
  }

  /** Runs a statement as soon as there is a place for it. */
  execute<T>(isQuery: boolean, signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    return (isQuery ? this.queries : this.others).run(signal, task);
  }

  close(): void {
    for (const connection of this.idle) connection.close();
    this.database.close();
  }
}

/** Reads the catalog. It keeps only the largest of each version. */
async function storedCatalog(connection: Connection): Promise<CatalogState> {
  const objects = `${systemSchema}.objects`;
  await connection.run(
    `delete from ${objects} as o where kind = 'version' and exists (select 1 from ${objects} as later
       where later.kind = 'version' and later.name = o.name and (later.body->>'$.value')::bigint > (o.body->>'$.value')::bigint)`,
  );
  const rows = await connection.rows<{ kind: string; name: string; body: string }>(
    `select kind, name, body::varchar as body from ${objects}`,
  );
  return new CatalogState(new Map(rows.map((row) => [`${row.kind}/${row.name}`, JSON.parse(row.body) as unknown])));
}

async function lastQueryId(connection: Connection): Promise<number> {
  const logs = [...systemViews].filter(
    ([, view]) => view.query === undefined && view.columns.some((column) => column.name === 'query_id'),
  );
  const union = logs.map(([name]) => `select max(query_id) as id from ${systemSchema}.log_${name}`).join(' union all ');
  const [row] = await connection.rows<{ id: bigint | null }>(`select max(id) as id from (${union})`);
  return Number(row?.id ?? 0);
}
