import type { ObjectStore } from './objects';
import { readPauseState } from './pause';
import { connectWarehouse, type WarehouseSettings, type WarehouseTarget, warehouseTarget } from './redshift-data';
import { type RowPages, type Warehouse, WarehouseAsleepError } from './warehouse';

/**
 * A workgroup cannot be paused, and each statement would start it. So a function of a paused environment submits none. A paused cluster refuses
 * statements itself.
 * @throws WarehouseAsleepError for a workgroup whose environment is paused
 */
export async function assertAwake(
  { kind, name }: Pick<WarehouseTarget, 'kind' | 'name'>,
  objects: Pick<ObjectStore, 'get'>,
  workBucket: string,
): Promise<void> {
  if (kind === 'provisioned') return;
  const state = await readPauseState(objects, workBucket);
  if (state?.phase !== 'paused') return;
  const until = new Date(state.until).toISOString();
  throw new WarehouseAsleepError(
    `the workgroup ${name} is paused until ${until}: \`npx millrace resume\` resumes it`,
    false,
  );
}

/** The warehouse that the environment variables name, for a function that rests while its environment is paused. */
export function connectPausable(
  settings: WarehouseSettings & { readonly WORK_BUCKET: string },
  objects: Pick<ObjectStore, 'get'>,
): Warehouse & RowPages {
  const warehouse = connectWarehouse(settings);
  const target = warehouseTarget(settings);
  return {
    ...warehouse,
    async submit(submission) {
      await assertAwake(target, objects, settings.WORK_BUCKET);
      return warehouse.submit(submission);
    },
  };
}
