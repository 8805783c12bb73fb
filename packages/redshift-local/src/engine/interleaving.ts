/** A point at which a transaction may be made to wait, so that others go first. */
export interface Boundary {
  /** Id of the transaction. It is one of SYS_QUERY_HISTORY, and no other transaction of the warehouse has it. */
  readonly transaction: number;
  /** Name of the submission at the Data API, empty when it has none. */
  readonly name: string;
  /**
   * `statement`: before a statement takes its locks and, as the first one, its snapshot. `locked`: after it has waited
   * for a lock, before it runs. `commit`: before the transaction commits.
   */
  readonly point: 'statement' | 'locked' | 'commit';
  /** Index of the text within the submission. */
  readonly index: number;
  readonly sql: string;
}

/** When a statement that has to wait for a lock takes the snapshot of its transaction. */
export type SnapshotTime = 'before-wait' | 'after-wait';

/** Decides the order in which transactions that are open at the same time go on. */
export interface Interleaving {
  /**
   * Whether the first statement of a transaction takes its snapshot before it waits for a lock, as in PostgreSQL, or
   * after the wait. AWS does not document which. LOCK takes no snapshot either way. @default - after the wait
   */
  readonly snapshots?: SnapshotTime;
  /** Called at each boundary of each transaction, which goes on when the promise resolves. */
  boundary(at: Boundary): Promise<void>;
  /** Called when a transaction starts to wait for locks of others. Its next boundary is `locked`, or it ends. */
  waits?(transaction: number, by: readonly number[]): void;
  /** Called when a transaction has committed or was rolled back, and holds no locks any more. */
  ended?(transaction: number): void;
}
