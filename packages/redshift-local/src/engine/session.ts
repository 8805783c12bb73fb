import type { Clock, KinesisPort, Principal, S3Port } from 'aws-local-kit';
import { raisingVariable, shapesVariable } from '../json-text';
import type { Parameters, Translate } from '../statement';
import { CatalogState, isVersion, type RelationEntry, SessionCatalog, type UserEntry } from './catalog';
import { type Connection, type DatabaseOptions, literal, timestampLiteral } from './database';
import type { Interleaving } from './interleaving';
import type { KnownShapes } from './json-shapes';
import { StatementPlan } from './plan';
import type { QueryHistory } from './query-history';
import type { ResultSink } from './result';
import type { ScanFault } from './scan-fault';
import { temporaryName, temporaryVariable } from './system-parts';
import { systemSchema } from './system-views';
import type { Transactions } from './transactions';

export type { Planned } from './plan';

/** Options of the engine. */
export interface EngineOptions extends DatabaseOptions {
  /** DuckDB file. It is created if it does not exist. */
  readonly file: string;
  /** Name of the Redshift database. */
  readonly database: string;
  readonly clock: Clock;
  readonly s3: S3Port;
  readonly kinesis: KinesisPort;
  readonly translate: Translate;
  /** Assumes a role that is attached to the warehouse, as Redshift does for the database user. */
  assume(roleArn: string, user: string): Principal;
  readonly caseSensitiveIdentifiers: boolean;
  /** Node type of a cluster. A workgroup has none. */
  readonly nodeType?: string;
  /** Fault of a streaming view's refresh that finds records. @default - none */
  scanFault?(): ScanFault | undefined;
  /** When the rows of system logs become visible. @default - at once */
  readonly systemViews?: () => SystemViewLag | undefined;
  /** JSON texts of values. Every statement that asks for their type fails. @default - none */
  raising?(): readonly string[];
  /** Order of the transactions that are open at the same time. @default - each goes on as soon as it can */
  readonly interleaving?: () => Interleaving | undefined;
}

/**
 * When the system views show what a transaction did. Redshift's documentation promises neither that a transaction sees
 * its own rows nor how soon other transactions see them ("System tables and views do not use the same consistency model
 * as regular tables").
 */
export interface SystemViewLag {
  /** True if the open transaction sees the rows of its own statements. */
  readonly openTransaction: boolean;
  /** How long a transaction's rows stay hidden after its end. */
  readonly afterEndMs: number;
}

/** A row of a system log, by column. */
export type LogRow = Readonly<Record<string, string | number | boolean | null | LogTimestamp>>;
export interface LogTimestamp {
  readonly epochMs: number;
}

/**
 * A user's connection, for a single statement or a batch. It begins and ends transactions. A transaction takes its
 * snapshot at the first statement that needs one, and reads what was committed before. The draft of the catalog is
 * written in the same transaction as the data that it describes.
 */
export class Session {
  state = new CatalogState();
  /** The committed catalog that `state` is a draft of. */
  seen = this.state;
  /** The committed catalog of the transaction's snapshot. Undefined before the snapshot. */
  base: CatalogState | undefined;
  /** True if a statement of the transaction did more than read. */
  wrote = false;
  readonly catalog: SessionCatalog;
  /** Epoch milliseconds at which the transaction began. */
  now = 0;
  transactionId = 0;
  queryId = 0;
  /** State of a block from BEGIN to COMMIT: open, or aborted by a failed statement. */
  block?: 'open' | 'aborted';
  /** True if the block began as READ ONLY. */
  readOnly = false;
  /** True if the statement is one of several in a transaction. */
  batched = false;
  /** `schema.name` of each relation that this transaction changed. */
  readonly changedRelations = new Set<string>();
  /** True if the connection holds temporary objects. It must not serve another session then. */
  usedTemporary = false;
  /** Id of the server process that would serve the session. Sessions that follow each other may have the same one. */
  get pid(): number {
    return this.connection.pid;
  }
  /** Receives the rows of queries. @default - they are kept in memory */
  sink: ResultSink | undefined;
  /** True if the client reads rows at its own pace, from a cursor. */
  cursors = false;
  private logs: TransactionLog[] = [];
  private temporary = new Map<string, RelationEntry>();

