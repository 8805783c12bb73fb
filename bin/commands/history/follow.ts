import type { Pipeline } from '../../../pipelines/definition';
import { publicTables } from '../../../sql';
import { grouped, type Stage } from '../../terminal';
import { ask, type Work, warehouseText, warehouseTime } from '../work';
import { type ObjectId, ObjectSet } from './ledger';

/** Where objects that were queued have ended. */
export interface Outcome {
  readonly loaded: number;
  readonly parked: readonly (ObjectId & { readonly reason: string })[];
  /** Neither, when the time was up. */
  readonly waiting: number;
}

const POLL_MS = 2000;
/** A look that takes long is not repeated at once: looks take a fifth of the time at most. */
const POLL_SHARE = 4;
/** A load writes the time of its statement into the ledger, and commits later: so much at most, since the load function takes 10 minutes at most. */
const COMMIT_MS = 15 * 60_000;
/** Left for the last look at the ledger. */
const MARGIN_MS = 5000;

/**
 * Watches the ledger until every object is loaded or parked, or the time is up. `since`, a timestamp of the warehouse from before the
 * objects were queued, keeps each look at the ledger to what is new; objects that somebody else had queued before count too.
 */
export async function follow(
  work: Work,
  pipeline: Pipeline,
  bucket: string,
  objects: readonly ObjectId[],
  since: string,
  stage: Stage,
): Promise<Outcome> {
  const { ledger, parked } = publicTables(pipeline);
  const open = new ObjectSet();
  for (const object of objects) open.add(object, true);
  const done = new ObjectSet();
  const failed = new ObjectSet<string>();
  let from = warehouseTime(since) - COMMIT_MS;
  for (;;) {
    const began = performance.now();
    const loaded = await ask(
      work,
      'progress',
      `select object_key, etag, loaded_at from ${ledger} where bucket = {{bucket}} and loaded_at >= {{since}}::timestamp order by loaded_at`,
      { bucket, since: warehouseText(from) },
    );
    for (const row of loaded) {
      const id = idOf(row);
      if (open.has(id)) done.add(id, true);
      from = Math.max(from, warehouseTime(row['loaded_at']) - COMMIT_MS);
    }
    const aside = await ask(
      work,
      'progress',
      `select object_key, etag, reason from ${parked} where bucket = {{bucket}}`,
      { bucket },
    );
    for (const row of aside)
      if (open.has(idOf(row)) && !done.has(idOf(row))) failed.add(idOf(row), String(row['reason']));
    const waiting = open.size - done.size - [...failed.entries()].filter(([id]) => !done.has(id)).length;
    stage.update(
      `${grouped(done.size)} of ${grouped(open.size)} loaded${failed.size > 0 ? `, ${grouped(failed.size)} parked` : ''}`,
    );
    if (waiting <= 0 || work.remainingMs() < POLL_MS + MARGIN_MS)
      return {
        loaded: done.size,
        parked: [...failed.entries()].filter(([id]) => !done.has(id)).map(([id, reason]) => ({ ...id, reason })),
        waiting: Math.max(0, waiting),
      };
    await work.sleep(Math.max(POLL_MS, POLL_SHARE * (performance.now() - began)));
  }
}

const idOf = (row: Readonly<Record<string, unknown>>): ObjectId => ({
  key: String(row['object_key']),
  etag: String(row['etag']),
});

/** The warehouse's clock, as it writes times. */
export async function warehouseNow(work: Work): Promise<string> {
  const [row] = await ask(work, 'clock', 'select getdate()::timestamp as now');
  return String(row?.['now']);
}
