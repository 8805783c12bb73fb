import type { Step } from '../../lambda/shared/plan';
import { asked, renderAll } from '../../lambda/shared/statement';
import type { StreamWarehouse } from '../../local/stream-warehouse';
import type { Pipeline } from '../../pipelines/definition';
import { ownerObject, ownerUser, refreshPlan, registryObject, type WarehouseObject, warehouseObjects } from '../../sql';
import { Failure } from '../failure';

/** The database of a warehouse that holds one pipeline. */
export const database = 'millrace';

/** Creates the owner and everything that the pipeline declares. */
export async function install(warehouse: StreamWarehouse, pipeline: Pipeline): Promise<void> {
  await create(warehouse, ownerObject(database), warehouse.administrator);
  for (const object of [registryObject(), ...objectsOf(pipeline)]) await create(warehouse, object, ownerUser);
}

/** Creates what a pipeline declares beyond another that is installed: its views. */
export async function installMore(warehouse: StreamWarehouse, pipeline: Pipeline, installed: Pipeline): Promise<void> {
  const known = new Set(objectsOf(installed).map(({ id }) => id));
  for (const object of objectsOf(pipeline)) if (!known.has(object.id)) await create(warehouse, object, ownerUser);
}

/** Nobody is forgotten in a trial, so its merge has no keys. */
function withoutSubject({ subject: _, ...pipeline }: Pipeline): Pipeline {
  return pipeline;
}

function objectsOf(pipeline: Pipeline): WarehouseObject[] {
  const names = { streamName: pipeline.name, streamRoleArn: 'arn:aws:iam::000000000000:role/proof', database };
  return warehouseObjects(withoutSubject(pipeline), names);
}

async function create(warehouse: StreamWarehouse, { properties }: WarehouseObject, user: string): Promise<void> {
  for (const { mode, statements } of JSON.parse(properties.create) as Step[])
    await warehouse.run(mode, filled(statements, { owner_password: 'Password2' }), user);
}

const filled = (statements: readonly string[], values: Record<string, string>) =>
  renderAll(statements, asked(statements, values));

/** One run of the refresh function, a minute later. @throws Failure that names the step */
export async function refresh(warehouse: StreamWarehouse, pipeline: Pipeline, run: string): Promise<void> {
  warehouse.pass();
  const { steps, idle } = refreshPlan(withoutSubject(pipeline));
  const [[started]] = (await warehouse.query(idle!.started)) as [[string]];
  const values = { run_id: run, started, failures: '[]' };
  for (const { name, mode, statements } of steps) {
    // Every record is needed until the end.
    if (name === 'trim') continue;
    try {
      await warehouse.run(mode, filled(statements, values), ownerUser);
    } catch (error) {
      throw new Failure(`the step ${name} of the merge failed: ${(error as Error).message}`, 1, { cause: error });
    }
  }
}
