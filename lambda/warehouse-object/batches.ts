import type { Row } from '../shared/warehouse';
import type { Step } from './contract';
import { runBatch, type Search } from './raising';
import type { Walk, WalkResult } from './walk';

export interface Batches {
  /** Of the statements: nothing that they meet is harmless. */
  readonly walk: Walk;
  /** Runs one read. */
  readonly ask: (what: string, sql: string) => Promise<readonly Row[]>;
}

export interface BatchWork {
  /** `fill`, `rebuild`: what its statements are called. */
  readonly what: string;
  /** For messages: what is filled. */
  readonly table: string;
  /** The read whose rows tell how far it is: `filled_until`, and `column_name` where there are more rows than one. */
  readonly progress: string;
  /** What to do when there was not enough time, a sentence. */
  readonly advice: string;
  /** Does the next batch. `raised`: JSON text `[{key,reason}]`, the events that are not typed. */
  readonly batch: (raised: string) => Step;
  /** @default - a batch that fails on an event fails the deployment */
  readonly search?: Search;
  /** Whether no batch is left, by the rows of the progress; throws where no batch would help. */
  readonly isDone: (progress: readonly Row[]) => boolean;
}

/**
 * Works batch by batch for as long as there is time. How far it is stands in the warehouse, so that the next call, or the next deployment
 * after one that was killed, goes on there.
 */
export async function inBatches(
  host: Batches,
  { what, table, progress, advice, batch, search, isDone }: BatchWork,
): Promise<WalkResult> {
  for (let before: string | undefined; ; ) {
    const rows = await host.ask(what, progress);
    if (isDone(rows)) return 'done';
    const reached = rows
      .map((row) => `${row.column_name ?? ''}-${row.filled_until}`)
      .sort()
      .join('-');
    if (reached === before)
      throw new Error(`the ${what} of ${table} does not get on after ${reached || 'its beginning'}`);
    before = reached;
    if (host.walk.deadline.isOver) {
      const until = rows[0]?.filled_until;
      throw new Error(
        `the time of the deployment was over when ${table} was filled ${until ? `for what was merged before ${until}` : 'nowhere yet'}. ${advice}`,
      );
    }
    // The name of a batch tells where it begins, so that a repeated call finds the one that runs.
    const label = `${what}-${reached.replace(/[^a-z0-9_]+/gi, '') || 'begin'}-`;
    if ((await runBatch(host.walk, { what, table, label, batch, search })) === 'waiting') return 'waiting';
  }
}
