import type { Isolation } from '../statement';
import type { Access } from './access';
import { type CatalogState, qualified } from './catalog';
import { Dependencies } from './dependencies';
import { conflict, WarehouseError } from './errors';
import type { Boundary, Interleaving } from './interleaving';
import { LockTable } from './locks';
import type { Planned } from './plan';
import { Queue } from './queue';

/** What other transactions need to know about one. */
export interface OpenTransaction {
  readonly transactionId: number;
  /** The catalog of its snapshot, once it has taken one. */
  readonly base: CatalogState | undefined;
  readonly state: CatalogState;
  /** Tables that it wrote. */
  readonly changedRelations: ReadonlySet<string>;
}

/**
 * The transactions of a database that run side by side: their locks, their snapshots and the order of their commits.
 */
export class Transactions {
  readonly locks = new LockTable();
  private readonly dependencies = new Dependencies();
  /** Commits and the taking of snapshots, one at a time. */
  private readonly moments = new Queue(1);
  private commits = 0;
  private last = 0;
  /** The last committed transaction that wrote a table. */
  private readonly writers = new Map<string, number>();
  /** The tables in which an open transaction has changed or deleted rows. */
  private readonly changing = new Map<number, Set<string>>();
  /** By table, the number of the last commit that changed or deleted rows. */
  private readonly changes = new Map<string, number>();
  /** The number of commits in the snapshot of an open transaction. */
  private readonly snapshots = new Map<number, number>();

  constructor(
    public committed: CatalogState,
    private readonly database: string,
    private readonly interleaving: () => Interleaving | undefined = () => undefined,
  ) {}

  get isolation(): Isolation {
    return this.committed.get('database', this.database)?.isolation ?? 'snapshot';
  }

  nextId(): number {
    this.last += 1;
    return this.last;
  }

  /** Transaction ids continue after this one. */
  continueAfter(id: number): void {
    this.last = id;
  }

  /** True if a statement that has to wait for a lock has its snapshot from before the wait. */
  get snapshotsBeforeWait(): boolean {
    return this.interleaving()?.snapshots === 'before-wait';
  }

  /** Runs the work between two commits, so that the snapshot and the catalog of a transaction agree. */
  atMoment<T>(work: () => Promise<T>): Promise<T> {
    return this.moments.run(new AbortController().signal, work);
  }

  /** Records a snapshot that was just taken. */
  began({ transactionId }: OpenTransaction): void {
    this.snapshots.set(transactionId, this.commits);
    if (this.isolation === 'serializable') this.dependencies.begin(transactionId, this.commits);
  }

  /** Publishes a transaction that was just committed. */
  publish(transaction: OpenTransaction): void {
    const { base, state, changedRelations, transactionId } = transaction;
    this.committed = this.committed.with(state, base!);
    for (const relation of changedRelations) this.writers.set(relation, transactionId);
    this.commits += 1;
    for (const table of this.changing.get(transactionId) ?? []) this.changes.set(table, this.commits);
    this.dependencies.commit(transactionId, this.commits);
  }

  /** Ends a transaction. Its locks are free from now on. */
  end({ transactionId }: OpenTransaction, committed: boolean): void {
    if (committed) this.dependencies.commit(transactionId, this.commits);
    else this.dependencies.rollback(transactionId);
    this.changing.delete(transactionId);
    this.snapshots.delete(transactionId);
    this.locks.release(transactionId);
    this.interleaving()?.ended?.(transactionId);
  }

  /** Waits until the transaction may go on, or is cancelled. */
  async boundary(at: Boundary, signal: AbortSignal): Promise<void> {
    const going = this.interleaving()?.boundary(at);
    if (!going) return;
    await new Promise<void>((resolve, reject) => {
      const stop = () => resolve();
      signal.addEventListener('abort', stop, { once: true });
      going.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    });
  }

  /** Takes the locks. Waits as long as other transactions hold conflicting ones. */
  async lock(at: Boundary, accesses: readonly Access[], signal: AbortSignal): Promise<void> {
    const { transaction } = at;
    const onWait = (blockers: readonly number[]) => this.interleaving()?.waits?.(transaction, blockers);
    let waited = false;
    for (const { name, mode } of accesses) {
      if (await this.locks.acquire({ transaction, relation: name, mode, signal, onWait })) waited = true;
    }
    if (waited) await this.boundary({ ...at, point: 'locked' }, signal);
    signal.throwIfAborted();
  }

  /** Checks that the statement can run in the transaction's snapshot. @throws WarehouseError for a conflict */
  check(transaction: OpenTransaction, planned: Planned, accesses: readonly Access[]): void {
    for (const access of accesses) {
      this.requireDefinition(transaction, planned, access);
      if (access.use === undefined) continue;
      if (access.use === 'read-write') this.noteChange(transaction, access.name);
      const circle = this.dependencies.use(transaction.transactionId, access.name, access.use);
      if (circle) throw this.violation(access.name, circle);
    }
  }

  private noteChange({ transactionId }: OpenTransaction, table: string): void {
    const tables = this.changing.get(transactionId) ?? new Set();
    this.changing.set(transactionId, tables.add(table));
  }

  /** True if another transaction has changed or deleted rows of the table since this one's snapshot. */
  isOvertaken({ transactionId }: OpenTransaction, table: string): boolean {
    return (this.changes.get(table) ?? 0) > (this.snapshots.get(transactionId) ?? this.commits);
  }

  /** The error of a transaction that changes a row that another one has changed since its snapshot. */
  rowConflict({ transactionId }: OpenTransaction, { statement }: Planned): WarehouseError {
    const table = 'target' in statement ? qualified(statement.target) : undefined;
    return table === undefined
      ? new WarehouseError(conflict)
      : this.violation(table, [transactionId, this.writers.get(table) ?? transactionId]);
  }

  /** Redshift names the table by its id. The local warehouse names it by its name. */
  private violation(table: string, circle: readonly number[]): WarehouseError {
    return new WarehouseError(
      `1023 DETAIL: Serializable isolation violation on table - ${table}, transactions forming the cycle are: ${circle.join(', ')}`,
    );
  }

  /** Refuses a relation whose definition is another one than in the transaction's snapshot. */
  private requireDefinition({ base }: OpenTransaction, { statement }: Planned, { name }: Access): void {
    if (!base || base === this.committed) return;
    const before = base.get('relation', name);
    const now = this.committed.get('relation', name);
    if (before === now) return;
    const plain = name.slice(name.indexOf('.') + 1);
    if (!before && statement.kind.startsWith('create')) throw new WarehouseError(`Relation "${plain}" already exists`);
    if (before && !now) throw new WarehouseError(`relation "${plain}" does not exist`);
    if (definitionOf(before) !== definitionOf(now)) throw new WarehouseError(conflict);
  }
}

/** What a statement sees of a relation. A refresh of a materialized view does not change it. */
const definitionOf = (entry: unknown): string =>
  JSON.stringify(entry, (key, value) => (['seen', 'stream', 'keys', 'comment'].includes(key) ? undefined : value)) ??
  '';
