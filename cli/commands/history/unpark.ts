import type { HistoryObject } from '../../../lambda/load/notification';
import type { Pipeline } from '../../../pipelines/definition';
import { type Context, executeStatement } from '../context';
import { Sources } from './sources';

/** The objects' JSON text must fit a SQL literal of 65,535 bytes. */
const OBJECTS_PER_STATEMENT = 30;

/** Removes objects from `parked`, so that the load and reconcile functions process them again. */
export async function removeFromParked(
  context: Context,
  pipeline: Pipeline,
  objects: readonly HistoryObject[],
): Promise<void> {
  const { plan } = new Sources(pipeline);
  for (let at = 0; at < objects.length; at += OBJECTS_PER_STATEMENT)
    await executeStatement(context, 'unpark', plan.unpark, {
      objects: objectsJson(objects.slice(at, at + OBJECTS_PER_STATEMENT)),
    });
}

/** Formats objects as the plans expect them. */
const objectsJson = (objects: readonly HistoryObject[]) =>
  JSON.stringify(objects.map(({ bucket, key, etag, versionId, size }) => ({ bucket, key, etag, versionId, size })));
