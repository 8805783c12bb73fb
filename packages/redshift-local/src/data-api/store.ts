import { type Clock, FullDiskError, type Principal } from 'aws-local-kit';
import { interruptedError, retentionMs, type StatementJournal } from './journal';
import type { ReachableWarehouse } from './reachable';
import { isTerminal, ownerOf, type StatementRecord } from './records';
import type { ResultFiles } from './results';

const hourMs = 3_600_000;
const tokenMs = 8 * hourMs;

/** The statements of the last 24 hours by the clock. */
export class StatementStore {
  private readonly byId = new Map<string, StatementRecord>();
  private readonly byToken = new Map<string, StatementRecord>();
  /** Statements whose end the journal does not have yet. */
  private readonly late: { readonly record: StatementRecord; readonly onStored: () => void }[] = [];
  private readonly waiters = new Map<string, Set<() => void>>();

  constructor(
    private readonly clock: Clock,
    private readonly journal: StatementJournal,
    private readonly results: ResultFiles,
  ) {
    for (const record of journal.load()) this.remember(record);
    results.keepOnly(new Set(this.byId.keys()));
  }

  add(record: StatementRecord): void {
    this.expire();
    this.writeLate();
    // A statement that is remembered and never runs would hold its client token.
    this.journal.write(record, () => this.byId.values());
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
    return [...this.byId.values()].filter(({ error }) => error === interruptedError);
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
      this.journal.write(record, () => this.byId.values());
    }
    for (const tag of committed) engine.done.forget(tag);
  }

  find(id: string): StatementRecord | undefined {
    const record = this.byId.get(id);
    return record && this.clock.now() - record.createdMs < retentionMs ? record : undefined;
  }

  /** Returns the statement that the caller submitted with the token in the last 8 hours. */
  findToken(principal: Principal, token: string): StatementRecord | undefined {
    const record = this.byToken.get(tokenKey(principal, token));
    return record && this.clock.now() - record.createdMs < tokenMs ? record : undefined;
  }

  /** Returns all statements, newest first. */
  all(): StatementRecord[] {
    this.expire();
    return [...this.byId.values()].reverse();
  }

  /** Counts active statements. @param arn of one warehouse @default - all warehouses */
  active(arn?: string): number {
    let count = 0;
    for (const record of this.byId.values())
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
      this.journal.write(next.record, () => this.byId.values());
      this.late.shift();
      next.onStored();
    }
  }

  private remember(record: StatementRecord): void {
    this.byId.set(record.id, record);
    if (record.clientToken !== undefined) this.byToken.set(tokenKey(record.principal, record.clientToken), record);
  }

  /** Removes expired records. Records are in order of creation, so the old ones come first. */
  private expire(): void {
    const limit = this.clock.now() - retentionMs;
    for (const record of this.byId.values()) {
      if (record.createdMs > limit) return;
      if (!isTerminal(record.status)) continue;
      this.byId.delete(record.id);
      this.results.remove(record.id, record.members.length);
      if (record.clientToken === undefined) continue;
      const key = tokenKey(record.principal, record.clientToken);
      if (this.byToken.get(key) === record) this.byToken.delete(key);
    }
  }
}

const tokenKey = (principal: Principal, token: string) => `${ownerOf(principal)} ${token}`;
