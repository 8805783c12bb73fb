import type { ControlPlaneState } from '../control-plane-state';
import type { RunResult } from '../engine/engine';
import type { ScanFault } from '../engine/scan-fault';
import type { SystemViewLag } from '../engine/session';

/** Lets a test stand between the Data API and its callers, and between its statements and the engine. */
export interface StatementFaults {
  /** The state of the warehouse. @default - it is available */
  readonly state?: () => ControlPlaneState;
  /** In place of a call of the API: may throw instead of it, or after it. */
  call(operation: string, run: () => Promise<unknown>): Promise<unknown>;
  /** In place of the execution of what was submitted. `run` tells when each statement of a batch begins. */
  execute(
    statement: { readonly name: string; readonly count: number; readonly abort: () => void },
    run: (onStart?: (index: number) => void) => Promise<RunResult>,
  ): Promise<RunResult>;
  /** What goes wrong with a refresh of a streaming view that finds records. @default - nothing */
  scan?(): ScanFault | undefined;
  /** When system views show what a transaction did. @default - at once */
  readonly systemViews?: () => SystemViewLag | undefined;
  /** JSON texts of values that fail every statement that types them. @default - none */
  raising?(): readonly string[];
}
