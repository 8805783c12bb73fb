import { WarehouseError } from './errors';

/**
 * Modes of a lock on a relation, from the weakest to the strongest
 * (https://repost.aws/knowledge-center/prevent-locks-blocking-queries-redshift). `insert` is the shared lock that INSERT
 * and COPY take under SNAPSHOT isolation (https://docs.aws.amazon.com/redshift/latest/dg/c_write_readwrite.html).
 */
export type LockMode = 'access-share' | 'insert' | 'write' | 'access-exclusive';

const modes: readonly LockMode[] = ['access-share', 'insert', 'write', 'access-exclusive'];

/** Modes that another transaction cannot hold at the same time. A stronger mode conflicts with more modes. */
const conflicts: Readonly<Record<LockMode, readonly LockMode[]>> = {
  'access-share': ['access-exclusive'],
  insert: ['write', 'access-exclusive'],
  write: ['insert', 'write', 'access-exclusive'],
  'access-exclusive': modes,
};

/** A lock that a transaction holds or waits for. */
export interface Lock {
  readonly transaction: number;
  readonly relation: string;
  readonly mode: LockMode;
}
interface Waiter extends Lock {
  readonly grant: () => void;
}

export interface LockRequest extends Lock {
  readonly signal: AbortSignal;
  /** Called before the transaction waits, with the transactions that it waits for. */
  readonly onWait?: (blockers: readonly number[]) => void;
}

/**
 * The locks of a database. A transaction holds its locks until it ends. Requests for a relation are granted in the order
 * of their arrival, except that a transaction with a lock on the relation goes before those without one.
 */
export class LockTable {
  private readonly held = new Map<string, Lock[]>();
  private readonly waiting = new Map<string, Waiter[]>();

  /** Returns true if the transaction had to wait. @throws WarehouseError if the wait would never end */
  async acquire(request: LockRequest): Promise<boolean> {
    const { transaction, relation, mode } = request;
    if (this.holds(transaction, relation, mode)) return false;
    const waiter: Waiter = { transaction, relation, mode, grant: () => undefined };
    const blockers = this.enqueue(waiter);
    if (blockers.length === 0) {
      this.grant(waiter);
      return false;
    }
    if (this.isBlockedBy(transaction)) {
      this.leave(waiter);
      throw new WarehouseError('deadlock detected');
    }
    request.onWait?.([...new Set(blockers)]);
    await this.turn(waiter, request.signal);
    return true;
  }

  /** True if a transaction without a lock would get this one at once. */
  isFree(relation: string, mode: LockMode): boolean {
    const locks = [...(this.held.get(relation) ?? []), ...(this.waiting.get(relation) ?? [])];
    return !locks.some((lock) => conflicts[mode].includes(lock.mode));
  }

  /** Gives up every lock of the transaction. */
  release(transaction: number): void {
    for (const [relation, locks] of [...this.held]) {
      const others = locks.filter((lock) => lock.transaction !== transaction);
      if (others.length === locks.length) continue;
      if (others.length === 0) this.held.delete(relation);
      else this.held.set(relation, others);
      this.grantNext(relation);
    }
  }

  /** Every lock, with those that transactions wait for. */
  all(): (Lock & { readonly granted: boolean })[] {
    const list = (locks: Map<string, readonly Lock[]>, granted: boolean) =>
      [...locks.values()].flat().map(({ transaction, relation, mode }) => ({ transaction, relation, mode, granted }));
    return [...list(this.held, true), ...list(this.waiting, false)];
  }

  private holds(transaction: number, relation: string, mode: LockMode): boolean {
    const enough = modes.slice(modes.indexOf(mode));
    return this.heldBy(transaction, relation).some((lock) => enough.includes(lock.mode));
  }

  private heldBy(transaction: number, relation: string): Lock[] {
    return (this.held.get(relation) ?? []).filter((lock) => lock.transaction === transaction);
  }

  /** Puts the waiter into its place. Returns the transactions before it that hold or want a conflicting lock. */
  private enqueue(waiter: Waiter): number[] {
    const queue = this.waiting.get(waiter.relation) ?? [];
    this.waiting.set(waiter.relation, queue);
    const first = queue.findIndex((other) => this.heldBy(other.transaction, other.relation).length === 0);
    const holder = this.heldBy(waiter.transaction, waiter.relation).length > 0;
    queue.splice(holder && first >= 0 ? first : queue.length, 0, waiter);
    return this.blockersOf(waiter);
  }

  private blockersOf(waiter: Waiter): number[] {
    const queue = this.waiting.get(waiter.relation) ?? [];
    const before: readonly Lock[] = [
      ...(this.held.get(waiter.relation) ?? []),
      ...queue.slice(0, queue.indexOf(waiter)),
    ];
    return before
      .filter((lock) => lock.transaction !== waiter.transaction && conflicts[waiter.mode].includes(lock.mode))
      .map((lock) => lock.transaction);
  }

  /** True if a transaction that this one waits for waits for it, directly or through others. */
  private isBlockedBy(transaction: number): boolean {
    const waiters = [...this.waiting.values()].flat();
    const seen = new Set<number>();
    const reaches = (from: number): boolean =>
      waiters
        .filter((waiter) => waiter.transaction === from)
        .flatMap((waiter) => this.blockersOf(waiter))
        .some((blocker) => {
          if (blocker === transaction) return true;
          if (seen.has(blocker)) return false;
          seen.add(blocker);
          return reaches(blocker);
        });
    return reaches(transaction);
  }

  private turn(waiter: Waiter, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.leave(waiter);
        reject(signal.reason);
      };
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      Object.assign(waiter, {
        grant: () => {
          signal.removeEventListener('abort', abort);
          resolve();
        },
      });
    });
  }

  private grant(waiter: Waiter): void {
    this.remove(waiter);
    const { transaction, relation, mode } = waiter;
    this.held.set(relation, [...(this.held.get(relation) ?? []), { transaction, relation, mode }]);
    waiter.grant();
  }

  /** Grants what no lock before it blocks. */
  private grantNext(relation: string): void {
    for (const waiter of [...(this.waiting.get(relation) ?? [])])
      if (this.blockersOf(waiter).length === 0) this.grant(waiter);
  }

  private leave(waiter: Waiter): void {
    this.remove(waiter);
    this.grantNext(waiter.relation);
  }

  private remove(waiter: Waiter): void {
    const others = (this.waiting.get(waiter.relation) ?? []).filter((other) => other !== waiter);
    if (others.length === 0) this.waiting.delete(waiter.relation);
    else this.waiting.set(waiter.relation, others);
  }
}
