import type { ExportItem } from './contract';
import type { ExportWindow } from './layout';

/** Writes windows to S3. Redshift's engine submits an unload and returns; Materialize's returns when the files are written. */
export interface UnloadEngine {
  /** How many windows one unload may have. */
  readonly maxWindows: number;
  /** Whether enough time is left to begin an unload. */
  hasTime(): boolean;
  /** Begins an unload. A repeated call with the same name finds the first one. */
  submit(item: ExportItem, unload: Unload): Promise<Submitted>;
  describe(id: string): Promise<UnloadState>;
  /** Unloads of the export, at least those of the last 24 hours, in no order. */
  recent(item: ExportItem): Promise<KnownUnload[]>;
  /** What a finished unload wrote, in the order of its targets. */
  results(item: ExportItem, id: string, targets: readonly UnloadTarget[]): Promise<Written[]>;
  /** Rows of an export by window or by part of one. Missing if the ledger's survey reads them. */
  windows?(item: ExportItem): Promise<readonly WindowRows[]>;
  /** Deletes what the engine keeps of a run outside of the run's prefix. For runs that are published or never will be. */
  deleteStaged(runPrefix: string): Promise<void>;
}

/** Rows whose time is in one window, or in a part of it. */
export interface WindowRows {
  /** Epoch milliseconds; undefined for rows without a time. */
  readonly start?: number;
  readonly rows: number;
  /** A whole number, perhaps with zeros after its point. That of a window is the sum of its parts'. */
  readonly fingerprint: string;
}

/** Writes some windows, all from the same state of the data. */
export interface Unload {
  readonly name: string;
  readonly targets: readonly UnloadTarget[];
}

/** One window and where its files go. */
export interface UnloadTarget {
  readonly window: ExportWindow;
  /** Epoch milliseconds, exclusive. */
  readonly end: number;
  /** Key prefix, ending in a slash. No object may be below it yet. */
  readonly prefix: string;
}

export interface Submitted {
  readonly id: string;
  /** Missing if the unload is still running; an event then reports its end. */
  readonly end?: UnloadState;
}

export interface UnloadState {
  readonly status: 'running' | 'finished' | 'failed';
  readonly error?: string;
  /** For a failure: whether another attempt may succeed. */
  readonly mayPass: boolean;
  /** Time of the last change, epoch milliseconds. */
  readonly updatedAt: number;
}

export interface KnownUnload {
  readonly id: string;
  readonly name: string;
  readonly status: UnloadState['status'];
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

/** What an unload wrote for one window. The three counts of rows come from independent sources. */
export interface Written {
  /** Rows of the query, counted in the same state of the data. */
  readonly rows: number;
  /** Rows that the unload reports. */
  readonly unloaded: number;
  /** Rows of all files, by the engine's list of them. */
  readonly listed: number;
  /** Changes if any row of the window changes; does not depend on their order. */
  readonly fingerprint: string;
  /** May be empty for a window without rows. */
  readonly files: readonly WrittenFile[];
}

export interface WrittenFile {
  readonly key: string;
  readonly bytes: number;
  readonly rows: number;
}
