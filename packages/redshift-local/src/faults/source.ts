import type { CallFault } from 'aws-local-kit';
import type { Interleaving } from '../engine/interleaving';
import type { ScanFault } from '../engine/scan-fault';
import type { SystemViewLag } from '../engine/session';

export type { CallFault, Interleaving, ScanFault, SystemViewLag };

/** A fault of one statement, or of one batch of statements. */
export type StatementFault =
  /** The statement changes nothing and fails, by default with a serializable conflict. */
  | { readonly kind: 'fail'; readonly error?: string }
  /**
   * The batch is aborted when the statement at this index starts (0 is the first). A shorter batch is aborted at its
   * last statement.
   */
  | { readonly kind: 'abort'; readonly at: number }
  /** The statement takes effect, but the connection is lost before its end is known. It counts as failed. */
  | { readonly kind: 'answer-lost' }
  /** The statement starts later, by `ms` of the clock. */
  | { readonly kind: 'slow'; readonly ms: number };

/** Decides which faults occur in a warehouse. It is asked at each occasion. Undefined means no fault. */
export interface WarehouseFaultSource {
  /** @param name of the statement, empty when it has none */
  statement(name: string): StatementFault | undefined;
  /** @param operation of the Data API */
  call(operation: string): CallFault | undefined;
  /** Which records the next refresh of a streaming view skips. @default - none */
  scan?(): ScanFault | undefined;
  /**
   * Texts of attribute values in records. Every statement that asks for the type of such a value fails. `stop` does not
   * end this.
   * @default - none
   */
  raising?(): readonly string[];
  /** Order of the transactions that are open at the same time. `stop` ends it. @default - each goes on as it can */
  interleaving?(): Interleaving | undefined;
  /** When the warehouse's system views show what a transaction did. @default - at once */
  systemViews?(): SystemViewLag | undefined;
}
