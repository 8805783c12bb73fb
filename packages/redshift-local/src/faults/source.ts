import type { CallFault } from 'aws-local-kit';
import type { ScanFault } from '../engine/scan-fault';
import type { SystemViewLag } from '../engine/session';

export type { CallFault, ScanFault, SystemViewLag };

/** What happens to one statement, or batch of statements, of the warehouse. */
export type StatementFault =
  /** Changes nothing and fails: by default with a serializable conflict. */
  | { readonly kind: 'fail'; readonly error?: string }
  /** Is aborted when the statement of this index of the batch begins (0 is the first); one that has fewer is aborted at its last. */
  | { readonly kind: 'abort'; readonly at: number }
  /** Takes effect, but the connection is lost before its end is known: it counts as failed. */
  | { readonly kind: 'answer-lost' }
  /** Begins so much later, by the clock. */
  | { readonly kind: 'slow'; readonly ms: number };

/** Decides what goes wrong in a warehouse, one occasion after the other. Undefined: nothing. */
export interface WarehouseFaultSource {
  /** @param name of the statement, empty when it has none */
  statement(name: string): StatementFault | undefined;
  /** @param operation of the Data API */
  call(operation: string): CallFault | undefined;
  /** Which records the next refresh of a streaming view skips. @default - none */
  scan?(): ScanFault | undefined;
  /**
   * Texts, as attributes of records have them. A record with one of them makes every statement fail that types it, always: this does not stop.
   * @default - none
   */
  raising?(): readonly string[];
  /** When the warehouse's system views show what a transaction did. @default - at once */
  systemViews?(): SystemViewLag | undefined;
}
