import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../../lambda/shared/warehouse';
import type { Pipeline } from '../../pipelines/definition';
import { ownerObject, registryObject, type WarehouseObject, warehouseObjects } from '../../sql';
import { database, roles } from '../support/cloud';
import { Objects } from '../support/objects';
import { once } from '../support/once';
import { SeamWorld } from '../support/seam';
import { ObjectStack } from '../support/stack';
import { withUsers } from '../support/users';

const databaseName = 'warehouse.duckdb';

/** A pipeline's functions over a local warehouse, and deployments of its editions. */
export class World {
  private constructor(
    readonly seam: SeamWorld,
    readonly objects: Objects,
    private readonly stack: ObjectStack,
  ) {}

  /** Deploys the pipeline. Suites share one deployment, and each world begins with a copy of its warehouse. */
  static async open(pipeline: Pipeline): Promise<World> {
    const key = createHash('sha256').update(JSON.stringify(pipeline)).digest('hex').slice(0, 16);
    const image = await once(`world-${pipeline.name}-${key}`, async (made) => {
      const world = World.over(await SeamWorld.open(pipeline));
      await world.deploy(pipeline);
      await world.seam.dispose((databaseFile) => {
        mkdirSync(made);
        copyFileSync(databaseFile, join(made, databaseName));
      });
    });
    const world = World.over(await SeamWorld.open(pipeline, { databaseFile: join(image, databaseName) }));
    await world.seam.pass(1);
    world.stack.adopt(world.of(pipeline));
    return world;
  }

  private static over(seam: SeamWorld): World {
    const objects = new Objects(seam.cloud);
    return new World(seam, objects, new ObjectStack(objects));
  }

  /** Returns the pipeline's objects in the order of their creation. */
  of(pipeline: Pipeline): WarehouseObject[] {
    const tokens = { streamName: this.seam.streamName, streamRoleArn: roles.stream, database };
    return [ownerObject(database), registryObject(), ...withUsers(pipeline, warehouseObjects(pipeline, tokens))];
  }

  /** @param after what happens once the functions are the new ones; a failure there fails the deployment */
  async deploy(pipeline: Pipeline, after: () => Promise<void> = async () => undefined): Promise<void> {
    await this.seam.pass(1);
    await this.stack.deploy(this.of(pipeline), () => {
      this.seam.takeOver(pipeline);
      return after();
    });
  }

  /** Takes back a deployment that failed. The functions are those of before from the beginning. */
  async rollBack(to: Pipeline): Promise<void> {
    this.seam.takeOver(to);
    await this.stack.rollBack();
  }

  /** Sends payloads, and runs the refresh function. */
  async merge(...payloads: readonly object[]): Promise<void> {
    if (payloads.length > 0) this.seam.send(...payloads);
    await this.seam.tick('refresh');
  }

  rows(sql: string): Promise<Row[]> {
    return this.objects.run(sql);
  }

  dispose(): Promise<void> {
    return this.seam.dispose();
  }
}
