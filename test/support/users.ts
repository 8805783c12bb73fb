import type { Pipeline } from '../../pipelines/definition';
import { functionUser, userObjects, type WarehouseObject } from '../../sql';
import { database } from './cloud';

/** The objects of a pipeline with the database users of its functions. A user's secret has the user's name. */
export const withUsers = (pipeline: Pipeline, objects: readonly WarehouseObject[]): WarehouseObject[] => [
  ...objects,
  ...userObjects(
    pipeline,
    { database, secretArn: (purpose) => functionUser(pipeline, purpose) },
    objects.map(({ id }) => id),
  ),
];
