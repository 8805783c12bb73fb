import type { ExportItem } from './contract';
import type { ExportWindow } from './layout';

/** One window and where its files go. */
export interface UnloadTarget {
  readonly window: ExportWindow;
  /** Epoch milliseconds, exclusive. */
  readonly end: number;
  /** Key prefix, ending in a slash, below which nothing is yet. */
  readonly prefix: string;
}

/** All windows of one unload are read from one state of the data. */
export interface Unload {
  /** Names the unload, and makes a repeated submission find the first. */
  readonly name: string;
  readonly targets: readonly UnloadTarget[];
}

export interface UnloadState {
  readonly status: 'running' | 'finished' | 'failed';
  readonly error?: string;
  /** Of a failure: the same unload may succeed when it is tried again. */
  readonly mayPass: boolean;
  /** Epoch milliseconds of the last change. */
  readonly updatedAt: number;
}

export interface KnownUnload {
  readonly id: string;
  readonly name: string;
  readonly status: UnloadState['status'];
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

export interface WrittenFile {
  readonly key: string;
  readonly bytes: number;
  readonly rows: number;
}

/** What an unload wrote of one window, by three counts that were made apart from each other. */
export interface Written {
  /** Of the query, in the same state of the data. */
  readonly rows: number;
  /** As the unload itself says. */
  readonly unloaded: number;
  /** As the engine's list of files says. */
  readonly listed: number;
  /** Changes when any row of the window changes, not with their order. */
  readonly fingerprint: string;
  /** None for an engine that writes no file without rows. */
  readonly files: readonly WrittenFile[];
}

export interface Submitted {
  readonly id: string;
  /** There when the unload came to its end meanwhile, or cannot be waited for: then no event tells of it. */
  readonly end?: UnloadState;
}

/** Writes windows to S3. Redshift's submits and never waits; Materialize's stays until the files are written. */
export interface UnloadEngine {
  /** Windows of one unload at most. */
  windowsAtOnce(item: ExportItem): number;
  /** Whether there is time left to begin an unload in. */
  mayBegin(item: ExportItem): boolean;
  /** Begins to write. */
  submit(item: ExportItem, unload: Unload): Promise<Submitted>;
  describe(id: string): Promise<UnloadState>;
  /** The export's unloads that the engine still knows of, a day's at least, in no order. */
  recent(exportName: string): Promise<KnownUnload[]>;
  /** Of a finished unload, in the order of its targets. */
  results(item: ExportItem, id: string, targets: readonly UnloadTarget[]): Promise<Written[]>;
  /** Deletes what the engine keeps of a run elsewhere, by the run's prefix: it is published, or never will be. */
  forget(prefix: string): Promise<void>;
}