  constructor(
    readonly connection: Connection,
    readonly user: UserEntry,
    readonly options: EngineOptions,
    private readonly store: SharedState,
  ) {
    this.catalog = new SessionCatalog(this.state, this.caseSensitive, options.database, store.history, () =>
      this.base ? store.transactions.committed : undefined,
    );
  }

  /** What enable_case_sensitive_identifier is at the start of the session. */
  get caseSensitive(): boolean {
    return this.user.caseSensitive ?? this.options.caseSensitiveIdentifiers;
  }

  /** True if the database has other sessions. */
  othersAreConnected(): boolean {
    return this.store.connected > 1;
  }

  get clock(): Clock {
    return this.options.clock;
  }

  /** Starts a transaction. It has no snapshot yet. */
  async begin(): Promise<void> {
    for (const { view, rows } of this.store.dueLogs()) await this.connection.run(insertLog(view, rows));
    this.base = undefined;
    this.wrote = false;
    this.changedRelations.clear();
    this.logs = [];
    this.now = this.options.clock.now();
    this.transactionId = this.store.transactions.nextId();
    this.draft();
  }

  /** Before the snapshot, shows what was committed meanwhile. */
  refresh(): void {
    if (!this.base && this.seen !== this.store.transactions.committed) this.draft();
  }

  private draft(): void {
    this.seen = this.store.transactions.committed;
    this.state = this.seen.draft();
    for (const [name, entry] of this.temporary) this.state.temporary.set(name, entry);
    this.catalog.state = this.state;
  }

  /** Takes the snapshot that the rest of the transaction reads. */
  async takeSnapshot(): Promise<void> {
    await this.store.transactions.atMoment(async () => {
      this.refresh();
      // A transaction of DuckDB has its snapshot from its first read.
      this.connection.set(this.variables());
      await this.connection.run(`begin; from ${systemSchema}.objects limit 0`);
      this.base = this.seen;
      this.store.transactions.began(this);
    });
  }

  /** What system views and functions of translated statements read. */
  private variables(): Record<string, string> {
    const now = timestampLiteral(this.now);
    return {
      millrace_now: now,
      millrace_statement_now: timestampLiteral(this.options.clock.now()),
      [temporaryVariable]: this.temporaryEntries(),
      millrace_user: literal(this.user.name),
      millrace_user_id: String(this.user.id),
      millrace_superuser: String(this.user.superuser),
      millrace_database: literal(this.options.database),
      millrace_pid: String(this.pid),
      millrace_search_path: `[${this.catalog.searchPath.map((name) => literal(name)).join(', ')}]`,
      [shapesVariable]: literal(this.store.shapes.pattern),
      [raisingVariable]: raisingList(this.options.raising?.() ?? []),
    };
  }

  private temporaryEntries(): string {
    const entries = [...this.state.temporary.values()].map((entry) => ({ ...entry, schema: temporaryName }));
    return literal(JSON.stringify(entries));
  }

  /** @param samples JSON texts; texts of the same shape parse faster from now on */
  learnShapes(samples: readonly string[]): void {
    this.store.shapes.learn(samples);
    this.connection.set({ [shapesVariable]: literal(this.store.shapes.pattern) });
  }

  /** Sets the time of GETDATE, and before the snapshot everything else that a statement reads. */
  beginStatement(): void {
    const statement = {
      millrace_statement_now: timestampLiteral(this.options.clock.now()),
      [temporaryVariable]: this.temporaryEntries(),
    };
    this.connection.set(this.base ? statement : this.variables());
  }

  /** @param beforeCommit adds to what is committed. It must return false if there is nothing to add. */
  async commit(beforeCommit: (session: Session) => boolean = () => false): Promise<void> {
    if (this.wrote && !this.base) await this.takeSnapshot();
    if (!beforeCommit(this) && this.state.changed.size === 0) {
      if (this.base) await this.connection.run('commit');
    } else
      await this.store.transactions.atMoment(async () => {
        // One call, because each call costs a switch of threads.
        await this.connection.run([...this.catalogChanges(), 'commit'].join('; '));
        this.store.transactions.publish(this);
      });
    this.temporary = new Map(this.state.temporary);
    if (this.temporary.size > 0) this.usedTemporary = true;
    this.store.transactions.end(this, true);
    await this.writeLogs(this.logs.filter(({ written }) => !written));
  }

  /** Undoes the transaction. Its log rows stay, because Redshift's system logs list failed statements too. */
  async rollback(): Promise<void> {
    try {
      if (this.base) await this.connection.run('rollback');
    } finally {
      this.store.transactions.end(this, false);
    }
    await this.writeLogs(this.logs);
  }

