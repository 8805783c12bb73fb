import { type Clock, FullDiskError, type Principal } from 'aws-local-kit';
import { interruptedError, retentionMs, type StatementJournal } from './journal';
import type { ReachableWarehouse } from './reachable';
import { isTerminal, ownerOf, type StatementRecord, type StatementSummary, summaryOf } from './records';
import type { ResultFiles } from './results';

const hourMs = 3_600_000;
const tokenMs = 8 * hourMs;

/**
 * The statements of the last 24 hours by the clock. Memory holds those that run. Of one that has ended it holds a
 * summary, because texts of statements are long: the journal has the record.
 */
export class StatementStore {
  /** All statements, in order of creation. */
  private readonly byId = new Map<string, StatementSummary>();
  /** Statements that run, or whose end the journal does not have yet. */
  private readonly open = new Map<string, StatementRecord>();
  private readonly idByToken = new Map<string, string>();
  /** Statements that were running when an earlier process ended. */
  private readonly cut: readonly StatementRecord[];
  /** Statements whose end the journal does not have yet. */
  private readonly late: { readonly record: StatementRecord; readonly onStored: () => void }[] = [];
  private readonly waiters = new Map<string, Set<() => void>>();

  constructor(
    private readonly clock: Clock,
    private readonly journal: StatementJournal,
    private readonly results: ResultFiles,
  ) {
    const loaded = journal.load();
    for (const record of loaded) this.remember(record);
    this.cut = loaded.filter(({ error }) => error === interruptedError);
    results.keepOnly(new Set(this.byId.keys()));
  }

  add(record: StatementRecord): void {
    this.expire();
    this.writeLate();
    // A statement that is remembered and never runs would hold its client token.
    this.journal.write(record, () => this.byId.keys());
    this.open.set(record.id, record);
    this.remember(record);
  }

  /**
   * Must be called after each change of a record. If the statement has ended, it writes the journal and wakes the
   * waiters. If the disk is full, a later write makes up for it.
   * @param onStored called when the journal has the end
   */
  update(record: StatementRecord, onStored: () => void = () => undefined): void {
    if (!isTerminal(record.status)) return;
    this.late.push({ record, onStored });
    try {
      this.writeLate();
    } catch (error) {
      if (!(error instanceof FullDiskError)) throw error;
    }
    for (const wake of this.waiters.get(record.id) ?? []) wake();
    this.waiters.delete(record.id);
  }

  /** Returns the statements that were running when an earlier process ended. */
  interrupted(): StatementRecord[] {
    return this.cut.filter(({ id, error }) => error === interruptedError && this.byId.has(id));
  }

  /**
   * Corrects the status of a warehouse's interrupted statements, because the warehouse knows what it committed. Their
   * results are lost.
   */
  reconcile({ target, database, engine }: ReachableWarehouse): void {
    const committed = new Set(engine.committed.all('done').map(({ tag }) => tag));
    for (const record of this.interrupted()) {
      const { kind, name } = record.warehouse;
      if (kind !== target.kind || name !== target.name || record.database !== database) continue;
      for (const [index, member] of record.members.entries())
        if (committed.has(record.id) || committed.has(`${record.id}:${index + 1}`)) {
          member.status = 'FINISHED';
          member.error = undefined;
        }
      if (record.members.every(({ status }) => status === 'FINISHED')) {
        record.status = 'FINISHED';
        record.error = undefined;
      }
      this.journal.write(record, () => this.byId.keys());
      this.byId.set(record.id, summaryOf(record));
    }
    for (const tag of committed) engine.done.forget(tag);
  }

  find(id: string): StatementRecord | undefined {
    const summary = this.byId.get(id);
    if (!summary || this.clock.now() - summary.createdMs >= retentionMs) return undefined;
    return this.open.get(id) ?? this.journal.read(id);
  }

  /** Returns the statement that the caller submitted with the token in the last 8 hours. */
  findToken(principal: Principal, token: string): StatementRecord | undefined {
    const record = this.find(this.idByToken.get(tokenKey(principal, token)) ?? '');
    return record && this.clock.now() - record.createdMs < tokenMs ? record : undefined;
  }

  /** Returns all statements, newest first. */
  all(): StatementSummary[] {
    this.expire();
    return [...this.byId.values()].map((summary) => this.current(summary)).reverse();
  }

  /** Counts active statements. @param arn of one warehouse @default - all warehouses */
  active(arn?: string): number {
    let count = 0;
    for (const record of this.open.values())
      if (!isTerminal(record.status) && (arn === undefined || record.warehouse.arn === arn)) count += 1;
    return count;
  }

  waiting(id: string): number {
    return this.waiters.get(id)?.size ?? 0;
  }

  /** Resolves when the statement has ended, or after `waitSeconds` of the clock. */
  async settled(record: StatementRecord, waitSeconds: number): Promise<void> {
    if (waitSeconds === 0 || isTerminal(record.status)) return;
    await new Promise<void>((resolve) => {
      const waiters = this.waiters.get(record.id) ?? new Set();
      this.waiters.set(record.id, waiters);
      const timer = this.clock.at(this.clock.now() + waitSeconds * 1000, () => wake());
      const wake = () => {
        timer.cancel();
        waiters.delete(wake);
        resolve();
      };
      waiters.add(wake);
    });
  }

  /** Writes what the journal lacks. @throws FullDiskError if the disk is full */
  private writeLate(): void {
    for (let [next] = this.late; next; [next] = this.late) {
      const { record } = next;
      this.journal.write(record, () => this.byId.keys());
      this.late.shift();
      this.open.delete(record.id);
      this.byId.set(record.id, summaryOf(record));
      next.onStored();
    }
  }

  private remember(record: StatementRecord): void {
    this.byId.set(record.id, summaryOf(record));
    if (record.clientToken !== undefined) this.idByToken.set(tokenKey(record.principal, record.clientToken), record.id);
  }

  private current(summary: StatementSummary): StatementSummary {
    const open = this.open.get(summary.id);
    return open === undefined ? summary : summaryOf(open);
  }

  /** Removes expired statements. They are in order of creation, so the old ones come first. */
  private expire(): void {
    const limit = this.clock.now() - retentionMs;
    for (const { id, createdMs, statements, principal, clientToken } of this.byId.values()) {
      if (createdMs > limit) return;
      if (this.open.has(id)) continue;
      this.byId.delete(id);
      this.results.remove(id, statements);
      if (clientToken === undefined) continue;
      const key = tokenKey(principal, clientToken);
      if (this.idByToken.get(key) === id) this.idByToken.delete(key);
    }
  }
}

const tokenKey = (principal: Principal, token: string) => `${ownerOf(principal)} ${token}`;
