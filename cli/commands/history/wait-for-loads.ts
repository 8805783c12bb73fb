import type { Pipeline } from '../../../pipelines/definition';
import { publicTables } from '../../../sql/names';
import type { Stage } from '../../progress';
import { grouped } from '../../terminal';
import { type Context, queryRows, warehouseText, warehouseTime } from '../context';
import { type ObjectId, ObjectSet } from './ledger';
import { COMMIT_DELAY_MS, pollUntilSettled } from './poll';

/** Result of waiting for queued objects. */
export interface LoadOutcome {
  readonly loaded: number;
  readonly parked: readonly (ObjectId & { readonly reason: string })[];
  /** Number of objects that were neither loaded nor parked when the time was up. */
  readonly waiting: number;
}

/**
 * Polls the ledger until every object is loaded or parked, or the time is up. `since` is a timestamp of the warehouse
 * from before the objects were queued. It limits each poll to new rows. Objects that another command queued earlier
 * count too.
 */
export async function waitForLoads(
  context: Context,
  pipeline: Pipeline,
  bucket: string,
  objects: readonly ObjectId[],
  since: string,
  stage: Stage,
): Promise<LoadOutcome> {
  const { ledger, parked } = publicTables(pipeline);
  const open = new ObjectSet();
  for (const object of objects) open.add(object, true);
  const done = new ObjectSet();
  const failed = new ObjectSet<string>();
  let from = warehouseTime(since) - COMMIT_DELAY_MS;
  const parkedNow = () => [...failed.entries()].filter(([id]) => !done.has(id));
  const waitingNow = () => open.size - done.size - parkedNow().length;
  await pollUntilSettled(context, async () => {
    const loaded = await queryRows(
      context,
      'progress',
      `select object_key, etag, loaded_at from ${ledger} where bucket = {{bucket}} and loaded_at >= {{since}}::timestamp order by loaded_at`,
      { bucket, since: warehouseText(from) },
    );
    for (const row of loaded) {
      const id = idOf(row);
      if (open.has(id)) done.add(id, true);
      from = Math.max(from, warehouseTime(row['loaded_at']) - COMMIT_DELAY_MS);
    }
    const aside = await queryRows(
      context,
      'progress',
      `select object_key, etag, reason from ${parked} where bucket = {{bucket}}`,
      { bucket },
    );
    for (const row of aside)
      if (open.has(idOf(row)) && !done.has(idOf(row))) failed.add(idOf(row), String(row['reason']));
    const ended = open.size - waitingNow();
    stage.count(ended, failed.size > 0 ? `objects, ${grouped(failed.size)} parked` : 'objects loaded', open.size);
    return waitingNow() <= 0;
  });
  return {
    loaded: done.size,
    parked: parkedNow().map(([id, reason]) => ({ ...id, reason })),
    waiting: Math.max(0, waitingNow()),
  };
}

const idOf = (row: Readonly<Record<string, unknown>>): ObjectId => ({
  key: String(row['object_key']),
  etag: String(row['etag']),
});

/** Returns the warehouse's time, as it writes times. */
export async function warehouseNow(context: Context): Promise<string> {
  const [row] = await queryRows(context, 'clock', 'select getdate()::timestamp as now');
  return String(row?.['now']);
}