  /** Writes logs after the end of their transaction, or defers them. */
  private async writeLogs(logs: readonly TransactionLog[]): Promise<void> {
    this.logs = [];
    const lagMs = this.options.systemViews?.()?.afterEndMs ?? 0;
    if (lagMs > 0) this.store.showLogs(this.options.clock.now() + lagMs, logs);
    else for (const { view, rows } of logs) await this.connection.run(insertLog(view, rows));
  }

  async log(view: string, ...rows: LogRow[]): Promise<void> {
    const written = this.options.systemViews?.()?.openTransaction ?? true;
    for (let start = 0; start < rows.length; start += 1000) {
      const part = rows.slice(start, start + 1000);
      this.logs.push({ view, rows: part, written });
      if (written) await this.connection.run(insertLog(view, part));
    }
  }

  /** Columns that most logs share. */
  logBase() {
    return { user_id: this.user.id, query_id: this.queryId, transaction_id: this.transactionId };
  }

  changed(relation: string): void {
    this.state.bump(relation);
    this.changedRelations.add(relation);
  }

  /** Resolves one statement of the text at a time, after the previous one was executed. */
  plan(sql: string, parameters: Parameters | undefined): StatementPlan {
    this.catalog.raising = (this.options.raising?.() ?? []).length > 0;
    return new StatementPlan(this.options.translate, sql, this.catalog, parameters);
  }

  /** The statements that write the draft of the catalog. */
  private catalogChanges(): string[] {
    const statements: string[] = [];
    const next = this.store.transactions.committed.with(this.state, this.base!);
    const changed = [...this.state.changed];
    const replaced = changed.filter((key) => !isVersion(key)).map((key) => literal(key));
    if (replaced.length > 0)
      statements.push(`delete from ${systemSchema}.objects where kind || '/' || name in (${replaced.join(', ')})`);
    const rows = changed
      .filter((key) => next.raw(key) !== undefined)
      .map((key) => {
        const slash = key.indexOf('/');
        return `(${literal(key.slice(0, slash))}, ${literal(key.slice(slash + 1))}, ${literal(JSON.stringify(next.raw(key)))})`;
      });
    if (rows.length > 0) statements.push(`insert into ${systemSchema}.objects values ${rows.join(', ')}`);
    return statements;
  }
}

const raisingList = (values: readonly string[]) =>
  values.length === 0 ? 'null::varchar[]' : `[${values.map((value) => literal(value)).join(', ')}]`;

/**
 * Rows that a transaction logged. `written` is true if they are in the log already, so that the transaction sees them.
 */
export interface TransactionLog {
  readonly view: string;
  readonly rows: readonly LogRow[];
  readonly written: boolean;
}

/** State that sessions share: transactions, and logs that are not visible yet. */
export interface SharedState {
  readonly transactions: Transactions;
  /** Number of open sessions. */
  readonly connected: number;
  readonly shapes: KnownShapes;
  readonly history: QueryHistory;
  /** Hides logs until a time, in epoch milliseconds. */
  showLogs(at: number, logs: readonly TransactionLog[]): void;
  /** Removes and returns the hidden logs that are visible by now. */
  dueLogs(): readonly TransactionLog[];
}

/** Inserts log rows as one JSON text, because DuckDB is slow with a long VALUES list. */
function insertLog(view: string, rows: readonly LogRow[]): string {
  const names = Object.keys(rows[0] ?? {});
  const texts = JSON.stringify(rows.map((row) => names.map((name) => logValue(row[name]))));
  const columns = names.map((name, i) =>
    rows.some((row) => isTime(row[name])) ? `make_timestamp(cast(r ->> ${i} as bigint))` : `r ->> ${i}`,
  );
  return `insert into ${systemSchema}.log_${view} (${names.map((name) => `"${name}"`).join(', ')})
    select ${columns.join(', ')} from (select unnest(json_extract(${literal(texts)}, '$[*]')) as r)`;
}

const isTime = (value: LogRow[string] | undefined): value is LogTimestamp =>
  typeof value === 'object' && value !== null;

/** Converts times to microseconds. */
const logValue = (value: LogRow[string] | undefined) =>
  isTime(value) ? Math.round(value.epochMs * 1000) : (value ?? null);
