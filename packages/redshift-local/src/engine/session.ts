import type { Clock, KinesisPort, Principal, S3Port } from 'aws-local-kit';
import { raisingVariable, shapesVariable } from '../json-text';
import type { Statement, Translate } from '../statement';
import { CatalogState, type RelationEntry, SessionCatalog, type UserEntry } from './catalog';
import { type Connection, literal, timestampLiteral } from './database';
import type { KnownShapes } from './json-shapes';
import type { QueryHistory } from './query-history';
import type { ResultSink } from './result';
import type { ScanFault } from './scan-fault';
import { systemSchema } from './system-views';

/** Options of the engine. */
export interface EngineOptions {
  /** DuckDB file. It is created if it does not exist. */
  readonly file: string;
  /** DuckDB threads. @default - one per core, at most 8 */
  readonly threads?: number;
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

/** A statement and the names that its resolution looked up. */
export interface Planned {
  readonly statement: Statement;
  /** `schema.name` of the relations found. */
  readonly found: readonly string[];
  readonly externals: readonly string[];
}

/** A row of a system log, by column. */
export type LogRow = Readonly<Record<string, string | number | boolean | null | LogTimestamp>>;
export interface LogTimestamp {
  readonly epochMs: number;
}

/**
 * A user's connection, for a single statement or a batch. It begins and ends transactions. The draft of the catalog is
 * written in the same transaction as the data that it describes.
 */
export class Session {
  state = new CatalogState();
  readonly catalog: SessionCatalog;
  /** Epoch milliseconds at which the transaction began. */
  now = 0;
  transactionId = 0;
  queryId = 0;
  /** State of a block from BEGIN to COMMIT: open, or aborted by a failed statement. */
  block?: 'open' | 'aborted';
  /** True if the statement is one of several in a transaction. */
  batched = false;
  /** `schema.name` of each relation that this transaction changed. */
  readonly changedRelations = new Set<string>();
  /** True if the connection holds temporary objects. It must not serve another session then. */
  usedTemporary = false;
  /** Id of the server process that would serve the session. */
  readonly pid = nextPid++;
  /** Receives the rows of queries. @default - they are kept in memory */
  sink: ResultSink | undefined;
  private logs: TransactionLog[] = [];
  private temporary = new Map<string, RelationEntry>();

  constructor(
    readonly connection: Connection,
    readonly user: UserEntry,
    readonly options: EngineOptions,
    private readonly store: CommittedCatalog,
  ) {
    this.catalog = new SessionCatalog(
      this.state,
      options.caseSensitiveIdentifiers,
      options.database,
      () => store.history.rows,
    );
  }

  get clock(): Clock {
    return this.options.clock;
  }

  /** Starts a transaction on the committed state. */
  async begin(): Promise<void> {
    for (const { view, rows } of this.store.dueLogs()) await this.connection.run(insertLog(view, rows));
    this.state = this.store.committed.draft();
    for (const [name, entry] of this.temporary) this.state.temporary.set(name, entry);
    this.catalog.state = this.state;
    this.changedRelations.clear();
    this.logs = [];
    this.now = this.options.clock.now();
    this.transactionId = this.store.nextTransactionId();
    const now = timestampLiteral(this.now);
    const variables = {
      millrace_now: now,
      millrace_statement_now: now,
      millrace_user: literal(this.user.name),
      millrace_user_id: String(this.user.id),
      millrace_superuser: String(this.user.superuser),
      millrace_database: literal(this.options.database),
      millrace_pid: String(this.pid),
      millrace_search_path: `[${this.catalog.searchPath.map((name) => literal(name)).join(', ')}]`,
      [shapesVariable]: literal(this.store.shapes.pattern),
      [raisingVariable]: raisingList(this.options.raising?.() ?? []),
    };
    await this.connection.set(variables, 'begin');
  }

  /** @param samples JSON texts; texts of the same shape parse faster from now on */
  async learnShapes(samples: readonly string[]): Promise<void> {
    this.store.shapes.learn(samples);
    await this.connection.set({ [shapesVariable]: literal(this.store.shapes.pattern) });
  }

  /** Sets the value of GETDATE to the time at which the statement begins. */
  async beginStatement(): Promise<void> {
    await this.connection.set({ millrace_statement_now: timestampLiteral(this.options.clock.now()) });
  }

  async commit(): Promise<void> {
    await this.writeCatalog();
    await this.connection.run('commit');
    this.temporary = new Map(this.state.temporary);
    if (this.temporary.size > 0) this.usedTemporary = true;
    if (this.state.changed.size > 0) this.store.committed = this.state.draft();
    await this.writeLogs(this.logs.filter(({ written }) => !written));
  }

  /** Undoes the transaction. Its log rows stay, because Redshift's system logs list failed statements too. */
  async rollback(): Promise<void> {
    await this.connection.run('rollback');
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
  *plan(sql: string, parameters: Readonly<Record<string, string>> | undefined): Generator<Planned> {
    yield* planStatements(this.options.translate, sql, this.catalog, parameters);
  }

  private async writeCatalog(): Promise<void> {
    const changed = [...this.state.changed];
    if (changed.length === 0) return;
    const keys = changed.map((key) => literal(key)).join(', ');
    await this.connection.run(`delete from ${systemSchema}.objects where kind || '/' || name in (${keys})`);
    const rows = changed
      .filter((key) => this.state.raw(key) !== undefined)
      .map((key) => {
        const slash = key.indexOf('/');
        return `(${literal(key.slice(0, slash))}, ${literal(key.slice(slash + 1))}, ${literal(JSON.stringify(this.state.raw(key)))})`;
      });
    if (rows.length > 0) await this.connection.run(`insert into ${systemSchema}.objects values ${rows.join(', ')}`);
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

let nextPid = 1_073_742_000;

/** State that sessions share: the catalog as of the last commit, and logs that are not visible yet. */
export interface CommittedCatalog {
  committed: CatalogState;
  readonly shapes: KnownShapes;
  readonly history: QueryHistory;
  nextTransactionId(): number;
  /** Hides logs until a time, in epoch milliseconds. */
  showLogs(at: number, logs: readonly TransactionLog[]): void;
  /** Removes and returns the hidden logs that are visible by now. */
  dueLogs(): readonly TransactionLog[];
}

export function* planStatements(
  translate: Translate,
  sql: string,
  catalog: SessionCatalog,
  parameters: Readonly<Record<string, string>> | undefined,
): Generator<Planned> {
  catalog.found.clear();
  catalog.externals.clear();
  for (const statement of translate(sql, catalog, parameters)) {
    yield { statement, found: [...catalog.found], externals: [...catalog.externals] };
    catalog.found.clear();
    catalog.externals.clear();
  }
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
