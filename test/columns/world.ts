import type { Row } from '../../lambda/shared/warehouse';
import type { Pipeline } from '../../pipelines/definition';
import { ownerObject, registryObject, type WarehouseObject, warehouseObjects } from '../../sql';
import { database, roles } from '../support/cloud';
import { Objects } from '../support/objects';
import { SeamWorld } from '../support/seam';
import { ObjectStack } from '../support/stack';

/** A pipeline's functions over a local warehouse, and deployments of its editions. */
export class World {
  private constructor(
    readonly seam: SeamWorld,
    readonly objects: Objects,
    private readonly stack: ObjectStack,
  ) {}

  static async open(pipeline: Pipeline): Promise<World> {
    const seam = await SeamWorld.open(pipeline);
    const objects = new Objects(seam.cloud);
    const world = new World(seam, objects, new ObjectStack(objects));
    await world.deploy(pipeline);
    return world;
  }

  private of(pipeline: Pipeline): WarehouseObject[] {
    const tokens = { streamName: this.seam.streamName, streamRoleArn: roles.stream, database };
    return [ownerObject(database), registryObject(), ...warehouseObjects(pipeline, tokens)];
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
