import type { Pipeline } from '../../../pipelines/definition';
import type { PipelineGenerator } from '../../../pipelines/generator/generator';
import type { Output } from '../../terminal';
import type { DemoRuntime } from './demo-runtime';
import type { BatchRequests } from './requests';
import type { Clients } from './send-batch';

export interface LocalOptions {
  readonly once: boolean;
  readonly json: boolean;
  readonly events: number;
  readonly seed: string;
  readonly data: string;
  readonly port?: number;
  /** Port for clients of PostgreSQL. @default - a free one; with `once` none */
  readonly pgPort?: number;
  /** Clock milliseconds per real millisecond, after the first records are merged and exported. @default 1 */
  readonly speed?: number;
}

export interface OpenOptions {
  readonly assemblyDir: string;
  readonly dataDir: string;
  readonly port?: number;
  /** Port for clients of PostgreSQL; 0 selects a free one. @default - none */
  readonly pgPort?: number;
  /**
   * Start time of the clock, in epoch milliseconds. If the folder's clock is later, it continues from that time.
   * @default now
   */
  readonly startAt?: number;
  readonly onProgress: (what: string) => void;
}

/** What the demo depends on. Tests pass fakes. */
export interface LocalDependencies {
  readonly pipelines: readonly Pipeline[];
  readonly generators: readonly PipelineGenerator[];
  synthesize(outDir: string, signal: AbortSignal): Promise<string>;
  open(options: OpenOptions): Promise<DemoRuntime>;
  clients(runtime: DemoRuntime): Clients & { destroy(): void };
  /** The page of a live run. @default - none */
  readonly page?: LivePage;
}

export interface LivePage {
  /** Batches that were requested on the page. */
  readonly requests: BatchRequests;
  /** Serves the page. The address is for the person who started the run. */
  open(runtime: DemoRuntime, dataDir: string): Promise<{ readonly address: string; dispose(): Promise<void> }>;
}

export interface LocalIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}
