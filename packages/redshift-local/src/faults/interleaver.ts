import type { Boundary, Interleaving, SnapshotTime } from '../engine/interleaving';

/** What a step of a transaction came to. */
export type Step =
  /** It waits for its next step. */
  | { readonly kind: 'boundary'; readonly at: Boundary }
  /** It waits for locks of other transactions. When it gets them, it is at its boundary `locked`. */
  | { readonly kind: 'blocked'; readonly by: readonly number[] }
  /** It has committed or was rolled back. */
  | { readonly kind: 'ended' };

/** Lets a test decide which of several open transactions goes on, boundary by boundary. */
export interface Interleaver extends Interleaving {
  /** Transactions that wait for a step, in the order in which they came to their boundaries. */
  readonly ready: readonly Boundary[];
  /** Ids of transactions that wait for a lock. */
  readonly blocked: readonly number[];
  /** Resolves as soon as `count` held transactions are ready or blocked. */
  arrived(count: number): Promise<void>;
  /**
   * Lets a transaction go on, until it is at its next boundary, waits for a lock, or has ended.
   * @throws Error if the transaction is not ready
   */
  step(transaction: number): Promise<Step>;
  /** Steps a transaction until it is blocked or has ended. */
  run(transaction: number): Promise<Step>;
  /** Lets everything go on freely from now on. */
  release(): void;
}

/**
 * @param holds says at its first boundary whether a transaction is held. The others go on freely. @default - every
 * transaction is held
 * @param snapshots @default - after the wait
 */
export function createInterleaver(
  holds: (first: Boundary) => boolean = () => true,
  snapshots: SnapshotTime = 'after-wait',
): Interleaver {
  const ready = new Map<number, { readonly at: Boundary; readonly go: () => void }>();
  const blocked = new Set<number>();
  const held = new Set<number>();
  const free = new Set<number>();
  const steps = new Map<number, (step: Step) => void>();
  let waiters: { readonly count: number; readonly wake: () => void }[] = [];
  let released = false;

  /** Reports how a step has ended, and wakes who waits for arrivals. */
  const report = (transaction: number, step: Step) => {
    steps.get(transaction)?.(step);
    steps.delete(transaction);
    const due = waiters.filter(({ count }) => ready.size + blocked.size >= count);
    waiters = waiters.filter((waiter) => !due.includes(waiter));
    for (const { wake } of due) wake();
  };
  const isHeld = (at: Boundary): boolean => {
    if (released || free.has(at.transaction)) return false;
    if (held.has(at.transaction) || holds(at)) held.add(at.transaction);
    else free.add(at.transaction);
    return held.has(at.transaction);
  };

  const interleaver: Interleaver = {
    snapshots,
    get ready() {
      return [...ready.values()].map(({ at }) => at);
    },
    get blocked() {
      return [...blocked];
    },
    async boundary(at) {
      if (!isHeld(at)) return;
      blocked.delete(at.transaction);
      await new Promise<void>((go) => {
        ready.set(at.transaction, { at, go });
        report(at.transaction, { kind: 'boundary', at });
      });
    },
    waits(transaction, by) {
      if (released || !held.has(transaction)) return;
      blocked.add(transaction);
      report(transaction, { kind: 'blocked', by });
    },
    ended(transaction) {
      held.delete(transaction);
      free.delete(transaction);
      ready.delete(transaction);
      blocked.delete(transaction);
      // Those that waited for its locks come to their boundaries first.
      setImmediate(() => report(transaction, { kind: 'ended' }));
    },
    arrived: (count) =>
      new Promise((wake) => {
        if (ready.size + blocked.size >= count) wake();
        else waiters.push({ count, wake });
      }),
    step(transaction) {
      const waiting = ready.get(transaction);
      if (!waiting) throw new Error(`transaction ${transaction} is not ready: ${[...ready.keys()].join(', ')} are`);
      ready.delete(transaction);
      return new Promise((resolve) => {
        steps.set(transaction, resolve);
        waiting.go();
      });
    },
    async run(transaction) {
      let step = await interleaver.step(transaction);
      while (step.kind === 'boundary') step = await interleaver.step(transaction);
      return step;
    },
    release() {
      released = true;
      for (const { go } of [...ready.values()]) go();
      ready.clear();
    },
  };
  return interleaver;
}
