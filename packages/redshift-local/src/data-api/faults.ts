import type { ControlPlaneState } from '../control-plane-state';
import type { RunResult } from '../engine/engine';
import type { Interleaving } from '../engine/interleaving';
import type { ScanFault } from '../engine/scan-fault';
import type { SystemViewLag } from '../engine/session';

/** Lets a test intercept calls of the Data API, and statements before they reach the engine. */
export interface StatementFaults {
  /** The state of the warehouse. @default - available */
  readonly state?: () => ControlPlaneState;
  /** Wraps a call of the API. It may throw before or after the call. */
  call(operation: string, run: () => Promise<unknown>): Promise<unknown>;
  /** Wraps the execution of a submission. `run` reports the start of each statement of a batch. */
  execute(
    statement: {
      readonly name: string;
      readonly count: number;
      readonly abort: () => void;
      /** Aborted when the statement is cancelled, and when the warehouse stops. */
      readonly signal: AbortSignal;
    },
    run: (onStart?: (index: number) => void) => Promise<RunResult>,
  ): Promise<RunResult>;
  /** Fault of a streaming view's refresh that finds records. @default - none */
  scan?(): ScanFault | undefined;
  /** When system views show what a transaction did. @default - at once */
  readonly systemViews?: () => SystemViewLag | undefined;
  /** Order of the transactions that are open at the same time. @default - each goes on as soon as it can */
  readonly interleaving?: () => Interleaving | undefined;
  /** JSON texts of values. Every statement that asks for their type fails. @default - none */
  raising?(): readonly string[];
}
